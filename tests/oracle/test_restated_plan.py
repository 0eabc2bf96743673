"""A plan's areas on another picture: figures of that picture alone, exact against definitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from allocator.errors import PlanningRefusedError
from allocator.plan import Fleet, PatrolPlan, Unit, sealed
from allocator.restated_plan import RESTATED, restate_plan
from allocator.settings import PlanSettings
from allocator.ward_refinement import refine_wards
from allocator.weekly_plan import plan_week
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import FREE, SlowCoverage, all_plans, borough_code, make_world

FLEET = Fleet((Unit("A", "X"), Unit("B", "X"), Unit("C", "Y")), 540, 60)


def otherwise(world: RiskAssessment, seed: int) -> RiskAssessment:
    """Return the same wards with other rates, as a picture without some material has."""
    random = np.random.default_rng(seed)
    rates = [ward.expected_per_week * float(random.uniform(0.2, 3.0)) for ward in world.wards]
    wards = tuple(
        replace(ward, expected_per_week=rate) for ward, rate in zip(world.wards, rates, strict=True)
    )
    draws = np.tile(np.array(rates, dtype=np.float32), (3, 1))
    return replace(world, wards=wards, draws=draws, assessment_id="other")


def areas_of(plan: PatrolPlan) -> dict[str, frozenset[str]]:
    return {unit.unit_id: frozenset(unit.boroughs) for unit in plan.units}


def blurred(plan: PatrolPlan) -> PatrolPlan:
    """Return the plan with every figure and sentence that came of its own evidence altered."""
    figures = ("robustness", "workload_cap", "workload_floor", "candidate_areas", "busy_fractions")
    return replace(
        plan,
        objective=0.111,
        bound=0.222,
        gap=1.0,
        inputs_sha256="f" * 64,
        assessment_id="whole",
        units=tuple(
            replace(unit, reason="The Crow said so.", marginal_coverage=0.123, runner_up=None)
            for unit in plan.units
        ),
        boroughs=tuple(replace(one, coverage=0.321) for one in plan.boroughs),
        settings={name: kept for name, kept in plan.settings.items() if name not in figures},
    )


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_the_other_picture_by_definition(seed: int) -> None:
    world = make_world(seed, n_boroughs=7)
    other = otherwise(world, seed + 10)
    plan = plan_week(world, FLEET, settings=FREE)
    made = restate_plan(plan, other, FLEET, settings=FREE)
    slow = SlowCoverage(other, FLEET, FREE)
    assert areas_of(made) == areas_of(plan)
    assert [unit.wards for unit in made.units] == [unit.wards for unit in plan.units]
    assert made.objective == pytest.approx(slow.of(areas_of(plan)), abs=2e-7)
    for borough in made.boroughs:
        expected = slow.of_borough(areas_of(plan), borough.code)
        assert borough.coverage == pytest.approx(expected, abs=2e-7)
    best = max(slow.of(areas) for areas in all_plans(other, FLEET, {}))
    assert made.bound == pytest.approx(best, abs=2e-6)
    assert (made.status == "optimal") == (best - made.objective <= 1e-7 * best)
    assert made.assessment_id == "other"
    assert made.plan_id != plan.plan_id
    for unit in made.units:
        if unit.runner_up is not None:
            assert unit.runner_up.objective_loss >= made.objective - best - 1e-6


def test_on_its_own_evidence_a_plan_is_what_it_was() -> None:
    world = make_world(4, n_boroughs=8)
    plan = plan_week(world, FLEET, locks={"B": (borough_code(5),)}, support={"A": ()})
    again = restate_plan(plan, world, FLEET)
    assert (again.objective, again.units, again.boroughs) == (
        plan.objective, plan.units, plan.boroughs,
    )  # fmt: skip
    assert again.status == "optimal"
    kept = {name: value for name, value in again.settings.items() if name != RESTATED}
    assert kept == plan.settings


def _cases() -> list[tuple[str, Fleet, dict[str, object]]]:
    busy = replace(FLEET, calls_per_week=40.0, service_time_s=3_600.0)
    return [
        ("plain", FLEET, {}),
        ("rules", FLEET, {"locks": {"A": (borough_code(2),)},
                          "excludes": {"C": (borough_code(0),)},
                          "settings": PlanSettings(coverage_floor=0.05)}),
        ("busy", busy, {}),
        ("robust", FLEET, {"settings": PlanSettings(robust="cvar")}),
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "fleet", "asked"), _cases(), ids=[one[0] for one in _cases()])
def test_nothing_of_the_evidence_behind_the_plan_gets_through(
    name: str, fleet: Fleet, asked: dict[str, object]
) -> None:
    world = make_world(5, n_boroughs=8)
    other = otherwise(world, 6)
    plan = plan_week(world, fleet, **asked)  # type: ignore[arg-type]  # cases of keyword arguments
    made = restate_plan(plan, other, fleet)
    from_blurred = restate_plan(blurred(plan), other, fleet)
    assert "Crow" not in repr(from_blurred)
    assert from_blurred == made
    assert made.settings[RESTATED] == {
        "areas_of": plan.plan_id,
        "coverage_floor": 0.05 if name == "rules" else 0.0,
    }
    assert restate_plan(plan, other, fleet) == made


def test_areas_kept_by_a_limit_on_changes_stay_beside_the_bounds_on_workload() -> None:
    world = make_world(7, n_boroughs=8)
    before = plan_week(world, FLEET)
    skewed = [replace(one, expected_per_week=50.0 if n == 0 else 0.01)
              for n, one in enumerate(world.wards)]  # fmt: skip
    lopsided = replace(
        world, wards=tuple(skewed), assessment_id="lopsided",
        draws=np.tile(np.array([one.expected_per_week for one in skewed], np.float32), (3, 1)),
    )  # fmt: skip
    plan = plan_week(world, FLEET, previous=before, max_changes=0)
    made = restate_plan(plan, lopsided, FLEET, previous=before)
    assert areas_of(made) == areas_of(before)
    assert made.settings["max_changes"] == 0
    assert all("same area as in the previous plan" in unit.reason for unit in made.units)


def test_refined_wards_are_kept_and_weighed_anew() -> None:
    world = make_world(4, n_boroughs=7, wards_each=9)
    plan = refine_wards(plan_week(world, FLEET), world, FLEET)
    other = otherwise(world, 3)
    made = restate_plan(plan, other, FLEET)
    assert [unit.wards for unit in made.units] == [unit.wards for unit in plan.units]
    own, theirs = made.settings["ward_refinement"], plan.settings["ward_refinement"]
    assert isinstance(own, dict)
    assert isinstance(theirs, dict)
    assert own["moved"] == theirs["moved"] != {}
    assert own["after"] != theirs["after"]
    assert own["before"] != theirs["before"]


def test_a_plan_of_other_units_or_boroughs_is_refused() -> None:
    world = make_world(1, n_boroughs=7)
    plan = plan_week(world, FLEET)
    with pytest.raises(PlanningRefusedError, match="places C, which the fleet does not have"):
        restate_plan(plan, world, replace(FLEET, units=FLEET.units[:2]))
    with pytest.raises(PlanningRefusedError, match="other boroughs"):
        restate_plan(plan, make_world(1, n_boroughs=6), FLEET)
    fewer = replace(FLEET, units=(*FLEET.units, Unit("D", "X")))
    assert restate_plan(sealed(plan), world, fewer).objective == plan.objective
