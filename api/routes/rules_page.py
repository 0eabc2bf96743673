"""The page that tells whoever is signed in what they may do, and why not more."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.access import HANDLING_C_SCOPE, Action
from api.identify import actor_of
from api.pages.people_view import rule_rows
from api.pages.rendering import page
from api.routes.endpoint import Endpoint
from api.routes.forms import frame
from api.routes.users_page import borough_names
from api.service import service_of

#: It tells of the rules and of one account, of nothing that was reported.
CLASSIFICATION = "OFFICIAL"


async def show_rules(request: Request) -> Response:
    """Show every action: who may, why, and whether the person may."""
    actor, organisation = actor_of(request), service_of(request).organisation
    names = await borough_names(request) if actor.boroughs else {}
    rows = rule_rows(actor, organisation)
    values: dict[str, Any] = {
        **frame(request),
        "classification": CLASSIFICATION,
        "notice": "",
        "name": actor.name,
        "titles": ", ".join(organisation.roles[role] for role in sorted(actor.roles)),
        "boroughs": ", ".join(names.get(code, code) for code in sorted(actor.boroughs)),
        "cleared": HANDLING_C_SCOPE in actor.scopes,
        "may": [row for row in rows if row.allowed],
        "may_not": [row for row in rows if not row.allowed],
    }
    return page("may_do.html", values, headers={"X-Classification": CLASSIFICATION})


ENDPOINTS = (
    Endpoint(
        "GET",
        "/may-do",
        Action.READ_RULES,
        show_rules,
        "What you may do, as a page",
        own_boroughs=True,
        shown=False,
    ),
)
