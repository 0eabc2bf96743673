"""What the page draws and says about each place, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import shapely

from allocator.plan import BoroughCoverage, PatrolPlan, UnitPlacement
from api import wording
from api.maps.outlines import Outlines, encode, label_point
from hotspots.assessment import AreaScore, RiskAssessment
from hotspots.boundaries.study_area import StudyArea
from hotspots.errors import AssessmentRefusedError

_MAX_REASONS = 4

Fact = tuple[str, str]


@dataclass(frozen=True)
class Place:
    """One ward or borough as the page shows it; ``score`` is None where it is not scored."""

    code: str
    name: str
    borough_code: str
    borough_name: str
    policed: bool
    score: AreaScore | None
    unit_id: str
    reached: float | None  # share of demand reached within the standard, boroughs only

    @property
    def state(self) -> str:
        """Return known, partial, unknown (no data) or outside (another force's area)."""
        if not self.policed or self.score is None:
            return "outside" if not self.policed else "unknown"
        return self.score.coverage

    @property
    def number_known(self) -> bool:
        """Return whether a figure may be shown for the place."""
        return self.score is not None and self.state in {"known", "partial"}


@dataclass(frozen=True)
class Area:
    """One unit's patrol area; ``number`` is its number on the map."""

    number: int
    unit: UnitPlacement
    borough_names: tuple[str, ...]
    support_names: tuple[str, ...]
    outline: shapely.Geometry


def ward_places(
    assessment: RiskAssessment, plan: PatrolPlan | None, study_area: StudyArea
) -> tuple[Place, ...]:
    """Return every ward of the study area, sorted by code."""
    scores = {score.code: score for score in assessment.wards}
    unit_of = {code: unit for unit, codes in _boroughs_of(plan) for code in codes}
    moved = {ward: unit.unit_id for unit in _units(plan) for ward in unit.wards}
    return tuple(
        Place(
            code=str(row.ward_code),
            name=str(row.ward_name),
            borough_code=str(row.borough_code),
            borough_name=str(row.borough_name),
            policed=bool(row.policed),
            score=scores.get(str(row.ward_code)),
            unit_id=moved.get(str(row.ward_code), unit_of.get(str(row.borough_code), "")),
            reached=None,
        )
        for row in study_area.wards.itertuples()
    )


def borough_places(
    assessment: RiskAssessment, plan: PatrolPlan | None, study_area: StudyArea
) -> tuple[Place, ...]:
    """Return every borough of the study area, sorted by code."""
    scores = {score.code: score for score in assessment.boroughs}
    covered: Mapping[str, BoroughCoverage] = {b.code: b for b in plan.boroughs} if plan else {}
    return tuple(
        Place(
            code=(code := str(row.borough_code)),
            name=str(row.borough_name),
            borough_code=code,
            borough_name=str(row.borough_name),
            policed=bool(row.policed),
            score=scores.get(code),
            unit_id=covered[code].unit_id if code in covered else "",
            reached=covered[code].coverage if code in covered else None,
        )
        for row in study_area.boroughs.itertuples()
    )


def patrol_areas(
    plan: PatrolPlan | None, boroughs: Iterable[Place], outlines: Outlines
) -> tuple[Area, ...]:
    """Return the patrol areas in the plan's order, numbered from 1.

    Raises
    ------
    AssessmentRefusedError
        When the plan names a borough that is not in the study area.
    """
    names = {place.code: place.name for place in boroughs}
    for unit in _units(plan):
        for code in (*unit.boroughs, *unit.support):
            if code not in outlines.boroughs:
                raise AssessmentRefusedError(
                    f"the plan's unit {unit.unit_id} has a borough that is not in the study area",
                    value=code,
                    remedy="draw the map with the boundaries the plan was made with",
                )
    return tuple(
        Area(
            number=number,
            unit=unit,
            borough_names=tuple(names[code] for code in unit.boroughs),
            support_names=tuple(names[code] for code in unit.support),
            outline=shapely.union_all([outlines.boroughs[code] for code in unit.boroughs]),
        )
        for number, unit in enumerate(_units(plan), start=1)
    )


def ward_features(places: Iterable[Place], outlines: Outlines, n_scored: int) -> list[object]:
    """Return ``[code, title, state, facts, reasons, polygons]`` for each ward."""
    return [
        [
            place.code,
            f"{place.name} ({place.borough_name})",
            place.state,
            place_facts(place, n_scored),
            _reasons(place),
            encode(outlines.wards[place.code]),
        ]
        for place in places
    ]


def borough_features(places: Iterable[Place], outlines: Outlines, n_scored: int) -> list[object]:
    """Return ``[code, title, state, facts, reasons, polygons, label point]`` for each borough."""
    return [
        [
            place.code,
            place.name,
            place.state,
            place_facts(place, n_scored),
            _reasons(place),
            encode(outlines.boroughs[place.code]),
            label_point(outlines.boroughs[place.code]),
        ]
        for place in places
    ]


def area_features(areas: Iterable[Area]) -> list[object]:
    """Return ``[number, unit, facts, reasons, polygons, label point]`` for each patrol area."""
    return [
        [
            area.number,
            area.unit.unit_id,
            area_facts(area),
            [area.unit.reason] if area.unit.reason else [],
            encode(area.outline),
            label_point(area.outline),
        ]
        for area in areas
    ]


def place_facts(place: Place, n_scored: int) -> list[Fact]:
    """Return the facts of one ward or borough, in reading order."""
    if place.state == "outside":
        return [("Policed by", "another force: shown, not scored, not patrolled")]
    unit = [("Patrolled by", place.unit_id)] if place.unit_id else []
    reached = (
        [("Demand reached within the standard", wording.percent(place.reached))]
        if place.reached is not None
        else []
    )
    if place.score is None or not place.number_known:
        return [("Data", "no data: the feeds do not cover it; not low risk"), *reached, *unit]
    score = place.score
    return [
        ("Expected incidents a week", _mean(score)),
        ("Rank", f"{score.rank} of {n_scored} ({_ranks(score)})"),
        ("Tier", score.tier),
        ("Data", wording.data_coverage(score)),
        *reached,
        *unit,
    ]


def area_facts(area: Area) -> list[Fact]:
    """Return the facts of one patrol area, in reading order."""
    unit = area.unit
    facts = [
        ("Default patrol area", ", ".join(area.borough_names)),
        ("From", unit.provenance),
        (
            "Coverage lost without this unit",
            f"{wording.points(unit.marginal_coverage)} percentage points",
        ),
    ]
    if area.support_names:
        facts.insert(1, ("Also supports", ", ".join(area.support_names)))
    return facts


def _mean(score: AreaScore) -> str:
    return (
        f"{wording.rate(score.expected_per_week)} "
        f"(90% interval {wording.interval(score.lower_90, score.upper_90)})"
    )


def _ranks(score: AreaScore) -> str:
    return f"90% interval {score.rank_lower_90}–{score.rank_upper_90}"


def _reasons(place: Place) -> list[str]:
    return list(place.score.reasons[:_MAX_REASONS]) if place.score and place.number_known else []


def _units(plan: PatrolPlan | None) -> tuple[UnitPlacement, ...]:
    return plan.units if plan else ()


def _boroughs_of(plan: PatrolPlan | None) -> list[tuple[str, tuple[str, ...]]]:
    return [(unit.unit_id, unit.boroughs) for unit in _units(plan)]
