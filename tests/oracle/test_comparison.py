"""Every row of a comparison against the definition of coverage, and the price of rules."""

from __future__ import annotations

import numpy as np
import pytest

from allocator.comparison import Comparison, compare
from allocator.errors import PlanningRefusedError
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.weekly_plan import plan_week
from tests.oracle.plan_worlds import FREE, SlowCoverage, all_plans, borough_code, make_world

WORLD = make_world(3, n_boroughs=7)
FLEET = Fleet(
    (
        Unit("A", "X"),
        Unit("B", "X", tuple(borough_code(number) for number in range(5))),
        Unit("C", "X", on_duty=(0, 1, 2)),
    ),
    540,
    60,
)
LOCKS = {"A": (borough_code(1),)}


@pytest.fixture(scope="module")
def previous() -> PatrolPlan:
    return plan_week(make_world(4, n_boroughs=7), FLEET, settings=FREE)


@pytest.fixture(scope="module")
def plan(previous: PatrolPlan) -> PatrolPlan:
    return plan_week(WORLD, FLEET, settings=FREE, locks=LOCKS, previous=previous, max_changes=2)


@pytest.fixture(scope="module")
def compared(plan: PatrolPlan, previous: PatrolPlan) -> Comparison:
    return compare(plan, WORLD, FLEET, previous=previous, settings=FREE)


def test_every_row_is_weighed_by_the_definition(compared: Comparison, plan: PatrolPlan) -> None:
    slow = SlowCoverage(WORLD, FLEET, FREE)
    demand = np.array([borough.expected_per_week for borough in WORLD.boroughs])
    assert [row.name for row in compared.alternatives] == [
        "proposed", "previous", "unconstrained", "proportional", "nearest_centre", "greedy",
    ]  # fmt: skip
    for row in compared.alternatives:
        areas = dict(zip("ABC", (frozenset(area) for area in row.areas), strict=True))
        assert row.objective == pytest.approx(slow.of(areas), abs=1e-9)
        assert demand @ row.borough_coverage / demand.sum() == pytest.approx(row.objective)
    first = compared.alternatives[0]
    assert first.objective == pytest.approx(plan.objective, abs=1e-8)
    assert first.borough_coverage == pytest.approx([b.coverage for b in plan.boroughs], abs=1e-8)


def test_the_unconstrained_row_is_the_best_of_all_partitions(compared: Comparison) -> None:
    anywhere = Fleet(tuple(Unit(u.unit_id, "X", on_duty=u.on_duty) for u in FLEET.units), 540, 60)
    slow = SlowCoverage(WORLD, anywhere, FREE)
    best = max(slow.of(areas) for areas in all_plans(WORLD, anywhere, {}))
    row = next(row for row in compared.alternatives if row.name == "unconstrained")
    assert row.objective == pytest.approx(best, abs=1e-6)


def test_a_lock_costs_what_enumeration_says(
    compared: Comparison, plan: PatrolPlan, previous: PatrolPlan
) -> None:
    slow = SlowCoverage(WORLD, FLEET, FREE)
    before = {unit.unit_id: frozenset(unit.boroughs) for unit in previous.units}
    unlocked = [
        slow.of(areas)
        for areas in all_plans(WORLD, FLEET, {})
        if sum(areas[unit_id] != area for unit_id, area in before.items()) <= 2
    ]
    unlimited = [slow.of(areas) for areas in all_plans(WORLD, FLEET, LOCKS)]
    costs = {cost.rule: cost for cost in compared.rule_costs}
    lock = costs["lock of A to Borough 1"]
    assert lock.gain == pytest.approx(max(unlocked) - plan.objective, abs=1e-6)
    assert lock.gain <= lock.gain_at_most <= lock.gain + 1e-6
    changes = costs["at most 2 units change"]
    assert changes.gain == pytest.approx(max(unlimited) - plan.objective, abs=1e-6)
    assert set(costs) == {
        "lock of A to Borough 1", "least workload of every unit", "at most 2 units change",
    }  # fmt: skip


def test_simple_methods_do_what_their_name_says(compared: Comparison) -> None:
    demand = {borough.code: borough.expected_per_week for borough in WORLD.boroughs}
    rows = {row.name: row for row in compared.alternatives}
    assert rows["proportional"].areas[0] == (max(demand, key=lambda code: demand[code]),)
    shared = [code for area in rows["nearest_centre"].areas for code in area]
    assert sorted(shared) == sorted(demand)
    assert all(len(area) == 1 for area in rows["greedy"].areas)


def test_a_plan_of_another_fleet_or_place_is_refused(plan: PatrolPlan) -> None:
    fewer = Fleet(FLEET.units[:2], 540, 60)
    with pytest.raises(PlanningRefusedError, match=r"same units \(C\)"):
        compare(plan, WORLD, fewer)
    with pytest.raises(PlanningRefusedError, match="other boroughs"):
        compare(plan, make_world(3, n_boroughs=8), FLEET)


def test_without_time_only_what_needs_no_solve_is_shown(plan: PatrolPlan) -> None:
    quick = compare(plan, WORLD, FLEET, settings=FREE, time_limit_s=0.0)
    names = [row.name for row in quick.alternatives]
    assert names == ["proposed", "proportional", "nearest_centre", "greedy"]
    assert quick.rule_costs == ()
