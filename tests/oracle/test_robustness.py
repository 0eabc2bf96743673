"""Coverage over posterior draws, by the definition, and the most robust plan by enumeration."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from allocator.errors import PlanningRefusedError
from allocator.event_calendar import Event
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.settings import PlanSettings
from allocator.weekly_plan import plan_week
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import FREE, SlowCoverage, all_plans, borough_code, make_world

FLEET = Fleet((Unit("A", "X"), Unit("B", "X"), Unit("C", "Y", on_duty=(0, 1, 2, 3))), 540, 60)


def uncertain(seed: int, spread: float) -> RiskAssessment:
    """A world whose draws scatter widely around its rates."""
    world = make_world(seed, n_boroughs=6)
    rates = np.array([ward.expected_per_week for ward in world.wards])
    shape = 1.0 / spread**2
    draws = np.random.default_rng(seed).gamma(shape, rates / shape, (60, len(rates)))
    return replace(world, draws=draws.astype(np.float32))


def slow_by_draw(world: RiskAssessment, areas: dict[str, frozenset[str]]) -> list[float]:
    """The coverage of a plan if each draw were the demand; patrols follow the mean."""
    slow = SlowCoverage(world, FLEET, FREE)
    reached = [slow.reached(areas, ward) for ward in range(len(world.wards))]
    return [
        sum(rate * share for rate, share in zip(row, reached, strict=True)) / sum(row)
        for row in world.draws.astype(float).tolist()
    ]


def worst_tenth(by_draw: list[float]) -> float:
    lowest = sorted(by_draw)[: round(len(by_draw) / 10)]
    return sum(lowest) / len(lowest)


def areas_of(plan: PatrolPlan) -> dict[str, frozenset[str]]:
    return {unit.unit_id: frozenset(unit.boroughs) for unit in plan.units}


def robustness(plan: PatrolPlan) -> dict[str, float]:
    told = plan.settings["robustness"]
    assert isinstance(told, dict)
    return told


@pytest.mark.parametrize("seed", range(3))
def test_every_plan_tells_its_coverage_over_the_draws(seed: int) -> None:
    world = uncertain(seed, 0.8)
    plan = plan_week(world, FLEET, settings=FREE)
    by_draw = slow_by_draw(world, areas_of(plan))
    told = robustness(plan)
    assert told["n_draws"] == 60
    assert told["mean"] == pytest.approx(sum(by_draw) / 60, abs=1e-7)
    assert told["worst_tenth"] == pytest.approx(worst_tenth(by_draw), abs=1e-7)
    assert told["worst_tenth_bound"] is None


@pytest.mark.parametrize("seed", range(4))
def test_the_robust_plan_against_enumeration(seed: int) -> None:
    world = uncertain(seed, 1.0)
    best = max(worst_tenth(slow_by_draw(world, areas)) for areas in all_plans(world, FLEET, {}))
    usual = plan_week(world, FLEET, settings=FREE)
    robust = plan_week(world, FLEET, settings=replace(FREE, robust="cvar"))
    told = robustness(robust)
    assert told["worst_tenth"] == pytest.approx(
        worst_tenth(slow_by_draw(world, areas_of(robust))), abs=1e-7
    )
    assert robustness(usual)["worst_tenth"] - 1e-9 <= told["worst_tenth"] <= best + 1e-7
    assert told["worst_tenth_bound"] >= best - 1e-7
    assert told["worst_tenth"] >= 0.97 * best
    assert robust.objective <= usual.objective + 1e-9
    assert robust.objective <= robust.bound
    assert robust.settings["robust"] == "cvar"


def test_draws_that_agree_change_nothing() -> None:
    world = make_world(2, n_boroughs=6)
    usual = plan_week(world, FLEET, settings=FREE)
    robust = plan_week(world, FLEET, settings=replace(FREE, robust="cvar"))
    assert areas_of(robust) == areas_of(usual)
    told = robustness(robust)
    assert told["worst_tenth"] == pytest.approx(usual.objective, abs=1e-6)
    assert told["worst_tenth_bound"] == pytest.approx(usual.objective, abs=1e-5)


def test_a_robust_plan_keeps_the_floor_and_knows_events() -> None:
    world = uncertain(1, 1.0)
    match = Event("Match", date(2026, 11, 28), date(2026, 11, 28), (borough_code(2),), (), 2.0)
    settings = replace(FREE, robust="cvar", coverage_floor=0.2)
    plan = plan_week(world, FLEET, week="2026-W48", events=[match], settings=settings)
    assert min(borough.coverage for borough in plan.boroughs) >= 0.2 - 1e-8
    assert robustness(plan)["worst_tenth"] <= robustness(plan)["worst_tenth_bound"]
    assert robustness(plan)["mean"] == pytest.approx(plan.objective, abs=0.05)


def test_draws_without_any_incident_are_left_out() -> None:
    world = make_world(2, n_boroughs=6)
    plan = plan_week(replace(world, draws=np.zeros_like(world.draws)), FLEET)
    assert plan.settings["robustness"] is None


def test_only_known_measures_are_taken() -> None:
    with pytest.raises(PlanningRefusedError, match="robust is 'worst'"):
        PlanSettings(robust="worst")  # type: ignore[arg-type] # what a caller may get wrong
