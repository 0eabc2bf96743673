"""The collections: what each holds, who may see which part, and its features page by page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any, Literal

import numpy as np
from shapely.geometry import Polygon
from starlette.requests import Request

from api.access import Action, own_boroughs
from api.marking import marking_of
from api.ogc.crs import inside
from api.ogc.ground import Ground, ground_of
from api.ogc.places import Place
from api.ogc.query import ItemsQuery
from api.routes.permits import shown_assessment
from api.routes.stored import StoredAssessment, stored_assessment
from api.service import LONDON, service_of
from hotspots.assessment import AreaScore, RiskAssessment


@dataclass(frozen=True)
class Feature:
    """One feature: its id, its place, and what is said of it.

    ``start`` and ``before`` are the time it is of, its end excluded; ``None`` for always.
    """

    feature_id: str
    place: Place
    properties: Mapping[str, Any]
    start: datetime | None = None
    before: datetime | None = None

    @cached_property
    def properties_text(self) -> str:
        """Return what is said of it as JSON, written out once."""
        return json.dumps(self.properties, ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class Found:
    """A page of features in order of their ids.

    ``matched`` is how many there are on all pages, where that is known without counting;
    ``headers`` say how the answer is marked.
    """

    features: list[Feature]
    more: bool
    matched: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layer:
    """One collection."""

    name: str
    title: str
    description: str
    action: Action
    page: Callable[[Request, ItemsQuery], Awaitable[Found]]
    find: Callable[[Request, str], Awaitable[Found]]


@dataclass(frozen=True)
class Marked:
    """All features of a collection an actor may see, and how they are marked."""

    features: list[Feature]
    headers: dict[str, str]


Gather = Callable[[Request], Awaitable[Marked]]
Level = Literal["ward", "borough"]


def whole(name: str, title: str, description: str, action: Action, gather: Gather) -> Layer:
    """Return a collection small enough to be gathered whole for every request."""

    async def page(request: Request, query: ItemsQuery) -> Found:
        given = await gather(request)
        return await asyncio.to_thread(_page, given, query)

    async def find(request: Request, feature_id: str) -> Found:
        given = await gather(request)
        one = [kept for kept in given.features if kept.feature_id == feature_id]
        return Found(one, False, len(one), given.headers)

    return Layer(name, title, description, action, page, find)


async def wards(request: Request) -> Marked:
    """Return the wards with the figures of the current assessment."""
    return await _areas(request, "ward")


async def boroughs(request: Request) -> Marked:
    """Return the boroughs with the figures of the current assessment."""
    return await _areas(request, "borough")


async def hot_spots(request: Request) -> Marked:
    """Return the hot spots of the current assessment."""
    stored = await _current(request, Action.READ_ASSESSMENT)
    if stored is None:
        return Marked([], {})
    kept = stored.assessment
    return Marked(
        in_order(
            Feature(
                f"{kept.as_of.isoformat()}.{spot.hot_spot_id}",
                Place(Polygon(spot.polygon[0], spot.polygon[1:])),
                {
                    "hot_spot_id": spot.hot_spot_id,
                    "name": spot.name,
                    "ward_codes": " ".join(spot.ward_codes),
                    "records": spot.n_records,
                    "records_last_28_days": spot.n_last_28_days,
                    "weight": spot.weight,
                    "expected_weight": spot.expected_weight,
                    "first_day": spot.first_day.isoformat(),
                    "last_day": spot.last_day.isoformat(),
                    "area_km2": spot.area_km2,
                    **made_from(kept),
                },
                *_horizon(kept),
            )
            for spot in kept.clusters
        ),
        marking_of(kept).headers(),
    )


async def _areas(request: Request, level: Level) -> Marked:
    """Return the areas of a level as the actor may see them; of an assessment made once."""
    service = service_of(request)
    ground = await ground_of(service)
    stored = await _current(request, Action.READ_BOROUGH)
    held_to = own_boroughs(request.state.actor, Action.READ_BOROUGH)
    if stored is None:
        return _scored(ground, level, held_to, None)
    about = f"{level} of {'all' if held_to is None else ' '.join(sorted(held_to))}"
    kept = stored.assessment
    return await service.kept.get(
        stored.folder, lambda _: _scored(ground, level, held_to, kept), about
    )


def _scored(
    ground: Ground, level: Level, held_to: frozenset[str] | None, kept: RiskAssessment | None
) -> Marked:
    frame = ground.area.wards if level == "ward" else ground.area.boroughs
    places = ground.wards if level == "ward" else ground.boroughs
    scores = {one.code: one for one in (_scores(kept, level) if kept else ())}
    features = []
    for row, place in zip(frame.itertuples(index=False), places, strict=True):
        code, name = getattr(row, f"{level}_code"), getattr(row, f"{level}_name")
        if held_to is not None and row.borough_code not in held_to:
            continue
        about = {"code": code, "name": name, "borough_code": row.borough_code}
        about |= {"policed": bool(row.policed), "boundary": ground.area.name}
        about |= _figures(scores.get(code), held_to is None)
        if kept:
            about |= made_from(kept)
        span = _horizon(kept) if kept else (None, None)
        features.append(Feature(str(code), place, about, *span))
    return Marked(in_order(features), marking_of(kept).headers() if kept else {})


async def _current(request: Request, action: Action) -> StoredAssessment | None:
    service = service_of(request)
    stored = await stored_assessment(service)
    return await shown_assessment(request, service, stored, action) if stored else None


def _page(given: Marked, query: ItemsQuery) -> Found:
    chosen = matching(given.features, query)
    later = [one for one in chosen if one.feature_id > query.after]
    return Found(later[: query.limit], len(later) > query.limit, len(chosen), given.headers)


def matching(features: Sequence[Feature], query: ItemsQuery) -> list[Feature]:
    """Return the features of the time and the boxes that are asked for, in their order."""
    chosen = [one for one in features if of_time(one.start, one.before, query)]
    if query.boxes is not None and chosen:
        near = _near([one.place for one in chosen], query)
        chosen = [one for one, met in zip(chosen, near, strict=True) if met]
    return chosen


def of_time(start: datetime | None, before: datetime | None, query: ItemsQuery) -> bool:
    """Return whether a span, its end excluded, touches the time that is asked for."""
    if query.before is not None and start is not None and start >= query.before:
        return False
    return not (query.start is not None and before is not None and before <= query.start)


def _near(places: Sequence[Place], query: ItemsQuery) -> Any:
    if not query.boxes:
        return np.zeros(len(places), dtype=bool)
    return inside(Place.in_system(places, query.bbox_crs), query.boxes)


def _figures(score: AreaScore | None, whole_picture: bool) -> dict[str, Any]:
    """Return an area's figures; its rank tells of other areas, and so not to a borough user."""
    about = {
        "expected_per_week": score.expected_per_week if score else None,
        "lower_90": score.lower_90 if score else None,
        "upper_90": score.upper_90 if score else None,
        "coverage": score.coverage if score else None,
    }
    if whole_picture:
        about |= {"tier": score.tier if score else None, "rank": score.rank if score else None}
    return about


def made_from(kept: RiskAssessment) -> dict[str, Any]:
    """Return which assessment a feature's figures are from, and how they are marked."""
    return {
        "assessment_id": kept.assessment_id,
        "as_of": kept.as_of.isoformat(),
        "classification": kept.classification,
        "notice": kept.notice,
    }


def _scores(kept: RiskAssessment, level: Level) -> tuple[AreaScore, ...]:
    return kept.wards if level == "ward" else kept.boroughs


def _horizon(kept: RiskAssessment) -> tuple[datetime, datetime]:
    return midnight(kept.as_of), midnight(kept.as_of + timedelta(days=kept.horizon_days))


def midnight(day: date) -> datetime:
    """Return the moment, in UTC, at which a day in London begins."""
    return datetime.combine(day, time(), LONDON).astimezone(UTC)


def in_order(features: Iterable[Feature]) -> list[Feature]:
    """Return features in the order of their ids, in which pages follow one another."""
    return sorted(features, key=lambda one: one.feature_id)
