"""`arv backtest`: whether past forecasts were right, beside what they have to beat."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import shapely
import typer

from api.calendar_day import parse_day
from api.cli.app import arv, say
from api.cli.event_counts import (
    THREADS,
    Boundary,
    CellSize,
    Crs,
    Horizon,
    Incidents,
    Scheduler,
    TimeColumns,
    Timezone,
    count_source,
    log_source,
)
from api.cli.progress import progress_bars
from api.files.output import write_json
from hotspots.baselines import district_of_cells
from hotspots.evaluation_backtest import backtest as run_backtest
from hotspots.evaluation_backtest import backtest_days, backtest_periods
from hotspots.evaluation_card import backtest_card, card_text
from hotspots.feeds.study_polygon import read_districts
from hotspots.grid import cell_locator, clip_grid


@arv.command()
def backtest(
    *,
    incidents: Incidents,
    boundary: Boundary,
    crs: Crs,
    start: Annotated[str, typer.Option(help="First as-of day.")],
    end: Annotated[str, typer.Option(help="Day on which the last window must be over.")],
    json: Annotated[
        str, typer.Option("--json", metavar="FILE|-", help="Where the results go; - is stdout.")
    ],
    cell_size_m: CellSize = 250.0,
    horizon_days: Horizon = 28,
    timezone: Timezone = "Europe/London",
    time_columns: TimeColumns = "occurred_at",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap intervals.")] = 0,
    scheduler: Scheduler = THREADS,
) -> None:
    """Forecast every past window from what came before it, and score it beside baselines.

    Windows of --horizon-days follow each other from --start; each is forecast exactly as
    `arv forecast` would have done on its first day. Hit rate, PAI, PEI and log score at 1, 2,
    5 and 10 % of area, calibration, and the ratio to the best baseline with its interval.

    Example: `arv backtest --incidents log.csv --boundary city.gpkg --crs EPSG:27700
    --start 2025-01-01 --end 2026-01-01 --json backtest.json`
    """
    source = log_source(incidents, crs, timezone, time_columns, scheduler)
    days = backtest_days(parse_day(start, "--start"), parse_day(end, "--end"), horizon_days)
    with progress_bars() as progress:
        progress("Laying the lattice", 0.0)
        districts = read_districts(boundary, crs_epsg=source.crs_epsg)
        polygon = shapely.union_all(districts)
        grid = clip_grid(polygon, cell_size_m=cell_size_m)
        progress("Laying the lattice", 1.0)
        progress("Counting the log", 0.0)
        calendar = backtest_periods(days, horizon_days, source.timezone)
        counts = count_source(source, cell_locator(grid, polygon), calendar)
        progress("Counting the log", 1.0)
        progress(f"Forecasting {len(days)} windows", 0.0)
        from hotspots.larger_than_memory import dask_map  # noqa: PLC0415 - Dask loads slowly

        windows = run_backtest(
            counts,
            grid,
            days,
            horizon_days,
            district=district_of_cells(list(districts), grid) if len(districts) > 1 else None,
            mapper=dask_map(source.scheduler),
        )
        progress(f"Forecasting {len(days)} windows", 1.0)
    card = backtest_card(
        windows,
        horizon_days=horizon_days,
        cell_size_m=cell_size_m,
        n_cells=int(np.count_nonzero(grid.inside)),
        seed=seed,
    )
    write_json(json, card)
    say(card_text(card))
