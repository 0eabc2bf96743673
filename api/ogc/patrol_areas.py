"""Patrol areas as a collection: the units of every week's plan, each with the plan's state.

No more weeks are read than a page shows. What a plan was made from is large, and in time there
are hundreds of weeks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from starlette.requests import Request

from allocator.plan import PatrolPlan
from api.marking import marking_of
from api.ogc.ground import study_area
from api.ogc.layers import Feature, Found, Marked, in_order, made_from, matching, midnight, of_time
from api.ogc.places import Place, places_of
from api.ogc.query import ItemsQuery
from api.plans.patrol_areas import unit_properties, unit_shape
from api.plans.shelf import PlanShelf
from api.routes.permits import plan_for
from api.routes.stored import StoredPlan, evidence_marking, stored_plan
from api.service import Service, service_of
from hotspots.boundaries.study_area import StudyArea

#: Characters of an ISO week, with which the id of a unit's area begins: ``2026-W48.ARV-01``.
WEEK_LENGTH = 8


async def page(request: Request, query: ItemsQuery) -> Found:
    """Return a page of the patrol areas an actor may see, by week and unit."""
    service = service_of(request)
    found: list[Feature] = []
    headers = await evidence_marking(service)
    for week in await asyncio.to_thread(service.workspace.weeks):
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
    """Return the areas of the plan made last for a week; none where the actor may see none."""
    service = service_of(request)
    made = await stored_plan(service, week)
    stored = await plan_for(request, made) if made is not None else None
    if stored is None:
        return Marked([], {})
    area = await study_area(service)
    state = await asyncio.to_thread(_state, service, stored)
    draw = partial(_unit_places, stored.plan, area)
    places = await service.kept.get(stored.folder, draw, "units")
    headers = marking_of(stored.source.assessment, stored.plan).headers()
    return Marked(in_order(_units(stored, places, state)), headers)


def _units(stored: StoredPlan, places: Sequence[Place], state: str) -> list[Feature]:
    plan, kept = stored.plan, stored.source.assessment
    made = {"state": state, "plan_id": plan.plan_id, **made_from(kept)}
    span = _span(plan.week)
    return [
        Feature(
            f"{plan.week}.{unit.unit_id}", place, {**unit_properties(unit, plan), **made}, *span
        )
        for unit, place in zip(plan.units, places, strict=True)
    ]


def _unit_places(plan: PatrolPlan, area: StudyArea, _folder: Path) -> tuple[Place, ...]:
    return places_of(unit_shape(unit, area.boroughs) for unit in plan.units)


def _state(service: Service, stored: StoredPlan) -> str:
    """Return where a plan stands in the record: one nobody approved must say so."""
    record, week = service.record, stored.plan.week
    found = PlanShelf(record).state(week, stored.recorded_id) if record is not None else None
    return str(found or "not in the record")


def _span(week: str) -> tuple[datetime, datetime]:
    """Return when an ISO week begins and ends in London."""
    monday = date.fromisocalendar(int(week[:4]), int(week[-2:]), 1)
    return midnight(monday), midnight(monday + timedelta(days=7))
