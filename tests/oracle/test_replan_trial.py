"""A lost unit in simulation: the re-plan wins back nearly what a new plan would."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest

from allocator.errors import PlanDocumentRefusedError, PlanningRefusedError
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.replan import Replan, ReplanRequest, replan
from allocator.replan_trial import TUESDAY_22_H, ReplanTrial, try_replan
from allocator.simulation.assumptions import SimulationAssumptions
from allocator.simulation.weeks import simulate_plan
from allocator.travel_time import embedded_travel_time
from allocator.weekly_plan import plan_week
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import make_world

FLEET = Fleet(tuple(Unit(f"U-{n}", "CO19") for n in range(4)), 540, 60)
WORK = SimulationAssumptions(calls_per_week=60.0)


@cache
def _loss(unit_id: str) -> tuple[RiskAssessment, PatrolPlan, Replan]:
    assessment = make_world(12, n_boroughs=9, wards_each=3)
    plan = plan_week(assessment, FLEET)
    return assessment, plan, replan(assessment, FLEET, ReplanRequest(plan, lost=(unit_id,)))


def _trial(unit_id: str, *, weeks: int = 60, seed: int = 3) -> ReplanTrial:
    assessment, plan, outcome = _loss(unit_id)
    return try_replan(
        plan, outcome, assessment, FLEET, embedded_travel_time(assessment),
        weeks=weeks, seed=seed, assumptions=WORK,
    )  # fmt: skip


@pytest.mark.parametrize("unit_id", [unit.unit_id for unit in FLEET.units])
def test_the_mended_plan_recovers_at_least_97_percent(unit_id: str) -> None:
    trial = _trial(unit_id)
    assert trial.lost == (unit_id,)
    assert trial.recovered.value >= 0.97
    assert trial.recovered.value == pytest.approx(
        trial.everywhere.mended.value / trial.everywhere.from_scratch.value
    )
    for answers in (trial.everywhere, trial.left_area):
        assert answers.undisturbed.value > answers.unmended.value
        assert answers.undisturbed.value > answers.mended.value


def test_mending_wins_something_back_over_all_losses() -> None:
    trials = [_trial(unit.unit_id) for unit in FLEET.units]
    for name in ("everywhere", "left_area"):
        mended = np.mean([getattr(trial, name).mended.value for trial in trials])
        assert mended > np.mean([getattr(trial, name).unmended.value for trial in trials])


def test_only_calls_after_the_loss_count() -> None:
    assessment, plan, outcome = _loss("U-1")
    travel = embedded_travel_time(assessment)
    late = _trial("U-1")
    whole = try_replan(
        plan, outcome, assessment, FLEET, travel, weeks=60, seed=3, after_s=0.0, assumptions=WORK
    )
    expected = 1 - TUESDAY_22_H / (7 * 86_400)
    assert late.calls / whole.calls == pytest.approx(expected, abs=0.03)
    alone = simulate_plan(plan, assessment, travel, weeks=60, seed=3, fleet=FLEET, assumptions=WORK)
    assert (
        whole.everywhere.undisturbed.value == alone.share_within.value
    )  # the same weeks, call by call
    assert whole.calls == alone.calls


def test_the_left_area_is_what_the_lost_unit_patrolled() -> None:
    assessment, plan, outcome = _loss("U-3")
    travel = embedded_travel_time(assessment)
    whole = try_replan(
        plan, outcome, assessment, FLEET, travel, weeks=60, seed=3, after_s=0.0, assumptions=WORK
    )
    alone = simulate_plan(plan, assessment, travel, weeks=60, seed=3, fleet=FLEET, assumptions=WORK)
    area = next(unit.boroughs for unit in plan.units if unit.unit_id == "U-3")
    there = [one for one in alone.boroughs if one.code in area]
    reached = sum(one.calls * one.share_within.value for one in there if one.share_within)
    calls = sum(one.calls for one in there)
    assert whole.left_area.undisturbed.value == pytest.approx(reached / calls)


def test_one_seed_repeats_and_two_differ() -> None:
    assert asdict(_trial("U-2")) == asdict(_trial("U-2"))
    assert _trial("U-2").everywhere != _trial("U-2", seed=4).everywhere


def test_what_is_no_loss_is_refused() -> None:
    assessment, plan, outcome = _loss("U-1")
    travel = embedded_travel_time(assessment)
    same = replace(outcome, plan=plan, from_scratch=plan)
    with pytest.raises(PlanDocumentRefusedError, match="4 units; the mended plans have 4, 4"):
        try_replan(plan, same, assessment, FLEET, travel, weeks=2, seed=0)
    other = replace(outcome, from_scratch=_loss("U-2")[2].plan)
    with pytest.raises(PlanDocumentRefusedError, match="mended plans have 3, 3"):
        try_replan(plan, other, assessment, FLEET, travel, weeks=2, seed=0)
    for after_s in (-1.0, 7 * 86_400.0, float("nan")):
        with pytest.raises(PlanningRefusedError, match="after Monday 00:00"):
            try_replan(plan, outcome, assessment, FLEET, travel, weeks=2, seed=0, after_s=after_s)
    with pytest.raises(PlanningRefusedError, match="none was reached"):
        try_replan(
            plan, outcome, assessment, replace(FLEET, service_standard_s=1, turnout_s=0),
            travel, weeks=2, seed=0,
        )  # fmt: skip
