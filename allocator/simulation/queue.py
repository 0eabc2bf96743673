"""A bare spatial queue: units with a fixed order of preference, without roads or shifts.

This is the system of the hypercube queueing model (Larson 1974), so that the engine behind the
simulated weeks can be held against exact answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator.simulation.assumptions import HOUR_S
from allocator.simulation.calls import CallStream
from allocator.simulation.duty import always_on
from allocator.simulation.engine import Response, Trace, run_weeks
from allocator.simulation.errors import OverloadError, SimulationRefusedError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class QueueEstimate:
    """Estimates of a spatial queue with their standard errors over independent runs.

    Attributes
    ----------
    busy_fraction, busy_fraction_se
        float (n_units,): share of time each unit is busy.
    dispatch_fraction, dispatch_fraction_se
        float (n_units, n_atoms): share of the calls answered at once that come from the atom
        and are answered by the unit; sums to 1.
    probability_all_busy, probability_all_busy_se
        Share of calls that find every unit busy.
    mean_wait_h
        Mean wait of all calls, 0 without a queue.
    """

    busy_fraction: Floats
    busy_fraction_se: Floats
    dispatch_fraction: Floats
    dispatch_fraction_se: Floats
    probability_all_busy: float
    probability_all_busy_se: float
    mean_wait_h: float


def simulate_queue(
    arrival_rate_per_h: Floats,
    preference: NDArray[np.intp],
    *,
    service_rate_per_h: float | Floats,
    queue: bool = True,
    runs: int = 100,
    hours: float = 1_000.0,
    warm_up_h: float = 100.0,
    seed: int = 0,
) -> QueueEstimate:
    """Simulate Poisson calls and exponential service by the engine of the simulated weeks.

    Parameters
    ----------
    arrival_rate_per_h
        (n_atoms,) calls an hour from each atom.
    preference
        (n_atoms, n_units): units in order of preference, each row a permutation.
    service_rate_per_h
        Rate of one unit, or (n_units,) of each.
    queue
        Whether a call waits (first come, first served) when all are busy, or is lost.
    runs, hours, warm_up_h
        Independent runs, the hours counted in each, and the hours before them.
    seed
        Seed of all chance.

    Returns
    -------
    QueueEstimate
        Means over the runs and their standard errors.

    Raises
    ------
    SimulationRefusedError
        A rate, a shape or a preference is wrong, or fewer than 2 runs are asked for.
    OverloadError
        With a queue, the calls ask for as much as the units can give or more.
    """
    arrival = np.asarray(arrival_rate_per_h, dtype=np.float64)
    order = np.asarray(preference, dtype=np.intp)
    n_units = _check(arrival, order, runs, hours, warm_up_h)
    service = np.broadcast_to(np.asarray(service_rate_per_h, dtype=np.float64), (n_units,))
    _check_load(arrival, service, queue=queue)
    rank = np.argsort(order, axis=1).astype(np.float64)
    response = Response(
        drive_s=np.zeros((len(arrival), len(arrival))),
        turnout_s=0.0,
        return_factor=0.0,
        order=rank,
        by_drive=False,
        waits=queue,
    )
    start_s, end_s = warm_up_h * HOUR_S, (warm_up_h + hours) * HOUR_S
    calls = _poisson_calls(arrival, runs, end_s, seed)
    trace = run_weeks(
        calls,
        np.zeros((*calls.time_s.shape, n_units), dtype=np.intp),
        always_on(n_units),
        response,
        window_s=(start_s, end_s),
        service_scale=HOUR_S / service,
    )
    return _estimate(trace, calls, len(arrival), n_units, (start_s, end_s))


def _poisson_calls(arrival: Floats, runs: int, end_s: float, seed: int) -> CallStream:
    random = np.random.default_rng(np.random.SeedSequence(seed))
    count = -np.sort(-random.poisson(arrival.sum() * end_s / HOUR_S, runs))
    shape = (max(int(count[0]), 1), runs)
    past = np.arange(shape[0])[:, None] >= count[None, :]
    time_s = np.sort(np.where(past, np.inf, random.random(shape) * end_s), axis=0)
    upto = np.cumsum(arrival)
    ward = np.searchsorted(upto, random.random(shape) * upto[-1], side="right")
    return CallStream(
        seed=seed,
        block=0,
        count=np.asarray(count, dtype=np.intp),
        time_s=time_s,
        ward=np.minimum(ward, len(arrival) - 1),
        needs_second=np.zeros(shape, dtype=np.bool_),
        service_s=random.standard_exponential((1, *shape)),
        drive_factor=np.ones((1, *shape)),
    )


def _estimate(
    trace: Trace, calls: CallStream, n_atoms: int, n_units: int, window_s: tuple[float, float]
) -> QueueEstimate:
    runs = len(calls.count)
    counted = trace.time_s >= window_s[0]
    at_once = counted & (trace.unit >= 0) & (trace.wait_s <= 0)
    busy = trace.busy_s / (window_s[1] - window_s[0])
    cell = (trace.week * n_units + trace.unit) * n_atoms + trace.ward
    cells = np.bincount(cell[at_once], minlength=runs * n_units * n_atoms)
    sent: Floats = cells.reshape(runs, n_units, n_atoms).astype(np.float64)
    per_run = sent.sum(axis=(1, 2))
    dispatch, dispatch_se = _ratio(sent, per_run[:, None, None])
    arrived = np.bincount(trace.week[counted], minlength=runs).astype(np.float64)
    blocked, blocked_se = _ratio(arrived - per_run, arrived)
    waits = trace.wait_s[counted & np.isfinite(trace.wait_s)]
    return QueueEstimate(
        busy_fraction=busy.mean(axis=0),
        busy_fraction_se=busy.std(axis=0, ddof=1) / np.sqrt(runs),
        dispatch_fraction=dispatch,
        dispatch_fraction_se=dispatch_se,
        probability_all_busy=float(blocked),
        probability_all_busy_se=float(blocked_se),
        mean_wait_h=float(waits.mean()) / HOUR_S if len(waits) else 0.0,
    )


def _ratio(part: Floats, whole: Floats) -> tuple[Floats, Floats]:
    """Ratio of sums over the runs (first axis) and its standard error by linearisation."""
    runs, total = len(part), whole.sum()
    if total <= 0:
        return np.zeros(part.shape[1:]), np.zeros(part.shape[1:])
    ratio = part.sum(axis=0) / total
    residual = part - ratio * whole
    error = np.sqrt(runs / (runs - 1) * (residual**2).sum(axis=0)) / total
    return np.asarray(ratio), np.asarray(error)


def _check(
    arrival: Floats, order: NDArray[np.intp], runs: int, hours: float, warm_up_h: float
) -> int:
    if arrival.ndim != 1 or order.ndim != 2 or order.shape[0] != len(arrival) or not order.size:
        raise SimulationRefusedError(
            f"arrival_rate_per_h has shape {arrival.shape} and preference {order.shape}",
            remedy="give (n_atoms,) rates and (n_atoms, n_units) preferences",
        )
    if not (np.isfinite(arrival).all() and (arrival >= 0).all() and arrival.sum() > 0):
        raise SimulationRefusedError(
            f"the calls an hour add up to {arrival.sum():g}, or one is negative or no number",
            remedy="give every atom a rate of 0 or more, and one above 0",
        )
    wrong = np.flatnonzero((np.sort(order, axis=1) != np.arange(order.shape[1])).any(axis=1))
    if len(wrong):
        raise SimulationRefusedError(
            f"row {int(wrong[0])} of preference is not a permutation of the units",
            remedy=f"name each of the units 0 to {order.shape[1] - 1} once in every row",
        )
    if runs < 2 or not (0 < hours < np.inf) or not (0 <= warm_up_h < np.inf):
        raise SimulationRefusedError(
            f"{runs} runs of {hours:g} h after {warm_up_h:g} h",
            remedy="give at least 2 runs, hours above 0 and a warm-up of 0 h or more",
        )
    return int(order.shape[1])


def _check_load(arrival: Floats, service: Floats, *, queue: bool) -> None:
    if not (np.isfinite(service).all() and (service > 0).all()):
        raise SimulationRefusedError(
            f"a service rate is {float(service.min()):g} an hour",
            remedy="give every unit a service rate above 0 an hour",
        )
    demand, capacity = float(arrival.sum()), float(service.sum())
    if queue and demand >= capacity:
        raise OverloadError(
            f"{demand:g} calls an hour come to units that finish at most {capacity:g}: the queue "
            f"grows by {demand - capacity:g} calls an hour",
            remedy="add units, shorten the service, or simulate without a queue",
            growth_per_h=demand - capacity,
        )
