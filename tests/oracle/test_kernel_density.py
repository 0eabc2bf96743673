"""The fast kernel density against exact sums: integrals over cells, event by event."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special
from shapely.geometry import Polygon, box

from hotspots.grid import Grid, clip_grid
from hotspots.kernel_density import Kernel, cell_mass

TOWN = Polygon([(2_000, 1_000), (9_000, 1_300), (8_200, 7_000), (5_000, 4_800), (1_500, 6_500)])


def exact_gaussian(grid: Grid, x: float, y: float, bandwidth_m: float) -> np.ndarray:
    """Return the exact mass of one event in every lattice cell, before edge correction."""
    rows, columns = grid.shape
    west = grid.x0_m + np.arange(columns + 1) * grid.cell_size_m
    south = grid.y0_m + np.arange(rows + 1) * grid.cell_size_m
    across = np.diff(special.ndtr((west - x) / bandwidth_m))
    along = np.diff(special.ndtr((south - y) / bandwidth_m))
    return np.outer(along, across)


def exact_quartic(grid: Grid, x: float, y: float, bandwidth_m: float) -> np.ndarray:
    """As above for the quartic kernel, by fine midpoint sums."""
    rows, columns = grid.shape
    n = 40
    step = grid.cell_size_m / n
    across = grid.x0_m + (np.arange(columns * n) + 0.5) * step - x
    along = grid.y0_m + (np.arange(rows * n) + 0.5) * step - y
    squared = (along[:, None] ** 2 + across[None, :] ** 2) / bandwidth_m**2
    density = 3 / (np.pi * bandwidth_m**2) * np.maximum(1 - squared, 0) ** 2
    return density.reshape(rows, n, columns, n).sum(axis=(1, 3)) * step**2


def oracle(
    grid: Grid, events: np.ndarray, weight: np.ndarray, bandwidth_m: float, kernel: Kernel
) -> np.ndarray:
    exact = exact_gaussian if kernel == "gaussian" else exact_quartic
    share = np.where(grid.inside, grid.area_share, 0.0)
    total = np.zeros(grid.shape)
    for (x, y), w in zip(events, weight, strict=True):
        mass = exact(grid, x, y, bandwidth_m) * share
        total += w * mass / mass.sum()
    return total[grid.inside]


@pytest.mark.parametrize(
    ("kernel", "bandwidth_m"),
    [("gaussian", 400), ("gaussian", 1200), ("quartic", 700), ("quartic", 1500)],
)
def test_fast_density_agrees_with_the_exact_one(kernel: Kernel, bandwidth_m: float) -> None:
    grid = clip_grid(TOWN, cell_size_m=250)
    random = np.random.default_rng(5)
    x, y = (values[random.integers(0, len(grid.centres()[0]), 60)] for values in grid.centres())
    events = np.column_stack([x, y]) + random.uniform(-120, 120, (60, 2))
    weight = random.uniform(0.1, 3.0, 60)
    fast = cell_mass(
        events[:, 0], events[:, 1], weight, grid, bandwidth_m=bandwidth_m, kernel=kernel
    )
    slow = oracle(grid, events, weight, bandwidth_m, kernel)
    assert np.abs(fast - slow).max() < 0.02 * slow.max()
    assert np.abs(fast - slow).sum() < 0.01 * slow.sum()


def test_the_gaussian_of_one_event_is_the_textbook_one() -> None:
    """Written from the density, not from the cumulative function."""
    grid = clip_grid(box(0, 1_000_000, 10_000, 1_010_000), cell_size_m=250)
    one = np.array([5_125.0]), np.array([1_005_125.0]), np.array([2.0])
    fast = cell_mass(*one, grid, bandwidth_m=500, kernel="gaussian").reshape(grid.shape)

    def density(y: float, x: float) -> float:
        return float(2 * np.exp(-(x**2 + y**2) / (2 * 500**2)) / (2 * np.pi * 500**2))

    for row, column in ((20, 20), (20, 22), (23, 18)):
        west, south = (column - 20) * 250 - 125, (row - 20) * 250 - 125
        exact, _ = integrate.dblquad(density, west, west + 250, south, south + 250)
        assert fast[row, column] == pytest.approx(exact, rel=0.02)
