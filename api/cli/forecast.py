"""`arv forecast`: expected incidents a cell, for any city."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
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
from api.files.output import write_file
from hotspots.errors import FeedRefusedError
from hotspots.feeds.event_log import read_boundary
from hotspots.forecast import cells_frame, forecast_counts
from hotspots.forecast_counts import periods
from hotspots.grid import cell_locator, clip_grid


@arv.command()
def forecast(
    *,
    incidents: Incidents,
    boundary: Boundary,
    crs: Crs,
    as_of: Annotated[str, typer.Option(help="The forecast starts at 00:00 local time this day.")],
    out: Annotated[Path, typer.Option(metavar="FILE.parquet", help="Where the cells go.")],
    cell_size_m: CellSize = 250.0,
    horizon_days: Horizon = 28,
    timezone: Timezone = "Europe/London",
    time_columns: TimeColumns = "occurred_at",
    scheduler: Scheduler = THREADS,
) -> None:
    """Forecast where reported incidents will be, cell by cell, for any city.

    Only records before 00:00 of the as-of day are used. One row for every cell whose
    centre is inside the boundary, zeros included: x_m, y_m, expected.

    Example: `arv forecast --incidents log.csv --boundary city.gpkg --crs EPSG:27700
    --as-of 2026-11-23 --out cells.parquet`
    """
    if out.suffix != ".parquet":
        raise FeedRefusedError(
            f"--out {out.name!r} does not end in .parquet", remedy="name a .parquet file"
        )
    source = log_source(incidents, crs, timezone, time_columns, scheduler)
    day = parse_day(as_of, "--as-of")
    with progress_bars() as progress:
        progress("Laying the lattice", 0.0)
        polygon = read_boundary(boundary, crs_epsg=source.crs_epsg)
        grid = clip_grid(polygon, cell_size_m=cell_size_m)
        progress("Laying the lattice", 1.0)
        progress("Counting the log", 0.0)
        calendar = periods([day], source.timezone)
        counts = count_source(source, cell_locator(grid, polygon), calendar)
        progress("Counting the log", 1.0)
        progress("Forecasting", 0.0)
        cells = cells_frame(grid, forecast_counts(counts, grid, day, horizon_days).expected)
        progress("Forecasting", 1.0)
    table = pa.Table.from_pandas(cells, preserve_index=False)
    write_file(out, lambda path: pq.write_table(table, path, compression="zstd"))
    say(f"{len(cells)} cells, {cells['expected'].sum():.2f} expected incidents: {out}")
