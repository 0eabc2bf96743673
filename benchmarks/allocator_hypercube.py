"""The hypercube: published values, exactness, speed and memory, and the approximation's error.

Peers are the textbook solution (the balance equations of all states put together atom by atom
and handed to a sparse direct solver) and the closed form of the number of busy units. Times are
processor seconds, so that other work on the machine does not stretch them.
"""

from __future__ import annotations

import math
import time
import tracemalloc

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from allocator.hypercube import approximate_hypercube, exact_hypercube

#: Larson & Odoni (1981), 5.4.3 and 5.5.3.
CALLS = np.array([0.50, 0.25, 0.35, 0.40])
PREFERENCE = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 0, 1]])
PUBLISHED = {
    "exact busy fraction 1": 0.5574,
    "exact busy fraction 2": 0.4734,
    "exact busy fraction 3": 0.4693,
    "probability all busy": 0.23684,
    "probability empty": 0.21053,
    "interarea share": 0.4353,
    "approximate busy fraction 1": 0.5627,
    "approximate busy fraction 2": 0.4716,
    "approximate busy fraction 3": 0.4657,
}
SIZES = (8, 10, 12, 14, 16)
DIRECT_UP_TO = 12  # the direct solver's fill-in takes minutes beyond
ATOMS = 704
LOADS = (0.1, 0.3, 0.5, 0.7, 0.9)
SEED = 20_260_801


def run() -> str:
    """Return every table."""
    return "\n\n".join((_published(), _closed_form(), _speed(), _approximation()))


def _published() -> str:
    exact = exact_hypercube(CALLS, PREFERENCE, service_rate_per_h=1.0)
    third = approximate_hypercube(CALLS, PREFERENCE, service_rate_per_h=1.0, tolerance=0.0012)
    home = exact.all_dispatch_fraction[PREFERENCE[:, 0], np.arange(4)].sum()
    found = [
        *exact.busy_fraction,
        exact.probability_all_busy,
        exact.probability_empty,
        1 - home,
        *third.busy_fraction,
    ]
    lines = ["Larson & Odoni 5.4.3, 5.5.3      published     here   difference (target 1e-4)"]
    for (name, published), value in zip(PUBLISHED.items(), found, strict=True):
        lines.append(f"{name:32} {published:9.5f} {value:8.5f}   {abs(value - published):.1e}")
    return "\n".join(lines)


def _closed_form() -> str:
    worst = 0.0
    for load in LOADS:
        for queue in (True, False):
            calls, preference = system(16, ATOMS, load)
            result = exact_hypercube(calls, preference, service_rate_per_h=1.0, queue=queue)
            busy = [(16 * load) ** k / math.factorial(k) for k in range(17)]
            busy[16] /= 1 - load if queue else 1
            expected = np.array(busy) / sum(busy)
            worst = max(worst, float(np.abs(result.busy_units_probability - expected).max()))
            mean = float(expected[:16] @ np.arange(16) + 16 * expected[16]) / 16
            worst = max(worst, abs(float(result.busy_fraction.mean()) - mean))
    return f"M/M/16 marginals, loss and queue, 5 loads: worst difference {worst:.1e} (target 1e-9)"


def _speed() -> str:
    lines = [
        f"units x {ATOMS} atoms, load 0.6   exact s  peak MB   approximate s   "
        "direct solver s  largest difference"
    ]
    lines += [_speed_row(n_units) for n_units in SIZES]
    return "\n".join([*lines, "targets at 16 units: 5 s and 1,000 MB"])


def _speed_row(n_units: int) -> str:
    calls, preference = system(n_units, ATOMS, 0.6)
    begun = time.process_time()
    exact = exact_hypercube(calls, preference, service_rate_per_h=1.0)
    exact_s, begun = time.process_time() - begun, time.process_time()
    approximate_hypercube(calls, preference, service_rate_per_h=1.0)
    near_s = time.process_time() - begun
    tracemalloc.start()
    exact_hypercube(calls, preference, service_rate_per_h=1.0)
    peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    peer = f"{'-':>15}  -"
    if n_units <= DIRECT_UP_TO:
        begun = time.process_time()
        busy = direct_solution(calls, preference)
        direct_s = time.process_time() - begun
        peer = f"{direct_s:15.2f}  {np.abs(busy - exact.busy_fraction).max():.1e}"
    return f"{n_units:<29} {exact_s:9.2f} {peak_mb:8.0f} {near_s:15.4f}   {peer}"


def _approximation() -> str:
    lines = ["approximation, 16 units: load   largest error of a busy fraction   in per cent of it"]
    for load in LOADS:
        calls, preference = system(16, ATOMS, load)
        exact = exact_hypercube(calls, preference, service_rate_per_h=1.0).busy_fraction
        near = approximate_hypercube(calls, preference, service_rate_per_h=1.0).busy_fraction
        error = np.abs(near - exact)
        lines.append(f"{load:30.1f}   {error.max():32.5f}   {100 * (error / exact).max():15.2f} %")
    return "\n".join(lines)


def system(n_units: int, n_atoms: int, load: float) -> tuple[np.ndarray, np.ndarray]:
    """Atoms and patrols at random in a square, the nearest first; calls clustered."""
    random = np.random.default_rng(SEED)
    atoms, patrols = random.random((n_atoms, 2)), random.random((n_units, 2))
    distance = np.linalg.norm(atoms[:, None] - patrols[None], axis=2)
    calls = random.gamma(0.7, 1.0, n_atoms)
    return calls * load * n_units / calls.sum(), np.argsort(distance, axis=1, kind="stable")


def direct_solution(calls: np.ndarray, preference: np.ndarray) -> np.ndarray:
    """Busy fractions by the textbook: every state and atom in turn, then a direct solver."""
    n_units = preference.shape[1]
    full = (1 << n_units) - 1
    flow: dict[tuple[int, int], float] = {}
    for state in range(full):
        for rate, order in zip(calls.tolist(), preference.tolist(), strict=True):
            unit = next(one for one in order if not state >> one & 1)
            flow[state, state | 1 << unit] = flow.get((state, state | 1 << unit), 0.0) + rate
    for state in range(full + 1):
        for unit in range(n_units):
            if state >> unit & 1:
                flow[state, state & ~(1 << unit)] = 1.0
    rows, columns = np.array(list(flow)).T
    rates = np.array(list(flow.values()))
    size = full + 1
    balance = coo_matrix((rates, (columns, rows)), (size, size)).tolil()
    balance.setdiag(-np.bincount(rows, weights=rates, minlength=size))
    balance[full, :] = 1.0
    steady = spsolve(balance.tocsc(), np.append(np.zeros(full), 1.0))
    steady[full] /= 1 - calls.sum() / n_units
    steady /= steady.sum()
    states = np.arange(size)
    return np.array([steady[states >> unit & 1 == 1].sum() for unit in range(n_units)])
