"""The checked world of a request: boroughs, demand, reach, and the classes of units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator import coverage
from allocator.errors import PlanningRefusedError
from allocator.patrol_areas import mask_of, neighbour_masks
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.settings import PlanSettings
from allocator.travel_time import TravelTime
from hotspots.assessment import RiskAssessment

Floats = NDArray[np.float64]
DAYS_IN_WEEK = 7


@dataclass(frozen=True)
class UnitClass:
    """Units the model cannot tell apart: where they may patrol, their lock, their duty.

    ``support`` are boroughs of other units that they patrol beside their own area.
    """

    units: tuple[Unit, ...]
    allowed: int
    required: int
    duty_share: float
    support: int = 0


@dataclass(frozen=True)
class World:
    """What is the same for every request on one assessment, fleet standard and settings.

    Attributes
    ----------
    borough_codes, borough_names
        The patrolled boroughs in code order.
    neighbours
        Neighbour mask of each borough.
    demand, weights
        float (n_wards,): share of demand, relative patrol time.
    borough_of_ward
        int (n_wards,): position in ``borough_codes``.
    reach_from_borough
        float (n_wards, n_boroughs), see :func:`allocator.coverage.borough_reach`.
    """

    borough_codes: tuple[str, ...]
    borough_names: tuple[str, ...]
    neighbours: tuple[int, ...]
    demand: Floats
    weights: Floats
    borough_of_ward: NDArray[np.intp]
    reach_from_borough: Floats

    @property
    def borough_demand(self) -> Floats:
        """Share of demand of each borough, float (n_boroughs,)."""
        return _by_borough(self.borough_of_ward, self.demand, len(self.borough_codes))

    @property
    def borough_weight(self) -> Floats:
        """Relative patrol time of each borough, float (n_boroughs,)."""
        return _by_borough(self.borough_of_ward, self.weights, len(self.borough_codes))


def build_world(
    assessment: RiskAssessment, fleet: Fleet, travel: TravelTime, settings: PlanSettings
) -> World:
    """Prepare demand, patrol weights and reach for one assessment.

    Raises
    ------
    PlanningRefusedError
        Demand, wards, boroughs or the travel-time matrix cannot be used.
    """
    demand = coverage.demand_shares(assessment)
    codes = tuple(sorted(borough.code for borough in assessment.boroughs))
    names = {borough.code: borough.name for borough in assessment.boroughs}
    _check_places(assessment, codes)
    if travel.ward_codes != tuple(place.code for place in assessment.places):
        raise PlanningRefusedError(
            f"the travel-time matrix ({travel.source}) covers other wards than assessment "
            f"{assessment.assessment_id}",
            remedy="give a matrix for the wards of the assessment, in its order",
        )
    index = {code: number for number, code in enumerate(codes)}
    area_km2 = np.array([place.area_km2 for place in assessment.places])
    weights = coverage.patrol_weights(demand, area_km2, settings.demand_mix)
    borough_of_ward = np.array([index[place.borough_code] for place in assessment.places])
    chance = coverage.reach_probability(travel, coverage.drive_limit_s(fleet), settings)
    return World(
        borough_codes=codes,
        borough_names=tuple(names[code] for code in codes),
        neighbours=neighbour_masks(
            codes, [(link.code_a, link.code_b) for link in assessment.borough_links]
        ),
        demand=demand,
        weights=weights,
        borough_of_ward=borough_of_ward,
        reach_from_borough=coverage.borough_reach(chance, weights, borough_of_ward),
    )


def unit_classes(
    world: World,
    fleet: Fleet,
    locks: Mapping[str, tuple[str, ...]],
    support: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[UnitClass, ...]:
    """Group units with the same eligibility and duty; a unit with a lock or support is alone."""
    everywhere = (1 << len(world.borough_codes)) - 1
    groups: dict[tuple[int, int, int, int, str], list[Unit]] = {}
    for unit in sorted(fleet.units, key=lambda unit: unit.unit_id):
        allowed = (
            mask_of(world.borough_codes, unit.eligible_boroughs)
            if unit.eligible_boroughs
            else everywhere
        )
        required = mask_of(world.borough_codes, locks.get(unit.unit_id, ()))
        beside = mask_of(world.borough_codes, (support or {}).get(unit.unit_id, ()))
        alone = unit.unit_id if required or beside else ""
        key = (allowed, required, len(unit.on_duty), beside, alone)
        groups.setdefault(key, []).append(unit)
    return tuple(
        UnitClass(tuple(units), allowed, required, days / DAYS_IN_WEEK, beside)
        for (allowed, required, days, beside, _), units in sorted(
            groups.items(), key=lambda item: item[1][0].unit_id
        )
    )


def previous_masks(world: World, previous: PatrolPlan | None) -> dict[str, int]:
    """Each unit's area in the previous plan, as a mask; boroughs no longer patrolled drop out."""
    if previous is None:
        return {}
    known = set(world.borough_codes)
    return {
        unit.unit_id: mask_of(
            world.borough_codes, [code for code in unit.boroughs if code in known]
        )
        for unit in previous.units
    }


def _by_borough(borough_of_ward: NDArray[np.intp], values: Floats, n_boroughs: int) -> Floats:
    totals = np.zeros(n_boroughs)
    np.add.at(totals, borough_of_ward, values)
    return totals


def _check_places(assessment: RiskAssessment, codes: tuple[str, ...]) -> None:
    known = set(codes)
    for place in assessment.places:
        if place.borough_code not in known:
            raise PlanningRefusedError(
                f"ward {place.code} ({place.name}) lies in {place.borough_code}, which the "
                "assessment does not score",
                remedy="assess again with boundaries whose wards lie in the scored boroughs",
            )
        if not (np.isfinite(place.area_km2) and place.area_km2 > 0):
            raise PlanningRefusedError(
                f"ward {place.code} ({place.name}) has an area of {place.area_km2} km2",
                remedy="assess again with ward polygons of a positive area",
            )
    empty = sorted(known - {place.borough_code for place in assessment.places})
    if empty:
        raise PlanningRefusedError(
            f"borough {empty[0]} has no ward", remedy="assess with wards for every borough"
        )
