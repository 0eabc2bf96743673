"""A plan mended in mid-week over HTTP, as `arv replan`: solved, and kept as a new draft.

The plan that was mended stays where it stands. The new one becomes the plan made last for its
week; its record says what it was made from, and each lost or started unit and each lock stands
in it with the reason.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action, Actor, Role
from api.calendar_day import parse_day
from api.jobs.door import run_or_accept
from api.jobs.kind import JobKind, Work
from api.negotiation import JSON
from api.plans.record import Alteration, PlanRecord, State
from api.plans.shelf import PlanShelf
from api.problems import ProblemError, http_problem, request_refused
from api.reasons import checked_reason
from api.routes.allocate import LONGEST_WAIT_S
from api.routes.bodies import ByUnit, FleetBody, Identifier, Strict, Text, UnitId
from api.routes.documents import ACCEPTED, problem
from api.routes.endpoint import Endpoint
from api.routes.permits import as_resource, require
from api.routes.plans import PlanKey, keep_draft
from api.routes.recorded_plan import (
    RecordedPlan,
    permitted_plan,
    recorded_plan,
    sourced_fleet,
    unaltered_plan,
)
from api.routes.stored import record_now, send_file, stored_plan
from api.routes.study_documents import ALTERED, BUSY, DraftedDocument, ReplanDocument
from api.service import Service, service_of
from api.working.orders import SANITISED, PlanDone
from api.working.study_orders import MEND, REPLAN, ReplanOrder, Studied

Units = Annotated[list[UnitId], Field(max_length=64)]
#: Solves run one after another: from scratch and few changes, then the curve.
SOLVES_WITH_CURVE = 2


class ReplanBody(Strict):
    """What happened, what must stay, and why the plan is mended."""

    reason: Annotated[str, StringConstraints(max_length=2000)] = Field(
        description="Why; it stands in the record beside every lock and lost unit."
    )
    fleet: FleetBody | None = None
    fleet_id: Identifier | None = Field(
        default=None, description="The whole fleet; lost units may still be in it."
    )
    day: Text | None = Field(
        default=None,
        description="Day of the week from which it holds, for the record: 2026-11-25. The model "
        "plans the whole week; name in `started` what must stay.",
    )
    lost: Units = Field(default=[], description="Units that are no longer available.")
    started: Units = Field(
        default=[], description="Units already out: they keep every borough they have."
    )
    locks: ByUnit = Field(default={}, description="The unit's area contains these boroughs.")
    coverage_tolerance: float = Field(
        default=0.01, ge=0, le=1, description="Share of coverage to give up for fewer changes."
    )
    workload_cap: float | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Most a unit may carry for the rest of the week, in equal shares of demand, "
        "for the sake of fewer changes.",
    )
    max_changes: int | None = Field(
        default=None, ge=0, le=64, description="Most units that change, whatever coverage it costs."
    )
    curve: bool = Field(default=False, description="Also price 0, 2, 4, 8 and 16 changed units.")
    time_limit_s: float = Field(default=60.0, gt=0, le=600, description="Seconds of solving.")


async def replan(request: Request, key: PlanKey, body: ReplanBody) -> Response:
    """Mend a plan, keep the new one as a draft, and return both."""
    found = await permitted_plan(request, key, Action.MAKE_PLAN)
    await _order(service_of(request), found, body)  # refused here, before anything is accepted
    asked = {"key": key, "plan_id": found.plan.plan_id, "body": body.model_dump(mode="json")}
    return await run_or_accept(request, REPLANNING, asked, long=_solve_s(body) > LONGEST_WAIT_S)


async def read_replan(request: Request, key: PlanKey) -> Response:
    """Return what a re-plan changed and what it was weighed against."""
    found = await permitted_plan(request, key, Action.READ_PLAN)
    folder = service_of(request).workspace.plan(found.plan.week, found.plan.plan_id)
    if folder is None or not (folder / REPLAN).is_file():
        raise ProblemError(
            http_problem(
                404,
                f"plan {key} was not made by a re-plan. Remedy: read the plan that a re-plan gave.",
            )
        )
    tag = f"{found.plan.plan_id}.replan"
    return await send_file(request, folder / REPLAN, JSON, found.headers, tag)


async def _order(service: Service, found: RecordedPlan, body: ReplanBody) -> ReplanOrder:
    fleet, source = await sourced_fleet(service, body.fleet, body.fleet_id)
    reason = checked_reason(body.reason, "the re-plan")
    day = _day(found, body.day)
    current = replace(found.plan, week=found.record.week)  # a fall-back is mended for its own week
    locks = {unit: tuple(sorted(set(codes))) for unit, codes in sorted(body.locks.items())}
    lost, started = tuple(sorted(set(body.lost))), tuple(sorted(set(body.started)))
    return ReplanOrder(
        Studied(current, found.source.folder, fleet),
        lost=lost,
        started=started,
        locks=locks,
        coverage_tolerance=body.coverage_tolerance,
        workload_cap=body.workload_cap,
        max_changes=body.max_changes,
        curve=body.curve,
        time_limit_s=body.time_limit_s,
        fleet_source=source,
        made_from={
            "made_from": {
                "key": found.record.key,
                "plan_id": found.plan.plan_id,
                "version": found.record.version,
                "state": str(found.record.state),
                "reason": reason,
                "day": day,
                "lost": list(lost),
                "started": list(started),
                "locks": {unit: list(codes) for unit, codes in locks.items()},
                "max_changes": body.max_changes,
            }
        },
    )


def _day(found: RecordedPlan, given: str | None) -> str | None:
    """Return the day from which a re-plan holds, after checking that it is one of the week."""
    if given is None:
        return None
    day, week = parse_day(given, "day"), found.record.week
    monday = date.fromisocalendar(int(week[:4]), int(week[-2:]), 1)
    if not monday <= day <= monday + timedelta(days=6):
        raise ProblemError(
            request_refused(
                f"day is {day.isoformat()}, which is not in week {week}",
                f"give a day from {monday} to {monday + timedelta(days=6)}",
            )
        )
    return day.isoformat()


def _solve_s(body: ReplanBody) -> float:
    return body.time_limit_s * (SOLVES_WITH_CURVE if body.curve else 1)


async def _replan(service: Service, work: Work) -> dict[str, Any]:
    """Solve a re-plan, publish it and keep it as a draft; doing it twice keeps one draft."""
    asked = work.request
    body = ReplanBody.model_validate_json(json.dumps(asked["body"]))
    found = await unaltered_plan(service, asked["key"], asked["plan_id"])
    order, limits = await _order(service, found, body), service.settings.limits
    deadline_s = min(_solve_s(body), SOLVES_WITH_CURVE * limits.solve_s) + limits.grace_s
    if (found.source.folder / SANITISED).is_dir():  # the same work again, without the material
        deadline_s *= 2
    with service.workspace.staging() as folder:
        staged = folder / "plan"
        done = await service.pool.run(
            MEND, order, staged, deadline_s=deadline_s, following=work.following
        )
        async with service.publishing:
            await asyncio.to_thread(service.workspace.publish_plan, staged, done.week, done.plan_id)
    made = await _draft(service, done, work.actor, order)
    return {"key": made.key, "week": done.week, "plan_id": done.plan_id}


async def _draft(
    service: Service, done: PlanDone, actor_name: str, order: ReplanOrder
) -> PlanRecord:
    """Keep the new plan as a draft, once; that its author may was decided when they asked."""
    stored = await stored_plan(service, done.week, done.plan_id)
    if stored is None:
        raise ProblemError(http_problem(404, f"plan {done.plan_id} is no longer stored."))
    actor = Actor(actor_name, frozenset({Role.PLANNER}), "job")
    shelf = PlanShelf(record_now(service))

    def keep() -> PlanRecord:
        for one in shelf.plans(done.week):
            same = one.content.plan_id == done.plan_id and actor_name in one.authors
            if same and one.state is State.DRAFT:
                return one
        return keep_draft(shelf, stored, actor, _alterations(order, actor_name))

    return await asyncio.to_thread(keep)


def _alterations(order: ReplanOrder, actor: str) -> tuple[Alteration, ...]:
    """Return what was set by hand, each with the reason of the re-plan."""
    made_from = order.made_from["made_from"]
    reason, since = made_from["reason"], f" from {made_from['day']}" if made_from["day"] else ""
    subject = f"re-plan of {made_from['key']} (plan {made_from['plan_id']}){since}"
    return (
        Alteration("other", subject, actor, reason),
        *(Alteration("override", f"{unit} is lost{since}", actor, reason) for unit in order.lost),
        *(
            Alteration("override", f"{unit} has started and keeps its area", actor, reason)
            for unit in order.started
        ),
        *(
            Alteration("lock", f"{unit}: {', '.join(codes)}"[:400], actor, reason)
            for unit, codes in order.locks.items()
        ),
    )


async def _deliver(request: Request, result: Mapping[str, Any]) -> Response:
    """Return the draft that a re-plan was kept as, with what it changed."""
    service = service_of(request)
    found = await recorded_plan(service, result["key"])
    await require(request, Action.MAKE_PLAN, as_resource(found.source))
    folder = service.workspace.plan(result["week"], result["plan_id"])
    if folder is None:
        raise ProblemError(http_problem(404, f"plan {result['plan_id']} is no longer stored."))
    text = await asyncio.to_thread((folder / REPLAN).read_text, "utf-8")
    body = {
        "key": found.record.key,
        "week": result["week"],
        "plan_id": result["plan_id"],
        "state": str(found.record.state),
        "version": found.record.version,
        "replan": json.loads(text),
    }
    headers = {
        **found.headers,
        "ETag": f'"{found.record.version}"',
        "Location": f"/plans/{found.record.key}/replan",
    }
    return JSONResponse(body, 201, headers)


REPLANNING = JobKind(
    "replan",
    Action.MAKE_PLAN,
    _replan,
    _deliver,
    steps=(
        ("Planning from scratch", 6),
        ("Looking for few changes", 6),
        ("Pricing stability", 6),
        ("Simulating weeks", 4),
        ("Making the sanitised version", 1),
        ("Drawing the map", 1),
        ("Setting the briefing", 1),
    ),
)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/plans/{key}/replan",
        Action.MAKE_PLAN,
        replan,
        "Mend a plan in mid-week with few changes, and keep the new one as a draft",
        tag="studies",
        operation="alteration",
        status=201,
        responses={
            201: {"model": DraftedDocument, "description": "The draft, and what it changes."},
            404: problem("There is no such plan, or its assessment is no longer stored."),
            409: ALTERED,
            503: BUSY,
            **ACCEPTED,
        },
    ),
    Endpoint(
        "GET",
        "/plans/{key}/replan",
        Action.READ_PLAN,
        read_replan,
        "What a re-plan changed, and what it was weighed against",
        tag="studies",
        operation="consultation",
        responses={
            200: {"model": ReplanDocument, "description": "The re-plan."},
            404: problem("There is no such plan, or it was not made by a re-plan."),
        },
    ),
)
