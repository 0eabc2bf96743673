"""The placement as a set partitioning problem: one column for every area a class may be given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator import coverage
from allocator.patrol_areas import connected_parts, membership
from allocator.plan_world import UnitClass, World
from allocator.settings import PlanSettings
from allocator.solver.candidate_areas import Candidates, WorkloadBounds, candidates, joins_support

Floats = NDArray[np.float64]
FLOOR_ROUNDING = 1e-9  # a plan's figures have nine decimals
SHORTFALL_DECIMALS = 12


@dataclass(frozen=True)
class PlanProblem:
    """Choose one column a unit so that the areas partition the boroughs.

    Attributes
    ----------
    world, classes
        The place and the unit classes.
    masks, class_of
        Area (bit mask) and class position of each column.
    demand, borough_of_point
        float and int (n_points,): share of demand at each point and the borough it lies in. A
        point is a ward on one kind of day.
    worth
        float (n_points,): what a point counts for in the coverage of its borough: its demand,
        or patrol time where the borough has no demand.
    exposure, busy
        float (n_points, n_columns), and the busy fraction of each column's unit, (n_columns,).
    members
        float (n_boroughs, n_columns), 1 where the area holds the borough.
    kept, min_kept
        Columns that leave a unit's area of the previous plan as it was, and how many of
        them must be chosen.
    floor
        Least coverage of every borough.
    listed
        The candidate areas and the rules they keep.
    """

    world: World
    classes: tuple[UnitClass, ...]
    masks: tuple[int, ...]
    class_of: NDArray[np.intp]
    demand: Floats
    worth: Floats
    borough_of_point: NDArray[np.intp]
    exposure: Floats
    busy: Floats
    members: Floats
    kept: NDArray[np.bool_]
    min_kept: int
    floor: float
    listed: Candidates

    def covered(self, exposure: Floats) -> float:
        """Return the expected share of demand reached, from the exposure of every point."""
        return coverage.expected_coverage(self.demand, exposure)

    def borough_coverage(self, exposure: Floats) -> Floats:
        """Return each borough's expected share of demand reached in time, (n_boroughs,).

        A borough without demand counts its points by patrol time.
        """
        return -self.by_borough(self.worth * np.expm1(-exposure)) / self.by_borough(self.worth)

    def shortfall(self, exposure: Floats) -> float:
        """Return by how much the boroughs below the floor miss it, summed; 0 when all keep it."""
        if self.floor <= 0.0:
            return 0.0
        missing = self.floor - self.borough_coverage(exposure)
        return round(float(missing[missing > FLOOR_ROUNDING].sum()), SHORTFALL_DECIMALS)

    def by_borough(self, values: Floats) -> Floats:
        """Sum values of points over each borough, float (n_boroughs,)."""
        size = len(self.world.borough_codes)
        sums = np.bincount(self.borough_of_point, weights=values, minlength=size)
        return sums.astype(np.float64)


def build_problem(
    world: World,
    classes: tuple[UnitClass, ...],
    settings: PlanSettings,
    *,
    previous: Mapping[str, int],
    max_changes: int | None,
    bounds: WorkloadBounds | None = None,
    also: Mapping[str, int] | None = None,
) -> PlanProblem:
    """List every area each class may be given and what it covers.

    Parameters
    ----------
    previous
        Areas of the previous plan by unit. With ``max_changes`` they stay available even
        when the workload bounds would no longer allow them.
    max_changes
        Most units, present in both plans, whose area may differ.
    bounds
        Workload bounds; those of the settings when left out.
    also
        An area of each unit that is listed even when the workload bounds do not allow it.

    Raises
    ------
    PlanInfeasibleError
        A class of units has no area it may be given.
    """
    bounds = bounds or WorkloadBounds(settings.workload_cap, settings.workload_floor)
    listed = candidates(
        world, classes, bounds, settings.max_boroughs, tuple(sorted(previous.values()))
    )
    columns = set(listed.columns)
    in_both = 0
    for position, unit_class in enumerate(classes):
        for unit in unit_class.units:
            in_both += unit.unit_id in previous
            before = previous.get(unit.unit_id, 0)
            if max_changes is not None and _may_keep(before, world, unit_class):
                columns.add((before, position))
            if also is not None:
                columns.add((also[unit.unit_id], position))
    ordered = sorted(columns, key=lambda column: (column[1], column[0].bit_count(), column[0]))
    masks = tuple(mask for mask, _ in ordered)
    members = membership(masks, len(world.borough_codes))
    class_of = np.array([position for _, position in ordered], dtype=np.intp)
    busy = world.busy_fractions(members, settings.busy_fraction)
    return PlanProblem(
        world=world,
        classes=classes,
        masks=masks,
        class_of=class_of,
        demand=world.point_demand,
        worth=world.point_worth,
        borough_of_point=world.borough_of_point,
        exposure=_exposure(world, classes, ordered, busy),
        busy=busy,
        members=members,
        kept=_kept_columns(ordered, classes, previous),
        min_kept=0 if max_changes is None else max(0, in_both - max_changes),
        floor=settings.coverage_floor,
        listed=listed,
    )


def _exposure(
    world: World,
    classes: Sequence[UnitClass],
    columns: Sequence[tuple[int, int]],
    busy: Floats,
) -> Floats:
    """Exposure of each point to each column: units patrol their area and what they support."""
    patrolled = [mask | classes[position].support for mask, position in columns]
    members = membership(patrolled, len(world.borough_codes))
    reach = coverage.area_reach(world.reach_from_borough, world.borough_weight, members)
    available = np.array([classes[position].available for _, position in columns])
    return world.point_exposure(reach, available, busy)


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


def _may_keep(mask: int, world: World, unit_class: UnitClass) -> bool:
    fits = mask & ~unit_class.allowed == 0 and unit_class.required & ~mask == 0
    whole = len(connected_parts(mask, world.neighbours)) == 1
    return fits and whole and joins_support(mask, world, unit_class)
