"""Twenty random systems, simulated call by call and solved as a hypercube: the same answers."""

from __future__ import annotations

import numpy as np
import pytest

from allocator.hypercube import solve_hypercube
from allocator.simulation.queue import simulate_queue

SYSTEMS = 20
#: Headline figures within 3 standard errors; of the many single entries none beyond 4.5.
NEAR, NONE_BEYOND = 3.0, 4.5


def _system(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    random = np.random.default_rng([2026, number])
    n_units, n_atoms = int(random.integers(2, 9)), int(random.integers(1, 13))
    preference = np.array([random.permutation(n_units) for _ in range(n_atoms)])
    service = random.uniform(0.5, 2.0, n_units) if number % 4 == 3 else np.ones(n_units)
    calls = random.gamma(0.7, 1.0, n_atoms) + 0.01
    calls *= random.uniform(0.2, 0.75) * service.sum() / calls.sum()
    return calls, preference, service, number % 2 == 0


@pytest.fixture(scope="module")
def deviations() -> list[tuple[np.ndarray, np.ndarray]]:
    """Of every system: z of all units busy and of mean busy fraction; z of every entry."""
    found = []
    for number in range(SYSTEMS):
        calls, preference, service, queue = _system(number)
        exact = solve_hypercube(calls, preference, service_rate_per_h=service, queue=queue)
        simulated = simulate_queue(
            calls, preference, service_rate_per_h=service, queue=queue,
            runs=200, hours=500.0, warm_up_h=50.0, seed=number,
        )  # fmt: skip
        blocked = simulated.probability_all_busy - exact.probability_all_busy
        busy = simulated.busy_fraction - exact.busy_fraction
        sent = (simulated.dispatch_fraction - exact.dispatch_fraction)[exact.dispatch_fraction > 0]
        sent_se = simulated.dispatch_fraction_se[exact.dispatch_fraction > 0]
        often = exact.dispatch_fraction[exact.dispatch_fraction > 0] > 1e-3
        mean_se = float(simulated.busy_fraction_se.mean())  # at least that of the mean
        headline = np.array([blocked / simulated.probability_all_busy_se, busy.mean() / mean_se])
        single = np.append(busy / simulated.busy_fraction_se, sent[often] / sent_se[often])
        found.append((headline, single))
    return found


def test_headlines_are_within_three_standard_errors(
    deviations: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    for number, (headline, _) in enumerate(deviations):
        assert np.abs(headline).max() < NEAR, f"system {number}: {headline}"


def test_no_entry_is_far_off_and_errors_are_of_the_right_size(
    deviations: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    single = np.concatenate([one for _, one in deviations])
    assert len(single) > 300
    assert np.abs(single).max() < NONE_BEYOND
    assert np.mean(np.abs(single) < NEAR) > 0.99
    assert 0.7 < np.mean(single**2) < 1.3  # neither biased nor hidden by wide errors
