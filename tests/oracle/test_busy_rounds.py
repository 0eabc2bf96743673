"""Busy fractions in rounds: the plan's own, from the queue it causes, with an honest bound."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from allocator.comparison import compare
from allocator.errors import OverloadRefusedError, PlanningRefusedError, PlanVerificationError
from allocator.plan import Fleet, PatrolPlan, Unit, document
from allocator.queueing.fleet_queue import CallLoad
from allocator.queueing.plan_queue import queue_of_plan
from allocator.travel_time import embedded_travel_time
from allocator.verifier import verify_plan
from allocator.weekly_plan import plan_week
from tests.oracle.plan_worlds import FREE, SlowCoverage, all_plans, make_world

WORLD = make_world(3, n_boroughs=6)
UNITS = (Unit("A", "X"), Unit("B", "X"), Unit("C", "Y", on_duty=(0, 1, 2, 3, 4)))


def fleet(calls_per_week: float) -> Fleet:
    return Fleet(UNITS, 540, 60, "", calls_per_week, 1800.0)


def busy_of(plan: PatrolPlan) -> dict[str, float]:
    recorded = plan.settings["busy_fractions"]
    assert isinstance(recorded, dict)
    return recorded


@pytest.mark.parametrize("calls", [1.0, 250.0])
def test_the_busy_fractions_are_those_the_plan_causes(calls: float) -> None:
    plan = plan_week(WORLD, fleet(calls), settings=FREE)
    queue = queue_of_plan(plan, WORLD, fleet(calls), load=CallLoad(calls, 1800.0), exact=False)
    caused = {unit.unit_id: unit.busy_fraction for unit in queue.units}
    assert busy_of(plan) == pytest.approx(caused, abs=1e-8)
    assert plan.settings["calls_per_week"] == calls
    assert plan.objective <= plan.bound
    assert plan.status in ("optimal", "feasible")


def test_more_calls_keep_units_busier_and_cover_less() -> None:
    plans = [plan_week(WORLD, fleet(calls), settings=FREE) for calls in (10.0, 100.0, 300.0)]
    mean = [sum(busy_of(plan).values()) for plan in plans]
    assert mean == sorted(mean) and mean[0] < mean[-1] / 5
    covered = [plan.objective for plan in plans]
    assert covered == sorted(covered, reverse=True)


def test_almost_no_calls_give_the_plan_of_units_that_are_never_busy() -> None:
    """Against enumeration: the areas are the best for units that are almost always free."""
    idle = replace(FREE, busy_fraction=0.01)
    slow = SlowCoverage(WORLD, fleet(0.001), idle)
    best = max(slow.of(areas) for areas in all_plans(WORLD, fleet(0.001), {}))
    plan = plan_week(WORLD, fleet(0.001), settings=idle)
    areas = {unit.unit_id: frozenset(unit.boroughs) for unit in plan.units}
    assert slow.of(areas) == pytest.approx(best, rel=2e-3)
    assert max(busy_of(plan).values()) < 1e-4


def test_the_bound_holds_for_every_plan_under_the_same_intensities() -> None:
    busy_fleet = fleet(150.0)
    plan = plan_week(WORLD, busy_fleet, settings=FREE)
    rates: dict[str, float] = {}
    for ward in WORLD.wards:
        rates[ward.borough_code] = rates.get(ward.borough_code, 0.0) + ward.expected_per_week
    intensity = {
        code: busy_of(plan)[unit.unit_id] * rates[code] / sum(rates[one] for one in unit.boroughs)
        for unit in plan.units
        for code in unit.boroughs
    }
    slow = SlowCoverage(WORLD, busy_fleet, FREE)

    def covered(areas: dict[str, frozenset[str]]) -> float:
        """The definition, each unit with the busy fraction of its boroughs."""
        free = {
            unit_id: (1 - min(0.95, sum(intensity[code] for code in area)))
            / (1 - FREE.busy_fraction)
            for unit_id, area in areas.items()
        }
        reached = 0.0
        for day in range(7):
            out = [unit.unit_id for unit in UNITS if day in unit.on_duty]
            for number, ward in enumerate(WORLD.wards):
                missed = [1 - free[one] * slow.answered(areas[one])[number] for one in out]
                reached += ward.expected_per_week * (1 - math.prod(missed))
        return reached / 7 / sum(rates.values())

    own = {unit.unit_id: frozenset(unit.boroughs) for unit in plan.units}
    assert plan.objective == pytest.approx(covered(own), abs=1e-7)
    best = max(covered(areas) for areas in all_plans(WORLD, busy_fleet, {}))
    assert plan.objective - 1e-7 <= best <= plan.bound + 1e-7
    rows = compare(plan, WORLD, busy_fleet, settings=FREE).alternatives
    assert rows[0].objective == pytest.approx(plan.objective, abs=1e-8)


def test_the_same_request_gives_the_same_bytes() -> None:
    first, second = (plan_week(WORLD, fleet(150.0)) for _ in range(2))
    assert json.dumps(document(first)) == json.dumps(document(second))


def test_units_that_cannot_complete_the_calls_are_refused() -> None:
    with pytest.raises(OverloadRefusedError, match="Remedy: "):
        plan_week(WORLD, fleet(5_000.0), settings=FREE)
    with pytest.raises(PlanningRefusedError, match="calls_per_week"):
        plan_week(WORLD, fleet(-1.0), settings=FREE)


def test_the_verifier_takes_no_other_busy_fractions() -> None:
    plan = plan_week(WORLD, fleet(150.0), settings=FREE)
    for spoilt in ({}, {**busy_of(plan), "A": 0.9}):
        with pytest.raises(PlanVerificationError, match="objective"):
            verify_plan(
                plan,
                WORLD,
                fleet(150.0),
                embedded_travel_time(WORLD),
                FREE,
                locks={},
                previous=None,
                max_changes=None,
                busy_fractions=spoilt,
            )
