"""Skill on public shootings (New York): the forecast beside every baseline and target.

39 windows of 28 days, 2015-2017, each learning only from before it; and the same with the log
thinned to 175 incidents a year, as London has them, ten times, scored on the full future.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from hotspots.baselines import district_of_cells
from hotspots.evaluation import AREA_SHARES, hit_rates, log_score
from hotspots.evaluation_backtest import MODEL, Window, backtest, backtest_periods
from hotspots.evaluation_card import backtest_card, card_text
from hotspots.forecast_counts import Periods, count_events
from hotspots.grid import CellLocator, cell_locator, clip_grid

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "benchmarks"
METRIC, ZONE = "EPSG:32118", "America/New_York"
CELL_M, HORIZON = 250.0, 28
DAYS = [date(2015, 1, 1) + timedelta(days=HORIZON * n) for n in range(39)]
YEARS, A_YEAR = 12, 175
SEEDS = 10
#: Targets of the ratio to the best baseline at 1, 2, 5 and 10 % of area.
FULL_TARGET, THIN_TARGET = (0.97, 0.97, 1.02, None), (0.97, 0.97, 1.02, 1.05)


@dataclass(frozen=True)
class City:
    """The log and its lattice."""

    x: Any
    y: Any
    when: Any
    locator: CellLocator
    calendar: Periods
    district: Any


def run() -> str:
    """Return the tables of the full and the thinned log."""
    if not REAL.is_dir():
        return "nyc: the public test data (../shared/data) is not beside this checkout"
    city = _city()
    everything = np.ones(len(city.x), dtype=bool)
    full = _windows(city, everything, everything)
    card = backtest_card(
        full, horizon_days=HORIZON, cell_size_m=CELL_M, n_cells=int(city.locator.grid.inside.sum())
    )
    thinned = []
    for seed in range(SEEDS):
        kept = np.random.default_rng(seed).random(len(city.x)) < A_YEAR * YEARS / len(city.x)
        thinned += _windows(city, kept, everything)
    return "\n".join(
        [
            card_text(card),
            "full log, 39 windows",
            _table(full, FULL_TARGET, 0.025),
            f"\nthinned to {A_YEAR} a year, {SEEDS} seeds, scored on the full future",
            _table(thinned, THIN_TARGET, 0.04),
        ]
    )


def _city() -> City:
    log = pd.read_parquet(REAL / "nyc_shootings_2006_2017.parquet")
    districts = gpd.read_file(REAL / "nyc_precincts.gpkg").to_crs(METRIC)
    area = districts.union_all()
    degrees = gpd.points_from_xy(log["longitude"], log["latitude"])
    places = gpd.GeoSeries(degrees, crs=4326).to_crs(METRIC)
    local = pd.to_datetime(log["occur_date"].astype(str) + " " + log["occur_time"].astype(str))
    at = local.dt.tz_localize(ZONE, ambiguous=True, nonexistent="shift_forward")
    utc = at.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    grid = clip_grid(area, cell_size_m=CELL_M)
    return City(
        places.x.to_numpy(),
        places.y.to_numpy(),
        utc,
        cell_locator(grid, area),
        backtest_periods(DAYS, HORIZON, ZONE),
        district_of_cells(list(districts.geometry), grid),
    )


def _windows(city: City, known: Any, happened: Any) -> list[Window]:
    counts, outcomes = (
        count_events(city.x[used], city.y[used], city.when[used], city.locator, city.calendar)
        for used in (known, happened)
    )
    grid = city.locator.grid
    return backtest(counts, grid, DAYS, HORIZON, district=city.district, outcomes=outcomes)


def _table(windows: list[Window], targets: tuple[float | None, ...], log_target: float) -> str:
    methods = list(windows[0].scores)
    scores = {name: [one.scores[name] for one in windows] for name in methods}
    rates = {name: hit_rates(one) for name, one in scores.items()}
    logs = {name: log_score(one) for name, one in scores.items()}
    lines = [f"{'method':24} {'hit rate at ' + ' / '.join(f'{a:.0%}' for a in AREA_SHARES):36} log"]
    for name in methods:
        lines.append(f"{name:24} {' '.join(f'{r:8.4f}' for r in rates[name])} {logs[name]:8.4f}")
    best = np.max([rates[name] for name in methods if name != MODEL], axis=0)
    ratio = rates[MODEL] / best
    lines.append(f"{'ratio to best baseline':24} {' '.join(f'{r:8.3f}' for r in ratio)}")
    wanted = " ".join(f"{'-' if t is None else f'>={t}':>8}" for t in targets)
    lines.append(f"{'target':24} {wanted}")
    gain = logs[MODEL] - logs["fixed_mix"]
    lines.append(f"log score over the fixed mix {gain:.4f} (target >= {log_target})")
    return "\n".join(lines)
