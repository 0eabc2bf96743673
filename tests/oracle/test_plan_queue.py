"""The queue of a plan: against plain loops, against itself, and its refusals."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from allocator.errors import (
    FleetRefusedError,
    OverloadRefusedError,
    PlanDocumentRefusedError,
    PlanningRefusedError,
)
from allocator.hypercube import solve_hypercube
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.queueing.fleet_queue import CallLoad, solve_fleet_queue
from allocator.queueing.plan_queue import PlanQueue, duty_of, patrol_shares, queue_of_plan
from allocator.simulation.assumptions import SimulationAssumptions
from allocator.simulation.weeks import simulate_plan
from allocator.travel_time import embedded_travel_time
from allocator.weekly_plan import plan_week
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import FREE, SlowCoverage, make_world

WEEKDAYS = (0, 1, 2, 3, 4)
BUSY = CallLoad(calls_per_week=150.0, service_time_s=3600.0, two_unit_share=0.25)


def _fleet(n_units: int = 3) -> Fleet:
    return Fleet(tuple(Unit(f"U-{n}", "CO19") for n in range(n_units)), 540, 60)


@cache
def _week() -> tuple[RiskAssessment, PatrolPlan]:
    assessment = make_world(4)
    return assessment, plan_week(assessment, _fleet(), settings=FREE)


def _slow_patrol(plan: PatrolPlan, assessment: RiskAssessment) -> list[list[float]]:
    """Patrol time by unit and ward, as the coverage model defines it, in plain loops."""
    rates = [ward.expected_per_week for ward in assessment.wards]
    ground = [place.area_km2 for place in assessment.places]
    rows = []
    for unit in plan.units:
        row = [
            0.5 * rate / sum(rates) + 0.5 * area / sum(ground) if place.code in unit.wards else 0.0
            for rate, area, place in zip(rates, ground, assessment.places, strict=True)
        ]
        rows.append([value / sum(row) for value in row])
    return rows


def test_a_plan_is_the_hypercube_of_its_patrols() -> None:
    assessment, plan = _week()
    found = queue_of_plan(plan, assessment, _fleet(), load=BUSY)
    seconds = embedded_travel_time(assessment).seconds.tolist()
    patrol = _slow_patrol(plan, assessment)
    wards, units = range(len(assessment.wards)), range(len(plan.units))
    drive = [[sum(patrol[u][i] * seconds[i][j] for i in wards) for j in wards] for u in units]
    order = [sorted(units, key=lambda u: drive[u][j]) for j in wards]
    rates = np.array([ward.expected_per_week for ward in assessment.wards])
    calls = rates / rates.sum() * 150 * 1.25 / 168
    service = [unit.service_time_s for unit in found.units]
    queue = solve_hypercube(calls, order, service_rate_per_h=3600 / np.array(service))
    sent = queue.all_dispatch_fraction
    response = queue.mean_wait_h * 3600 + 60 + float((sent * np.array(drive)).sum())
    slow = SlowCoverage(assessment, _fleet(), FREE)
    in_time = 0.0
    outside = 0.0
    for u, unit in enumerate(plan.units):
        mean_drive = sum(sent[u][j] * drive[u][j] for j in wards) / sent[u].sum()
        assert found.units[u].busy_fraction == pytest.approx(queue.busy_fraction[u], abs=1e-9)
        assert found.units[u].mean_drive_s == pytest.approx(mean_drive)
        assert service[u] == pytest.approx(60 + 3600 + mean_drive, abs=0.5)
        for j in wards:
            chance = sum(patrol[u][i] * slow._chance[i][j] for i in wards)
            at_once = queue.dispatch_fraction[u][j] * (1 - queue.probability_all_busy)
            in_time += at_once * chance
            outside += sent[u][j] * (assessment.places[j].code not in unit.wards)
    assert found.mean_response_s == pytest.approx(response)
    assert found.within_standard == pytest.approx(in_time)
    assert found.interarea_share == pytest.approx(outside)
    assert found.probability_all_busy == pytest.approx(queue.probability_all_busy)
    assert found.mean_wait_s == pytest.approx(queue.mean_wait_h * 3600)
    assert found.method == "exact"


def test_totals_agree_with_their_parts() -> None:
    assessment, plan = _week()
    found = queue_of_plan(plan, assessment, load=BUSY)
    assert sum(unit.call_share for unit in found.units) == pytest.approx(1)
    outside = sum(unit.call_share * unit.outside_share for unit in found.units)
    assert found.interarea_share == pytest.approx(outside)
    share = {one.code: one.expected_per_week for one in assessment.boroughs}
    whole = sum(share.values())
    for name in ("mean_response_s", "within_standard"):
        parts = sum(share[one.code] * getattr(one, name) for one in found.boroughs) / whole
        assert getattr(found, name) == pytest.approx(parts)
    own = sum(share[one.code] * one.own_unit_share for one in found.boroughs) / whole
    assert own == pytest.approx(1 - found.interarea_share)
    # work done is work arriving: vehicles sent an hour x time each
    work_h = sum(u.call_share * u.service_time_s / 3600 for u in found.units)
    busy = sum(u.busy_fraction for u in found.units)
    assert busy == pytest.approx(BUSY.dispatches_per_h * work_h, rel=1e-3)


def test_the_approximation_is_near_and_more_calls_are_worse() -> None:
    assessment, plan = _week()
    exact = queue_of_plan(plan, assessment, load=BUSY)
    near = queue_of_plan(plan, assessment, load=BUSY, exact=False)
    assert near.method == "approximation"
    assert near.within_standard == pytest.approx(exact.within_standard, abs=0.02)
    for one, other in zip(near.units, exact.units, strict=True):
        assert one.busy_fraction == pytest.approx(other.busy_fraction, abs=0.03)
    more = queue_of_plan(plan, assessment, load=replace(BUSY, calls_per_week=200.0))
    assert more.within_standard < exact.within_standard
    assert more.mean_response_s > exact.mean_response_s
    assert more.probability_all_busy > exact.probability_all_busy


def test_days_off_are_queues_of_their_own() -> None:
    drive_s = np.array([[100.0, 500.0, 300.0], [400.0, 120.0, 200.0], [300.0, 310.0, 90.0]])
    demand = np.array([0.5, 0.2, 0.3])
    duty = np.ones((3, 7), dtype=bool)
    duty[2, 5:] = False
    week = solve_fleet_queue(drive_s, demand, duty, BUSY, turnout_s=60)
    full = solve_fleet_queue(drive_s, demand, duty[:, :1], BUSY, turnout_s=60)
    weekend = solve_fleet_queue(drive_s[:2], demand, duty[:2, 5:], BUSY, turnout_s=60)
    assert week.at_once[:2] == pytest.approx((5 * full.at_once[:2] + 2 * weekend.at_once) / 7)
    assert week.at_once[2] == pytest.approx(5 / 7 * full.at_once[2])
    assert week.busy_fraction[2] == pytest.approx(full.busy_fraction[2])
    mean = (5 * full.busy_fraction[:2] + 2 * weekend.busy_fraction) / 7
    assert week.busy_fraction[:2] == pytest.approx(mean)
    assert week.probability_all_busy > full.probability_all_busy
    assert (week.at_once + week.waited).sum(axis=0) == pytest.approx(demand)


def test_days_off_come_from_the_fleet_file() -> None:
    assessment, plan = _week()
    fleet = _fleet()
    part = replace(fleet, units=(*fleet.units[:2], replace(fleet.units[2], on_duty=WEEKDAYS)))
    assert duty_of(plan, part).sum(axis=1).tolist() == [7, 7, 5]
    assert duty_of(plan, None).all()
    whole = queue_of_plan(plan, assessment, fleet, load=BUSY)
    assert whole == queue_of_plan(plan, assessment, load=BUSY)
    less = queue_of_plan(plan, assessment, part, load=BUSY)
    assert less.within_standard < whole.within_standard


def test_support_is_patrolled_but_not_its_own() -> None:
    assessment, plan = _week()
    other = plan.units[1].boroughs[0]
    helped = replace(plan, units=(replace(plan.units[0], support=(other,)), *plan.units[1:]))
    before, own_before = patrol_shares(plan, assessment)
    after, own_after = patrol_shares(helped, assessment)
    there = np.array([place.borough_code == other for place in assessment.places])
    assert before[0, there].sum() == 0
    assert after[0, there].sum() > 0
    assert after.sum(axis=1) == pytest.approx(1)
    assert (own_before == own_after).all()


def test_more_than_sixteen_units_are_approximated() -> None:
    random = np.random.default_rng(1)
    drive_s = random.uniform(60, 900, (20, 30))
    found = solve_fleet_queue(
        drive_s, np.full(30, 1 / 30), np.ones((20, 7), dtype=bool), CallLoad(), queue=False
    )
    assert found.method == "approximation"
    assert found.at_once.sum() == pytest.approx(1 - found.probability_all_busy)
    assert not found.waited.any()


def test_no_calls_leave_all_units_free() -> None:
    assessment, plan = _week()
    found = queue_of_plan(plan, assessment, load=CallLoad(calls_per_week=0.0))
    assert isinstance(found, PlanQueue)
    assert [unit.busy_fraction for unit in found.units] == [0.0, 0.0, 0.0]
    assert found.mean_response_s == found.within_standard == found.interarea_share == 0.0


def test_overload_is_refused_with_its_growth() -> None:
    assessment, plan = _week()
    with pytest.raises(OverloadRefusedError, match=r"grows by .* calls an hour") as refusal:
        queue_of_plan(plan, assessment, load=CallLoad(calls_per_week=1000.0))
    assert refusal.value.growth_per_h > 0


def test_what_does_not_belong_together_is_refused() -> None:
    assessment, plan = _week()
    fleet = _fleet()
    with pytest.raises(PlanDocumentRefusedError, match="made from assessment made-up, not from x"):
        queue_of_plan(plan, replace(assessment, assessment_id="x"))
    with pytest.raises(PlanDocumentRefusedError, match=r"same units .U-2"):
        queue_of_plan(plan, assessment, replace(fleet, units=fleet.units[:2]))
    lost = replace(plan, units=(replace(plan.units[0], wards=("E05999",)), *plan.units[1:]))
    with pytest.raises(PlanDocumentRefusedError, match="U-0 patrols E05999"):
        queue_of_plan(lost, assessment)
    empty = replace(plan, units=(replace(plan.units[0], wards=()), *plan.units[1:]))
    with pytest.raises(PlanDocumentRefusedError, match="U-0 patrols no ward"):
        queue_of_plan(empty, assessment)
    mute = replace(plan, settings={**plan.settings, "turnout_s": None})
    with pytest.raises(PlanDocumentRefusedError, match=r"turnout_s .* is None"):
        queue_of_plan(mute, assessment)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drive_s": np.array([[-1.0, 2.0]])}, "negative or not finite"),
        ({"drive_s": np.array([[np.nan, 2.0]])}, "negative or not finite"),
        ({"demand": np.array([0.5, 0.4])}, "sum to 0.9"),
        ({"demand": np.array([1.0])}, "has shape"),
        ({"duty": np.zeros((1, 7), dtype=bool)}, "unit 0 is never on duty"),
        ({"duty": np.array([[True, False]])}, "no unit is on duty on day 1"),
    ],
)
def test_a_fleet_that_cannot_be_queued_is_refused(
    change: dict[str, np.ndarray], message: str
) -> None:
    given = {
        "drive_s": np.array([[100.0, 200.0]]),
        "demand": np.array([0.5, 0.5]),
        "duty": np.ones((1, 7), dtype=bool),
    } | change
    with pytest.raises(PlanningRefusedError, match=message):
        solve_fleet_queue(given["drive_s"], given["demand"], given["duty"], CallLoad())


def test_a_week_without_duty_names_the_fleet() -> None:
    with pytest.raises(FleetRefusedError):
        solve_fleet_queue(
            np.array([[1.0]]), np.array([1.0]), np.zeros((1, 7), dtype=bool), CallLoad()
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [("calls_per_week", -1.0), ("service_time_s", 0.0), ("two_unit_share", 1.5)],
)
def test_assumptions_out_of_bounds_are_refused(name: str, value: float) -> None:
    with pytest.raises(PlanningRefusedError, match=f"{name} is .*outside"):
        CallLoad(**{name: value})
    with pytest.raises(PlanningRefusedError, match=f"{name} is nan"):
        CallLoad(**{name: float("nan")})


def test_the_simulated_weeks_agree_under_the_same_assumptions() -> None:
    assessment, plan = _week()
    load = CallLoad(calls_per_week=150.0, two_unit_share=0.0)
    found = queue_of_plan(plan, assessment, load=load)
    same = SimulationAssumptions(
        calls_per_week=150.0,
        two_unit_share=0.0,
        service_shape="exponential",
        rule="fixed_order",
        return_factor=0.0,
        shift_starts_h=(),
        handover_s=0.0,
    )
    travel = embedded_travel_time(assessment)
    seen = simulate_plan(plan, assessment, travel, weeks=600, seed=8, assumptions=same)
    # a week begins with every unit free, and drives are not exponential: allow 0.005 beside
    # the half width of the interval
    assert seen.share_within.upper_95 is not None
    noise = seen.share_within.upper_95 - seen.share_within.value
    assert found.within_standard == pytest.approx(seen.share_within.value, abs=noise + 0.005)
    assert 1 - found.interarea_share == pytest.approx(seen.own_area_share.value, abs=0.01)
    assert found.probability_all_busy == pytest.approx(seen.queued_share.value, abs=0.005)
    for unit, used in zip(found.units, seen.units, strict=True):
        assert used.utilisation is not None
        assert unit.busy_fraction == pytest.approx(used.utilisation.value, abs=0.01)
    for borough, answered in zip(found.boroughs, seen.boroughs, strict=True):
        assert answered.share_within is not None
        assert borough.within_standard == pytest.approx(answered.share_within.value, abs=0.025)
