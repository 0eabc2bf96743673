"""`arv forecast`: expected incidents a cell, for any city."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from api.calendar_day import parse_day
from api.cli.app import arv, say
from api.cli.arguments import parse_epsg, parse_timezone
from api.cli.progress import progress_bars
from api.output import write_file
from hotspots.errors import FeedRefusedError
from hotspots.feeds.event_log import read_boundary, read_event_log
from hotspots.forecast import forecast_events


@arv.command()
def forecast(
    *,
    incidents: Annotated[
        Path,
        typer.Option(
            help="CSV or Parquet with occurred_at and x,y (in --crs) or longitude,latitude."
        ),
    ],
    boundary: Annotated[
        Path, typer.Option(help="Study area: the union of the polygons in this file.")
    ],
    crs: Annotated[str, typer.Option(metavar="EPSG:N", help="A projected system in metres.")],
    as_of: Annotated[str, typer.Option(help="The forecast starts at 00:00 local time this day.")],
    out: Annotated[Path, typer.Option(metavar="FILE.parquet", help="Where the cells go.")],
    cell_size_m: Annotated[float, typer.Option(min=1.0, help="Side of a square cell.")] = 250.0,
    horizon_days: Annotated[
        int, typer.Option(min=1, max=3660, help="Length of the forecast.")
    ] = 28,
    timezone: Annotated[
        str, typer.Option(help="Zone of local times in the file.")
    ] = "Europe/London",
    time_columns: Annotated[
        str, typer.Option(metavar="DATE,TIME", help="One or two columns that hold the time.")
    ] = "occurred_at",
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
    zone, epsg, day = parse_timezone(timezone), parse_epsg(crs), parse_day(as_of, "--as-of")
    columns = tuple(name.strip() for name in time_columns.split(","))
    with progress_bars() as progress:
        progress("Reading the log", 0.0)
        polygon = read_boundary(boundary, crs_epsg=epsg)
        log = read_event_log(incidents, crs_epsg=epsg, timezone=zone, time_columns=columns)
        progress("Reading the log", 1.0)
        progress("Forecasting", 0.0)
        cells = forecast_events(
            log.x_m,
            log.y_m,
            log.occurred_at,
            polygon,
            cell_size_m=cell_size_m,
            as_of=day,
            horizon_days=horizon_days,
            timezone=zone,
        )
        progress("Forecasting", 1.0)
    table = pa.Table.from_pandas(cells, preserve_index=False)
    write_file(out, lambda path: pq.write_table(table, path, compression="zstd"))
    for warning in log.warnings:
        say(warning)
    say(f"{len(cells)} cells, {cells['expected'].sum():.2f} expected incidents: {out}")
