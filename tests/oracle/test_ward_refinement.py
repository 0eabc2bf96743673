"""Refined wards: every rule and figure worked out again by plain loops on small worlds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from allocator.errors import PlanningRefusedError, PlanVerificationError
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.settings import PlanSettings
from allocator.travel_time import embedded_travel_time
from allocator.verifier import verify_plan
from allocator.ward_refinement import refine_wards, sentence
from allocator.weekly_plan import plan_week
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import make_world

FLEET = Fleet(tuple(Unit(name, "X") for name in "ABC"), 540, 60)
SEEDS = (2, 3, 4, 6, 8, 9)


def world_of(seed: int) -> RiskAssessment:
    return make_world(seed, n_boroughs=7, wards_each=9)


def record_of(plan: PatrolPlan) -> dict[str, Any]:
    record = plan.settings["ward_refinement"]
    assert isinstance(record, dict)
    return record


def coverage(plan: PatrolPlan, world: RiskAssessment) -> float:
    """Expected coverage of units that patrol their wards, by the definition."""
    rules = PlanSettings()
    rates = [ward.expected_per_week for ward in world.wards]
    ground = sum(place.area_km2 for place in world.places)
    time = [
        0.5 * rate / sum(rates) + 0.5 * place.area_km2 / ground
        for rate, place in zip(rates, world.places, strict=True)
    ]
    seconds = embedded_travel_time(world).seconds
    reached = 0.0
    for target, rate in enumerate(rates):
        missed = 1.0
        for unit in plan.units:
            inside = [n for n, place in enumerate(world.places) if place.code in unit.wards]
            chance = 0.0
            for origin in inside:
                margin = math.log(480 / seconds[origin, target]) / rules.travel_noise
                in_time = (1 + math.erf(margin / math.sqrt(2))) / 2
                chance += time[origin] * (in_time if in_time >= rules.negligible_reach else 0.0)
            missed *= 1 - 0.7 * chance / sum(time[origin] for origin in inside)
        reached += rate * (1 - missed)
    return reached / sum(rates)


def loads(plan: PatrolPlan, world: RiskAssessment) -> list[float]:
    rate = {ward.code: ward.expected_per_week for ward in world.wards}
    equal = sum(rate.values()) / len(plan.units)
    return [sum(rate[code] for code in unit.wards) / equal for unit in plan.units]


@pytest.mark.parametrize("seed", SEEDS)
def test_demand_is_more_even_and_nothing_is_lost(seed: int) -> None:
    world = world_of(seed)
    plan = plan_week(world, FLEET)
    refined = refine_wards(plan, world, FLEET)
    record = record_of(refined)
    for key, one in (("before", plan), ("after", refined)):
        assert record[key]["coverage"] == pytest.approx(coverage(one, world), abs=1e-8)
        assert record[key]["greatest_load"] == pytest.approx(max(loads(one, world)), abs=1e-8)
        assert record[key]["least_load"] == pytest.approx(min(loads(one, world)), abs=1e-8)
    assert record["after"]["coverage"] >= record["before"]["coverage"] - 1e-9
    spread = [sum(load**2 for load in loads(one, world)) for one in (plan, refined)]
    assert spread[1] < spread[0] if record["moved"] else refined.units == plan.units
    same = [replace(unit, wards=()) for unit in plan.units]
    assert [replace(unit, wards=()) for unit in refined.units] == same
    assert (refined.objective, refined.bound) == (plan.objective, plan.bound)
    assert refine_wards(plan, world, FLEET) == refined
    verify_plan(
        refined, world, FLEET, embedded_travel_time(world), PlanSettings(),
        locks={}, previous=None, max_changes=None,
    )  # fmt: skip


def test_most_worlds_have_wards_to_move() -> None:
    moved = [
        record_of(refine_wards(plan_week(world, FLEET), world, FLEET))["moved"]
        for world in map(world_of, SEEDS)
    ]
    assert sum(map(bool, moved)) >= 4


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_locked_or_out_of_bounds_stays(seed: int) -> None:
    world = world_of(seed)
    free = plan_week(world, FLEET)
    first = free.units[0]
    eligible = tuple(sorted(code for unit in free.units[:2] for code in unit.boroughs))
    fleet = replace(
        FLEET,
        units=(replace(FLEET.units[0], eligible_boroughs=eligible), *FLEET.units[1:]),
    )
    locks = {first.unit_id: first.boroughs[:1]}
    plan = plan_week(world, fleet, locks=locks)
    refined = refine_wards(plan, world, fleet)
    borough = {place.code: place.borough_code for place in world.places}
    own = {unit.unit_id: set(unit.wards) for unit in refined.units}
    for code, place in borough.items():
        if place in locks[first.unit_id]:
            assert code in own[first.unit_id]
    assert {borough[code] for code in own[first.unit_id]} <= set(eligible)


def test_tampered_wards_are_found() -> None:
    world = world_of(4)
    refined = refine_wards(plan_week(world, FLEET), world, FLEET)
    far = refined.units[0].wards
    for wards, words in (
        (far[1:], "exactly one unit"),
        ((*far, refined.units[1].wards[0]), "is given to A and B"),
    ):
        broken = replace(
            refined, units=(replace(refined.units[0], wards=wards), *refined.units[1:])
        )
        with pytest.raises(PlanVerificationError, match=words):
            verify(broken, world)
    settings = dict(refined.settings) | {"ward_refinement": {"moved": {"E05000000": ["A", "B"]}}}
    with pytest.raises(PlanVerificationError, match="record of moved wards"):
        verify(replace(refined, settings=settings), world)


def verify(plan: PatrolPlan, world: RiskAssessment) -> None:
    verify_plan(
        plan, world, FLEET, embedded_travel_time(world), PlanSettings(),
        locks={}, previous=None, max_changes=None,
    )  # fmt: skip


def test_only_a_plan_as_made_is_refined() -> None:
    world = world_of(1)
    plan = plan_week(world, FLEET)
    refined = refine_wards(plan, world, FLEET)
    assert "border wards moved" in sentence(refined)
    with pytest.raises(PlanningRefusedError, match="refined already"):
        refine_wards(refined, world, FLEET)
    with pytest.raises(PlanningRefusedError, match="are not refined"):
        sentence(plan)
    with pytest.raises(PlanningRefusedError, match=r"same units \(C\)"):
        refine_wards(plan, world, replace(FLEET, units=FLEET.units[:2]))
    with pytest.raises(PlanningRefusedError, match="other boroughs"):
        refine_wards(plan, make_world(1, n_boroughs=8, wards_each=9), FLEET)
