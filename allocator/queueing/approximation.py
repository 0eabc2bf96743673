"""Larson's approximation of the hypercube for any number of units.

Larson (1975) replaces the 2^n states by one equation a unit. A call's chance to go to its
k-th choice is the product of the busy fractions of the choices before, times the free
fraction of that unit, times a factor Q(n, r, k - 1) which corrects for units not being busy
independently of each other: what sampling without replacement from the exact number of busy
units (M/M/n) gives, over what independence gives. Busy fractions are iterated to a fixed
point and scaled after each step, so that the work done is the work that arrives.

Published for equal service rates. With unequal ones each unit keeps its own rate, the number
of busy units is that of equal rates with the same capacity, and the scaling keeps
sum(rate x busy fraction) = calls answered (the idea of Jarvis 1985).
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from allocator.errors import PlanningRefusedError
from allocator.queueing.states import birth_death
from allocator.queueing.system import Floats, HypercubeResult, QueueSystem, result_of

TOLERANCE = 1e-12
MAX_ROUNDS = 2_000
SMALLEST_STEP = 1.0 / 64.0
MOST_BUSY = 1.0 - 1e-12


def approximate_result(system: QueueSystem, *, tolerance: float = TOLERANCE) -> HypercubeResult:
    """Return Larson's approximate steady state of a system with calls.

    Parameters
    ----------
    tolerance
        The rounds end once no busy fraction changes by more.

    Raises
    ------
    PlanningRefusedError
        The busy fractions do not settle.
    """
    busy_units = _busy_units(system)
    all_busy = float(busy_units[-1])
    correction = correction_factors(busy_units)
    busy = _busy_fraction(system, correction, all_busy, tolerance)
    return result_of(
        system, busy, _dispatch(system, correction, busy), busy_units, method="approximation"
    )


def correction_factors(busy_units_probability: Floats) -> Floats:
    """Larson's Q: chance that k sampled units are busy and the next is free, over independence.

    Parameters
    ----------
    busy_units_probability
        float (n_units + 1,): share of time with 0, 1, ... units busy (waiting calls included
        in the last).

    Returns
    -------
    ndarray
        float (n_units,), for k = 0 .. n_units - 1 units sampled before. 1 at k = 0.
    """
    n_units = len(busy_units_probability) - 1
    busy = np.arange(n_units + 1)
    mean_busy = float(busy_units_probability @ busy) / n_units
    mean_free = float(busy_units_probability @ busy[::-1]) / n_units
    factors = np.ones(n_units)
    for before in range(n_units):
        able = busy[before:n_units]
        # C(n - before - 1, b - before) / C(n, b): the sample is busy, the next unit is free
        log_chance = (
            gammaln(n_units - before)
            - gammaln(able - before + 1)
            - gammaln(n_units - able)
            - gammaln(n_units + 1)
            + gammaln(able + 1)
            + gammaln(n_units - able + 1)
        )
        joint = float(busy_units_probability[before:n_units] @ np.exp(log_chance))
        independent = mean_busy**before * mean_free
        factors[before] = joint / independent if independent > 0 else 0.0  # too rare to hold
    return factors


def _busy_units(system: QueueSystem) -> Floats:
    mean_rate = float(system.service_rate_per_h.mean())
    servers = np.arange(1, system.n_units + 1, dtype=np.float64)
    share = birth_death(system.calls_per_h, mean_rate * servers)
    if system.queue:
        share[-1] /= 1.0 - system.load
        share /= share.sum()
    return share


def _busy_fraction(
    system: QueueSystem, correction: Floats, all_busy: float, tolerance: float
) -> Floats:
    rate = system.service_rate_per_h
    answered = system.calls_per_h if system.queue else system.calls_per_h * (1.0 - all_busy)
    from_queue = system.load * all_busy if system.queue else 0.0
    busy = np.full(system.n_units, min(answered / float(rate.sum()), MOST_BUSY))
    step, change = 1.0, np.inf
    for _ in range(MAX_ROUNDS):
        sent = _sent(system, correction, busy) @ system.arrival_rate_per_h / rate
        following = (sent + from_queue) / (1.0 + sent)
        following = np.minimum(following * (answered / float(rate @ following)), MOST_BUSY)
        last, change = change, float(np.abs(following - busy).max())
        if change <= tolerance:
            return following
        step = step if change < last else max(0.5 * step, SMALLEST_STEP)  # it swings
        busy = busy + step * (following - busy)
    raise PlanningRefusedError(
        f"the busy fractions have not settled after {MAX_ROUNDS} rounds (still changing by "
        f"{change:.2g})",
        remedy="give service rates of the same order of magnitude, or solve up to 16 units exactly",
    )


def _sent(system: QueueSystem, correction: Floats, busy: Floats) -> Floats:
    """Chance that an atom's call is the unit's while it is free, float (n_units, n_atoms)."""
    ranked = busy[system.preference]
    all_before = np.ones_like(ranked)
    np.cumprod(ranked[:, :-1], axis=1, out=all_before[:, 1:])
    sent = np.zeros((system.n_units, len(ranked)))
    sent[system.preference, np.arange(len(ranked))[:, None]] = all_before * correction
    return sent


def _dispatch(system: QueueSystem, correction: Floats, busy: Floats) -> Floats:
    chance = _sent(system, correction, busy) * (1.0 - busy)[:, None]
    share = system.arrival_rate_per_h / system.calls_per_h
    return np.asarray(chance / chance.sum(axis=0) * share, dtype=np.float64)
