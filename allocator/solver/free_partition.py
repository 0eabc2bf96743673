"""The plan without the meeting's rules: a partition into connected areas, and nothing else.

Eligibility, locks, workload and size of areas are left aside; every borough still lies in one
connected area. A local search from the proposed plan finds it in a fraction of a second and
proves nothing: it shows what the rules cost at least.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from allocator import coverage
from allocator.patrol_areas import connected_parts, mask_of, members_of, membership
from allocator.plan import Fleet, PatrolPlan
from allocator.plan_world import Floats, World, build_world
from allocator.settings import PlanSettings
from allocator.travel_time import TravelTime
from hotspots.assessment import RiskAssessment

DAYS_IN_WEEK = 7
MIN_GAIN = 1e-9
#: Beyond this many boroughs only single boroughs move, and not for ever: it would take minutes.
MOST_TO_EXCHANGE = 64
MOST_STEPS, MOST_STEPS_OF_MANY = 500, 20

Step = tuple[tuple[int, int], ...]  # position of a unit and its new area, for each that changes


def free_partition(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    fleet: Fleet,
    *,
    travel: TravelTime,
    settings: PlanSettings | None = None,
) -> dict[str, tuple[str, ...]]:
    """Improve a plan's areas by moving and exchanging border boroughs, whatever the rules.

    Parameters
    ----------
    plan, assessment, fleet
        The plan, the assessment it was made from, and its units.
    travel, settings
        Drive times and assumptions of the coverage.

    Returns
    -------
    dict
        Borough codes by unit_id: at least the plan's coverage, each area connected.

    Raises
    ------
    PlanningRefusedError
        Demand, wards, boroughs or the travel-time matrix cannot be used.
    """
    chosen = settings or PlanSettings()
    world = build_world(assessment, fleet, travel, chosen)
    days = {unit.unit_id: len(unit.on_duty) for unit in fleet.units}
    unit_ids = sorted(unit.unit_id for unit in plan.units if unit.boroughs)
    placed = {unit.unit_id: unit.boroughs for unit in plan.units}
    duty = [days.get(unit_id, DAYS_IN_WEEK) / DAYS_IN_WEEK for unit_id in unit_ids]
    areas = [mask_of(world.borough_codes, placed[unit_id]) for unit_id in unit_ids]
    found = _climbed(world, _Exposures(world, duty, chosen.busy_fraction), areas)
    return {
        unit_id: tuple(world.borough_codes[member] for member in members_of(mask))
        for unit_id, mask in zip(unit_ids, found, strict=True)
    }


class _Exposures:
    """Exposure of every ward to a unit in an area, worked out once for each area."""

    def __init__(self, world: World, duty: list[float], busy_fraction: float) -> None:
        self._world = world
        self._duty = duty
        self._busy_fraction = busy_fraction
        self._known: dict[tuple[float, int], Floats] = {}

    def of(self, unit: int, mask: int) -> Floats:
        """Return float (n_wards,)."""
        key = self._duty[unit], mask
        if key not in self._known:
            members = membership([mask], len(self._world.borough_codes))
            reach = coverage.area_reach(
                self._world.reach_from_borough, self._world.borough_weight, members
            )
            self._known[key] = coverage.exposure(reach[:, 0], key[0], self._busy_fraction)
        return self._known[key]


def _climbed(world: World, exposures: _Exposures, areas: list[int]) -> list[int]:
    """Take the best step until none gains, or often enough."""
    current = list(areas)
    total = np.sum([exposures.of(unit, mask) for unit, mask in enumerate(current)], axis=0)
    objective = coverage.expected_coverage(world.demand, total)
    many = len(world.borough_codes) > MOST_TO_EXCHANGE
    for _ in range(MOST_STEPS_OF_MANY if many else MOST_STEPS):
        best: tuple[float, Floats, Step] | None = None
        for step in _steps(world, current):
            changed = total + sum(
                exposures.of(unit, mask) - exposures.of(unit, current[unit]) for unit, mask in step
            )
            value = coverage.expected_coverage(world.demand, changed)
            if value > (best[0] if best else objective + MIN_GAIN):
                best = value, changed, step
        if best is None:
            break
        objective, total, step = best
        for unit, mask in step:
            current[unit] = mask
    return current


def _steps(world: World, areas: list[int]) -> Iterator[Step]:
    """Every move of a border borough and every exchange of two that keeps areas connected."""
    owner = {member: unit for unit, mask in enumerate(areas) for member in members_of(mask)}
    near = _areas_near(world, owner)
    for member, unit in sorted(owner.items()):
        for other in sorted(near[member] - {unit}):
            step = (unit, areas[unit] & ~(1 << member)), (other, areas[other] | 1 << member)
            if _connected(world, step):
                yield step
    if len(owner) > MOST_TO_EXCHANGE:
        return
    for one, unit in sorted(owner.items()):
        for two, other in sorted(owner.items()):
            if unit < other and other in near[one] and unit in near[two]:
                step = (
                    (unit, areas[unit] & ~(1 << one) | 1 << two),
                    (other, areas[other] & ~(1 << two) | 1 << one),
                )
                if _connected(world, step):
                    yield step


def _areas_near(world: World, owner: Mapping[int, int]) -> dict[int, set[int]]:
    """Units whose area a borough adjoins."""
    return {
        member: {owner[other] for other in members_of(world.neighbours[member]) if other in owner}
        for member in owner
    }


def _connected(world: World, step: Step) -> bool:
    return all(mask and len(connected_parts(mask, world.neighbours)) == 1 for _, mask in step)
