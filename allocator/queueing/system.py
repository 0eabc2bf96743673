"""The input and the answer of a hypercube queue, checked and frozen.

A hypercube queue (Larson 1974) has calls from geographical atoms, Poisson in time, and units
with exponential service times. A call goes to the first free unit of its atom's preference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allocator.errors import OverloadRefusedError, PlanningRefusedError

Floats = NDArray[np.float64]
Units = NDArray[np.intp]
Method = Literal["exact", "approximation"]


@dataclass(frozen=True)
class QueueSystem:
    """Calls, preferences and service rates that fit together.

    Attributes
    ----------
    arrival_rate_per_h
        float (n_atoms,), >= 0.
    preference
        int (n_atoms, n_units), each row a permutation of the units, first choice first.
    service_rate_per_h
        float (n_units,), > 0.
    queue
        True when calls wait while all units are busy, False when others answer them.
    """

    arrival_rate_per_h: Floats
    preference: Units
    service_rate_per_h: Floats
    queue: bool

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.service_rate_per_h)

    @property
    def calls_per_h(self) -> float:
        """All calls an hour."""
        return float(self.arrival_rate_per_h.sum())

    @property
    def load(self) -> float:
        """Calls an hour over the calls an hour that all units together can complete."""
        return self.calls_per_h / float(self.service_rate_per_h.sum())


@dataclass(frozen=True)
class HypercubeResult:
    """The steady state of a hypercube queue.

    Attributes
    ----------
    busy_fraction
        float (n_units,): share of time each unit serves a call.
    dispatch_fraction
        float (n_units, n_atoms): of the calls answered at once, the share that is answered by
        the unit and comes from the atom. Sums to 1; all 0 when there are no calls.
    all_dispatch_fraction
        float (n_units, n_atoms): the same of all calls that units answer, waiting ones included:
        a waiting call goes to whichever unit is free first.
    probability_all_busy, probability_empty
        Share of time with all units busy (waiting calls included), and with none busy.
    busy_units_probability
        float (n_units + 1,): share of time with 0, 1, ... units busy.
    mean_queue_length, mean_wait_h
        Calls waiting, and hours that a call waits (calls answered at once included); both 0
        without a queue.
    loss_fraction
        Share of calls that find all units busy and do not wait; 0 with a queue.
    method
        ``exact`` or ``approximation``.
    """

    busy_fraction: Floats
    dispatch_fraction: Floats
    all_dispatch_fraction: Floats
    probability_all_busy: float
    probability_empty: float
    busy_units_probability: Floats
    mean_queue_length: float
    mean_wait_h: float
    loss_fraction: float
    method: Method


def checked_system(
    arrival_rate_per_h: ArrayLike,
    preference: ArrayLike,
    service_rate_per_h: ArrayLike,
    *,
    queue: bool,
) -> QueueSystem:
    """Check calls, preferences and service rates and freeze them.

    Parameters
    ----------
    arrival_rate_per_h
        (n_atoms,) calls an hour of each atom.
    preference
        int (n_atoms, n_units), each row a permutation of 0 .. n_units - 1.
    service_rate_per_h
        Calls an hour that a busy unit completes: one for all, or (n_units,).
    queue
        True when calls wait while all units are busy.

    Raises
    ------
    PlanningRefusedError
        A shape does not fit, a rate is negative, zero (service) or not finite, or a row of the
        preferences is not a permutation.
    OverloadRefusedError
        With a queue: as many calls as the units can complete, or more.
    """
    order = _checked_preference(preference)
    n_atoms, n_units = order.shape
    calls = _checked_calls(arrival_rate_per_h, n_atoms)
    service = _checked_service(service_rate_per_h, n_units)
    system = QueueSystem(calls, order, service, queue)
    for array in (calls, order, service):
        array.setflags(write=False)
    if queue and system.load >= 1.0:
        raise OverloadRefusedError(system.calls_per_h, float(service.sum()))
    return system


def result_of(
    system: QueueSystem,
    busy_fraction: Floats,
    dispatch_fraction: Floats,
    busy_units_probability: Floats,
    *,
    method: Method,
) -> HypercubeResult:
    """Complete a steady state with what follows from it: all dispatches, queue and loss."""
    all_busy = float(busy_units_probability[-1])
    waiting, loss = (0.0, all_busy)
    dispatched = dispatch_fraction
    if system.queue:
        waiting, loss = all_busy * system.load / (1.0 - system.load), 0.0
        by_unit = system.service_rate_per_h / system.service_rate_per_h.sum()
        by_atom = system.arrival_rate_per_h / max(system.calls_per_h, np.finfo(float).tiny)
        dispatched = (1.0 - all_busy) * dispatch_fraction + all_busy * np.outer(by_unit, by_atom)
    return HypercubeResult(
        busy_fraction=busy_fraction,
        dispatch_fraction=dispatch_fraction,
        all_dispatch_fraction=dispatched,
        probability_all_busy=all_busy,
        probability_empty=float(busy_units_probability[0]),
        busy_units_probability=busy_units_probability,
        mean_queue_length=waiting,
        mean_wait_h=waiting / system.calls_per_h if waiting > 0 else 0.0,
        loss_fraction=loss,
        method=method,
    )


def empty_result(system: QueueSystem, method: Method) -> HypercubeResult:
    """Return the steady state of a system without calls: every unit is always free."""
    idle = np.zeros(system.n_units + 1)
    idle[0] = 1.0
    no_calls = np.zeros((system.n_units, len(system.arrival_rate_per_h)))
    return result_of(system, np.zeros(system.n_units), no_calls, idle, method=method)


def _checked_preference(preference: ArrayLike) -> Units:
    try:
        order = np.array(preference)
    except ValueError:
        order = np.array(preference, dtype=object)
    if order.ndim != 2 or order.shape[1] == 0:
        raise PlanningRefusedError(
            f"preference has shape {order.shape}, expected (n_atoms, n_units) with a unit or more",
            remedy="give one row an atom that lists every unit once, first choice first",
        )
    if not np.issubdtype(order.dtype, np.integer):
        raise PlanningRefusedError(
            f"preference holds {order.dtype} values, not unit numbers",
            remedy=f"give whole numbers from 0 to {order.shape[1] - 1}",
        )
    n_units = order.shape[1]
    wrong = np.flatnonzero((np.sort(order, axis=1) != np.arange(n_units)).any(axis=1))
    if wrong.size:
        row = int(wrong[0])
        raise PlanningRefusedError(
            f"row {row} of preference is {order[row].tolist()}, not each of the units 0 to "
            f"{n_units - 1} once ({wrong.size} such rows)",
            remedy="list every unit exactly once in every row, first choice first",
        )
    return order.astype(np.intp)


def _checked_calls(arrival_rate_per_h: ArrayLike, n_atoms: int) -> Floats:
    calls = _numbers("arrival_rate_per_h", arrival_rate_per_h)
    if calls.shape != (n_atoms,):
        raise PlanningRefusedError(
            f"arrival_rate_per_h has shape {calls.shape}, but preference has {n_atoms} rows",
            remedy="give one rate for every row of preference",
        )
    bad = np.flatnonzero(~(np.isfinite(calls) & (calls >= 0)))
    if bad.size:
        raise PlanningRefusedError(
            f"arrival_rate_per_h of atom {bad[0]} is {calls[bad[0]]}, which is not a rate of 0 "
            "or more",
            remedy="give every atom a finite number of calls an hour, 0 or more",
        )
    with np.errstate(over="ignore"):
        whole = calls.sum()
    if not np.isfinite(whole):
        raise PlanningRefusedError(
            "the arrival rates add up to more than a number can hold",
            remedy="give the rates in calls an hour",
        )
    return calls


def _checked_service(service_rate_per_h: ArrayLike, n_units: int) -> Floats:
    given = _numbers("service_rate_per_h", service_rate_per_h)
    if given.shape not in ((), (n_units,)):
        raise PlanningRefusedError(
            f"service_rate_per_h has shape {given.shape}, but there are {n_units} units",
            remedy=f"give one rate for all units, or {n_units}",
        )
    service = np.array(np.broadcast_to(given, (n_units,)))
    bad = np.flatnonzero(~(np.isfinite(service) & (service > 0)))
    if bad.size:
        raise PlanningRefusedError(
            f"service_rate_per_h of unit {bad[0]} is {service[bad[0]]}, which is not above 0",
            remedy="give the calls an hour that the unit completes while busy; leave a unit that "
            "is never available out of the system",
        )
    return service


def _numbers(name: str, values: ArrayLike) -> Floats:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise PlanningRefusedError(
            f"{name} holds something that is not a number",
            remedy=f"give {name} as numbers of calls an hour",
        ) from None
