"""The week's plan: read it in the form a client prefers, or have a new one solved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from api.access import Action
from api.jobs.door import run_or_accept
from api.jobs.kind import JobKind, Work
from api.negotiation import GEOJSON, HTML, JSON, PDF, choose
from api.plans.shelf import PlanShelf
from api.plans.verdict_file import VERDICT
from api.problems import Problem, ProblemError, http_problem
from api.routes.bodies import PlacementBody
from api.routes.documents import ACCEPTED, PLAN_RESPONSES
from api.routes.endpoint import Endpoint
from api.routes.map_policy import map_policy
from api.routes.permits import shown_plan
from api.routes.stored import StoredPlan, marking, send_file, stored_plan
from api.service import Service, service_of
from api.working.orders import MAP, PLACE, SANITISED, PlacementOrder

#: State of a plan that nobody drafted in the record.
NOT_RECORDED = "not in the record"
#: Longer solves than this, in seconds, are always jobs.
LONGEST_WAIT_S = 120.0
FORMS = {JSON: "plan.json", HTML: MAP, GEOJSON: "plan.geojson", PDF: "briefing.pdf"}

WeekQuery = Annotated[
    str, StringConstraints(max_length=16), Query(description="ISO week, for example 2026-W48.")
]


async def read_plan_of_week(request: Request, week: WeekQuery) -> Response:
    """Return the plan in force for a week: JSON, the map, GeoJSON or the briefing."""
    stored = await _shown(request, week)
    offered = [kind for kind, name in FORMS.items() if (stored.folder / name).is_file()]
    return await _send(request, stored, choose(request.headers.get("accept"), offered))


async def read_plan_geojson(request: Request, week: WeekQuery) -> Response:
    """Return the patrol areas of a week as GeoJSON (EPSG:4326)."""
    return await _send(request, await _shown(request, week), GEOJSON)


async def read_plan_briefing(request: Request, week: WeekQuery) -> Response:
    """Return the briefing of a week as PDF."""
    stored = await _shown(request, week)
    if not (stored.folder / FORMS[PDF]).is_file():
        raise ProblemError(http_problem(404, f"the plan of {week} has no briefing."))
    return await _send(request, stored, PDF)


async def read_plan_verdict(request: Request, week: WeekQuery) -> Response:
    """Return what simulated weeks say of the plan of a week."""
    stored = await _shown(request, week)
    if not (stored.folder / VERDICT).is_file():
        raise ProblemError(http_problem(404, f"the plan of {week} was not simulated."))
    return await _send(request, stored, JSON, name=VERDICT)


async def make_plan(request: Request, body: PlacementBody) -> Response:
    """Solve a week's placement, store it as the plan of the week, and return it.

    ``Prefer: respond-async``, or a time limit over two minutes, gives 202 and a job instead.
    """
    order = _order(service_of(request), body)  # refused here, before anything is accepted
    asked = body.model_dump(mode="json", by_alias=True)
    asked["assessment_id"] = order.assessment.name
    return await run_or_accept(request, PLACEMENT, asked, long=body.time_limit_s > LONGEST_WAIT_S)


async def _place(service: Service, work: Work) -> dict[str, Any]:
    """Solve a placement and publish it; the work of the job and of the request alike."""
    body = PlacementBody.model_validate_json(json.dumps(work.request))
    order, limits = _order(service, body), service.settings.limits
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
    return {"week": done.week, "plan_id": done.plan_id}


async def _deliver(request: Request, result: Mapping[str, Any]) -> Response:
    """Return the plan that was made, also when a later one has taken its place."""
    week, plan_id = result["week"], result["plan_id"]
    stored = await stored_plan(service_of(request), week, plan_id)
    if stored is None:
        raise ProblemError(http_problem(404, f"plan {plan_id} of {week} is no longer stored."))
    response = await _send(request, await shown_plan(request, stored), JSON)
    response.headers["Content-Location"] = f"/allocate?week={week}"
    return response


async def _shown(request: Request, week: str) -> StoredPlan:
    """Return the plan of a week as the actor may see it."""
    return await shown_plan(request, await required_plan(service_of(request), week))


async def required_plan(service: Service, week: str) -> StoredPlan:
    """Return the plan of a week, or the problem of there being none."""
    stored = await stored_plan(service, week)
    if stored is None:
        weeks = service.workspace.weeks()
        there = f"weeks with a plan: {', '.join(weeks[-8:])}" if weeks else "no week has a plan yet"
        raise ProblemError(
            http_problem(
                404,
                f"there is no plan for week {week!r}; {there}. "
                "Remedy: ask for one of those, or POST /allocate for this week.",
            )
        )
    return stored


async def _send(
    request: Request, stored: StoredPlan, media_type: str, *, name: str = ""
) -> Response:
    headers = marking(stored.source.assessment, stored.plan)
    headers["X-Plan-State"] = await _state(service_of(request), stored)
    path = stored.folder / (name or FORMS[media_type])
    if media_type == HTML:
        document = await service_of(request).kept.get(path, Path.read_bytes)
        headers["Content-Security-Policy"] = map_policy(document)
    etag = f"{stored.plan.plan_id}.{name or path.suffix.lstrip('.')}"
    return await send_file(request, path, media_type, headers, etag)


async def _state(service: Service, stored: StoredPlan) -> str:
    """Return where the plan stands in the record: one nobody approved must say so."""
    if service.record is None:
        return NOT_RECORDED
    shelf = PlanShelf(service.record)
    state = await asyncio.to_thread(shelf.state, stored.plan.week, stored.recorded_id)
    return str(state or NOT_RECORDED)


def _order(service: Service, body: PlacementBody) -> PlacementOrder:
    if (body.fleet is None) == (body.fleet_id is None):
        raise ProblemError(
            _refused("give either fleet or fleet_id", "name one fleet, in one of the two ways")
        )
    assessment = service.workspace.assessment(body.assessment_id)
    if assessment is None:
        raise ProblemError(_no_assessment(body.assessment_id))
    return PlacementOrder(
        assessment=assessment,
        fleet=body.fleet.fleet() if body.fleet else None,
        fleet_file=_fleet_file(service, body.fleet_id) if body.fleet_id else None,
        week=body.week,
        locks=_frozen(body.locks),
        excludes=_frozen(body.excludes),
        support=_frozen(body.support),
        previous=_previous(service, body) if body.max_changes is not None else None,
        max_changes=body.max_changes,
        coverage_floor=body.coverage_floor,
        robust=body.robust,
        events=body.calendar(),
        time_limit_s=body.time_limit_s,
    )


def _frozen(lists: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {unit: tuple(sorted(set(codes))) for unit, codes in sorted(lists.items())}


def _previous(service: Service, body: PlacementBody) -> Path | None:
    """Return the plan that changes are counted from: the week's own, or the one before it."""
    earlier = [week for week in service.workspace.weeks() if not body.week or week <= body.week]
    folder = service.workspace.plan(earlier[-1]) if earlier else None
    return folder / "plan.json" if folder else None


def _fleet_file(service: Service, fleet_id: str) -> Path:
    path = service.workspace.fleet(fleet_id)
    if path is None:
        known = ", ".join(service.workspace.fleets()) or "none yet"
        raise ProblemError(
            _refused(
                f"there is no fleet {fleet_id!r} (known: {known})",
                "use a known fleet_id, or send the fleet itself",
            )
        )
    return path


def _no_assessment(assessment_id: str | None) -> Problem:
    if assessment_id is None:
        return http_problem(
            409, "there is no assessment to plan from yet. Remedy: POST /assessment first."
        )
    return _refused(
        f"there is no assessment {assessment_id!r}",
        "leave assessment_id out for the current one, or use one that is stored",
    )


def _refused(problem: str, remedy: str) -> Problem:
    return Problem(
        422,
        "request-refused",
        "Request refused",
        f"{problem}. Remedy: {remedy}.",
        {"remedy": remedy},
    )


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
        responses={200: {"description": "Patrol areas.", "content": {GEOJSON: {}}}},
    ),
    Endpoint(
        "GET",
        "/allocate/briefing.pdf",
        Action.READ_PLAN,
        read_plan_briefing,
        "The briefing of a week as PDF",
        tag="plan",
        operation="disclosure",
        responses={200: {"description": "The briefing.", "content": {PDF: {}}}},
    ),
    Endpoint(
        "GET",
        "/allocate/verdict.json",
        Action.READ_PLAN,
        read_plan_verdict,
        "The plan of a week in simulated weeks, beside other placements",
        tag="plan",
        operation="consultation",
        responses={200: {"description": "The verdict.", "content": {JSON: {}}}},
    ),
    Endpoint(
        "POST",
        "/allocate",
        Action.MAKE_PLAN,
        make_plan,
        "Solve a week's placement and store it as the plan of the week",
        tag="plan",
        operation="alteration",
        responses=PLAN_RESPONSES | ACCEPTED,
    ),
)
