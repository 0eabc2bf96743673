"""Forecasts for any city: no leakage, one lattice, the measured skill on public shootings."""

from __future__ import annotations

from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from shapely.geometry import Polygon, box

from hotspots.errors import AssessmentRefusedError
from hotspots.forecast import forecast_counts, forecast_events
from hotspots.forecast_counts import (
    BLOCK_DAYS,
    MEMORY_BLOCKS,
    TRAINING_BLOCKS,
    count_events,
    periods,
)
from hotspots.forecast_level import fit_season, forecast_level
from hotspots.grid import cell_locator, clip_grid

CITY = Polygon([(1_000, 1_000), (9_000, 1_500), (8_000, 7_000), (2_000, 6_000)])
AS_OF = date(2025, 7, 1)


def events(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x, y = random.normal(5_000, 900, n), random.normal(3_500, 700, n)
    days = random.uniform(1, 2_000, n)
    midnight = np.datetime64("2025-06-30T23:00", "us")  # 00:00 on 1 July in London
    return x, y, midnight - (days * 86_400e6).astype("timedelta64[us]")


def forecast(x: np.ndarray, y: np.ndarray, at: np.ndarray, **changes: object) -> pd.DataFrame:
    settings = {"cell_size_m": 250, "as_of": AS_OF, "horizon_days": 28}
    return forecast_events(x, y, at, CITY, **(settings | changes))


def test_one_row_for_every_cell_inside_on_one_lattice() -> None:
    cells = forecast(*events())
    assert list(cells.columns) == ["x_m", "y_m", "expected"]
    lattice = [(x, y) for y in np.arange(125, 8_000, 250) for x in np.arange(125, 10_000, 250)]
    inside = [place for place in lattice if CITY.contains(gpd.points_from_xy(*zip(place))[0])]
    assert list(zip(cells["x_m"], cells["y_m"], strict=True)) == inside
    assert (cells["expected"] > 0).all()


def test_a_planted_future_event_changes_nothing() -> None:
    x, y, at = events()
    plain = forecast(x, y, at)
    midnight = np.datetime64("2025-06-30T23:00", "us")
    late = np.array([midnight, midnight + np.timedelta64(400, "D")])
    planted = forecast(
        np.append(x, [5_000, 5_000]), np.append(y, [3_500, 3_500]), np.append(at, late)
    )
    pd.testing.assert_frame_equal(planted, plain)
    last = midnight - np.timedelta64(1, "us")
    counted = forecast(np.append(x, 5_000), np.append(y, 3_500), np.append(at, last))
    assert not counted["expected"].equals(plain["expected"])


def test_events_outside_or_beyond_the_longest_memory_are_not_used() -> None:
    x, y, at = events()
    plain = forecast(x, y, at)
    reach = np.timedelta64((MEMORY_BLOCKS + TRAINING_BLOCKS + 1) * BLOCK_DAYS, "D")
    old = np.datetime64("2025-06-30", "us") - reach
    more = forecast(
        np.append(x, [5_000, 50]), np.append(y, [3_500, 50]), np.append(at, [old, at[0]])
    )
    pd.testing.assert_frame_equal(more, plain)


def test_further_edges_of_the_calendar_change_nothing() -> None:
    """What lets a backtest count once for all its windows."""
    x, y, at = events(1_000)
    grid = clip_grid(CITY, cell_size_m=500)
    locator = cell_locator(grid, CITY)
    days = [AS_OF - timedelta(days=7 * n) for n in range(5)]
    alone, shared = (
        forecast_counts(count_events(x, y, at, locator, cut), grid, AS_OF, 28)
        for cut in (
            periods([AS_OF], "Europe/London"),
            periods(days, "Europe/London", extra=[AS_OF + timedelta(days=100)]),
        )
    )
    np.testing.assert_array_equal(alone.expected, shared.expected)


def test_the_total_follows_the_rate_and_the_length_of_the_horizon() -> None:
    x, y, at = events(1_000)
    inside = gpd.GeoSeries(gpd.points_from_xy(x, y)).within(CITY).sum()
    total = forecast(x, y, at)["expected"].sum()
    assert total == pytest.approx(28 * inside / 2_000, rel=0.15)
    week = forecast(x, y, at, horizon_days=7)["expected"].sum()
    assert week == pytest.approx(total / 4, rel=0.1)
    autumn = forecast(x, y, at, as_of=date(2025, 10, 26), horizon_days=1)["expected"].sum()
    spring = forecast(x, y, at, as_of=date(2025, 10, 25), horizon_days=1)["expected"].sum()
    assert autumn / spring == pytest.approx(25 / 24, rel=0.02)  # the clocks go back


def blocks(mean: np.ndarray, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    counts = np.random.default_rng(seed).poisson(mean).astype(float)
    n = len(mean)
    return counts, 15_000 + 28.0 * np.arange(n), np.full(n, 28.0)


def ahead(counts: np.ndarray, start: np.ndarray, days: np.ndarray, n_days: int = 28):
    return forecast_level(
        counts, start, days, horizon_start_day=start[-1] + 28, horizon=np.ones(n_days)
    )


def test_the_level_follows_a_decline_and_the_season() -> None:
    n = 130
    steady = ahead(*blocks(np.full(n, 80.0)))
    assert steady.expected == pytest.approx(80, rel=0.08)
    falling = 120 * 0.99 ** np.arange(n)
    assert ahead(*blocks(falling)).expected == pytest.approx(falling[-1] * 0.99, rel=0.15)
    middle = 15_014 + 28.0 * np.arange(n + 1)
    wave = 80 * np.exp(0.4 * np.cos(2 * np.pi * middle / 365.25))
    season = fit_season(blocks(wave[:-1])[0], middle[:-1])
    np.testing.assert_allclose(season, [0.4, 0.0], atol=0.06)
    assert ahead(*blocks(wave[:-1])).expected == pytest.approx(wave[-1], rel=0.12)
    assert (fit_season(np.ones(12), middle[:12]) == 0).all()


def test_the_predictive_distribution_of_the_total_is_calibrated() -> None:
    """A wandering level: 90 % intervals hold nine in ten of the next totals."""
    random = np.random.default_rng(11)
    inside = 0
    for seed in range(120):
        level = 30 * np.exp(np.cumsum(random.normal(0, 0.08, 66)))
        counts, start, days = blocks(level, seed)
        prediction = ahead(counts[:-1], start[:-1], days[:-1])
        seen = int(counts[-1])
        inside += prediction.cumulative(seen) >= 0.05 and prediction.cumulative(seen - 1) <= 0.95
        assert 0.0 <= prediction.cumulative(seen - 1) < prediction.cumulative(seen) <= 1.0
    assert 0.84 <= inside / 120 <= 0.98
    assert prediction.cumulative(10**6) == pytest.approx(1.0)
    chance = stats.nbinom.cdf(
        25, prediction.shape, prediction.shape / (prediction.shape + prediction.mean)
    )
    assert prediction.cumulative(25) == pytest.approx(prediction.weight @ chance, rel=1e-9)
    assert prediction.cumulative(-1) == 0.0


def test_what_cannot_be_forecast_is_refused() -> None:
    x, y, at = events()
    for broken, message in (
        ({"as_of": date(2010, 1, 1)}, "no event"),
        ({"horizon_days": 0}, "horizon"),
        ({"timezone": "Mars/Olympus"}, "time zone"),
        ({"cell_size_m": -1}, "cell size"),
    ):
        with pytest.raises(AssessmentRefusedError, match=message):
            forecast(x, y, at, **broken)
    with pytest.raises(AssessmentRefusedError, match="do not match"):
        forecast(x[:-1], y, at)
    with pytest.raises(AssessmentRefusedError, match="row 3"):
        forecast(np.where(np.arange(len(x)) == 2, np.nan, x), y, at)
    with pytest.raises(AssessmentRefusedError):
        forecast_events(x, y, at, box(0, 0, 0, 0), cell_size_m=250, as_of=AS_OF, horizon_days=28)


def test_hardly_any_event_still_gives_a_finite_forecast_everywhere() -> None:
    midnight = np.datetime64("2025-06-30T23:00", "us")
    for ages in ([3.0], [1.0] * 200, [3_000.0] * 50, np.arange(1.0, 1_500.0, 7.0)):
        n = len(ages)
        at = midnight - (np.array(ages) * 86_400e6).astype("timedelta64[us]")
        cells = forecast(np.full(n, 5_000.0), np.full(n, 3_500.0), at)
        assert np.isfinite(cells["expected"]).all()
        assert (cells["expected"] > 0).all()
        best = cells.loc[cells["expected"].idxmax()]
        assert np.hypot(best["x_m"] - 5_000, best["y_m"] - 3_500) < 250
