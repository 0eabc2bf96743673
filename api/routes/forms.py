"""Forms of our own pages: the frame they stand in, their fields, and a refusal in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from allocator.errors import PlanningRefusedError
from api.access import Actor
from api.accounts.browser import BrowserSession
from api.identify import SignedIn
from api.pages.navigation import navigation
from api.problems import ProblemError, http_problem, problem_of
from api.routes.stored import UNASSESSED, marking, stored_assessment
from api.service import service_of
from api.sessions import same_text
from api.store.errors import StoreRefusedError
from hotspots.errors import InputRefusedError

MOST_FIELDS = 64
Fields = Mapping[str, str]
#: What a step of a page may be refused with; anything else is a defect.
REFUSALS = (InputRefusedError, PlanningRefusedError, StoreRefusedError, ProblemError)
Refusal = InputRefusedError | PlanningRefusedError | StoreRefusedError | ProblemError


def frame(request: Request) -> dict[str, object]:
    """Return what the head of every page shows: who is signed in, and where they may go."""
    session: SignedIn | None = request.state.session
    actor: Actor = request.state.actor
    token = session.form_token if session else ""
    who = session.user.display_name if isinstance(session, BrowserSession) else actor.name
    return {
        "sign_out_token": token,
        "form_token": token,
        "who": who if session else "",
        "rooms": navigation(actor, request.url.path),
    }


async def marked_frame(request: Request) -> dict[str, object]:
    """Return the frame of a page about the evidence itself, with the marking it carries."""
    stored = await stored_assessment(service_of(request))
    known = stored.assessment if stored else None
    return {
        **frame(request),
        "classification": known.classification if known else UNASSESSED,
        "notice": known.notice if known else "",
        "headers": marking(known) if known else {"X-Classification": UNASSESSED},
    }


def framed_headers(framed: Mapping[str, object]) -> dict[str, str]:
    """Return the headers of the marking in a frame of :func:`marked_frame`."""
    headers = framed["headers"]
    return dict(headers) if isinstance(headers, dict) else {}


def check_form_token(request: Request, given: str) -> None:
    """Refuse a form that was not sent from our own page in this session."""
    session: SignedIn | None = request.state.session
    if session is None or not same_text(given, session.form_token):
        raise ProblemError(http_problem(403, "the form token is missing or wrong."))


async def own_fields(request: Request, *, most: int = MOST_FIELDS) -> Fields:
    """Return the texts of our own form, at most so many, after checking that it is ours."""
    async with request.form(max_files=0, max_fields=most) as form:
        fields = {
            name: value.replace("\r\n", "\n")  # as they were typed, not as forms are sent
            for name, value in form.items()
            if isinstance(value, str)
        }
    check_form_token(request, fields.get("form_token", ""))
    return fields


def refusal_words(refusal: Refusal) -> str:
    """Return a refusal as sentences for the page it stays on."""
    said = problem_of(refusal).detail.replace(" Remedy: ", " What to do: ", 1)
    return f"Nothing was changed: {said}"


def refusal_status(refusal: Refusal) -> int:
    """Return the status of the page a refusal stays on."""
    return problem_of(refusal).status
