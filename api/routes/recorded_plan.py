"""A plan of the record with the assessment it was made from, and what a study of it starts from."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.requests import Request

from allocator.plan import Fleet, PatrolPlan, from_document
from api.access import Action
from api.audit.log import Record
from api.plans import life
from api.plans.file import read_plan
from api.plans.fleet_source import FleetSource
from api.plans.record import PlanRecord
from api.plans.rows import content_document, latest_standing
from api.plans.shelf import PlanShelf
from api.problems import ProblemError, http_problem, request_refused
from api.routes.bodies import FleetBody
from api.routes.known_fleets import find_fleet, sent_fleet, source_of
from api.routes.permits import as_resource, opens_whole, require
from api.routes.stored import (
    StoredAssessment,
    marking,
    record_now,
    stored_assessment,
    stored_plan,
    stored_sanitised,
)
from api.service import Service, service_of
from api.store.errors import UnknownRecordError
from api.workspace import Workspace

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class RecordedPlan:
    """A plan by its key: where it stands, what it places, and what it was made from."""

    record: PlanRecord
    plan: PatrolPlan
    source: StoredAssessment

    @property
    def headers(self) -> dict[str, str]:
        """Marking of what is said of the plan, and where it stands."""
        marked = marking(self.source.assessment, self.plan)
        return {**marked, "X-Plan-State": str(self.record.state)}


async def recorded_plan(service: Service, key: str) -> RecordedPlan:
    """Return a plan of the record.

    Raises
    ------
    UnknownRecordError
        There is none with this key.
    ProblemError
        404 when its assessment is no longer stored; 503 before the service has started.
    """
    shelf = PlanShelf(record_now(service))
    kept, plan = await asyncio.to_thread(lambda: (shelf.plan(key), shelf.content(key)))
    source = await stored_assessment(service, plan.assessment_id)
    if source is None:
        raise ProblemError(
            http_problem(
                404,
                f"assessment {plan.assessment_id} of plan {key} is no longer stored. "
                "Remedy: restore it from a backup.",
            )
        )
    return RecordedPlan(kept, plan, source)


async def permitted_plan(request: Request, key: str, action: Action) -> RecordedPlan:
    """Return a whole plan of the record for an action that its evidence permits the actor."""
    found = await recorded_plan(service_of(request), key)
    await require(request, action, as_resource(found.source))
    return found


async def shown_recorded(request: Request, key: str, action: Action) -> RecordedPlan:
    """Return a plan of the record as the actor may see it: whole, or its sanitised version.

    A plan that rests on handling code C has a version beside it with the same areas and every
    figure from the sanitised assessment; whoever lacks the scope gets that one, and 403 where
    there is none.
    """
    service = service_of(request)
    found = await recorded_plan(service, key)
    if opens_whole(request.state.actor, found.source):
        return found
    beside = await _sanitised(service, found)
    if beside is None:
        await require(request, action, as_resource(found.source))
        return found
    return beside


async def _sanitised(service: Service, found: RecordedPlan) -> RecordedPlan | None:
    stored = await stored_plan(service, found.plan.week, found.plan.plan_id)
    beside = await stored_sanitised(service, stored) if stored is not None else None
    return RecordedPlan(found.record, beside.plan, beside.source) if beside is not None else None


async def unaltered_plan(service: Service, key: str, plan_id: str) -> RecordedPlan:
    """Return a plan of the record, whole or sanitised, as long as it is what was asked about.

    Raises
    ------
    ProblemError
        409 when it was altered since.
    """
    found = await recorded_plan(service, key)
    if found.plan.plan_id == plan_id:
        return found
    beside = await _sanitised(service, found)
    if beside is not None and beside.plan.plan_id == plan_id:
        return beside
    raise ProblemError(
        http_problem(409, f"plan {key} was altered since this was asked for. Remedy: ask again.")
    )


async def chosen_fleet(
    service: Service, fleet: FleetBody | None, fleet_id: str | None, *, needed: bool = True
) -> Fleet | None:
    """Return the fleet that a body gives or names; see :func:`sourced_fleet`."""
    return (await sourced_fleet(service, fleet, fleet_id, needed=needed))[0]


async def sourced_fleet(
    service: Service, fleet: FleetBody | None, fleet_id: str | None, *, needed: bool = True
) -> tuple[Fleet | None, FleetSource | None]:
    """Return the fleet that a body gives or names, and where it lies.

    Raises
    ------
    ProblemError
        422 when it gives both, or neither where one is needed, or names none that is known.
    FleetRefusedError
        What a fleet file is refused for.
    """
    if (fleet is not None and fleet_id is not None) or (
        needed and fleet is None and fleet_id is None
    ):
        raise ProblemError(
            request_refused(
                "give either fleet or fleet_id", "name the fleet the plan was made with"
            )
        )
    if fleet is not None:
        return fleet.fleet(), sent_fleet(fleet)
    if fleet_id is None:
        return None, None
    record = record_now(service)

    def find(name: str) -> tuple[Fleet, FleetSource]:
        with record.store.read() as tx:
            known = find_fleet(service.workspace, tx, name)
        return known.fleet(), source_of(known)

    try:
        return await asyncio.to_thread(find, fleet_id)
    except UnknownRecordError as fault:
        raise ProblemError(
            request_refused(f"there is no fleet {fleet_id!r}", "use a known fleet_id (GET /fleets)")
        ) from fault


async def plan_before(service: Service, found: RecordedPlan, key: str | None) -> PatrolPlan | None:
    """Return the plan that stood before another, ``None`` where there is none.

    It is the one named, or the one that changes were counted from, or else what stands approved
    of the latest earlier week.

    Raises
    ------
    UnknownRecordError
        The key names none.
    """
    record = record_now(service)
    if key is not None:
        return await asyncio.to_thread(PlanShelf(record).content, key)
    counted = found.plan.settings.get("previous_plan_id")
    return await asyncio.to_thread(_before, service.workspace, record, found.plan.week, counted)


def _before(workspace: Workspace, record: Record, week: str, counted: object) -> PatrolPlan | None:
    if isinstance(counted, str):
        folder = workspace.plan(counted[: len(week)], counted)
        if folder is not None:
            return read_plan(folder / "plan.json")
    earlier = week_before(week)
    with record.store.read() as tx:
        last = life.last_approved(latest_standing(tx, earlier), earlier)
        return from_document(content_document(tx, last)) if last else None


def week_before(week: str) -> str:
    """Return the ISO week before another."""
    monday = date.fromisocalendar(int(week[:4]), int(week[-2:]), 1) - WEEK
    year, number, _ = monday.isocalendar()
    return f"{year}-W{number:02d}"
