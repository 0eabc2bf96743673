"""The coverage floor against complete enumeration: the best plan that keeps it, or a refusal."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from allocator.comparison import compare
from allocator.conflicts import ConflictError
from allocator.errors import PlanInfeasibleError, PlanVerificationError
from allocator.plan import Fleet, Unit
from allocator.replan import ReplanRequest, replan
from allocator.travel_time import embedded_travel_time
from allocator.verifier import verify_plan
from allocator.weekly_plan import plan_week
from tests.oracle.plan_worlds import FREE, SlowCoverage, all_plans, borough_code, make_world

FLEET = Fleet((Unit("A", "X"), Unit("B", "X"), Unit("C", "Y")), 540, 60)
WORLDS = [make_world(seed, n_boroughs=7) for seed in range(4)]


def worst_and_mean(seed: int) -> list[tuple[float, float]]:
    """Coverage of the worst-off borough and of all, for every partition."""
    world = WORLDS[seed]
    slow = SlowCoverage(world, FLEET, FREE)
    codes = [borough.code for borough in world.boroughs]
    return [
        (min(slow.of_borough(areas, code) for code in codes), slow.of(areas))
        for areas in all_plans(world, FLEET, {})
    ]


@pytest.mark.parametrize("seed", range(4))
def test_the_plan_is_the_best_that_keeps_the_floor(seed: int) -> None:
    found = worst_and_mean(seed)
    free = max(found, key=lambda one: one[1])
    highest = max(worst for worst, _ in found)
    for share in (0.3, 0.7, 0.99):
        floor = free[0] + share * (highest - free[0])
        best = max(mean for worst, mean in found if worst >= floor)
        plan = plan_week(WORLDS[seed], FLEET, settings=replace(FREE, coverage_floor=floor))
        assert plan.objective == pytest.approx(best, abs=2e-7)
        assert plan.status == "optimal"
        assert plan.bound == pytest.approx(best, abs=3e-7)
        assert min(borough.coverage for borough in plan.boroughs) >= floor - 1e-8
        assert plan.settings["coverage_floor"] == pytest.approx(floor, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_floor_no_plan_keeps_names_the_best_floor_and_the_borough(seed: int) -> None:
    highest = max(worst for worst, _ in worst_and_mean(seed))
    with pytest.raises(ConflictError, match="best floor possible") as refusal:
        plan_week(WORLDS[seed], FLEET, settings=replace(FREE, coverage_floor=highest + 0.005))
    told = float(str(refusal.value).split("best floor possible is ")[1].split("%")[0]) / 100
    assert highest - 0.0021 <= told <= highest
    assert "the worst off" in str(refusal.value)
    assert [rule.kind for rule in refusal.value.conflict] == ["floor"]
    assert "lower floor" in refusal.value.remedy


def test_a_lock_that_breaks_the_floor_is_named_with_it() -> None:
    world, seed = WORLDS[0], 0
    highest = max(worst for worst, _ in worst_and_mean(seed))
    slow = SlowCoverage(world, FLEET, FREE)
    codes = [borough.code for borough in world.boroughs]
    floor = highest - 0.01
    locks: dict[str, tuple[str, ...]] = {}
    for first, second in itertools.permutations(codes, 2):
        locks = {"A": (first,), "B": (second,)}
        possible = any(
            min(slow.of_borough(areas, one) for one in codes) >= floor
            for areas in all_plans(world, FLEET, locks)
        )
        if not possible:
            break
    else:
        pytest.fail("every pair of locks allows the floor: the world is too easy")
    with pytest.raises(ConflictError) as refusal:
        plan_week(world, FLEET, locks=locks, settings=replace(FREE, coverage_floor=floor))
    assert {rule.kind for rule in refusal.value.conflict} == {"floor", "lock"}
    assert [rule.kind for rule in refusal.value.relaxation] == ["floor"]


def test_the_floor_has_a_price_and_stays_in_force() -> None:
    world = WORLDS[1]
    free = plan_week(world, FLEET, settings=FREE)
    lowest = min(borough.coverage for borough in free.boroughs)
    highest = max(worst for worst, _ in worst_and_mean(1))
    settings = replace(FREE, coverage_floor=(lowest + 2 * highest) / 3)
    plan = plan_week(world, FLEET, settings=settings)
    prices = {
        cost.rule: cost.gain for cost in compare(plan, world, FLEET, settings=settings).rule_costs
    }
    price = next(gain for rule, gain in prices.items() if rule.startswith("coverage of at least"))
    assert price == pytest.approx(free.objective - plan.objective, abs=1e-7)
    mended = replan(world, FLEET, ReplanRequest(plan)).plan
    kept = mended.settings["coverage_floor"]
    assert kept == pytest.approx(settings.coverage_floor, abs=1e-9)


def test_a_borough_without_demand_has_a_floor_too() -> None:
    world = WORLDS[2]
    empty = borough_code(3)
    quiet = replace(
        world,
        wards=tuple(
            replace(ward, expected_per_week=0.0) if ward.borough_code == empty else ward
            for ward in world.wards
        ),
    )
    floors = []
    for floor in (0.0, 0.2, 0.3):
        try:
            plan = plan_week(quiet, FLEET, settings=replace(FREE, coverage_floor=floor))
        except PlanInfeasibleError:
            continue
        floors.append(floor)
        assert min(borough.coverage for borough in plan.boroughs) >= floor - 1e-8
    assert len(floors) > 1


def test_the_verifier_works_the_floor_out_itself() -> None:
    world = WORLDS[0]
    plan = plan_week(world, FLEET, settings=FREE)
    lowest = min(borough.coverage for borough in plan.boroughs)
    with pytest.raises(PlanVerificationError, match="the floor is"):
        verify_plan(
            plan,
            world,
            FLEET,
            embedded_travel_time(world),
            replace(FREE, coverage_floor=lowest + 1e-4),
            locks={},
            previous=None,
            max_changes=None,
        )
