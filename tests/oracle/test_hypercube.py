"""The hypercube against published values, closed forms and the generator written out."""

from __future__ import annotations

import math
import time
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.errors import OverloadRefusedError, PlanningRefusedError
from allocator.hypercube import approximate_hypercube, exact_hypercube, solve_hypercube

# Larson & Odoni (1981), Urban Operations Research, 5.4.3: units 1 to 3, mu = 1, lambda = 1.5.
CALLS = np.array([0.50, 0.25, 0.35, 0.40])
PREFERENCE = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 0, 1]])
HOME = PREFERENCE[:, 0]


def test_larson_and_odoni_5_4_3() -> None:
    result = solve_hypercube(CALLS, PREFERENCE, service_rate_per_h=1.0)
    assert result.method == "exact"
    assert result.busy_fraction == pytest.approx([0.5574, 0.4734, 0.4693], abs=1e-4)
    assert result.probability_all_busy == pytest.approx(0.23684, abs=1e-5)
    assert result.probability_empty == pytest.approx(0.21053, abs=1e-5)
    interarea = 1 - result.all_dispatch_fraction[HOME, np.arange(4)].sum()
    assert interarea == pytest.approx(0.4353, abs=1e-4)
    assert result.mean_queue_length == pytest.approx(result.probability_all_busy)  # rho = 1/2


def test_larson_and_odoni_5_5_3_approximation() -> None:
    published = [0.5627, 0.4716, 0.4657]  # the third round: "epsilon = 0.0011 or greater"
    third = approximate_hypercube(CALLS, PREFERENCE, service_rate_per_h=1.0, tolerance=0.0012)
    assert third.method == "approximation"
    assert third.busy_fraction == pytest.approx(published, abs=1e-4)
    settled = approximate_hypercube(CALLS, PREFERENCE, service_rate_per_h=1.0)
    assert settled.busy_fraction == pytest.approx(published, abs=1.5e-4)
    assert settled.busy_fraction.sum() == pytest.approx(1.5)
    with pytest.raises(PlanningRefusedError, match="tolerance is 0"):
        approximate_hypercube(CALLS, PREFERENCE, service_rate_per_h=1.0, tolerance=0.0)


@pytest.mark.parametrize("queue", [True, False])
@pytest.mark.parametrize("load", [0.05, 0.5, 0.95])
def test_sixteen_units_count_busy_like_a_plain_queue(load: float, queue: bool) -> None:
    random = np.random.default_rng(7)
    preference = np.array([random.permutation(16) for _ in range(40)])
    calls = random.gamma(0.7, 1.0, 40)
    calls *= 16 * load / calls.sum()
    result = solve_hypercube(calls, preference, service_rate_per_h=1.0, queue=queue)
    busy = [(16 * load) ** k / math.factorial(k) for k in range(17)]
    if queue:
        busy[16] /= 1 - load
    expected = np.array(busy) / sum(busy)
    assert np.abs(result.busy_units_probability - expected).max() < 1e-9
    served = load * (1 if queue else 1 - expected[16])
    assert result.busy_fraction.mean() == pytest.approx(served, abs=1e-9)


def test_units_that_share_the_calls_evenly_are_equally_busy() -> None:
    rotated = np.array([np.roll(np.arange(16), -first) for first in range(16)])
    result = solve_hypercube(np.full(16, 0.6), rotated, service_rate_per_h=1.0)
    assert np.abs(result.busy_fraction - 0.6).max() < 1e-9


def _brute_force(
    calls: np.ndarray, preference: np.ndarray, rates: np.ndarray, places: int
) -> tuple[np.ndarray, np.ndarray]:
    """Steady state of the generator, written out over busy sets and ``places`` to wait."""
    n_atoms, n_units = preference.shape
    full = (1 << n_units) - 1
    n_states = full + 1 + places
    generator = np.zeros((n_states, n_states))
    chosen = {}
    for state in range(n_states):
        if state < full:
            for atom in range(n_atoms):
                unit = next(int(u) for u in preference[atom] if not state >> int(u) & 1)
                chosen[state, atom] = unit
                generator[state, state | 1 << unit] += calls[atom]
        elif state + 1 < n_states:
            generator[state, state + 1] += calls.sum()
        if state > full:
            generator[state, state - 1] += rates.sum()
        else:
            for unit in range(n_units):
                if state >> unit & 1:
                    generator[state, state & ~(1 << unit)] += rates[unit]
    generator -= np.diag(generator.sum(axis=1))
    equations = np.vstack([generator.T, np.ones(n_states)])
    steady = np.linalg.lstsq(equations, np.append(np.zeros(n_states), 1.0), rcond=None)[0]
    dispatch = np.zeros((n_units, n_atoms))
    for (state, atom), unit in chosen.items():
        dispatch[unit, atom] += steady[state] * calls[atom]
    return steady, dispatch / dispatch.sum()


@st.composite
def _systems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    n_units = draw(st.integers(2, 6))
    n_atoms = draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    preference = np.array([random.permutation(n_units) for _ in range(n_atoms)])
    rates = random.uniform(0.3, 3.0, n_units) if draw(st.booleans()) else np.full(n_units, 2.0)
    load = draw(st.floats(0.02, 0.8))
    calls = random.gamma(0.5, 1.0, n_atoms) + 1e-6
    return calls * load * rates.sum() / calls.sum(), preference, rates, load


@settings(max_examples=60, deadline=None)
@given(_systems(), st.booleans())
def test_exact_agrees_with_the_generator(
    system: tuple[np.ndarray, np.ndarray, np.ndarray, float], queue: bool
) -> None:
    calls, preference, rates, _ = system
    places = 140 if queue else 0  # 0.8 ** 140 < 3e-14
    steady, dispatch = _brute_force(calls, preference, rates, places)
    result = solve_hypercube(calls, preference, service_rate_per_h=rates, queue=queue)
    n_units = len(rates)
    full = (1 << n_units) - 1
    sets = np.append(steady[:full], steady[full:].sum())
    busy = [sum(p for s, p in enumerate(sets) if s >> u & 1) for u in range(n_units)]
    assert result.busy_fraction == pytest.approx(busy, abs=1e-9)
    assert result.dispatch_fraction == pytest.approx(dispatch, abs=1e-9)
    assert result.probability_all_busy == pytest.approx(sets[full], abs=1e-9)
    assert result.probability_empty == pytest.approx(sets[0], abs=1e-9)
    waiting = sum(k * p for k, p in enumerate(steady[full:]))
    assert result.mean_queue_length == pytest.approx(waiting, abs=1e-7)
    assert result.mean_wait_h == pytest.approx(waiting / calls.sum(), abs=1e-7)
    assert result.loss_fraction == pytest.approx(0 if queue else sets[full], abs=1e-9)
    assert result.all_dispatch_fraction.sum() == pytest.approx(1)
    # every call is work for somebody: flow in equals flow out, unit by unit
    answered = calls.sum() * (1 - result.loss_fraction)
    sent = answered * result.all_dispatch_fraction.sum(axis=1)
    assert result.busy_fraction * rates == pytest.approx(sent, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(_systems(), st.booleans())
def test_approximation_keeps_the_work_and_stays_near(
    system: tuple[np.ndarray, np.ndarray, np.ndarray, float], queue: bool
) -> None:
    calls, preference, rates, _ = system
    exact = exact_hypercube(calls, preference, service_rate_per_h=2.0, queue=False)
    near = approximate_hypercube(calls, preference, service_rate_per_h=2.0, queue=False)
    assert np.abs(near.busy_fraction - exact.busy_fraction).max() < 0.06
    assert near.busy_units_probability == pytest.approx(exact.busy_units_probability)
    unequal = approximate_hypercube(calls, preference, service_rate_per_h=rates, queue=queue)
    answered = calls.sum() * (1 - unequal.loss_fraction)
    assert unequal.busy_fraction @ rates == pytest.approx(answered)
    assert unequal.dispatch_fraction.sum() == pytest.approx(1)
    assert unequal.dispatch_fraction.sum(axis=0) == pytest.approx(calls / calls.sum())


def test_above_sixteen_units_the_approximation_answers() -> None:
    random = np.random.default_rng(3)
    preference = np.array([random.permutation(17) for _ in range(30)])
    result = solve_hypercube(np.full(30, 0.2), preference, service_rate_per_h=1.0)
    assert result.method == "approximation"
    assert result.busy_fraction.sum() == pytest.approx(6.0)
    with pytest.raises(PlanningRefusedError, match=r"17 units have .* states.*approximate"):
        exact_hypercube(np.full(30, 0.2), preference, service_rate_per_h=1.0)


@pytest.mark.parametrize("solve", [exact_hypercube, approximate_hypercube])
def test_an_atom_cut_in_two_changes_nothing(solve: Any) -> None:
    whole = solve(CALLS, PREFERENCE, service_rate_per_h=1.0)
    halves = solve(np.repeat(CALLS / 2, 2), np.repeat(PREFERENCE, 2, axis=0), service_rate_per_h=1)
    assert halves.busy_fraction == pytest.approx(whole.busy_fraction)
    merged = halves.dispatch_fraction.reshape(3, 4, 2).sum(axis=2)
    assert merged == pytest.approx(whole.dispatch_fraction)


@pytest.mark.parametrize("n_units", [3, 16, 20])
def test_no_calls_leave_an_empty_system(n_units: int) -> None:
    preference = np.array([np.arange(n_units)] * 2)
    result = solve_hypercube(np.zeros(2), preference, service_rate_per_h=1.0)
    assert result.probability_empty == 1.0
    assert result.busy_units_probability.sum() == 1.0
    assert not result.busy_fraction.any()
    assert not result.dispatch_fraction.any()
    assert not result.all_dispatch_fraction.any()
    assert result.mean_queue_length == result.mean_wait_h == result.probability_all_busy == 0.0


@pytest.mark.parametrize("calls_per_h", [1e-300, 1e-20, 1e20, 1e300])
@pytest.mark.parametrize("solve", [exact_hypercube, approximate_hypercube])
def test_loads_at_the_ends_of_the_number_line(solve: Any, calls_per_h: float) -> None:
    preference = np.array([np.roll(np.arange(16), shift) for shift in (0, 3, 7)])
    rates = np.array([0.2, 0.3, 0.5]) * calls_per_h
    result = solve(rates, preference, service_rate_per_h=1.0, queue=False)
    assert result.dispatch_fraction.sum() == pytest.approx(1)
    assert ((result.busy_fraction >= 0) & (result.busy_fraction <= 1)).all()


def test_same_input_gives_the_same_bytes_and_input_is_left_alone() -> None:
    calls, preference = CALLS.copy(), PREFERENCE.copy()
    first, second = (
        astuple(solve_hypercube(calls, preference, service_rate_per_h=1.0)) for _ in range(2)
    )
    for one, other in zip(first, second, strict=True):
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()
    assert (calls == CALLS).all()
    assert (preference == PREFERENCE).all()
    calls += 1  # the caller's arrays stay writable


def test_sixteen_units_by_704_atoms_is_quick() -> None:
    random = np.random.default_rng(5)
    preference = np.array([random.permutation(16) for _ in range(704)])
    calls = random.gamma(0.7, 1.0, 704)
    calls *= 16 * 0.6 / calls.sum()
    begun = time.process_time()
    solve_hypercube(calls, preference, service_rate_per_h=1.0)
    assert time.process_time() - begun < 5.0


def test_overload_says_how_fast_the_queue_grows() -> None:
    with pytest.raises(OverloadRefusedError, match=r"grows by 0\.75 calls an hour.*add units") as e:
        solve_hypercube(CALLS * 2.5, PREFERENCE, service_rate_per_h=1.0)
    assert e.value.growth_per_h == pytest.approx(0.75)
    with pytest.raises(OverloadRefusedError, match="no steady state"):
        approximate_hypercube(CALLS * 2, PREFERENCE, service_rate_per_h=1.0)
    lost = solve_hypercube(CALLS * 2.5, PREFERENCE, service_rate_per_h=1.0, queue=False)
    assert 0 < lost.loss_fraction < 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"calls": [0.5, -0.1, 0.2, 0.3]}, "atom 1 is -0.1"),
        ({"calls": [0.5, 0.1, math.nan, 0.3]}, "atom 2 is nan"),
        ({"calls": [0.5, 0.1, 0.2, math.inf]}, "atom 3 is inf"),
        ({"calls": [1e308] * 4}, "add up to more than"),
        ({"calls": [0.5, 0.1]}, r"shape \(2,\), but preference has 4 rows"),
        ({"calls": ["a", "b", "c", "d"]}, "not a number"),
        ({"preference": [[0, 1, 1]] * 4}, r"row 0 of preference is \[0, 1, 1\].*4 such rows"),
        ({"preference": [[0, 1, 2]] * 3 + [[1, 2, 3]]}, "row 3 of preference"),
        ({"preference": [[0, 1], [1]]}, "expected .n_atoms, n_units."),
        ({"preference": [0, 1, 2]}, r"has shape \(3,\)"),
        ({"preference": np.zeros((4, 0), dtype=int)}, "a unit or more"),
        ({"preference": [[0.0, 1.0, 2.0]] * 4}, "float64 values, not unit numbers"),
        ({"preference": [[True, False]] * 4}, "bool values"),
        ({"service": 0.0}, "unit 0 is 0.0, which is not above 0"),
        ({"service": [1.0, -2.0, 1.0]}, "unit 1 is -2.0"),
        ({"service": [1.0, 1.0, math.nan]}, "unit 2 is nan"),
        ({"service": math.inf}, "unit 0 is inf"),
        ({"service": [1.0, 1.0]}, r"shape \(2,\), but there are 3 units"),
        ({"service": None}, "unit 0 is nan"),
    ],
)
@pytest.mark.parametrize("solve", [solve_hypercube, approximate_hypercube])
def test_bad_input_is_refused_with_a_remedy(
    solve: Any, change: dict[str, Any], message: str
) -> None:
    given_ = {"calls": CALLS, "preference": PREFERENCE, "service": 1.0} | change
    with pytest.raises(PlanningRefusedError, match=message) as refusal:
        solve(given_["calls"], given_["preference"], service_rate_per_h=given_["service"])
    assert refusal.value.remedy
