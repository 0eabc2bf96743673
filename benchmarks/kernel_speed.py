"""Speed of the kernel density beside peers and at scale, of a year's backtest, and of a week.

Every pair is measured in turn in one run, alternating, in processor seconds, which other work on
the machine stretches least, and the median is reported: single times mean little, ratios more.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
from KDEpy import FFTKDE
from scipy import special
from shapely.geometry import box
from sklearn.neighbors import KernelDensity

from benchmarks import london_week
from hotspots.evaluation_backtest import backtest, backtest_days, backtest_periods
from hotspots.forecast_counts import count_events, local_midnight
from hotspots.grid import cell_locator, clip_grid
from hotspots.kernel_density import cell_mass

CELL_M, COLUMNS, ROWS = 250.0, 232, 184  # 42,688 cells
BANDWIDTH_M = 400.0
ZONE = "Europe/London"
PEER_RUNS = 15
MANY = 5_000_000


def run() -> str:
    """Return the table of times and their ratios."""
    lines = [f"{'work':58} {'ours s':>8} {'peer s':>8} {'ratio':>7}  target (CPU s)"]
    area = box(0, 1_000_000, COLUMNS * CELL_M, 1_000_000 + ROWS * CELL_M)
    grid = clip_grid(area, cell_size_m=CELL_M)
    x, y = _points(5_000)
    places = np.column_stack(grid.centres())
    points = np.column_stack([x, y])

    def ours() -> Any:
        return cell_mass(
            x, y, np.ones(len(x)), grid, bandwidth_m=BANDWIDTH_M, kernel="gaussian", edge=False
        )

    def corrected() -> Any:
        return cell_mass(x, y, np.ones(len(x)), grid, bandwidth_m=BANDWIDTH_M, kernel="gaussian")

    def scikit_learn() -> Any:
        return KernelDensity(bandwidth=BANDWIDTH_M).fit(points).score_samples(places)

    axes = np.array([(a, b) for a in np.unique(places[:, 0]) for b in np.unique(places[:, 1])])

    def kdepy() -> Any:
        return FFTKDE(kernel="gaussian", bw=BANDWIDTH_M).fit(points).evaluate(axes)

    errors = _errors(x, y, ours(), kdepy())
    what = "42,688 cells, 5,000 points, 400 m"
    a, b = _alternate(corrected, scikit_learn, 3)
    lines.append(_row(f"{what}, edge-corrected / scikit-learn", a, b, "ratio >= 20"))
    a, b = _alternate(ours, kdepy, PEER_RUNS)
    lines.append(_row(f"{what}, uncorrected / KDEpy FFTKDE", a, b, "ratio >= 1"))
    a, b = _alternate(corrected, kdepy, PEER_RUNS)
    lines.append(_row(f"{what}, edge-corrected / KDEpy FFTKDE", a, b, "shown"))
    lines.append(
        f"{'  error of the mass by cell, ours / KDEpy':58} {errors[0]:8.2%} {errors[1]:8.2%}"
    )
    seconds, processor, peak = _many_points()
    lines.append(f"{'work':58} {'wall s':>8} {'CPU s':>8}  target")
    what = "5 million points, edge-corrected, own process"
    lines.append(f"{what:58} {seconds:8.2f} {processor:8.2f}  < 5")
    lines.append(f"{'  its peak memory, GB (with imports)':58} {peak:8.2f} {'':8}  < 1.5")
    seconds, processor = _year()
    what = "52-week backtest, weekly windows, 12,000 events"
    lines.append(f"{what:58} {seconds:8.2f} {processor:8.2f}  < 60")
    return "\n".join([*lines, london_week.run()])


def _points(n: int) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    centres = random.uniform([8_000, 1_008_000], [50_000, 1_038_000], (40, 2))
    places = centres[random.integers(0, 40, n)] + random.normal(0, 2_000, (n, 2))
    return places[:, 0].copy(), places[:, 1].copy()


def _errors(x: Any, y: Any, ours: Any, density: Any) -> tuple[float, float]:
    """Return how far our masses and KDEpy's are from the exact ones, as a share of the mass."""
    west = np.arange(COLUMNS + 1) * CELL_M
    south = 1_000_000 + np.arange(ROWS + 1) * CELL_M
    across = np.diff(special.ndtr((west - x[:, None]) / BANDWIDTH_M), axis=1)
    along = np.diff(special.ndtr((south - y[:, None]) / BANDWIDTH_M), axis=1)
    exact = (along.T @ across).ravel()
    peer = density.reshape(COLUMNS, ROWS).T.ravel() * CELL_M**2 * len(x)
    return tuple(float(np.abs(one - exact).sum() / exact.sum()) for one in (ours, peer))


def _alternate(one: Callable[[], Any], other: Callable[[], Any], runs: int) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for work, kept in zip((one, other), times, strict=True):
            start = time.process_time()
            work()
            kept.append(time.process_time() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def _row(work: str, ours: float, peer: float, target: str) -> str:
    return f"{work:58} {ours:8.3f} {peer:8.3f} {peer / ours:7.1f}  {target}"


def _many_points() -> tuple[float, ...]:
    """Run in a process of its own, so that the peak memory is that of this work."""
    code = "from benchmarks.kernel_speed import many_points; many_points()"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return tuple(float(one) for one in out.stdout.split())


def many_points() -> None:
    """Print wall and processor seconds and peak GB of a density of five million points."""
    x, y = _points(MANY)
    area = box(0, 1_000_000, COLUMNS * CELL_M, 1_000_000 + ROWS * CELL_M)
    grid = clip_grid(area, cell_size_m=CELL_M)
    start, busy = time.perf_counter(), time.process_time()
    cell_mass(x, y, np.ones(MANY), grid, bandwidth_m=BANDWIDTH_M, kernel="gaussian")
    seconds, processor = time.perf_counter() - start, time.process_time() - busy
    print(seconds, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def _year() -> tuple[float, float]:
    """Return wall and processor seconds of 52 weekly windows on as many cells as London has."""
    area = box(0, 1_000_000, 160 * CELL_M, 1_000_000 + 160 * CELL_M)
    grid = clip_grid(area, cell_size_m=CELL_M)
    end = date(2025, 12, 30)
    days = backtest_days(end - timedelta(days=364), end, 7)
    x, y = _points(12_000)
    age = np.random.default_rng(1).uniform(0, 4_000 * 86_400e6, len(x)).astype("timedelta64[us]")
    start, busy = time.perf_counter(), time.process_time()
    calendar = backtest_periods(days, 7, ZONE)
    at = local_midnight(end, ZONE) - age
    counts = count_events(x, y, at, cell_locator(grid, area), calendar)
    backtest(counts, grid, days, 7)
    return time.perf_counter() - start, time.process_time() - busy
