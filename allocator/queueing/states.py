"""The exact hypercube: the steady state over all sets of busy units.

A state is a bit mask of busy units. The rate at which a free unit u is sent from state s is
the sum of the calls of the atoms whose units preferred to u are all busy in s: a sum over
subsets of s, which a fast zeta transform gives for all states at once, whatever the number of
atoms. A transition changes one bit, so that states with an even number of busy units lead
only to odd ones and back: the balance equations are solved by Gauss-Seidel in two halves, each
one sparse product. After every sweep the levels (states with equally many busy units) are
rescaled to the birth-death chain of the number of busy units (iterative aggregation,
Koury, McAllister & Stewart 1984).

Waiting calls only lengthen the stay in the state "all busy": with load r the queue adds the
factor 1 / (1 - r) to its probability and changes nothing else (Larson & Odoni 1981, 5.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from allocator.errors import PlanningRefusedError
from allocator.queueing.system import Floats, HypercubeResult, QueueSystem, Units, result_of

MAX_EXACT_UNITS = 16
TOLERANCE = 1e-13  # total variation, estimated from the change of a sweep
MAX_SWEEPS = 20_000


@dataclass(frozen=True)
class StateRates:
    """Rates of the chain of busy sets, bit u of a state standing for unit u.

    Attributes
    ----------
    sent_per_h
        float (n_units, 2**n_units): rate at which the unit is sent; 0 where it is busy.
    freed_per_h
        float (2**n_units,): rate at which a busy unit becomes free.
    n_busy
        int (2**n_units,): number of busy units.
    """

    sent_per_h: Floats
    freed_per_h: Floats
    n_busy: Units


def exact_result(system: QueueSystem) -> HypercubeResult:
    """Return the steady state of a system of at most 16 units, with calls.

    Raises
    ------
    PlanningRefusedError
        Above 16 units, or service rates so far apart that the sweeps do not settle.
    """
    if system.n_units > MAX_EXACT_UNITS:
        raise PlanningRefusedError(
            f"{system.n_units} units have {2.0**system.n_units:.3g} states, above the "
            f"{2**MAX_EXACT_UNITS} of {MAX_EXACT_UNITS} units that are solved exactly",
            remedy="use the approximation (approximate_hypercube), or fewer units",
        )
    before = preferred_before(system)
    rates = state_rates(system, before)
    answering = _steady_state(system, rates)
    free_time = float(answering[:-1].sum())
    answered = _dispatch(system, before, answering, free_time)
    with_queue = 1.0 / (1.0 - system.load) if system.queue else 1.0
    probability = answering.copy()
    probability[-1] *= with_queue
    probability /= probability.sum()
    states = np.arange(len(probability))
    return result_of(
        system,
        np.array([probability[(states >> u) & 1 == 1].sum() for u in range(system.n_units)]),
        answered,
        np.bincount(rates.n_busy, weights=probability, minlength=system.n_units + 1).astype(
            np.float64
        ),
        method="exact",
    )


def preferred_before(system: QueueSystem) -> Units:
    """Mask of the units preferred to each rank of each atom, int (n_atoms, n_units)."""
    bits = np.left_shift(1, system.preference)
    return np.asarray(np.cumsum(bits, axis=1) - bits, dtype=np.intp)


def state_rates(system: QueueSystem, before: Units) -> StateRates:
    """Rates of the chain by subset sums over all states.

    Parameters
    ----------
    before
        int (n_atoms, n_units), from :func:`preferred_before`.
    """
    n_states = 1 << system.n_units
    sent = np.zeros((system.n_units, n_states))
    np.add.at(sent, (system.preference, before), system.arrival_rate_per_h[:, None])
    _sum_subsets(sent)
    states = np.arange(n_states)
    freed = np.zeros(n_states)
    n_busy = np.zeros(n_states, dtype=np.intp)
    for unit, rate in enumerate(system.service_rate_per_h):
        busy = (states >> unit) & 1
        sent[unit, busy == 1] = 0.0
        freed += rate * busy
        n_busy += busy
    return StateRates(sent, freed, n_busy)


def _sum_subsets(values: Floats) -> None:
    """Replace each value by the sum over the subsets of its mask, along the last axis."""
    n_states = values.shape[-1]
    for bit in range(n_states.bit_length() - 1):
        halves = values.reshape(-1, 2, 1 << bit)
        halves[:, 1] += halves[:, 0]


def _sum_supersets(values: Floats) -> None:
    """Replace each value by the sum over the supersets of its mask, along the last axis."""
    n_states = values.shape[-1]
    for bit in range(n_states.bit_length() - 1):
        halves = values.reshape(-1, 2, 1 << bit)
        halves[:, 0] += halves[:, 1]


def _inflow(system: QueueSystem, rates: StateRates, parity: int) -> csr_matrix:
    """Inflow into the states of one parity over their outflow; state s has position s >> 1."""
    n_units, half = system.n_units, (1 << system.n_units) >> 1
    states = _states_of(rates, parity)
    calls = np.where(rates.n_busy[states] < n_units, system.calls_per_h, 0.0)
    outflow = rates.freed_per_h[states] + calls
    neighbours = np.empty((half, n_units), dtype=np.int32)
    flow = np.empty((half, n_units))
    for unit in range(n_units):
        other = states ^ (1 << unit)
        busy = (states >> unit) & 1 == 1
        neighbours[:, unit] = other >> 1
        flow[:, unit] = np.where(
            busy, rates.sent_per_h[unit, other], system.service_rate_per_h[unit]
        )
    flow /= outflow[:, None]
    starts = np.arange(0, half * n_units + 1, n_units)
    return csr_matrix((flow.ravel(), neighbours.ravel(), starts), shape=(half, half))


def _states_of(rates: StateRates, parity: int) -> Units:
    return np.flatnonzero(rates.n_busy % 2 == parity)


def _steady_state(system: QueueSystem, rates: StateRates) -> Floats:
    """Probability of every state without a queue, float (2**n_units,)."""
    even, odd = _states_of(rates, 0), _states_of(rates, 1)
    into_even, into_odd = _inflow(system, rates, 0), _inflow(system, rates, 1)
    probability = _rescaled(system, rates, np.ones(len(rates.n_busy)))
    change = 1.0
    for _ in range(MAX_SWEEPS):
        swept = np.empty_like(probability)
        swept[even] = into_even @ probability[odd]
        swept[odd] = into_odd @ swept[even]
        swept = _rescaled(system, rates, swept)
        last, change = change, float(np.abs(swept - probability).sum())
        probability = swept
        ratio = min(change / last, 1.0) if last > 0 else 0.0
        if change * ratio <= TOLERANCE * (1.0 - ratio) or change <= 1e-15:
            return probability
    raise PlanningRefusedError(
        f"the steady state has not settled after {MAX_SWEEPS} sweeps (a sweep still changes it "
        f"by {change:.2g}): the service rates of the units are very far apart",
        remedy="give service rates of the same order of magnitude, or use approximate_hypercube",
    )


def _rescaled(system: QueueSystem, rates: StateRates, probability: Floats) -> Floats:
    """Scale every level to its share in the birth-death chain of the number of busy units."""
    n_levels = system.n_units + 1
    mass = np.bincount(rates.n_busy, weights=probability, minlength=n_levels)
    leaving = np.bincount(rates.n_busy, weights=probability * rates.freed_per_h, minlength=n_levels)
    mean_rate = float(system.service_rate_per_h.mean())
    freed = np.where(mass > 0, leaving / np.where(mass > 0, mass, 1.0), mean_rate)
    freed[1:][freed[1:] <= 0] = mean_rate
    share = birth_death(system.calls_per_h, freed[1:])
    factor = np.divide(share, mass, out=np.zeros(n_levels), where=mass > 0)
    return np.asarray(probability * factor[rates.n_busy], dtype=np.float64)


def birth_death(calls_per_h: float, freed_per_h: Floats) -> Floats:
    """Steady state of a birth-death chain with one birth rate above 0.

    Parameters
    ----------
    freed_per_h
        float (n_units,): death rate with 1, 2, ... units busy, > 0.

    Returns
    -------
    ndarray
        float (n_units + 1,), sums to 1.
    """
    steps = np.log(calls_per_h) - np.log(freed_per_h)
    log_share = np.concatenate(([0.0], np.cumsum(steps)))
    share = np.exp(log_share - log_share.max())
    return np.asarray(share / share.sum(), dtype=np.float64)


def _dispatch(system: QueueSystem, before: Units, probability: Floats, free_time: float) -> Floats:
    """Share of the calls answered at once by unit and atom, float (n_units, n_atoms)."""
    states = np.arange(len(probability))
    sent = np.tile(probability, (system.n_units, 1))
    for unit in range(system.n_units):
        sent[unit, (states >> unit) & 1 == 1] = 0.0  # only while the unit is free ...
    _sum_supersets(sent)  # ... and all preferred to it are busy
    n_atoms = len(system.arrival_rate_per_h)
    chance = np.zeros((system.n_units, n_atoms))
    atoms = np.arange(n_atoms)[:, None]
    chance[system.preference, atoms] = sent[system.preference, before]
    return chance * (system.arrival_rate_per_h / system.calls_per_h) / free_time
