"""The page of the Verano meeting: the unit's roster, its taskings, and authority for tactics."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from allocator.tpu.roster import from_document
from api.access import Action, Resource, decide
from api.identify import actor_of
from api.pages.rendering import page
from api.pages.roster_view import RosterView, roster_choices, roster_view
from api.routes.endpoint import Endpoint
from api.routes.forms import (
    REFUSALS,
    framed_headers,
    marked_frame,
    own_fields,
    refusal_status,
    refusal_words,
)
from api.routes.kept_rosters import ReadableRosters, readable_rosters
from api.routes.permits import as_resource
from api.routes.stored import record_of, stored_assessment
from api.routes.tpu import permitted_roster, roster_marking
from api.routes.tpu_bodies import RosterId
from api.service import service_of
from api.store.rosters import KeptRoster
from api.taskings.shelf import TaskingShelf

HERE = "/verano"
#: The part of a field's name before the tasking it is about.
DECIDED = "tasking-"
Word = Annotated[str, Query(max_length=80)]


async def show_verano(request: Request, roster: Word = "") -> Response:
    """Show a roster: by default the one made last of those by which somebody is tasked."""
    return await _shown(request, roster)


async def propose(request: Request, roster_id: RosterId) -> Response:
    """Make the taskings of a roster stand; set-piece tactics stay proposed."""
    fields = await own_fields(request)
    await permitted_roster(request, roster_id, Action.PROPOSE_TASKING)
    if fields.get("confirm") != "yes":
        words = "Nothing was changed. Tick the confirmation first."
        return await _shown(request, roster_id, message=words, status=422)
    shelf, actor = TaskingShelf(record_of(request)), actor_of(request)
    try:
        await asyncio.to_thread(shelf.propose, roster_id, actor)
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _shown(request, roster_id, message=words, status=status)
    return RedirectResponse(f"{HERE}?roster={roster_id}", 303)


async def decide_tactics(request: Request, roster_id: RosterId) -> Response:
    """Record the commander's decision on the tactics ticked, by its reference."""
    fields = await own_fields(request)
    await permitted_roster(request, roster_id, Action.AUTHORISE_TASKING)
    versions = {
        name: int(value)
        for name, value in fields.items()
        if name.startswith(DECIDED) and value.isascii() and value.isdecimal()
    }
    reference = " ".join(fields.get("reference", "").split())
    if not versions:
        words = "Nothing was changed. Tick the tactics you decide on."
        return await _shown(request, roster_id, message=words, status=422, reference=reference)
    verdict: Literal["authorised", "refused"] = (
        "authorised" if fields.get("verdict") == "authorised" else "refused"
    )
    shelf, actor = TaskingShelf(record_of(request)), actor_of(request)
    try:
        await asyncio.to_thread(
            shelf.decide, roster_id, versions, verdict, reference=reference, actor=actor
        )
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _shown(request, roster_id, message=words, status=status, reference=reference)
    return RedirectResponse(f"{HERE}?roster={roster_id}", 303)


async def _shown(
    request: Request,
    roster_id: str,
    *,
    message: str = "",
    status: int = 200,
    reference: str = "",
) -> Response:
    service, actor = service_of(request), actor_of(request)
    offered = await readable_rosters(request, service.today())
    chosen = await _chosen(request, roster_id, offered)
    framed = await marked_frame(request)
    headers = framed_headers(framed)
    if chosen is not None:
        headers = await roster_marking(service, chosen)
    about = Resource("roster", chosen.roster_id if chosen else "")
    values: dict[str, Any] = {
        **framed,
        "choices": roster_choices(offered.rosters, offered.standing),
        "roster": await _view(request, chosen) if chosen else None,
        "may_make": await _may_make(request),
        "may_propose": decide(actor, Action.PROPOSE_TASKING, about).allowed,
        "may_decide": decide(actor, Action.AUTHORISE_TASKING, about).allowed,
        "message": message,
        "reference": reference,
    }
    if chosen is not None:
        values["has_files"] = service.workspace.roster(chosen.roster_id) is not None
        values["classification"] = str(chosen.document["classification"])
        values["notice"] = str(chosen.document["notice"])
    return page("verano.html", values, status=status, headers=headers)


async def _may_make(request: Request) -> bool:
    """Return whether the person may have a roster made on the evidence as it is now."""
    source = await stored_assessment(service_of(request))
    about = as_resource(source) if source else Resource("assessment")
    return decide(actor_of(request), Action.MAKE_ROSTER, about).allowed


async def _chosen(request: Request, roster_id: str, offered: ReadableRosters) -> KeptRoster | None:
    if not roster_id:
        return offered.meant
    return await permitted_roster(request, roster_id, Action.READ_TASKING)


async def _view(request: Request, kept: KeptRoster) -> RosterView:
    service, shelf = service_of(request), TaskingShelf(record_of(request))
    source = await stored_assessment(service, str(kept.document["assessment_id"]))
    names = {one.code: one.name for one in source.assessment.boroughs} if source else {}
    taskings = await asyncio.to_thread(shelf.taskings, kept)
    return roster_view(kept, from_document(dict(kept.document)), taskings, names)


ENDPOINTS = (
    Endpoint(
        "GET",
        HERE,
        Action.READ_TASKING,
        show_verano,
        "The proactive unit's roster, as a page",
        operation="consultation",
        shown=False,
    ),
    Endpoint(
        "POST",
        f"{HERE}/{{roster_id}}/propose",
        Action.PROPOSE_TASKING,
        propose,
        "Make the taskings of a roster stand, from the page",
        form=True,
        shown=False,
    ),
    Endpoint(
        "POST",
        f"{HERE}/{{roster_id}}/decide",
        Action.AUTHORISE_TASKING,
        decide_tactics,
        "Decide on proposed tactics, from the page",
        form=True,
        shown=False,
    ),
)
