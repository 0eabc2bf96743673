"""From a request to a checked problem: who may patrol where, and what each area covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator import coverage
from allocator.errors import PlanInfeasibleError, PlanningRefusedError
from allocator.patrol_areas import (
    connected_areas,
    connected_parts,
    mask_of,
    members_of,
    membership,
    neighbour_masks,
)
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.settings import PlanSettings
from allocator.travel_time import TravelTime
from hotspots.assessment import RiskAssessment

Floats = NDArray[np.float64]
DAYS_IN_WEEK = 7
MAX_CANDIDATES = 20_000
# The workload bounds tried in turn until the fleet fits: multiples of the equal share.
RELAXATIONS = ((1.0, 1.0), (4 / 3, 0.5), (2.0, 0.0))


@dataclass(frozen=True)
class UnitClass:
    """Units the model cannot tell apart: where they may patrol, their lock, their duty."""

    units: tuple[Unit, ...]
    allowed: int
    required: int
    duty_share: float


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


@dataclass(frozen=True)
class PlanProblem:
    """Choose one column a unit so that the areas partition the boroughs.

    Attributes
    ----------
    world, classes
        The place and the unit classes.
    masks, class_of
        Area (bit mask) and class position of each column.
    exposure
        float (n_wards, n_columns).
    members
        float (n_boroughs, n_columns), 1 where the area holds the borough.
    kept, min_kept
        Columns that leave a unit's area of the previous plan as it was, and how many of
        them must be chosen.
    complete
        Whether every area the rules allow is among the columns.
    workload_cap, workload_floor
        The bounds in force, as multiples of the equal share of demand.
    max_boroughs
        Most boroughs of an area in force (locks may need more).
    """

    world: World
    classes: tuple[UnitClass, ...]
    masks: tuple[int, ...]
    class_of: NDArray[np.intp]
    exposure: Floats
    members: Floats
    kept: NDArray[np.bool_]
    min_kept: int
    complete: bool
    workload_cap: float
    workload_floor: float
    max_boroughs: int


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
    world: World, fleet: Fleet, locks: Mapping[str, tuple[str, ...]]
) -> tuple[UnitClass, ...]:
    """Group units with the same eligibility and duty; a locked unit is a class of its own."""
    everywhere = (1 << len(world.borough_codes)) - 1
    groups: dict[tuple[int, int, int, str], list[Unit]] = {}
    for unit in sorted(fleet.units, key=lambda unit: unit.unit_id):
        allowed = (
            mask_of(world.borough_codes, unit.eligible_boroughs)
            if unit.eligible_boroughs
            else everywhere
        )
        required = mask_of(world.borough_codes, locks.get(unit.unit_id, ()))
        key = (allowed, required, len(unit.on_duty), unit.unit_id if required else "")
        groups.setdefault(key, []).append(unit)
    return tuple(
        UnitClass(tuple(units), allowed, required, days / DAYS_IN_WEEK)
        for (allowed, required, days, _), units in sorted(
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


def build_problem(
    world: World,
    classes: tuple[UnitClass, ...],
    settings: PlanSettings,
    *,
    previous: Mapping[str, int],
    max_changes: int | None,
    relaxation: tuple[float, float] = (1.0, 1.0),
    max_candidates: int = MAX_CANDIDATES,
) -> PlanProblem:
    """List every area each class may be given and what it covers.

    Parameters
    ----------
    previous
        Areas of the previous plan by unit. With ``max_changes`` they stay available even
        when the workload bounds would no longer allow them.
    max_changes
        Most units, present in both plans, whose area may differ.
    relaxation
        Factors on the workload cap and floor of the settings.

    Raises
    ------
    PlanInfeasibleError
        A class of units has no area it may be given.
    """
    cap, floor = settings.workload_cap * relaxation[0], settings.workload_floor * relaxation[1]
    n_units = sum(len(group.units) for group in classes)
    max_boroughs = _size_limit(len(world.borough_codes), n_units, settings.max_boroughs)
    columns: list[tuple[int, int]] = []
    complete = True
    for position, unit_class in enumerate(classes):
        areas, whole = _areas_of_class(
            world,
            classes,
            unit_class,
            bounds=(cap, floor),
            max_boroughs=max_boroughs,
            max_candidates=max_candidates,
        )
        if max_changes is not None:
            before = {previous.get(unit.unit_id, 0) for unit in unit_class.units}
            areas |= {mask for mask in before if _may_keep(mask, world, unit_class)}
        if not areas:
            raise _no_area(world, unit_class)
        complete &= whole
        columns += [(mask, position) for mask in areas]
    columns.sort(key=lambda column: (column[1], column[0].bit_count(), column[0]))
    in_both = sum(unit.unit_id in previous for group in classes for unit in group.units)
    masks = tuple(mask for mask, _ in columns)
    members = membership(masks, len(world.borough_codes))
    class_of = np.array([position for _, position in columns], dtype=np.intp)
    return PlanProblem(
        world=world,
        classes=classes,
        masks=masks,
        class_of=class_of,
        exposure=_exposure(world, classes, class_of, members, settings),
        members=members,
        kept=_kept_columns(columns, classes, previous),
        min_kept=0 if max_changes is None else max(0, in_both - max_changes),
        complete=complete,
        workload_cap=cap,
        workload_floor=floor,
        max_boroughs=max_boroughs,
    )


def _exposure(
    world: World,
    classes: Sequence[UnitClass],
    class_of: NDArray[np.intp],
    members: Floats,
    settings: PlanSettings,
) -> Floats:
    reach = coverage.area_reach(world.reach_from_borough, world.borough_weight, members)
    duty = np.array([unit_class.duty_share for unit_class in classes])[class_of]
    return coverage.exposure(reach, duty, settings.busy_fraction)


def _kept_columns(
    columns: Sequence[tuple[int, int]],
    classes: Sequence[UnitClass],
    previous: Mapping[str, int],
) -> NDArray[np.bool_]:
    """Whether a column gives some unit of its class the area it had."""
    kept = {
        (previous[unit.unit_id], position)
        for position, unit_class in enumerate(classes)
        for unit in unit_class.units
        if unit.unit_id in previous
    }
    return np.array([column in kept for column in columns], dtype=np.bool_)


def _areas_of_class(
    world: World,
    classes: Sequence[UnitClass],
    unit_class: UnitClass,
    *,
    bounds: tuple[float, float],
    max_boroughs: int,
    max_candidates: int,
) -> tuple[set[int], bool]:
    """Areas within the workload bounds (cap, floor), and whether the list is complete."""
    cap, floor = bounds
    n_units = sum(len(group.units) for group in classes)
    equal_share = 1.0 / n_units
    demand = world.borough_demand
    locked_elsewhere = 0
    for group in classes:
        if group is not unit_class:
            locked_elsewhere |= group.required
    usable = unit_class.allowed & ~locked_elsewhere
    if n_units == 1:
        whole = (1 << len(world.borough_codes)) - 1
        return ({whole} if _may_keep(whole, world, unit_class) else set()), True
    size = max_boroughs
    size = max(size, unit_class.required.bit_count() + 2 if unit_class.required else 0)
    ceiling = cap * equal_share
    if unit_class.required:
        ceiling = max(ceiling, _lightest_with(world, unit_class.required, usable, size))
    areas = connected_areas(
        world.neighbours,
        demand,
        max_weight=ceiling * (1 + 1e-12),
        max_boroughs=size,
        required=unit_class.required,
        allowed=usable,
        limit=max_candidates,
    )
    complete = len(areas) < max_candidates
    kept = set(areas)
    if not unit_class.required:
        kept |= {1 << member for member in members_of(usable)}
        eligible_share = float(demand[list(members_of(usable))].sum()) if usable else 0.0
        lowest = floor * min(equal_share, eligible_share / len(unit_class.units))
        kept = {
            mask for mask in kept if demand[list(members_of(mask))].sum() >= lowest * (1 - 1e-12)
        }
    return kept, complete


def _size_limit(n_boroughs: int, n_units: int, max_boroughs: int) -> int:
    """Most boroughs an area may hold: enough that the fleet can cover London with slack."""
    return min(n_boroughs - n_units + 1, max(max_boroughs, -(-3 * n_boroughs // (2 * n_units)) + 1))


def _lightest_with(world: World, required: int, usable: int, size: int) -> float:
    """Least demand of a connected area that holds a lock: the lock outranks the cap."""
    demand = world.borough_demand
    areas = connected_areas(
        world.neighbours,
        demand,
        max_weight=np.inf,
        max_boroughs=size,
        required=required,
        allowed=usable,
        limit=MAX_CANDIDATES,
    )
    return min((float(demand[list(members_of(mask))].sum()) for mask in areas), default=0.0)


def _may_keep(mask: int, world: World, unit_class: UnitClass) -> bool:
    fits = mask & ~unit_class.allowed == 0 and unit_class.required & ~mask == 0
    return mask != 0 and fits and len(connected_parts(mask, world.neighbours)) == 1


def _no_area(world: World, unit_class: UnitClass) -> PlanInfeasibleError:
    units = ", ".join(unit.unit_id for unit in unit_class.units)
    names = ", ".join(world.borough_names[member] for member in members_of(unit_class.allowed))
    return PlanInfeasibleError(
        f"{units} may patrol only {names}, and no connected area there keeps every rule",
        remedy="widen eligible_boroughs, or change the locks on those boroughs",
    )


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
