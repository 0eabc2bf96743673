"""What whoever asks may do, and why not more: the rules of access applied to them alone."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import PERSONAL, RULES, SEPARATED, WHY, Action, Actor, Resource, Role, decide
from api.routes.documents import Document
from api.routes.endpoint import Endpoint


class RuleDocument(Document):
    """One action: who may, why, and whether whoever asks may."""

    action: str
    roles: list[str]
    why: str
    allowed: bool
    reason: str = Field(description="Of the verdict, in words.")
    person_only: bool = Field(description="Never with a key or the token of the first start.")
    second_person: bool = Field(description="Never by who drafted, altered or proposed it.")


class RulesDocument(Document):
    """Who asks, and what they may do."""

    name: str
    roles: list[str]
    proof: str = Field(description="token, session, key or oidc.")
    boroughs: list[str]
    scopes: list[str]
    rules: list[RuleDocument]


async def list_rules(request: Request) -> Response:
    """Return every action with the verdict on whoever asks."""
    actor: Actor = request.state.actor
    body = {
        "name": actor.name,
        "roles": sorted(actor.roles),
        "proof": actor.proof,
        "boroughs": sorted(actor.boroughs),
        "scopes": sorted(actor.scopes),
        "rules": [rule_document(actor, action) for action in Action],
    }
    return JSONResponse(body, headers={"X-Classification": "OFFICIAL"})


def rule_document(actor: Actor, action: Action) -> dict[str, Any]:
    """Return an action with the verdict on an actor, as plain JSON values.

    A borough user is asked about their own borough, everybody else about the whole picture.
    """
    borough = min(actor.boroughs, default="")
    verdict = decide(actor, action, Resource("this", borough=borough))
    return {
        "action": str(action),
        "roles": sorted(RULES[action] - {Role.ANYONE}),
        "why": WHY[action],
        "allowed": verdict.allowed,
        "reason": verdict.reason,
        "person_only": action in PERSONAL,
        "second_person": action in SEPARATED,
    }


ENDPOINTS = (
    Endpoint(
        "GET",
        "/rules",
        Action.READ_RULES,
        list_rules,
        "What you may do, and why not more",
        tag="people",
        own_boroughs=True,
        responses={200: {"model": RulesDocument, "description": "Every action and its verdict."}},
    ),
)
