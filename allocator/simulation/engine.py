"""Discrete events of many weeks at once: the i-th call of every week is one array operation.

Calls are served in the order they came (first come, first served), so when a call is considered
every earlier one has its unit, and the moment each unit becomes free is known. A call is
answered at the first moment at which any unit is available; among the units available then, the
dispatch rule's score decides. This is the exact behaviour of a queue with one waiting line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator.simulation.calls import CallStream
from allocator.simulation.duty import DutyTable

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Response:
    """How units drive and choose.

    Attributes
    ----------
    drive_s
        float (n_wards, n_wards): typical drive from row ward to column ward.
    turnout_s
        From the order to driving off.
    return_factor
        How much longer the drive back to patrol takes.
    order
        float (n_wards, n_units): what is added to the drive in the score of the dispatch
        rule; the lowest score among the available units is sent.
    by_drive
        Whether the present drive counts in the score.
    waits
        Whether a call waits when no unit is available; otherwise it is lost.
    """

    drive_s: Floats
    turnout_s: float
    return_factor: float
    order: Floats
    by_drive: bool
    waits: bool = True


@dataclass(frozen=True)
class Trace:
    """What happened to every call and unit of the simulated weeks.

    Attributes
    ----------
    week, ward, time_s, needs_second
        (n_calls,): the week (column of the stream), place, moment and kind of each call, week
        by week in order of time.
    response_s
        float (n_calls,): from the call to the first arrival, infinity for a lost call.
    wait_s
        float (n_calls,): from the call to the first dispatch.
    unit
        int (n_calls,): the unit dispatched first, -1 for a lost call.
    busy_s
        float (n_weeks, n_units): time on calls within ``window_s``.
    on_s
        float (n_weeks, n_units): time on the road in a week.
    """

    week: Integers
    ward: Integers
    time_s: Floats
    needs_second: NDArray[np.bool_]
    response_s: Floats
    wait_s: Floats
    unit: Integers
    busy_s: Floats
    on_s: Floats


class _Fleet:
    """The state of every unit in every week while the calls are worked through."""

    def __init__(self, n_weeks: int, duty: DutyTable, response: Response) -> None:
        n_units = duty.n_units
        self.duty = duty
        self.response = response
        self.free_s = np.full((n_weeks, n_units), -np.inf)
        self.last_ward = np.zeros((n_weeks, n_units), dtype=np.intp)

    def choose(
        self, rows: slice | Integers, now_s: Floats, ward: Integers, patrol: Integers
    ) -> tuple[Floats, Integers, Floats]:
        """Return when, which unit and how long a typical drive, for one call a week.

        A unit that has finished a call drives back to patrol: for half of that drive it is
        still taken to be where the call was, then at its patrol ward.
        """
        free_s, plan = self.free_s[rows], self.response
        start_s = self.duty.earliest(np.maximum(free_s, now_s[:, None]), rows)
        at_s = start_s.min(axis=1)
        last = self.last_ward[rows]
        half_back_s = 0.5 * plan.return_factor * plan.drive_s[last, patrol]
        back = at_s[:, None] - free_s >= half_back_s
        drive_s = plan.drive_s[np.where(back, patrol, last), ward[:, None]]
        score = plan.order[ward] + drive_s if plan.by_drive else plan.order[ward]
        unit = np.where(start_s <= at_s[:, None], score, np.inf).argmin(axis=1)
        return at_s, unit, drive_s[np.arange(len(unit)), unit]


def run_weeks(
    calls: CallStream,
    patrol_ward: Integers,
    duty: DutyTable,
    response: Response,
    *,
    window_s: tuple[float, float],
    service_scale: Floats | None = None,
) -> Trace:
    """Work through the calls of every week of a stream.

    Parameters
    ----------
    calls
        The stream; weeks are independent and begin with every unit on patrol.
    patrol_ward
        int (n_calls_max, n_weeks, n_units): where each unit would be found on patrol at the
        moment of each call.
    duty, response
        When units are on the road; how they drive and choose.
    window_s
        Start and end of the time in which units' busy time is counted.
    service_scale
        float (n_units,): factor on the service times of each unit; 1 when left out.
    """
    n_weeks, n_units = len(calls.count), duty.n_units
    fleet = _Fleet(n_weeks, duty, response)
    scale = np.ones(n_units) if service_scale is None else service_scale
    busy_s = np.zeros((n_weeks, n_units))
    shape = calls.time_s.shape
    response_s, wait_s = np.full(shape, np.inf), np.full(shape, np.inf)
    unit = np.full(shape, -1, dtype=np.intp)

    def send(step: int, rows: slice | Integers, which: int) -> tuple[Floats, Floats, Integers]:
        """Send one unit to the step's call of the weeks; return dispatch, arrival and unit."""
        now_s, ward = calls.time_s[step, rows], calls.ward[step, rows]
        at_s, chosen, drive_s = fleet.choose(rows, now_s, ward, patrol_ward[step, rows])
        arrival_s = at_s + response.turnout_s + drive_s * calls.drive_factor[which, step, rows]
        free_s = arrival_s + calls.service_s[which, step, rows] * scale[chosen]
        weeks = np.arange(n_weeks)[rows]
        sent = np.isfinite(at_s) if response.waits else at_s <= now_s
        weeks, chosen_sent = weeks[sent], chosen[sent]
        fleet.free_s[weeks, chosen_sent] = free_s[sent]
        fleet.last_ward[weeks, chosen_sent] = ward[sent]
        worked_s = np.clip(free_s[sent], *window_s) - np.clip(at_s[sent], *window_s)
        busy_s[weeks, chosen_sent] += worked_s
        lost = ~sent
        at_s[lost], arrival_s[lost], chosen[lost] = np.inf, np.inf, -1
        return at_s, arrival_s, chosen

    for step in range(len(calls.time_s)):
        rows = slice(0, int(np.searchsorted(-calls.count, -step, side="left")))
        at_s, arrival_s, chosen = send(step, rows, 0)
        second = np.flatnonzero(calls.needs_second[step, rows] & (chosen >= 0))
        if len(second):
            arrival_s[second] = np.minimum(arrival_s[second], send(step, second, 1)[1])
        now_s = calls.time_s[step, rows]
        response_s[step, rows], wait_s[step, rows] = arrival_s - now_s, at_s - now_s
        unit[step, rows] = chosen
    times = busy_s, np.array(np.broadcast_to(duty.on_s, busy_s.shape))
    return _trace(calls, response_s, wait_s, unit, *times)


def _trace(
    calls: CallStream, response_s: Floats, wait_s: Floats, unit: Integers, *times: Floats
) -> Trace:
    """Drop the padding, and put the calls in order of week and time."""
    real = np.arange(len(calls.time_s))[None, :] < calls.count[:, None]
    week = np.broadcast_to(np.arange(len(calls.count))[:, None], real.shape)
    return Trace(
        week=week[real],
        ward=calls.ward.T[real],
        time_s=calls.time_s.T[real],
        needs_second=calls.needs_second.T[real],
        response_s=response_s.T[real],
        wait_s=wait_s.T[real],
        unit=unit.T[real],
        busy_s=times[0],
        on_s=times[1],
    )
