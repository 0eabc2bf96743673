"""The week's plan: read it in the form a client prefers, or have a new one solved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from api.access import Action, Actor, Role
from api.jobs.door import run_or_accept
from api.jobs.kind import JobKind, Work
from api.negotiation import GEOJSON, HTML, JSON, PDF, choose
from api.plans.shelf import PlanShelf
from api.plans.verdict_file import VERDICT
from api.problems import ProblemError, http_problem
from api.routes.again_in_force import send_again
from api.routes.bodies import PlacementBody
from api.routes.documents import ACCEPTED, NO_PLAN, PLAN_RESPONSES
from api.routes.endpoint import Endpoint
from api.routes.map_policy import map_policy
from api.routes.permits import shown_plan
from api.routes.placement_orders import pinned, placement_order
from api.routes.plan_of_week import WeekPlan, Which, plan_to_show, recorded
from api.routes.plans import drafted
from api.routes.stored import marking, send_file, stored_plan
from api.service import Service, service_of
from api.working.orders import MAP, PLACE, SANITISED, PlanDone

#: Longer solves than this, in seconds, are always jobs.
LONGEST_WAIT_S = 120.0
FORMS = {JSON: "plan.json", HTML: MAP, GEOJSON: "plan.geojson", PDF: "briefing.pdf"}

WeekQuery = Annotated[
    str, StringConstraints(max_length=16), Query(description="ISO week, for example 2026-W48.")
]
StateQuery = Annotated[
    Which | None,
    Query(
        description="published: the plan in force alone; latest: the plan made last, wherever it "
        "stands. Left out: the one in force, else the one made last."
    ),
]


async def read_plan_of_week(
    request: Request, week: WeekQuery, state: StateQuery = None
) -> Response:
    """Return the plan of a week: JSON, the map, GeoJSON or the briefing.

    The plan in force comes first; where none is published it is the plan made last, and
    ``X-Plan-State`` says where that stands. ``X-Plan-Made-For`` is the week it was made for: an
    earlier one where the meeting fell back, with ``X-Plan-In-Force-For`` and
    ``X-Plan-Fallback-Of`` beside it.
    """
    found = await _shown(request, week, state)
    offered = [kind for kind, name in FORMS.items() if (found.stored.folder / name).is_file()]
    return await _send(request, found, choose(request.headers.get("accept"), offered))


async def read_plan_geojson(
    request: Request, week: WeekQuery, state: StateQuery = None
) -> Response:
    """Return the patrol areas of a week as GeoJSON (EPSG:4326)."""
    return await _send(request, await _shown(request, week, state), GEOJSON)


async def read_plan_briefing(
    request: Request, week: WeekQuery, state: StateQuery = None
) -> Response:
    """Return the briefing of a week as PDF."""
    found = await _shown(request, week, state)
    if not (found.stored.folder / FORMS[PDF]).is_file():
        raise ProblemError(http_problem(404, f"the plan of {week} has no briefing."))
    return await _send(request, found, PDF)


async def read_plan_verdict(
    request: Request, week: WeekQuery, state: StateQuery = None
) -> Response:
    """Return what simulated weeks say of the plan of a week."""
    found = await _shown(request, week, state)
    if not (found.stored.folder / VERDICT).is_file():
        raise ProblemError(http_problem(404, f"the plan of {week} was not simulated."))
    return await _send(request, found, JSON, name=VERDICT)


async def make_plan(request: Request, body: PlacementBody) -> Response:
    """Solve a week's placement, store it, keep it as a draft of the week, and return it.

    ``Prefer: respond-async``, or a time limit over two minutes, gives 202 and a job instead.
    """
    asked = await placement_asked(service_of(request), body)
    return await run_or_accept(request, PLACEMENT, asked, long=body.time_limit_s > LONGEST_WAIT_S)


async def placement_asked(service: Service, body: PlacementBody) -> dict[str, Any]:
    """Return what a placement job is asked with: pinned, and refused before it is accepted."""
    wanted = await asyncio.to_thread(pinned, service, body)
    await asyncio.to_thread(placement_order, service, wanted)
    return wanted.model_dump(mode="json", by_alias=True)


async def _place(service: Service, work: Work) -> dict[str, Any]:
    """Solve a placement, publish it and keep it as a draft, once; of job and request alike."""
    body = PlacementBody.model_validate_json(json.dumps(work.request))
    order = await asyncio.to_thread(placement_order, service, body)
    limits = service.settings.limits
    deadline_s = min(body.time_limit_s, limits.solve_s) + limits.grace_s
    if (order.assessment / SANITISED).is_dir():  # the same work again, without the material
        deadline_s *= 2
    with service.workspace.staging() as folder:
        staged = folder / "plan"
        done = await service.pool.run(
            PLACE, order, staged, deadline_s=deadline_s, following=work.following
        )
        async with service.publishing:
            await asyncio.to_thread(service.workspace.publish_plan, staged, done.week, done.plan_id)
            await _draft(service, done, work.actor)
    return {"week": done.week, "plan_id": done.plan_id}


async def _draft(service: Service, done: PlanDone, name: str) -> None:
    """Keep a plan as a draft; that its author may make one was decided when they asked."""
    stored, record = await stored_plan(service, done.week, done.plan_id), service.record
    if stored is not None and record is not None and name:
        author = Actor(name, frozenset({Role.PLANNER}), "job")
        await asyncio.to_thread(drafted, PlanShelf(record), stored, author)


async def _deliver(request: Request, result: Mapping[str, Any]) -> Response:
    """Return the plan that was made, also when a later one has taken its place."""
    service, week, plan_id = service_of(request), result["week"], result["plan_id"]
    stored = await stored_plan(service, week, plan_id)
    if stored is None:
        raise ProblemError(http_problem(404, f"plan {plan_id} of {week} is no longer stored."))
    response = await _send(request, await _seen(request, await recorded(service, stored)), JSON)
    response.headers["Content-Location"] = f"/allocate?week={week}&state=latest"
    return response


async def _shown(request: Request, week: str, state: Which | None) -> WeekPlan:
    """Return the plan of a week as the actor may see it."""
    return await _seen(request, await plan_to_show(service_of(request), week, state))


async def _seen(request: Request, found: WeekPlan) -> WeekPlan:
    return replace(found, stored=await shown_plan(request, found.stored))


async def _send(request: Request, found: WeekPlan, media_type: str, *, name: str = "") -> Response:
    stored = found.stored
    headers = {**marking(stored.source.assessment, stored.plan), **found.headers()}
    path = stored.folder / (name or FORMS[media_type])
    if media_type == HTML:
        document = await service_of(request).kept.get(path, Path.read_bytes)
        headers["Content-Security-Policy"] = map_policy(document)
    etag = f"{stored.plan.plan_id}.{name or path.suffix.lstrip('.')}"
    if found.fallen_back is not None and media_type != JSON:
        return await send_again(request, path, found.fallen_back, media_type, headers, etag=etag)
    return await send_file(request, path, media_type, headers, etag)


PLACEMENT = JobKind(
    "placement",
    Action.MAKE_PLAN,
    _place,
    _deliver,
    steps=(
        ("Preparing the placement", 1),
        ("Proving the placement", 10),
        ("Explaining the plan", 1),
        ("Simulating weeks", 4),
        ("Making the sanitised version", 1),
        ("Drawing the map", 1),
        ("Setting the briefing", 1),
    ),
)

ENDPOINTS = (
    Endpoint(
        "GET",
        "/allocate",
        Action.READ_PLAN,
        read_plan_of_week,
        "The plan of a week: JSON by default, the map for Accept: text/html",
        tag="plan",
        operation="consultation",
        responses=PLAN_RESPONSES,
    ),
    Endpoint(
        "GET",
        "/allocate/plan.geojson",
        Action.READ_PLAN,
        read_plan_geojson,
        "The patrol areas of a week as GeoJSON",
        tag="plan",
        operation="disclosure",
        responses={200: {"description": "Patrol areas.", "content": {GEOJSON: {}}}, 404: NO_PLAN},
    ),
    Endpoint(
        "GET",
        "/allocate/briefing.pdf",
        Action.READ_PLAN,
        read_plan_briefing,
        "The briefing of a week as PDF",
        tag="plan",
        operation="disclosure",
        responses={200: {"description": "The briefing.", "content": {PDF: {}}}, 404: NO_PLAN},
    ),
    Endpoint(
        "GET",
        "/allocate/verdict.json",
        Action.READ_PLAN,
        read_plan_verdict,
        "The plan of a week in simulated weeks, beside other placements",
        tag="plan",
        operation="consultation",
        responses={200: {"description": "The verdict.", "content": {JSON: {}}}, 404: NO_PLAN},
    ),
    Endpoint(
        "POST",
        "/allocate",
        Action.MAKE_PLAN,
        make_plan,
        "Solve a week's placement and keep it as a draft of the week",
        tag="plan",
        operation="alteration",
        responses=PLAN_RESPONSES | ACCEPTED,
    ),
)
