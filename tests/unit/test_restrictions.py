"""Exclusions, support, near ties and runners-up: what a planner asks for single units."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from allocator.errors import LockRefusedError, PlanInfeasibleError, PlanVerificationError
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.settings import PlanSettings
from allocator.travel_time import embedded_travel_time
from allocator.verifier import verify_plan
from allocator.weekly_plan import plan_week
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import FREE, SlowCoverage, all_plans, borough_code, make_world

WORLD = make_world(2, n_boroughs=7)
FLEET = Fleet((Unit("A", "X"), Unit("B", "X"), Unit("C", "X")), 540, 60)


def area(plan: PatrolPlan, unit_id: str) -> set[str]:
    return next(set(unit.boroughs) for unit in plan.units if unit.unit_id == unit_id)


@pytest.mark.parametrize("seed", range(3))
def test_an_exclusion_costs_what_enumeration_says(seed: int) -> None:
    world = make_world(seed, n_boroughs=7)
    excludes = {"A": tuple(borough_code(n) for n in (0, 1, 2)), "B": (borough_code(6),)}
    coverage = SlowCoverage(world, FLEET, FREE)
    best = max(
        coverage.of(areas)
        for areas in all_plans(world, FLEET, {})
        if all(not areas[unit_id] & set(codes) for unit_id, codes in excludes.items())
    )
    plan = plan_week(world, FLEET, excludes=excludes, settings=FREE)
    assert plan.objective == pytest.approx(best, abs=2e-7)
    assert not area(plan, "A") & set(excludes["A"])
    assert plan.settings["excludes"] == {unit: sorted(codes) for unit, codes in excludes.items()}


@pytest.mark.parametrize("seed", range(3))
def test_support_is_covered_beside_an_area_that_still_partitions(seed: int) -> None:
    world = make_world(seed, n_boroughs=7)
    support = {"A": (borough_code(3),)}
    slow = SlowCoverage(world, FLEET, FREE)
    roads = {frozenset((link.code_a, link.code_b)) for link in world.borough_links}

    def value(areas: dict[str, frozenset[str]]) -> float:
        return slow.of({**areas, "A": areas["A"] | set(support["A"])})

    def joins(areas: dict[str, frozenset[str]]) -> bool:
        near = any(frozenset((code, borough_code(3))) in roads for code in areas["A"])
        return borough_code(3) not in areas["A"] and near

    best = max(value(areas) for areas in all_plans(world, FLEET, {}) if joins(areas))
    plan = plan_week(world, FLEET, support=support, settings=FREE)
    assert plan.objective == pytest.approx(best, abs=2e-7)
    unit = plan.units[0]
    assert unit.support == support["A"]
    assert "also supports Borough 3" in unit.reason
    assert sorted(code for one in plan.units for code in one.boroughs) == [
        borough.code for borough in world.boroughs
    ]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"excludes": {"Z": (borough_code(0),)}}, "'Z', which is not in the fleet"),
        ({"excludes": {"A": ("E09000099",)}}, "'E09000099', which is not a patrolled"),
        ({"excludes": {"A": tuple(borough_code(n) for n in range(7))}}, "no borough to patrol"),
        ({"support": {"Z": (borough_code(0),)}}, "'Z', which is not in the fleet"),
        (
            {"support": {"A": (borough_code(0),)}, "excludes": {"A": (borough_code(0),)}},
            "where it may not patrol",
        ),
        (
            {"support": {"A": (borough_code(0),)}, "locks": {"A": (borough_code(0),)}},
            "both locked to",
        ),
        (
            {"excludes": {"A": (borough_code(0),)}, "locks": {"A": (borough_code(0),)}},
            "may patrol only",
        ),
    ],
)
def test_what_contradicts_is_refused(
    request_: dict[str, dict[str, tuple[str, ...]]], words: str
) -> None:
    with pytest.raises(LockRefusedError, match=words) as refusal:
        plan_week(WORLD, FLEET, **request_)  # type: ignore[arg-type] # one keyword at a time
    assert "Remedy: " in str(refusal.value)


def test_support_that_cannot_be_joined_is_infeasible() -> None:
    units = (Unit("A", "X", (borough_code(0), borough_code(6))), *FLEET.units[1:])
    with pytest.raises(PlanInfeasibleError, match="Borough 6, which it supports"):
        plan_week(
            WORLD,
            replace(FLEET, units=units),
            locks={"A": (borough_code(0),)},
            support={"A": (borough_code(6),)},
            settings=FREE,
        )


def test_the_verifier_catches_wrong_support_and_exclusions() -> None:
    plan = plan_week(WORLD, FLEET, settings=FREE)
    travel = embedded_travel_time(WORLD)

    def check(**request: dict[str, tuple[str, ...]]) -> None:
        verify_plan(
            plan, WORLD, FLEET, travel, FREE, locks={}, previous=None, max_changes=None, **request
        )

    check()
    inside, outside = plan.units[0].boroughs[0], plan.units[1].boroughs[0]
    with pytest.raises(PlanVerificationError, match="keep out"):
        check(excludes={plan.units[0].unit_id: (inside,)})
    with pytest.raises(PlanVerificationError, match="asked was"):
        check(support={plan.units[0].unit_id: (outside,)})


def changes(before: PatrolPlan, after: PatrolPlan) -> int:
    return sum(area(before, unit.unit_id) != set(unit.boroughs) for unit in after.units)


@pytest.mark.parametrize("seed", range(6))
def test_near_ties_change_as_few_areas_as_enumeration_says(seed: int) -> None:
    world = make_world(seed, n_boroughs=7)
    first = plan_week(world, FLEET, settings=FREE)
    moved = _reversed_demand(world)
    rules = replace(FREE, gap_tolerance=0.02)
    plan = plan_week(moved, FLEET, previous=first, settings=rules)
    slow = SlowCoverage(moved, FLEET, FREE)
    before = {unit.unit_id: frozenset(unit.boroughs) for unit in first.units}
    floor = plan.bound / 1.02
    fewest = min(
        sum(areas[unit_id] != old for unit_id, old in before.items())
        for areas in all_plans(moved, FLEET, {})
        if slow.of(areas) >= floor + 1e-7
    )
    assert changes(first, plan) <= fewest
    assert plan.status == "optimal"
    assert plan.gap <= 0.02 + 1e-9


def test_the_same_demand_keeps_every_area() -> None:
    rules = PlanSettings(gap_tolerance=0.01, workload_cap=math.inf, workload_floor=0.0)
    first = plan_week(WORLD, FLEET, settings=rules)
    assert changes(first, plan_week(WORLD, FLEET, previous=first, settings=rules)) == 0


def _reversed_demand(world: RiskAssessment) -> RiskAssessment:
    rates = [ward.expected_per_week for ward in world.wards][::-1]
    wards = tuple(
        replace(ward, expected_per_week=0.7 * ward.expected_per_week + 0.3 * rate)
        for ward, rate in zip(world.wards, rates, strict=True)
    )
    return replace(world, wards=wards)


@pytest.mark.parametrize("seed", range(5))
def test_a_runner_up_changes_the_partition_and_costs_something(seed: int) -> None:
    plan = plan_week(make_world(seed, n_boroughs=8), FLEET, settings=FREE)
    areas = {unit.boroughs for unit in plan.units}
    offered = [unit.runner_up for unit in plan.units if unit.runner_up is not None]
    assert offered
    for other in offered:
        assert other.boroughs not in areas
        assert other.objective_loss > 0
