"""The plan without rules: connected, whole, and as good as complete enumeration finds."""

from __future__ import annotations

import pytest

from allocator.plan import Fleet, Unit
from allocator.solver.free_partition import free_partition
from allocator.travel_time import embedded_travel_time
from allocator.weekly_plan import plan_week
from tests.oracle.plan_worlds import FREE, SlowCoverage, all_plans, connected, make_world


@pytest.mark.parametrize("seed", range(8))
def test_every_borough_in_one_connected_area_and_hardly_below_the_best(seed: int) -> None:
    town = make_world(seed, n_boroughs=6)
    units = tuple(Unit(f"A{number}", "CO19") for number in range(3))
    bound = (Unit("A0", "CO19", tuple(b.code for b in town.boroughs[:4])), *units[1:])
    fleet = Fleet(bound, 540, 60)
    plan = plan_week(town, fleet, settings=FREE)
    found = free_partition(plan, town, fleet, travel=embedded_travel_time(town), settings=FREE)
    roads = {frozenset((link.code_a, link.code_b)) for link in town.borough_links}
    assert sorted(code for area in found.values() for code in area) == [
        borough.code for borough in town.boroughs
    ]
    assert all(connected(frozenset(area), roads) for area in found.values())
    slow = SlowCoverage(town, fleet, FREE)
    got = slow.of({unit_id: frozenset(area) for unit_id, area in found.items()})
    free = Fleet(units, 540, 60)
    best = max(slow.of(areas) for areas in all_plans(town, free, {}))
    assert plan.objective - 1e-6 <= got <= best + 1e-9
    assert got >= 0.98 * best  # a local search: near the best, without proof
