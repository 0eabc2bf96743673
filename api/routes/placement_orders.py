"""What POST /allocate asks for, as an order of the workers: fleet, events and the plan before.

What is named (a fleet, the events of the calendar) is looked up once, when the request comes, and
pinned to what was found: a job that begins again after a restart solves the same placement.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, select

from api.audit.log import Record
from api.event_calendar import event_table, events_of_week
from api.plans.record import State
from api.problems import Problem, ProblemError, http_problem, request_refused
from api.routes.bodies import MOST_EVENTS, EventBody, PlacementBody
from api.routes.known_fleets import FILE_VERSION, KnownFleet, find_fleet, sent_fleet, source_of
from api.routes.stored import record_now
from api.service import Service
from api.store.errors import UnknownRecordError
from api.store.fleets import list_fleets
from api.store.schema import plan_versions, plans
from api.working.orders import PlacementOrder
from api.workspace import Workspace


def pinned(service: Service, body: PlacementBody) -> PlacementBody:
    """Return a request in which what is named is pinned to what is there now.

    Raises
    ------
    ProblemError
        409 without an assessment; 422 for a fleet, a version or an assessment that is not there,
        for two fleets or none, and for events of the calendar without a week.
    """
    if (body.fleet is None) == (body.fleet_id is None):
        raise ProblemError(
            request_refused("give either fleet or fleet_id", "name one fleet, in one of two ways")
        )
    if body.fleet_version is not None and body.fleet_id is None:
        raise ProblemError(
            request_refused("fleet_version is given without fleet_id", "name the fleet, too")
        )
    assessment = service.workspace.assessment(body.assessment_id)
    if assessment is None:
        raise ProblemError(_no_assessment(body.assessment_id))
    found: dict[str, object] = {"assessment_id": assessment.name, "stored_events": False}
    if body.fleet_id is not None:
        found["fleet_version"] = _known_fleet(service, body).version
    if body.stored_events:
        found["events"] = [*body.events, *_announced(record_now(service), body)]
    return body.model_copy(update=found)


def placement_order(service: Service, body: PlacementBody) -> PlacementOrder:
    """Return the order of a pinned request.

    Raises
    ------
    ProblemError
        What :func:`pinned` raises, where something has gone meanwhile.
    FleetRefusedError, EventRefusedError
        What a fleet file and an events file are refused for.
    """
    assessment = service.workspace.assessment(body.assessment_id)
    if assessment is None:
        raise ProblemError(_no_assessment(body.assessment_id))
    known = _known_fleet(service, body) if body.fleet_id is not None else None
    stored = known if known is not None and known.version != FILE_VERSION else None
    given = body.fleet.fleet() if body.fleet else None
    source = source_of(known) if known else sent_fleet(body.fleet)
    return PlacementOrder(
        assessment=assessment,
        fleet=stored.fleet() if stored else given,
        fleet_file=service.workspace.fleet(known.fleet_id) if known and not stored else None,
        fleet_source=source,
        week=body.week,
        locks=_frozen(body.locks),
        excludes=_frozen(body.excludes),
        support=_frozen(body.support),
        previous=_previous(service, body.week) if body.max_changes is not None else None,
        max_changes=body.max_changes,
        coverage_floor=body.coverage_floor,
        robust=body.robust,
        events=body.calendar(),
        time_limit_s=body.time_limit_s,
    )


def _announced(record: Record, body: PlacementBody) -> list[EventBody]:
    """Return the events of the calendar for the week of a request."""
    if body.week is None:
        raise ProblemError(
            request_refused("stored_events is asked for without a week", "name the week")
        )
    try:
        with record.store.read() as tx:
            found = events_of_week(tx, body.week)
    except ValueError as fault:
        raise ProblemError(
            request_refused(f"the year of {body.week} has no such week", "name one that it has")
        ) from fault
    if len(found) + len(body.events) > MOST_EVENTS:
        raise ProblemError(
            request_refused(
                f"the calendar has {len(found)} events in week {body.week}, with those given more "
                f"than {MOST_EVENTS}",
                "cancel events, or send those that matter instead of stored_events",
            )
        )
    return [EventBody.model_validate(event_table(one)) for one in found]


def _frozen(lists: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {unit: tuple(sorted(set(codes))) for unit, codes in sorted(lists.items())}


def _previous(service: Service, week: str | None) -> Path | None:
    """Return the plan that changes are counted from: the week's own, or the one before it.

    Of a week it is the published plan where there is one, else the plan made last.
    """
    workspace, record = service.workspace, record_now(service)
    made = [one for one in workspace.weeks() if not week or one <= week]
    with record.store.read() as tx:
        in_force = _latest_published(tx, week)
    if in_force is not None and (not made or in_force[0] >= made[-1]):
        folder = _folder_of(workspace, *in_force)
        if folder is not None:
            return folder / "plan.json"
    folder = workspace.plan(made[-1]) if made else None
    return folder / "plan.json" if folder else None


def _latest_published(tx: Connection, week: str | None) -> tuple[str, str, str] | None:
    """Return the week in which a plan is in force, its identifier and the key it repeats."""
    content = (plan_versions.c.plan_key == plans.c.plan_key) & (
        plan_versions.c.content_version == plans.c.content_version
    )
    query = (
        select(plans.c.week, plan_versions.c.plan_id, plans.c.fallback_of)
        .join(plan_versions, content)
        .where(plans.c.state == str(State.PUBLISHED))
        .order_by(plans.c.week.desc())
        .limit(1)
    )
    row = tx.execute(query.where(plans.c.week <= week) if week else query).first()
    return (row[0], row[1], row[2] or "") if row else None


def _folder_of(workspace: Workspace, week: str, plan_id: str, repeats: str) -> Path | None:
    """Return the folder of a plan in force; that of a fall-back lies in the week it repeats."""
    made_for = repeats[: len(week)] if repeats else week
    return workspace.plan(made_for, plan_id)


def _known_fleet(service: Service, body: PlacementBody) -> KnownFleet:
    workspace, record, fleet_id = service.workspace, record_now(service), body.fleet_id or ""
    with record.store.read() as tx:
        try:
            return find_fleet(workspace, tx, fleet_id, body.fleet_version)
        except UnknownRecordError as fault:
            names = {*workspace.fleets(), *(one.fleet_id for one in list_fleets(tx))}
            known = ", ".join(sorted(names)) or "none yet"
            which = f" of version {body.fleet_version}" if body.fleet_version is not None else ""
            raise ProblemError(
                request_refused(
                    f"there is no fleet {fleet_id!r}{which} (known: {known})",
                    "use a known fleet_id, or send the fleet itself",
                )
            ) from fault


def _no_assessment(assessment_id: str | None) -> Problem:
    if assessment_id is None:
        return http_problem(
            409, "there is no assessment to plan from yet. Remedy: POST /assessment first."
        )
    return request_refused(
        f"there is no assessment {assessment_id!r}",
        "leave assessment_id out for the current one, or use one that is stored",
    )
