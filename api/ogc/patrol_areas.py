"""Patrol areas as a collection: the units of every week's plan, each with the plan's state.

The plan of a week is the one in force, by falling back too, else the one made last.

No more weeks are read than a page shows. What a plan was made from is large, and in time there
are hundreds of weeks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request

from allocator.plan import PatrolPlan
from api.marking import marking_of
from api.ogc.ground import study_area
from api.ogc.layers import Feature, Found, Marked, in_order, made_from, matching, midnight, of_time
from api.ogc.places import Place, places_of
from api.ogc.query import ItemsQuery
from api.plans.patrol_areas import unit_properties, unit_shape
from api.problems import ProblemError
from api.routes.again_view import weeks_with_plans
from api.routes.permits import plan_for
from api.routes.plan_of_week import NOT_RECORDED, WeekPlan, plan_to_show
from api.routes.stored import StoredPlan, evidence_marking
from api.service import service_of
from hotspots.boundaries.study_area import StudyArea

#: Characters of an ISO week, with which the id of a unit's area begins: ``2026-W48.ARV-01``.
WEEK_LENGTH = 8


async def page(request: Request, query: ItemsQuery) -> Found:
    """Return a page of the patrol areas an actor may see, by week and unit."""
    service = service_of(request)
    found: list[Feature] = []
    headers = await evidence_marking(service)
    for week in await weeks_with_plans(service):
        if week < query.after[:WEEK_LENGTH] or not of_time(*_span(week), query):
            continue
        marked = await _of_week(request, week)
        chosen = await asyncio.to_thread(matching, marked.features, query)
        found += [one for one in chosen if one.feature_id > query.after]
        headers = marked.headers or headers
        if len(found) > query.limit:
            break
    return Found(found[: query.limit], len(found) > query.limit, headers=headers)


async def find(request: Request, feature_id: str) -> Found:
    """Return the patrol area of one unit in one week, if the actor may see it."""
    marked = await _of_week(request, feature_id[:WEEK_LENGTH])
    one = [kept for kept in marked.features if kept.feature_id == feature_id]
    return Found(one, False, len(one), marked.headers)


async def _of_week(request: Request, week: str) -> Marked:
    """Return the areas of a week's plan; none where there is none or the actor may see none."""
    service = service_of(request)
    try:
        shown = await plan_to_show(service, week)
    except ProblemError as fault:
        if fault.problem.status != HTTPStatus.NOT_FOUND:
            raise
        return Marked([], {})  # no plan, or its folder is lost: the other weeks are shown
    stored = await plan_for(request, shown.stored)
    if stored is None:
        return Marked([], {})
    area = await study_area(service)
    draw = partial(_unit_places, stored.plan, area)
    places = await service.kept.get(stored.folder, draw, "units")
    headers = marking_of(stored.source.assessment, stored.plan).headers()
    return Marked(in_order(_units(week, shown, stored, places)), headers)


def _units(
    week: str, shown: WeekPlan, stored: StoredPlan, places: Sequence[Place]
) -> list[Feature]:
    """Return the areas as the actor may see them; one nobody approved must say so."""
    plan, kept = stored.plan, stored.source.assessment
    state = str(shown.record.state) if shown.record else NOT_RECORDED
    in_force_for = week if shown.fallen_back else ""
    made = {"in_force_for": in_force_for, "state": state, "plan_id": plan.plan_id}
    more, span = {**made, **made_from(kept)}, _span(week)
    return [
        Feature(f"{week}.{unit.unit_id}", place, {**unit_properties(unit, plan), **more}, *span)
        for unit, place in zip(plan.units, places, strict=True)
    ]


def _unit_places(plan: PatrolPlan, area: StudyArea, _folder: Path) -> tuple[Place, ...]:
    return places_of(unit_shape(unit, area.boroughs) for unit in plan.units)


def _span(week: str) -> tuple[datetime, datetime]:
    """Return when an ISO week begins and ends in London."""
    monday = date.fromisocalendar(int(week[:4]), int(week[-2:]), 1)
    return midnight(monday), midnight(monday + timedelta(days=7))
