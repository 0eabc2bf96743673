"""Every bad input of the weekly placement: a typed refusal with its remedy, or an honest plan."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from allocator.errors import (
    FleetRefusedError,
    LockRefusedError,
    PlanInfeasibleError,
    PlanningRefusedError,
    PlanTimedOutError,
)
from allocator.event_calendar import Event
from allocator.plan import Fleet, Unit
from allocator.settings import PlanSettings
from allocator.travel_time import TravelTime, embedded_travel_time, travel_time
from allocator.weekly_plan import plan_week
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import FREE, make_world

WORLD = make_world(2, n_boroughs=6)
FLEET = Fleet((Unit("A", "X"), Unit("B", "X"), Unit("C", "Y")), 540, 60)


def with_rates(world: RiskAssessment, rates: list[float]) -> RiskAssessment:
    wards = zip(world.wards, rates, strict=True)
    return replace(
        world, wards=tuple(replace(ward, expected_per_week=rate) for ward, rate in wards)
    )


def with_seconds(change: np.ndarray) -> TravelTime:
    own = embedded_travel_time(WORLD)
    return travel_time(own.ward_codes, own.seconds + change, source="test")


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (math.nan, "expects nan incidents"),
        (math.inf, "expects inf incidents"),
        (-1.0, "expects -1.0 incidents"),
    ],
)
def test_demand_that_is_no_rate(rate: float, words: str) -> None:
    rates = [ward.expected_per_week for ward in WORLD.wards]
    rates[3] = rate
    with pytest.raises(PlanningRefusedError, match=words) as refusal:
        plan_week(with_rates(WORLD, rates), FLEET)
    assert WORLD.wards[3].code in str(refusal.value)


def test_no_demand_anywhere() -> None:
    with pytest.raises(PlanningRefusedError, match="expects no incident anywhere"):
        plan_week(with_rates(WORLD, [0.0] * len(WORLD.wards)), FLEET)


def test_boroughs_without_demand_are_still_patrolled() -> None:
    rates = [1.0 if number < 4 else 0.0 for number in range(len(WORLD.wards))]
    for mix in (0.5, 0.999):
        plan = plan_week(with_rates(WORLD, rates), FLEET, settings=replace(FREE, demand_mix=mix))
        placed = sorted(code for unit in plan.units for code in unit.boroughs)
        assert placed == [borough.code for borough in WORLD.boroughs]
        assert all(0.0 <= borough.coverage <= 1.0 for borough in plan.boroughs)


def test_a_ward_nobody_reaches_counts_as_missed() -> None:
    far = np.zeros((len(WORLD.wards),) * 2)
    far[:, 0] = 1e7
    plan = plan_week(WORLD, FLEET, settings=FREE, travel=with_seconds(far))
    usual = plan_week(WORLD, FLEET, settings=FREE)
    lost = WORLD.wards[0].expected_per_week / sum(w.expected_per_week for w in WORLD.wards)
    assert plan.objective <= 1.0 - lost
    assert plan.objective < usual.objective


def test_wards_that_are_all_out_of_reach_are_refused() -> None:
    far = np.full((len(WORLD.wards),) * 2, 1e7)
    with pytest.raises(PlanningRefusedError, match="no ward can be reached within 480 s") as why:
        plan_week(WORLD, FLEET, travel=with_seconds(far))
    assert "service_standard_s" in str(why.value)


def test_a_fleet_that_is_away_all_week_is_refused() -> None:
    away = Event("Summit", date(2026, 11, 23), date(2026, 11, 29), units=("A", "B", "C"))
    with pytest.raises(PlanningRefusedError, match="no unit is on the road on any day"):
        plan_week(WORLD, FLEET, week="2026-W48", events=[away])


def test_disconnected_boroughs_and_too_many_units() -> None:
    with pytest.raises(PlanInfeasibleError, match="parts without a road"):
        plan_week(replace(WORLD, borough_links=()), FLEET)
    many = tuple(Unit(f"U{number}", "X") for number in range(7))
    with pytest.raises(FleetRefusedError, match="7 units, more than the 6"):
        plan_week(WORLD, replace(FLEET, units=many))


def test_one_provenance_only_is_a_plan() -> None:
    units = tuple(replace(unit, provenance="X") for unit in FLEET.units)
    plan = plan_week(WORLD, replace(FLEET, units=units), settings=FREE)
    assert {unit.provenance for unit in plan.units} == {"X"}
    assert plan.objective == plan_week(WORLD, FLEET, settings=FREE).objective


@pytest.mark.parametrize("rule", ["locks", "excludes", "support"])
def test_rules_on_unknown_codes(rule: str) -> None:
    with pytest.raises(LockRefusedError, match="E09000099") as refusal:
        plan_week(WORLD, FLEET, **{rule: {"A": ("E09000099",)}})  # type: ignore[arg-type] # by name
    assert "Remedy: " in str(refusal.value)


def test_a_standard_of_nothing() -> None:
    with pytest.raises(FleetRefusedError, match="leaves no time to drive"):
        plan_week(WORLD, replace(FLEET, service_standard_s=0, turnout_s=0))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (np.ones((3, 4)), "shape"),
        (np.full((12, 12), -1.0), "-1"),
        (np.full((12, 12), np.nan), "nan"),
    ],
)
def test_a_matrix_that_is_none(seconds: np.ndarray, words: str) -> None:
    codes = tuple(ward.code for ward in WORLD.wards)
    with pytest.raises(PlanningRefusedError, match=words):
        plan_week(WORLD, FLEET, travel=travel_time(codes, seconds, source="test"))


@pytest.mark.parametrize("floor", [-0.1, 1.1, math.nan])
def test_a_floor_is_a_share(floor: float) -> None:
    with pytest.raises(PlanningRefusedError, match="coverage_floor"):
        PlanSettings(coverage_floor=floor)


def test_a_floor_no_fleet_can_meet() -> None:
    with pytest.raises(PlanInfeasibleError, match=r"best floor (possible|found) is .*worst off"):
        plan_week(WORLD, FLEET, settings=PlanSettings(coverage_floor=0.99))


@pytest.mark.parametrize("limit_s", [1e-6, 0.02, 0.1, 0.4, 1.0])
def test_too_short_a_time_is_never_called_optimal_without_proof(limit_s: float) -> None:
    world = make_world(8, n_boroughs=24, wards_each=6)
    units = tuple(Unit(f"U{number}", "X", on_duty=(number % 7, 6)) for number in range(8))
    try:
        plan = plan_week(world, Fleet(units, 540, 60), time_limit_s=limit_s)
    except PlanTimedOutError as refusal:
        assert "allow more time" in str(refusal)
        return
    assert plan.objective <= plan.bound
    if plan.status == "optimal":
        assert plan.gap <= 1e-3
    else:
        assert plan.status in ("timed_out", "feasible")
