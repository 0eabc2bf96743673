"""Weeks of 167 and 169 hours in simulation: days, shifts and calls by the clock on the wall."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from allocator.plan import Unit
from allocator.simulation.assumptions import HOUR_S, SimulationAssumptions
from allocator.simulation.calls import calls_from_draws
from allocator.simulation.deployment import deploy_areas
from allocator.simulation.duty import duty_table, with_days_off
from allocator.simulation.errors import SimulationRefusedError
from allocator.simulation.report import report
from allocator.simulation.special_days import SpecialDays
from allocator.simulation.week_clock import USUAL_WEEK, clock_of_week
from allocator.simulation.weeks import simulate_deployments
from allocator.travel_time import embedded_travel_time
from tests.oracle.plan_worlds import borough_code, make_world

LONDON = ZoneInfo("Europe/London")
SPRING, AUTUMN = "2026-W13", "2026-W43"
HOURS = {SPRING: 167, AUTUMN: 169, "2026-W48": 168}
QUARTER_S = 900.0


def start_of(week: str) -> datetime:
    monday = date.fromisocalendar(int(week[:4]), int(week[6:]), 1)
    return datetime(monday.year, monday.month, monday.day, tzinfo=LONDON).astimezone(UTC)


def local(week: str, moment_s: float) -> datetime:
    """What the clocks show some seconds into a week, by the standard library."""
    return (start_of(week) + timedelta(seconds=moment_s)).astimezone(LONDON)


@pytest.mark.parametrize("week", HOURS)
def test_hours_pass_as_the_clocks_show_them(week: str) -> None:
    clock = clock_of_week(week)
    assert len(clock.clock_hours) == HOURS[week]
    for n, hour in enumerate(clock.clock_hours):
        shown = local(week, n * HOUR_S)
        assert divmod(hour, 24) == (shown.weekday(), shown.hour)
    assert sum(clock.hours_of_days) == HOURS[week]
    assert clock.hours_of_days == (24.0,) * 6 + (HOURS[week] - 144.0,)
    assert local(week, clock.length_s).weekday() == 0


def test_the_year_has_one_short_and_one_long_week() -> None:
    lengths = [len(clock_of_week(f"2026-W{n:02d}").clock_hours) for n in range(1, 54)]
    assert (lengths.count(167), lengths.count(169), lengths.count(168)) == (1, 1, 51)
    assert clock_of_week("2026-W48") == USUAL_WEEK


@pytest.mark.parametrize("week", ["2026-W54", "2026-W00", "", "next week"])
def test_no_week_is_refused(week: str) -> None:
    with pytest.raises(SimulationRefusedError, match="2026-W48"):
        clock_of_week(week)


@pytest.mark.parametrize("week", HOURS)
def test_moments_of_the_clock(week: str) -> None:
    clock = clock_of_week(week)
    for day in range(7):
        for hour in (0.0, 0.75, 2.5, 7.0, 23.75):
            shown = local(week, clock.moment_s(day, hour))
            assert (shown.weekday(), shown.hour + shown.minute / 60) == (day, hour)
            assert shown.fold == 0
    shown = local(week, clock.moment_s(6, 1.5))
    assert (shown.hour, shown.minute) == ((2, 30) if week == SPRING else (1, 30))


@pytest.mark.parametrize("week", HOURS)
def test_duty_and_shifts_keep_to_the_clock(week: str) -> None:
    weekdays, shifts = [(0, 1, 2, 3, 4, 5, 6), (5, 6), (6,), ()], (7.0, 15.0, 23.0)
    clock = clock_of_week(week)
    table = duty_table(weekdays, shifts, QUARTER_S, clock)

    def on(unit: int, moment_s: float) -> bool:
        shown = local(week, moment_s % clock.length_s)
        late = (unit % 2) * 15
        minute = shown.hour * 60 + shown.minute
        handing_over = any(s * 60 + late <= minute < s * 60 + late + 15 for s in shifts)
        return shown.weekday() in weekdays[unit] and not handing_over

    moments = np.arange(0, clock.length_s, QUARTER_S)
    for unit in range(len(weekdays)):
        quarters = [on(unit, moment) for moment in moments]
        assert table.on_s[unit] == sum(quarters) * QUARTER_S
        twice = [*quarters, *quarters]
        for n in range(0, len(moments), 5):
            given = np.full((1, len(weekdays)), moments[n])
            first = twice.index(True, n) * QUARTER_S if any(quarters) else math.inf
            assert table.earliest(given, slice(None))[0, unit] == first


def test_a_whole_day_off_is_as_long_as_the_day() -> None:
    for week, hours in ((SPRING, 23), (AUTUMN, 25)):
        table = duty_table([range(7)], (), 0.0, clock_of_week(week))
        off = np.zeros((1, 1, 7), dtype=np.bool_)
        off[0, 0, 6] = True
        less = with_days_off(table, off).on_s[0, 0]
        assert table.on_s[0] - less == hours * HOUR_S


@pytest.mark.parametrize("week", HOURS)
def test_calls_come_at_the_same_rate_an_hour(week: str) -> None:
    clock, assumed = clock_of_week(week), SimulationAssumptions(calls_per_week=1680.0)
    extra = np.zeros((7, 3))
    extra[6, 1] = 100.0
    draws = np.ones((4, 3), dtype=np.float32)
    (block,) = calls_from_draws(draws, weeks=200, seed=3, assumptions=assumed, clock=clock)
    usual = block.count.sum() / 200
    assert usual == pytest.approx(10 * HOURS[week], rel=0.01)
    real = np.isfinite(block.time_s)
    assert block.time_s[real].max() < clock.length_s
    sunday = (block.time_s[real] >= clock.day_edges_s[6]).sum() / 200
    assert sunday == pytest.approx(10 * (HOURS[week] - 144), rel=0.03)
    (more,) = calls_from_draws(
        draws, weeks=200, seed=3, assumptions=assumed, extra_calls=extra, clock=clock
    )
    assert more.count.sum() / 200 - usual == pytest.approx(100, abs=5)
    added = (more.time_s[np.isfinite(more.time_s)] >= clock.day_edges_s[6]).sum() / 200 - sunday
    assert added == pytest.approx(100, abs=5)


def test_a_profile_by_the_clock_skips_or_repeats_an_hour_of_the_night() -> None:
    profile = np.zeros(168)
    profile[6 * 24 + 1] = profile[12] = 1.0  # Sunday from 01:00, and Monday at noon
    assumed = SimulationAssumptions(calls_per_week=400.0)
    nights = {}
    for week in HOURS:
        (block,) = calls_from_draws(
            np.ones((2, 1), dtype=np.float32), weeks=200, seed=1, assumptions=assumed,
            hour_profile=profile, clock=clock_of_week(week),
        )  # fmt: skip
        moments = block.time_s[np.isfinite(block.time_s)]
        assert {local(week, one).hour for one in moments[::50]} <= {1, 12}
        nights[week] = (moments > 6 * 24 * HOUR_S).sum() / 200
    assert nights[SPRING] == 0
    assert nights["2026-W48"] == pytest.approx(200, rel=0.03)
    assert nights[AUTUMN] == pytest.approx(400, rel=0.03)


@pytest.mark.parametrize("week", HOURS)
def test_a_simulated_week_ends_when_the_week_does(week: str) -> None:
    town = make_world(5, n_boroughs=3, wards_each=3)
    units = [Unit("A1", "CO19"), Unit("B2", "CO19", (), (6,))]
    areas = {"A1": (borough_code(0), borough_code(1)), "B2": (borough_code(2),)}
    assumed = SimulationAssumptions(calls_per_week=60.0, handover_s=0.0)
    (weeks,) = simulate_deployments(
        [deploy_areas(areas, units, town, demand_mix=0.5)], town, embedded_travel_time(town),
        weeks=150, seed=1, service_standard_s=540, turnout_s=60, assumptions=assumed,
        special=SpecialDays((), np.zeros((7, 9)), (frozenset(),) * 7, (0,) * 7),
        clock=clock_of_week(week),
    )  # fmt: skip
    said = report(weeks)
    assert said.hours_in_week == HOURS[week]
    assert weeks.trace.on_s.mean(axis=0) / HOUR_S == pytest.approx([HOURS[week], HOURS[week] - 144])
    assert said.calls_per_week == pytest.approx(60 * HOURS[week] / 168, rel=0.05)
    assert said.unserved_share.value < 0.05
