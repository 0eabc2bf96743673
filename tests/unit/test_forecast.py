"""Forecasts for any city: no leakage, one lattice, the measured skill on public shootings."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree
from shapely.geometry import Polygon, box

from hotspots.errors import AssessmentRefusedError
from hotspots.forecast import forecast_events, rate_per_day

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


def test_events_outside_or_of_eleven_years_ago_are_not_used() -> None:
    x, y, at = events()
    plain = forecast(x, y, at)
    old = np.datetime64("2014-01-01", "us")
    more = forecast(
        np.append(x, [5_000, 50]), np.append(y, [3_500, 50]), np.append(at, [old, at[0]])
    )
    pd.testing.assert_frame_equal(more, plain)


def test_the_total_follows_the_rate_and_the_length_of_the_horizon() -> None:
    x, y, at = events(1_000)
    inside = gpd.GeoSeries(gpd.points_from_xy(x, y)).within(CITY).sum()
    total = forecast(x, y, at)["expected"].sum()
    assert total == pytest.approx(28 * inside / 2_000, rel=0.15)
    week = forecast(x, y, at, horizon_days=7)["expected"].sum()
    assert week == pytest.approx(total / 4, rel=1e-9)
    autumn = forecast(x, y, at, as_of=date(2025, 10, 26), horizon_days=1)["expected"].sum()
    spring = forecast(x, y, at, as_of=date(2025, 10, 25), horizon_days=1)["expected"].sum()
    assert autumn / spring == pytest.approx(25 / 24, rel=0.01)  # the clocks go back
    ages = np.arange(1.0, 1_001.0)
    assert rate_per_day(ages) == pytest.approx(1.0, rel=0.01)


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


def test_hit_rates_on_public_shootings_reach_the_fixed_mix(shared_data: Path) -> None:
    """Five of the 39 windows of 2015-2017; over all 39 it captures .128/.229/.451/.675."""
    log = pd.read_parquet(shared_data / "benchmarks" / "nyc_shootings_2006_2017.parquet")
    metric = "EPSG:32118"
    city = gpd.read_file(shared_data / "benchmarks" / "nyc_precincts.gpkg").to_crs(metric)
    places = gpd.GeoSeries(gpd.points_from_xy(log["longitude"], log["latitude"]), crs=4326)
    x, y = places.to_crs(metric).x.to_numpy(), places.to_crs(metric).y.to_numpy()
    local = pd.to_datetime(log["occur_date"].astype(str) + " " + log["occur_time"].astype(str))
    at = local.dt.tz_localize("America/New_York", ambiguous=True, nonexistent="shift_forward")
    hits, expected, seen = [], 0.0, 0
    for window in range(0, 39, 8):
        day = date(2015, 1, 1) + timedelta(days=28 * window)
        cells = forecast_events(
            x,
            y,
            at.dt.tz_convert("UTC").to_numpy(),
            city.union_all(),
            cell_size_m=250,
            as_of=day,
            horizon_days=28,
            timezone="America/New_York",
        )
        start = pd.Timestamp(day, tz="America/New_York")
        end = pd.Timestamp(day + timedelta(days=28), tz="America/New_York")
        now = ((at >= start) & (at < end)).to_numpy()
        _, cell = cKDTree(cells[["x_m", "y_m"]]).query(np.column_stack([x[now], y[now]]))
        order = np.argsort(-cells["expected"].to_numpy(), kind="stable")
        rank = np.empty(len(order), dtype=int)
        rank[order] = np.arange(len(order))
        hits.append([(rank[cell] < share * len(order)).mean() for share in (0.01, 0.05, 0.1)])
        expected, seen = expected + cells["expected"].sum(), seen + int(now.sum())
    assert (np.mean(hits, axis=0) > [0.11, 0.42, 0.63]).all()
    assert expected == pytest.approx(seen, rel=0.15)
