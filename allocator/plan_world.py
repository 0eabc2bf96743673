"""The checked world of a request: boroughs, demand, reach, and the classes of units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator import coverage
from allocator.errors import PlanningRefusedError
from allocator.event_calendar import Event
from allocator.patrol_areas import mask_of, neighbour_masks
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.settings import PlanSettings
from allocator.travel_time import TravelTime
from allocator.week_days import DayKind, kinds_of_day
from hotspots.assessment import RiskAssessment

Floats = NDArray[np.float64]
MAX_BUSY_FRACTION = 0.95  # of an area no plan has had yet


@dataclass(frozen=True)
class UnitClass:
    """Units the model cannot tell apart: where they may patrol, their lock, their duty.

    ``available`` is their chance to be on the road on each kind of day of the world;
    ``support`` are boroughs of other units that they patrol beside their own area.
    """

    units: tuple[Unit, ...]
    allowed: int
    required: int
    available: tuple[float, ...]
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
        float (n_wards,): share of the week's demand, relative patrol time (without events).
    borough_of_ward
        int (n_wards,): position in ``borough_codes``.
    reach_from_borough
        float (n_wards, n_boroughs), see :func:`allocator.coverage.borough_reach`.
    kinds
        The days of the week, alike ones together.
    busy_intensity
        float (n_boroughs,): busy fraction that each borough adds to its unit; nothing while one
        fraction is assumed for all.
    """

    borough_codes: tuple[str, ...]
    borough_names: tuple[str, ...]
    neighbours: tuple[int, ...]
    demand: Floats
    weights: Floats
    borough_of_ward: NDArray[np.intp]
    reach_from_borough: Floats
    kinds: tuple[DayKind, ...]
    busy_intensity: Floats | None = None

    @property
    def borough_demand(self) -> Floats:
        """Share of demand of each borough, float (n_boroughs,)."""
        return _by_borough(self.borough_of_ward, self.demand, len(self.borough_codes))

    @property
    def borough_weight(self) -> Floats:
        """Relative patrol time of each borough, float (n_boroughs,)."""
        return _by_borough(self.borough_of_ward, self.weights, len(self.borough_codes))

    @property
    def point_demand(self) -> Floats:
        """Share of the week's demand at each point, a ward on one kind of day, (n_points,)."""
        return np.concatenate([kind.demand for kind in self.kinds])

    @property
    def point_worth(self) -> Floats:
        """What each point counts for in the coverage of its borough, float (n_points,).

        Its demand, or patrol time where the borough has no demand.
        """
        has_demand = self.borough_demand[self.borough_of_ward] > 0
        return np.concatenate(
            [np.where(has_demand, kind.demand, self.weights * kind.share) for kind in self.kinds]
        )

    @property
    def borough_of_point(self) -> NDArray[np.intp]:
        """Position of each point's borough, int (n_points,)."""
        return np.tile(self.borough_of_ward, len(self.kinds))

    def busy_fractions(self, members: Floats, assumed: float) -> Floats:
        """Return the busy fraction of a unit in each area, float (n_areas,).

        Parameters
        ----------
        members
            (n_boroughs, n_areas) 1 where the area holds the borough.
        assumed
            Of every unit while nothing is known of the boroughs' intensity.
        """
        if self.busy_intensity is None:
            return np.full(members.shape[1], assumed)
        return np.minimum(self.busy_intensity @ members, MAX_BUSY_FRACTION)

    def point_exposure(self, reach: Floats, available: Floats, busy_fraction: Floats) -> Floats:
        """Return the exposure of every point to units, float (n_points, n_units).

        Parameters
        ----------
        reach
            (n_wards, n_units) chance that the free unit reaches a ward in time.
        available
            (n_units, n_kinds) chance that it is on the road on each kind of day.
        busy_fraction
            (n_units,) share of its time on duty that it cannot answer.
        """
        return np.concatenate(
            [coverage.exposure(reach, on_road, busy_fraction) for on_road in available.T]
        )


def build_world(
    assessment: RiskAssessment,
    fleet: Fleet,
    travel: TravelTime,
    settings: PlanSettings,
    *,
    events: Sequence[Event] = (),
    week: str = "",
) -> World:
    """Prepare demand, patrol weights and reach for one assessment.

    Parameters
    ----------
    events, week
        Events with a day in the ISO week, already checked.

    Raises
    ------
    PlanningRefusedError
        Demand, wards, boroughs or the travel-time matrix cannot be used.
    """
    usual = coverage.demand_shares(assessment)
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
    kinds = kinds_of_day(assessment, fleet, usual, events, week)
    weights = coverage.patrol_weights(usual, area_km2, settings.demand_mix)
    borough_of_ward = np.array([index[place.borough_code] for place in assessment.places])
    chance = coverage.reach_probability(travel, coverage.drive_limit_s(fleet), settings)
    _check_reach(demand=usual, chance=chance, limit_s=coverage.drive_limit_s(fleet))
    if not any(any(kind.available.values()) for kind in kinds):
        raise PlanningRefusedError(
            "no unit is on the road on any day of the week",
            remedy="put a unit on duty, or commit fewer to events",
        )
    return World(
        borough_codes=codes,
        borough_names=tuple(names[code] for code in codes),
        neighbours=neighbour_masks(
            codes, [(link.code_a, link.code_b) for link in assessment.borough_links]
        ),
        demand=np.sum([kind.demand for kind in kinds], axis=0),
        weights=weights,
        borough_of_ward=borough_of_ward,
        reach_from_borough=coverage.borough_reach(chance, weights, borough_of_ward),
        kinds=kinds,
    )


def unit_classes(
    world: World,
    fleet: Fleet,
    locks: Mapping[str, tuple[str, ...]],
    support: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[UnitClass, ...]:
    """Group units alike in eligibility and duty; a unit with a lock or support is alone."""
    everywhere = (1 << len(world.borough_codes)) - 1
    groups: dict[tuple[int, int, tuple[float, ...], int, str], list[Unit]] = {}
    for unit in sorted(fleet.units, key=lambda unit: unit.unit_id):
        allowed = (
            mask_of(world.borough_codes, unit.eligible_boroughs)
            if unit.eligible_boroughs
            else everywhere
        )
        required = mask_of(world.borough_codes, locks.get(unit.unit_id, ()))
        beside = mask_of(world.borough_codes, (support or {}).get(unit.unit_id, ()))
        alone = unit.unit_id if required or beside else ""
        available = tuple(kind.available[unit.unit_id] for kind in world.kinds)
        groups.setdefault((allowed, required, available, beside, alone), []).append(unit)
    return tuple(
        UnitClass(tuple(units), allowed, required, available, beside)
        for (allowed, required, available, beside, _), units in sorted(
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


def _check_reach(*, demand: Floats, chance: Floats, limit_s: int) -> None:
    if not demand @ chance.max(axis=0) > 0:
        raise PlanningRefusedError(
            f"no ward can be reached within {limit_s} s from anywhere, so every placement would "
            "be equally good",
            remedy="check the travel-time matrix, or raise service_standard_s",
        )


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
