"""The hypercube queueing model: how busy each unit is, and who answers whom.

The doors of the model. Coverage models take a busy fraction as given and units as
independent; the hypercube (Larson 1974; Larson & Odoni 1981, chapter 5) works both out from
the calls, the preferences and the service times. ``solve_hypercube`` is exact up to 16 units
and Larson's approximation (1975) above; each is also a door by its own name.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from allocator.errors import PlanningRefusedError
from allocator.queueing.approximation import TOLERANCE, approximate_result
from allocator.queueing.states import MAX_EXACT_UNITS, exact_result
from allocator.queueing.system import HypercubeResult, QueueSystem, checked_system, empty_result

__all__ = [
    "MAX_EXACT_UNITS",
    "HypercubeResult",
    "approximate_hypercube",
    "exact_hypercube",
    "solve_hypercube",
]


def solve_hypercube(
    arrival_rate_per_h: ArrayLike,
    preference: ArrayLike,
    *,
    service_rate_per_h: ArrayLike,
    queue: bool = True,
) -> HypercubeResult:
    """Steady state of units that answer calls in the order of each atom's preference.

    Parameters
    ----------
    arrival_rate_per_h
        float (n_atoms,): calls an hour of each atom, Poisson in time.
    preference
        int (n_atoms, n_units): each row a permutation of the units, nearest first.
    service_rate_per_h
        Calls an hour that a busy unit completes (exponential service times): one number, or
        float (n_units,).
    queue
        True: calls that find all units busy wait and are served first come, first served.
        False: others answer them.

    Returns
    -------
    HypercubeResult
        Exact up to 16 units, Larson's approximation above; ``method`` says which.

    Raises
    ------
    PlanningRefusedError
        A shape, rate or preference is wrong.
    OverloadRefusedError
        With a queue, when the units cannot complete the calls that arrive.

    Notes
    -----
    Exact time and memory grow with ``n_units * 2**n_units``, hardly with ``n_atoms``.
    """
    system = checked_system(arrival_rate_per_h, preference, service_rate_per_h, queue=queue)
    return _exact(system) if system.n_units <= MAX_EXACT_UNITS else _approximate(system)


def exact_hypercube(
    arrival_rate_per_h: ArrayLike,
    preference: ArrayLike,
    *,
    service_rate_per_h: ArrayLike,
    queue: bool = True,
) -> HypercubeResult:
    """Solve all ``2**n_units`` balance equations; refused above 16 units.

    Parameters, result and errors are those of :func:`solve_hypercube`.
    """
    return _exact(checked_system(arrival_rate_per_h, preference, service_rate_per_h, queue=queue))


def approximate_hypercube(
    arrival_rate_per_h: ArrayLike,
    preference: ArrayLike,
    *,
    service_rate_per_h: ArrayLike,
    queue: bool = True,
    tolerance: float = TOLERANCE,
) -> HypercubeResult:
    """Larson's (1975) approximation for any number of units.

    Parameters, result and errors are those of :func:`solve_hypercube`; the rounds end once no
    busy fraction changes by more than ``tolerance``.
    """
    if not tolerance >= TOLERANCE:
        raise PlanningRefusedError(
            f"tolerance is {tolerance}, below the {TOLERANCE:g} that rounding allows",
            remedy=f"give a tolerance of {TOLERANCE:g} or more",
        )
    system = checked_system(arrival_rate_per_h, preference, service_rate_per_h, queue=queue)
    return _approximate(system, tolerance)


def _exact(system: QueueSystem) -> HypercubeResult:
    return exact_result(system) if system.calls_per_h > 0 else empty_result(system, "exact")


def _approximate(system: QueueSystem, tolerance: float = TOLERANCE) -> HypercubeResult:
    if system.calls_per_h > 0:
        return approximate_result(system, tolerance=tolerance)
    return empty_result(system, "approximation")
