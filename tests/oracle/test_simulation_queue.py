"""The bare queue of the simulator against exact answers from queueing theory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from allocator.simulation.errors import OverloadError, SimulationRefusedError
from allocator.simulation.queue import simulate_queue

#: Larson and Odoni (1981), section 5.4.3: three units, four classes of calls.
ARRIVALS = np.array([0.50, 0.25, 0.35, 0.40])
PREFERENCE = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 0, 1]])


def test_the_published_example_of_larson_and_odoni() -> None:
    got = simulate_queue(
        ARRIVALS, PREFERENCE, service_rate_per_h=1.0, runs=100, hours=2_000, seed=3
    )
    published = np.array([0.5574, 0.4734, 0.4693])
    assert (np.abs(got.busy_fraction - published) < 4 * got.busy_fraction_se).all()
    assert (got.busy_fraction_se < 0.002).all()
    assert abs(got.probability_all_busy - 0.23684) < 4 * got.probability_all_busy_se
    own = np.zeros((3, 4), dtype=bool)
    own[PREFERENCE[:, 0], np.arange(4)] = True
    at_once, queued = 1.0 - got.probability_all_busy, got.probability_all_busy
    elsewhere = at_once * (1.0 - got.dispatch_fraction[own].sum())
    elsewhere += queued * 2 / 3  # a waiting call takes whichever unit is free first
    assert elsewhere == pytest.approx(0.4353, abs=0.005)
    assert got.dispatch_fraction.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("n_units", [1, 3, 8])
def test_equal_units_without_queue_lose_calls_by_the_formula_of_erlang(n_units: int) -> None:
    load = 0.7 * n_units
    blocked = 1.0
    for servers in range(1, n_units + 1):
        blocked = load * blocked / (servers + load * blocked)
    got = simulate_queue(
        np.array([load]),
        np.arange(n_units)[None, :],
        service_rate_per_h=1.0,
        queue=False,
        runs=60,
        hours=1_500,
        seed=n_units,
    )
    assert abs(got.probability_all_busy - blocked) < 4 * got.probability_all_busy_se
    assert got.probability_all_busy_se < 0.01
    assert got.mean_wait_h == 0.0
    assert got.busy_fraction.sum() == pytest.approx(load * (1 - blocked), abs=0.02 * n_units)


def test_the_mean_wait_of_one_unit_is_that_of_pollaczek_and_khinchine() -> None:
    got = simulate_queue(
        np.array([0.6]), np.array([[0]]), service_rate_per_h=1.0, runs=100, hours=4_000, seed=5
    )
    assert got.mean_wait_h == pytest.approx(0.6 / (1 - 0.6), rel=0.05)


def test_one_seed_repeats_and_two_differ() -> None:
    def once(seed: int) -> np.ndarray:
        return simulate_queue(
            ARRIVALS, PREFERENCE, service_rate_per_h=1.0, runs=4, hours=50, seed=seed
        ).dispatch_fraction

    assert once(7).tobytes() == once(7).tobytes()
    assert once(7).tobytes() != once(8).tobytes()


def test_overload_names_the_growth_of_the_queue() -> None:
    with pytest.raises(OverloadError, match=r"grows by 0\.5 calls an hour") as refusal:
        simulate_queue(ARRIVALS, PREFERENCE, service_rate_per_h=1 / 3)
    assert refusal.value.growth_per_h == pytest.approx(0.5)
    lossy = simulate_queue(
        ARRIVALS, PREFERENCE, service_rate_per_h=1 / 3, queue=False, runs=2, hours=20
    )
    assert 0 < lossy.probability_all_busy < 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"arrival_rate_per_h": np.zeros(4)}, "add up to 0"),
        ({"arrival_rate_per_h": np.array([1, -1, 1, 1])}, "negative"),
        ({"arrival_rate_per_h": np.array([1, math.nan, 1, 1])}, "no number"),
        ({"arrival_rate_per_h": np.ones(3)}, "shape"),
        ({"preference": np.zeros((4, 3), dtype=int)}, "row 0 of preference"),
        ({"service_rate_per_h": 0.0}, "service rate is 0"),
        ({"service_rate_per_h": -1.0}, "service rate is -1"),
        ({"runs": 1}, "at least 2 runs"),
        ({"hours": 0.0}, "hours above 0"),
    ],
)
def test_bad_input_is_refused(changes: dict[str, object], words: str) -> None:
    given: dict[str, object] = {
        "arrival_rate_per_h": ARRIVALS,
        "preference": PREFERENCE,
        "service_rate_per_h": 1.0,
    }
    with pytest.raises(SimulationRefusedError, match=words):
        simulate_queue(**(given | changes))  # type: ignore[arg-type]  # wrong on purpose
