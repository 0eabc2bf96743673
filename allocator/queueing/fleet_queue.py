"""A fleet on patrol as a hypercube queue, day by day: how busy, who answers what.

Each ward is an atom. A call goes to the free unit whose patrol is the shortest expected drive
away. A unit's service time holds the turn-out, its own mean drive and the time at the scene;
because the drives depend on who is sent, service times and queue are brought into agreement in
rounds (mean service time calibration, Larson & Odoni 1981, 5.6). Days with other units on duty
are queues of their own, each in its steady state.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator.errors import FleetRefusedError, PlanningRefusedError
from allocator.hypercube import (
    MAX_EXACT_UNITS,
    HypercubeResult,
    approximate_hypercube,
    exact_hypercube,
)
from allocator.queueing.system import Floats, Method

SECONDS_PER_HOUR = 3600.0
HOURS_PER_WEEK = 168.0
CALIBRATION_ROUNDS = 20
CALIBRATED_S = 0.5

_BOUNDS = {
    "calls_per_week": (0.0, 1e9),
    "service_time_s": (1.0, 7 * 24 * SECONDS_PER_HOUR),
    "two_unit_share": (0.0, 1.0),
}


@dataclass(frozen=True)
class CallLoad:
    """Labelled assumptions about the work: nothing here is estimated from records.

    Attributes
    ----------
    calls_per_week
        Calls that armed response vehicles are sent to; the assessment gives their shares.
    service_time_s
        Mean time from arrival until the unit is free again.
    two_unit_share
        Share of calls that a second unit is sent to. It counts as one more call of the ward.
    """

    calls_per_week: float = 300.0
    service_time_s: float = 3600.0
    two_unit_share: float = 0.2

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            value = float(getattr(self, name))
            if not low <= value <= high:
                raise PlanningRefusedError(
                    f"{name} is {value:g}, outside {low:g} to {high:g}",
                    remedy=f"give {name} a value from {low:g} to {high:g}",
                )

    @property
    def dispatches_per_h(self) -> float:
        """Vehicles sent an hour."""
        return self.calls_per_week * (1.0 + self.two_unit_share) / HOURS_PER_WEEK


@dataclass(frozen=True)
class FleetQueue:
    """The week of a fleet as a queue; every figure is a mean over the days.

    Attributes
    ----------
    busy_fraction
        float (n_units,): share of its time on duty that a unit is on a call.
    at_once, waited
        float (n_units, n_wards): share of all calls that the unit answers in the ward, at once
        or after a wait. Together they sum to 1, or to less where calls are lost; all 0 without
        calls.
    service_time_s
        float (n_units,): from dispatch until free again, over the days on duty.
    probability_all_busy
        Share of time (and of calls) that no unit is free.
    mean_wait_s
        Mean wait for a free unit over all calls.
    method
        ``exact``, or ``approximation`` when a day has more than 16 units or it was asked for.
    """

    busy_fraction: Floats
    at_once: Floats
    waited: Floats
    service_time_s: Floats
    probability_all_busy: float
    mean_wait_s: float
    method: Method


def solve_fleet_queue(
    drive_s: Floats,
    demand: Floats,
    duty: NDArray[np.bool_],
    load: CallLoad,
    *,
    turnout_s: float = 0.0,
    queue: bool = True,
    exact: bool = True,
) -> FleetQueue:
    """Work out how busy the units of a fleet are and who answers the calls of each ward.

    Parameters
    ----------
    drive_s
        float (n_units, n_wards): expected drive from a unit's patrol to each ward, >= 0.
    demand
        float (n_wards,): each ward's share of the calls, >= 0, sums to 1.
    duty
        bool (n_units, n_days): whether the unit is on duty on each day.
    load
        Calls and service time.
    turnout_s
        Time from the call until the unit drives, part of every service.
    queue
        Whether calls wait when all units are busy.
    exact
        False: Larson's approximation, some fifty times quicker.

    Raises
    ------
    OverloadRefusedError
        The units of a day cannot complete its calls.
    FleetRefusedError
        A unit is never on duty, or a day has no unit.
    PlanningRefusedError
        Shapes do not fit, or a drive is negative or not finite.
    """
    _check(drive_s, demand, duty)
    patterns, days = np.unique(duty, axis=1, return_counts=True)
    n_units, n_wards = drive_s.shape
    at_once, waited = np.zeros((n_units, n_wards)), np.zeros((n_units, n_wards))
    busy, service_s = np.zeros(n_units), np.zeros(n_units)
    all_busy = wait_s = 0.0
    for on_duty, share in zip(patterns.T, days / duty.shape[1], strict=True):
        day, day_service_s = _solve_day(
            drive_s[on_duty], demand, load, turnout_s=turnout_s, queue=queue, exact=exact
        )
        free = (1.0 - day.probability_all_busy) * day.dispatch_fraction
        at_once[on_duty] += share * free
        if queue:
            waited[on_duty] += share * np.maximum(day.all_dispatch_fraction - free, 0.0)
        busy[on_duty] += share * day.busy_fraction
        service_s[on_duty] += share * day_service_s
        all_busy += share * day.probability_all_busy
        wait_s += share * day.mean_wait_h * SECONDS_PER_HOUR
    method: Method = (
        "exact" if exact and duty.sum(axis=0).max() <= MAX_EXACT_UNITS else "approximation"
    )
    on_share = duty.mean(axis=1)
    return FleetQueue(
        busy / on_share,
        at_once,
        waited,
        service_s / on_share,
        float(all_busy),
        float(wait_s),
        method,
    )


def _solve_day(
    drive_s: Floats,
    demand: Floats,
    load: CallLoad,
    *,
    turnout_s: float,
    queue: bool,
    exact: bool,
) -> tuple[HypercubeResult, Floats]:
    """Calibrate with the approximation, then with the exact queue where it is asked for."""
    arrival = demand * load.dispatches_per_h
    preference = np.argsort(drive_s.T, axis=1, kind="stable")
    nearest = drive_s.min(axis=0)
    fixed_s = turnout_s + load.service_time_s
    service_s = np.full(len(drive_s), fixed_s + float(demand @ nearest))
    solvers: list[Callable[..., HypercubeResult]] = [approximate_hypercube]
    if exact and len(drive_s) <= MAX_EXACT_UNITS:
        solvers = [approximate_hypercube, exact_hypercube]
    for solve in solvers:
        for _ in range(CALIBRATION_ROUNDS):
            rate = SECONDS_PER_HOUR / service_s
            day = solve(arrival, preference, service_rate_per_h=rate, queue=queue)
            sent = day.all_dispatch_fraction
            of_unit = sent.sum(axis=1)
            mean_drive_s = np.divide(
                (sent * drive_s).sum(axis=1), of_unit, out=drive_s @ demand, where=of_unit > 0
            )
            change_s = float(np.abs(fixed_s + mean_drive_s - service_s).max())
            if change_s <= CALIBRATED_S:
                break
            service_s = fixed_s + mean_drive_s
    return day, service_s


def _check(drive_s: Floats, demand: Floats, duty: NDArray[np.bool_]) -> None:
    n_units = len(drive_s)
    if drive_s.ndim != 2 or demand.shape != drive_s.shape[1:] or duty.shape[:1] != (n_units,):
        raise PlanningRefusedError(
            f"drive_s has shape {drive_s.shape}, demand {demand.shape}, duty {duty.shape}",
            remedy="give drive_s (n_units, n_wards), demand (n_wards,), duty (n_units, n_days)",
        )
    if not (np.isfinite(drive_s) & (drive_s >= 0)).all():
        raise PlanningRefusedError(
            "a drive is negative or not finite", remedy="give drive_s as seconds of 0 or more"
        )
    if not math.isclose(float(demand.sum()), 1.0, abs_tol=1e-9):
        raise PlanningRefusedError(
            f"the shares of demand sum to {float(demand.sum()):g}",
            remedy="give each ward's share of the calls, summing to 1",
        )
    idle = np.flatnonzero(~duty.any(axis=1))
    if idle.size:
        raise FleetRefusedError(
            f"unit {idle[0]} is never on duty", remedy="put it on duty or leave it out"
        )
    unmanned = np.flatnonzero(~duty.any(axis=0))
    if unmanned.size or not duty.size:
        raise FleetRefusedError(
            f"no unit is on duty on day {unmanned[0] if unmanned.size else 0} (0 = Monday)",
            remedy="put a unit on duty on every day of the week",
        )
