"""The learned mixture against slow, plain versions of each of its parts."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special
from shapely.geometry import Polygon, box

from hotspots.bandwidth import abramson_bandwidths, ladder
from hotspots.forecast_counts import (
    BLOCK_DAYS,
    PeriodCounts,
    block_of,
    block_start,
    count_events,
    local_midnight,
    periods,
)
from hotspots.grid import Grid, cell_locator, clip_grid
from hotspots.kernel_density import adaptive_cell_mass, cell_mass
from hotspots.mixture import MIXTURE, Component, learn_weights
from hotspots.mixture_history import MixtureHistory
from hotspots.mixture_smoother import LatticeSmoother
from tests.oracle.test_kernel_density import exact_gaussian

TOWN = Polygon([(2_000, 1_000), (9_000, 1_300), (8_200, 7_000), (5_000, 4_800), (1_500, 6_500)])
GRID = clip_grid(TOWN, cell_size_m=250)
ZONE = "Europe/London"
AS_OF = date(2025, 7, 1)


def spread_slowly(grid: Grid, counts: np.ndarray, bandwidth_m: float) -> np.ndarray:
    """Each cell's events from its centre, every kernel cut to the cells inside."""
    total = np.zeros(len(counts))
    for x, y, n in zip(*grid.centres(), counts, strict=True):
        if n:
            mass = exact_gaussian(grid, x, y, bandwidth_m)[grid.inside]
            total += n * mass / mass.sum()
    return total


@pytest.mark.parametrize("bandwidth_m", [75.0, 400.0, 1_200.0])
def test_the_lattice_smoother_is_the_edge_corrected_sum(bandwidth_m: float) -> None:
    random = np.random.default_rng(4)
    counts = random.poisson(0.2, int(GRID.inside.sum())).astype(float)
    fast = LatticeSmoother(GRID).smooth(counts, bandwidth_m)
    np.testing.assert_allclose(fast, spread_slowly(GRID, counts, bandwidth_m), atol=2e-5)
    assert fast.sum() == pytest.approx(counts.sum(), rel=1e-9)


def test_the_ladder_keeps_the_variance_of_every_kernel() -> None:
    bandwidth_m = np.random.default_rng(0).uniform(40, 3_000, 500)
    rungs, lower, upper_share = ladder(bandwidth_m)
    variance = (1 - upper_share) * rungs[lower] ** 2 + upper_share * rungs[lower + 1] ** 2
    np.testing.assert_allclose(variance, bandwidth_m**2, rtol=1e-9)
    assert ((upper_share >= 0) & (upper_share <= 1)).all()


def test_abramson_bandwidths_follow_the_square_root_law() -> None:
    pilot, weight = np.array([1.0, 4.0, 16.0]), np.array([1.0, 1.0, 1.0])
    found = abramson_bandwidths(pilot, weight, bandwidth_m=200.0, exponent=0.5)
    np.testing.assert_allclose(found, [400.0, 200.0, 100.0])
    with pytest.raises(Exception, match="pilot density must be positive"):
        abramson_bandwidths(np.array([0.0]), np.array([1.0]), bandwidth_m=200.0)


@pytest.mark.parametrize("kernel", ["gaussian", "quartic"])
def test_an_adaptive_density_is_near_the_sum_of_exact_kernels(kernel) -> None:
    random = np.random.default_rng(8)
    x, y = random.uniform(2_500, 8_000, 40), random.uniform(1_500, 4_500, 40)
    weight, bandwidth_m = random.uniform(0.2, 2, 40), random.uniform(300, 1_500, 40)
    fast = adaptive_cell_mass(x, y, weight, GRID, bandwidth_m=bandwidth_m, kernel=kernel)
    slow = sum(
        cell_mass(x[[i]], y[[i]], weight[[i]], GRID, bandwidth_m=bandwidth_m[i], kernel=kernel)
        for i in range(40)
    )
    assert fast.sum() == pytest.approx(weight.sum(), rel=1e-9)
    assert np.abs(fast - slow).sum() < 0.03 * slow.sum()


def test_learned_weights_maximise_the_penalised_likelihood() -> None:
    """Against a general optimiser on the same function."""
    random = np.random.default_rng(2)
    density = random.gamma(0.7, size=(60, 4))
    count = random.integers(1, 4, 60).astype(float)
    prior = np.array([0.4, 0.3, 0.2, 0.1])

    def loss(free: np.ndarray) -> float:
        weight = special.softmax(free)
        return -float(count @ np.log(density @ weight) + 20 * prior @ np.log(weight))

    best = special.softmax(optimize.minimize(loss, np.log(prior), tol=1e-12).x)
    np.testing.assert_allclose(learn_weights(density, count, prior), best, atol=2e-4)
    np.testing.assert_array_equal(learn_weights(density[:0], count[:0], prior), prior)
    strong = learn_weights(density, count, prior, prior_events=1e9)
    np.testing.assert_allclose(strong, prior, atol=1e-6)


def log_of(n: int = 1_500, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x, y = random.normal(4_500, 1_500, n), random.normal(3_200, 1_000, n)
    age = (random.uniform(0, 5_000, n) * 86_400e6).astype("timedelta64[us]")
    return x, y, local_midnight(AS_OF, ZONE) - age


def counted(extra: tuple[date, ...] = ()) -> PeriodCounts:
    calendar = periods([AS_OF], ZONE, extra=extra)
    return count_events(*log_of(), cell_locator(GRID, TOWN), calendar)


def test_memories_are_plain_sums_over_the_log() -> None:
    counts = counted((AS_OF - timedelta(days=45), AS_OF - timedelta(days=3)))
    history = MixtureHistory(counts, GRID, MIXTURE)
    x, y, at = log_of()
    cell = cell_locator(GRID, TOWN).locate(x, y)
    local = pd.DatetimeIndex(at).tz_localize("UTC").tz_convert(ZONE).date
    age = block_of(AS_OF) - np.array([block_of(day) for day in local])
    for n_blocks, half_life in ((130, None), (39, None), (130, 26.0)):
        weight = np.where(age <= n_blocks, 1.0, 0.0)
        if half_life:
            weight *= 2 ** (-np.maximum(age - 1, 0) / half_life)
        slow = np.bincount(cell[cell >= 0], weight[cell >= 0], int(GRID.inside.sum()))
        np.testing.assert_allclose(history.memory(AS_OF, n_blocks, half_life), slow, atol=1e-9)


def test_components_are_shares_that_look_only_back() -> None:
    counts = counted()
    history = MixtureHistory(counts, GRID, MIXTURE)
    shares = history.shares(AS_OF)
    assert shares.shape == (len(MIXTURE), int(GRID.inside.sum()))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-9)
    assert (shares >= 0).all()
    past = block_start(block_of(AS_OF) - 10)
    x, y, at = log_of()
    before = at < local_midnight(past, ZONE)
    only = count_events(x[before], y[before], at[before], cell_locator(GRID, TOWN), counts.periods)
    np.testing.assert_array_equal(
        MixtureHistory(only, GRID, MIXTURE).shares(past), history.shares(past)
    )
    assert sum(one.prior_weight for one in MIXTURE) == pytest.approx(1.0)


def test_weights_find_the_component_that_the_city_follows() -> None:
    """Events repeat at few places for ever: the count by cell must win over wide kernels."""
    random = np.random.default_rng(6)
    area = box(0, 1_000_000, 6_000, 1_006_000)
    grid = clip_grid(area, cell_size_m=250)
    x, y = grid.centres()
    spots = random.choice(len(x), 25, replace=False)
    chosen = spots[random.integers(0, 25, 3_000)]
    age = (random.uniform(0, 130 * BLOCK_DAYS, 3_000) * 86_400e6).astype("timedelta64[us]")
    at = local_midnight(AS_OF, ZONE) - age
    calendar = periods([AS_OF], ZONE)
    counts = count_events(x[chosen], y[chosen], at, cell_locator(grid, area), calendar)
    mixture = (
        Component(0.3),
        Component(0.6, bandwidth_m=1_000.0),
        Component(0.1, uniform=True),
    )
    learned = MixtureHistory(counts, grid, mixture).learn(AS_OF)
    assert learned.weight[0] > 0.9
    assert learned.n_windows == 52
    assert 1_000 < learned.n_events < 1_400
