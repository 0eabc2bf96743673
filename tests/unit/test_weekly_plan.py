"""Requests that cannot be planned, and what a week's plan promises."""

from __future__ import annotations

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
from allocator.plan import Fleet, Unit
from allocator.settings import PlanSettings
from allocator.travel_time import embedded_travel_time, travel_time
from allocator.weekly_plan import plan_week
from tests.oracle.plan_worlds import FREE, borough_code, make_world

WORLD = make_world(2, n_boroughs=6)
THREE = (Unit("A", "X"), Unit("B", "X"), Unit("C", "X"))


def fleet(*units: Unit, standard_s: int = 540, turnout_s: int = 60) -> Fleet:
    return Fleet(units, standard_s, turnout_s)


def only(unit_id: str, *numbers: int) -> Unit:
    return Unit(unit_id, "X", tuple(borough_code(number) for number in numbers))


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ((), "0 units"),
        (tuple(Unit(f"U{n}", "X") for n in range(40)), "40 units, more than the 6"),
        ((Unit("A", "X"), Unit("A", "X")), "A is in the fleet twice"),
        ((replace(THREE[0], on_duty=()), *THREE[1:]), "A is on duty on the days"),
        ((Unit("A", "X", ("E09000001",)), *THREE[1:]), "E09000001.*not a patrolled borough"),
    ],
)
def test_fleets_that_cannot_be_placed(units: tuple[Unit, ...], words: str) -> None:
    with pytest.raises(FleetRefusedError, match=words):
        plan_week(WORLD, fleet(*units))


@pytest.mark.parametrize(("standard_s", "turnout_s"), [(0, 0), (60, 60), (60, 90), (60, -1)])
def test_a_standard_without_time_to_drive(standard_s: int, turnout_s: int) -> None:
    with pytest.raises(FleetRefusedError, match="no time to drive"):
        plan_week(WORLD, fleet(*THREE, standard_s=standard_s, turnout_s=turnout_s))


@pytest.mark.parametrize(
    ("units", "locks", "words"),
    [
        (THREE, {"Z": (borough_code(0),)}, "'Z', which is not in the fleet"),
        (THREE, {"A": ("E09000099",)}, "'E09000099', which is not a patrolled"),
        (THREE, {"A": ()}, "names no borough"),
        (
            THREE,
            {"A": (borough_code(0),), "B": (borough_code(0),)},
            r"locked to both A and B",
        ),
        ((only("A", 0, 1), *THREE[1:]), {"A": (borough_code(4),)}, "may patrol only Borough 0"),
        ((only("A", 0, 5), *THREE[1:]), {"A": (borough_code(0), borough_code(5))}, "connected"),
    ],
)
def test_locks_that_contradict(
    units: tuple[Unit, ...], locks: dict[str, tuple[str, ...]], words: str
) -> None:
    with pytest.raises(LockRefusedError, match=words) as refusal:
        plan_week(WORLD, fleet(*units), locks=locks)
    assert "Remedy: " in str(refusal.value)


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ((only("A", 0, 1), only("B", 1, 2), only("C", 2, 3)), "no unit may patrol Borough 4"),
        (
            (only("A", 0), only("B", 0), Unit("C", "X")),
            r"A, B need a borough each, but may patrol only Borough 0 \(2 units, 1 borough",
        ),
    ],
)
def test_fleets_that_leave_a_borough_or_a_unit_over(units: tuple[Unit, ...], words: str) -> None:
    with pytest.raises(PlanInfeasibleError, match=words):
        plan_week(WORLD, fleet(*units))


def test_an_infeasible_request_names_the_rules_in_force() -> None:
    chain = replace(
        WORLD,
        borough_links=tuple(
            link for link in WORLD.borough_links
            if int(link.code_b[3:]) - int(link.code_a[3:]) == 1
        ),
    )  # fmt: skip
    # On a chain of six, A holds the middle, so B cannot have both ends.
    units = (only("A", 2, 3), only("B", 0, 1, 4, 5))
    with pytest.raises(PlanInfeasibleError, match="A may patrol only Borough 2 or Borough 3"):
        plan_week(chain, fleet(*units))


def test_islands_need_a_unit_each() -> None:
    cut = replace(
        WORLD,
        borough_links=tuple(
            link
            for link in WORLD.borough_links
            if borough_code(0) not in (link.code_a, link.code_b)
        ),
    )
    plan = plan_week(cut, fleet(*THREE[:2]), settings=FREE)
    assert (borough_code(0),) in {unit.boroughs for unit in plan.units}
    with pytest.raises(PlanInfeasibleError, match="2 parts without a road"):
        plan_week(cut, fleet(THREE[0]))


def test_changes_need_something_to_count_from() -> None:
    with pytest.raises(PlanningRefusedError, match="no previous plan"):
        plan_week(WORLD, fleet(*THREE), max_changes=2)
    plan = plan_week(WORLD, fleet(*THREE), settings=FREE)
    with pytest.raises(PlanningRefusedError, match="max_changes is -1"):
        plan_week(WORLD, fleet(*THREE), previous=plan, max_changes=-1)


def test_units_keep_their_areas_where_it_costs_nothing() -> None:
    plan = plan_week(WORLD, fleet(*THREE), settings=FREE)
    renamed = {"A": "C", "B": "A", "C": "B"}
    shuffled = replace(
        plan, units=tuple(replace(unit, unit_id=renamed[unit.unit_id]) for unit in plan.units)
    )
    again = plan_week(WORLD, fleet(*THREE), previous=shuffled, settings=FREE)
    before = {unit.unit_id: unit.boroughs for unit in shuffled.units}
    assert {unit.unit_id: unit.boroughs for unit in again.units} == before
    assert again.objective == plan.objective
    assert all("same area as in the previous plan" in unit.reason for unit in again.units)


def test_no_change_at_all_is_possible_when_demand_has_moved() -> None:
    plan = plan_week(WORLD, fleet(*THREE))
    rates = np.roll([ward.expected_per_week for ward in WORLD.wards], 3) ** 3
    moved = replace(
        WORLD,
        wards=tuple(
            replace(ward, expected_per_week=float(rate))
            for ward, rate in zip(WORLD.wards, rates, strict=True)
        ),
    )
    again = plan_week(moved, fleet(*THREE), previous=plan, max_changes=0)
    assert [u.boroughs for u in again.units] == [u.boroughs for u in plan.units]


def test_a_unit_on_duty_less_covers_less() -> None:
    full = plan_week(WORLD, fleet(*THREE), settings=FREE)
    part = plan_week(WORLD, fleet(replace(THREE[0], on_duty=(0,)), *THREE[1:]), settings=FREE)
    assert part.objective < full.objective


def test_a_lock_is_kept_and_said() -> None:
    locks = {"B": (borough_code(5),)}
    plan = plan_week(WORLD, fleet(*THREE), locks=locks, settings=FREE)
    unit = next(unit for unit in plan.units if unit.unit_id == "B")
    assert borough_code(5) in unit.boroughs
    assert "locked to Borough 5 by the request" in unit.reason
    assert plan.settings["locks"] == {"B": [borough_code(5)]}


@pytest.mark.parametrize(
    ("as_of", "week"),
    [
        (date(2026, 11, 23), "2026-W48"),  # a Monday starts its own week
        (date(2026, 11, 24), "2026-W49"),
        (date(2026, 12, 29), "2027-W01"),
        (date(2021, 1, 1), "2021-W01"),
    ],
)
def test_the_week_starts_on_or_after_as_of(as_of: date, week: str) -> None:
    assert plan_week(replace(WORLD, as_of=as_of), fleet(*THREE)).week == week


@pytest.mark.parametrize(
    "week",
    ["2026-W54", "2026-48", "W48", "2026-W00", "", "0001-W01", "9999-W52", "٢٠٢٦-W48"],
)
def test_what_is_no_week_is_refused(week: str) -> None:
    with pytest.raises(PlanningRefusedError, match="not an ISO week"):
        plan_week(WORLD, fleet(*THREE), week=week)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_time_limit_is_more_than_nothing(limit: float) -> None:
    with pytest.raises(PlanningRefusedError, match="time limit"):
        plan_week(WORLD, fleet(*THREE), time_limit_s=limit)


def test_too_short_a_time_is_never_called_optimal() -> None:
    big = make_world(8, n_boroughs=12, wards_each=4)
    with pytest.raises(PlanTimedOutError, match="before any plan"):
        plan_week(big, fleet(*THREE), time_limit_s=1e-9)


def test_the_workload_cap_gives_way_only_when_it_must_and_says_so() -> None:
    world = replace(
        WORLD,
        wards=tuple(
            replace(ward, expected_per_week=100.0 if number < 2 else 1.0)
            for number, ward in enumerate(WORLD.wards)
        ),
    )
    units = (only("A", 0, 1, 2), only("B", 3, 4, 5), only("C", 3, 4, 5))
    plan = plan_week(world, fleet(*units))
    assert plan.settings["workload_bounds_relaxed"] is True
    assert plan_week(WORLD, fleet(*THREE)).settings["workload_bounds_relaxed"] is False


def test_a_matrix_for_other_wards_is_refused() -> None:
    own = embedded_travel_time(WORLD)
    other = travel_time(own.ward_codes[::-1], own.seconds, source="test")
    with pytest.raises(PlanningRefusedError, match="other wards"):
        plan_week(WORLD, fleet(*THREE), travel=other)
    plan = plan_week(
        WORLD, fleet(*THREE), travel=travel_time(own.ward_codes, own.seconds, source="ours")
    )
    assert plan.settings["travel_time_source"] == "ours"


@pytest.mark.parametrize(
    ("name", "value"),
    [("busy_fraction", 1.0), ("travel_noise", 0.0), ("demand_mix", 1.5), ("workload_cap", 0.5)],
)
def test_settings_have_bounds(name: str, value: float) -> None:
    with pytest.raises(PlanningRefusedError, match=name):
        PlanSettings(**{name: value})  # type: ignore[arg-type] # one keyword at a time


def test_progress_is_told_step_by_step() -> None:
    told: list[tuple[str, float]] = []
    plan_week(WORLD, fleet(*THREE), progress=lambda step, share: told.append((step, share)))
    assert next(step for step, _ in told) == "Preparing the placement"
    assert told[-1] == ("Explaining the plan", 1.0)
    assert all(0 <= share <= 1 for _, share in told)
