"""The engine that works through all weeks at once, against one written event by event."""

from __future__ import annotations

import heapq
import itertools
import math

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from allocator.simulation.assumptions import DAY_S, WEEK_S, SimulationAssumptions
from allocator.simulation.calls import CallStream, calls_from_draws
from allocator.simulation.duty import DutyTable, duty_table
from allocator.simulation.engine import Response, run_weeks


class SlowUnit:
    """One vehicle: when it is free, where it was last, and when it is on the road."""

    def __init__(self, number: int, off: list[tuple[float, float]]) -> None:
        self.number = number
        self.off = off
        self.free_at = -math.inf
        self.last_ward = 0
        self.busy_s = 0.0

    def on_at(self, moment: float) -> float:
        """First moment from now on at which the unit is on the road."""
        for _ in range(200):
            week = moment // WEEK_S * WEEK_S
            hit = [end for start, end in self.off if start <= moment - week < end]
            if not hit:
                return moment
            moment = week + max(hit)
        return math.inf


def slow_week(
    calls: CallStream,
    week: int,
    patrol: np.ndarray,
    units: list[SlowUnit],
    response: Response,
) -> list[tuple[float, float, int]]:
    """Go from event to event: a call comes, a unit comes free, a unit comes on duty."""
    results: dict[int, list[tuple[float, float, int]]] = {}
    waiting: list[tuple[int, int]] = []  # call, which unit of it; first come, first served
    counter = itertools.count()
    events: list[tuple[float, int, int]] = []  # moment, tie-break, call or -1 for "look again"
    for call in range(int(calls.count[week])):
        heapq.heappush(events, (float(calls.time_s[call, week]), next(counter), call))
    while events:
        now, _, call = heapq.heappop(events)
        if call >= 0:
            waiting.append((call, 0))
        while waiting:
            call, which = waiting[0]
            ready = [u for u in units if u.free_at <= now and u.on_at(now) == now]
            if not ready:
                again = [u.on_at(max(u.free_at, now)) for u in units]
                if response.waits and math.isfinite(min(again)):
                    heapq.heappush(events, (min(again), next(counter), -1))
                else:
                    waiting.pop(0)
                    results.setdefault(call, []).append((math.inf, math.inf, -1))
                    continue
                break
            waiting.pop(0)
            ward = int(calls.ward[call, week])

            ranked = []
            for unit in ready:
                spot = int(patrol[call, week, unit.number])
                back_s = response.return_factor * response.drive_s[unit.last_ward, spot]
                at = unit.last_ward if now - unit.free_at < back_s / 2 else spot
                drive_s = float(response.drive_s[at, ward])
                fixed = float(response.order[ward, unit.number])
                score = fixed + drive_s if response.by_drive else fixed
                ranked.append((score, unit.number, drive_s))
            _, chosen, drive_s = min(ranked)
            best = units[chosen]
            arrival = now + response.turnout_s
            arrival += drive_s * float(calls.drive_factor[which, call, week])
            best.free_at = arrival + float(calls.service_s[which, call, week])
            best.last_ward = ward
            best.busy_s += min(best.free_at, WEEK_S) - min(now, WEEK_S)
            results.setdefault(call, []).append((now, arrival, best.number))
            if which == 0 and calls.needs_second[call, week]:
                waiting.insert(0, (call, 1))
    rows = []
    for call in range(int(calls.count[week])):
        came = float(calls.time_s[call, week])
        sent = results[call]
        rows.append((min(a for _, a, _ in sent) - came, sent[0][0] - came, sent[0][2]))
    return rows


def off_spans(table: DutyTable) -> list[list[tuple[float, float]]]:
    """The hours of the week off the road, unit by unit."""
    edges = [*table.starts_s.tolist(), WEEK_S]
    return [
        [span for n, span in enumerate(itertools.pairwise(edges)) if row[n] > 0]
        for row in table.next_on_s
    ]


def random_case(seed: int, *, waits: bool, load: float) -> tuple[CallStream, np.ndarray, Response]:
    random = np.random.default_rng(seed)
    n_wards, n_units = int(random.integers(1, 7)), int(random.integers(1, 5))
    assumptions = SimulationAssumptions(
        calls_per_week=40.0,
        service_time_s=load * n_units * WEEK_S / 40.0 / 1.3,
        two_unit_share=0.3,
        service_shape=("exponential", "lognormal", "fixed")[seed % 3],
    )
    draws = random.gamma(1.0, 1.0, (5, n_wards)).astype(np.float32) + 0.01
    (calls,) = calls_from_draws(draws, weeks=4, seed=seed, assumptions=assumptions)
    patrol = random.integers(0, n_wards, (*calls.time_s.shape, n_units))
    response = Response(
        drive_s=random.uniform(10, 4_000, (n_wards, n_wards)),
        turnout_s=60.0,
        return_factor=1.5,
        order=random.uniform(0, 2_000, (n_wards, n_units)),
        by_drive=bool(seed % 2),
        waits=waits,
    )
    return calls, patrol, response


@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    seed=st.integers(0, 10_000),
    waits=st.booleans(),
    load=st.sampled_from([0.1, 0.5, 0.95]),
    shifts=st.booleans(),
)
def test_every_call_goes_as_in_an_event_by_event_simulation(
    seed: int, waits: bool, load: float, shifts: bool
) -> None:
    calls, patrol, response = random_case(seed, waits=waits, load=load)
    n_units = patrol.shape[2]
    random = np.random.default_rng(seed + 1)
    days = [tuple(np.flatnonzero(random.random(7) < 0.7).tolist()) for _ in range(n_units)]
    days[0] = days[0] or (3,)
    table = duty_table(days if shifts else [range(7)] * n_units, (7.0, 23.5), 3_000 * shifts)
    got = run_weeks(calls, patrol, table, response, window_s=(0.0, WEEK_S))
    for week in range(len(calls.count)):
        units = [SlowUnit(n, off) for n, off in enumerate(off_spans(table))]
        expected = slow_week(calls, week, patrol, units, response)
        mine = got.week == week
        np.testing.assert_allclose(got.response_s[mine], [row[0] for row in expected], rtol=1e-9)
        np.testing.assert_allclose(
            got.wait_s[mine], [row[1] for row in expected], rtol=1e-9, atol=1e-6
        )
        assert got.unit[mine].tolist() == [row[2] for row in expected]
        np.testing.assert_allclose(got.busy_s[week], [u.busy_s for u in units], atol=1e-3)


@pytest.mark.parametrize("handover_s", [0.0, 1_800.0])
def test_the_duty_table_against_every_quarter_of_an_hour(handover_s: float) -> None:
    weekdays = [(0, 1, 2, 3, 4, 5, 6), (0, 5), (), (6,)]
    shifts = (6.0, 23.75)
    table = duty_table(weekdays, shifts, handover_s)

    def on(unit: int, moment: float) -> bool:
        into = moment % WEEK_S
        if int(into // DAY_S) not in weekdays[unit]:
            return False
        late = (unit % 2) * handover_s
        starts = [day * DAY_S + hour * 3_600 + late for day in range(-1, 7) for hour in shifts]
        return not any(start <= into < start + handover_s for start in starts)

    moments = np.arange(0, 2 * WEEK_S, 900.0)
    for moment in moments[::7].tolist():
        given_s = np.full((1, len(weekdays)), moment)
        earliest = table.earliest(given_s, slice(None))[0]
        for unit in range(len(weekdays)):
            later = [m for m in np.arange(moment, moment + WEEK_S, 900.0) if on(unit, m)]
            assert earliest[unit] == (later[0] if later else math.inf)
    share_on = [np.mean([on(unit, m) for m in moments]) for unit in range(len(weekdays))]
    np.testing.assert_allclose(table.on_s / WEEK_S, share_on)
