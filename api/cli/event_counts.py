"""What `arv forecast` and `arv backtest` share: their inputs, read and counted by cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from api.cli.app import say
from api.cli.arguments import parse_epsg, parse_timezone
from hotspots.errors import FeedRefusedError
from hotspots.feeds.event_log import read_event_log
from hotspots.forecast import checked_events
from hotspots.forecast_counts import PeriodCounts, Periods, count_events
from hotspots.grid import CellLocator

#: Files up to this size are read at once, with every check of a feed; larger ones in pieces.
WHOLE_FILE_BYTES = 128 * 2**20
THREADS = "threads"

Incidents = Annotated[
    Path,
    typer.Option(
        help="CSV or Parquet with occurred_at and x,y (in --crs) or longitude,latitude; or a "
        "folder of such files, of any size in all."
    ),
]
Boundary = Annotated[Path, typer.Option(help="Study area: the union of the polygons in this file.")]
Crs = Annotated[str, typer.Option(metavar="EPSG:N", help="A projected system in metres.")]
CellSize = Annotated[float, typer.Option(min=1.0, help="Side of a square cell, in metres.")]
Horizon = Annotated[int, typer.Option(min=1, max=3660, help="Length of a forecast, in days.")]
Timezone = Annotated[str, typer.Option(help="Zone of local times in the file.")]
TimeColumns = Annotated[
    str, typer.Option(metavar="DATE,TIME", help="One or two columns that hold the time.")
]
Scheduler = Annotated[
    str,
    typer.Option(
        metavar="threads|tcp://HOST:PORT",
        help="Where large work runs: threads of this machine, or an existing Dask cluster "
        "whose workers see the same files.",
    ),
]


@dataclass(frozen=True)
class LogSource:
    """A log and how to read it."""

    path: Path
    crs_epsg: int
    timezone: str
    time_columns: tuple[str, ...]
    scheduler: str

    @property
    def in_pieces(self) -> bool:
        """Return whether the log is read piece by piece, on Dask."""
        if self.scheduler != THREADS or self.path.is_dir():
            return True
        return self.path.is_file() and self.path.stat().st_size > WHOLE_FILE_BYTES


def log_source(path: Path, crs: str, timezone: str, time_columns: str, scheduler: str) -> LogSource:
    """Return the log that the options describe, or refuse them in one line."""
    if scheduler != THREADS and not scheduler.startswith(("tcp://", "tls://")):
        raise FeedRefusedError(
            f"--scheduler {scheduler!r} is neither 'threads' nor an address",
            remedy="write for example --scheduler tcp://127.0.0.1:8786",
        )
    columns = tuple(name.strip() for name in time_columns.split(","))
    return LogSource(path, parse_epsg(crs), parse_timezone(timezone), columns, scheduler)


def count_source(source: LogSource, locator: CellLocator, calendar: Periods) -> PeriodCounts:
    """Count the events of a log by period and cell, and say what was left out."""
    if source.in_pieces:
        from hotspots.larger_than_memory import count_log  # noqa: PLC0415 - Dask loads slowly
        from hotspots.larger_than_memory_parts import LogFormat  # noqa: PLC0415 - as above

        how = LogFormat(source.crs_epsg, source.timezone, source.time_columns)
        counts = count_log(source.path, how, locator, calendar, scheduler=source.scheduler)
    else:
        log = read_event_log(
            source.path,
            crs_epsg=source.crs_epsg,
            timezone=source.timezone,
            time_columns=source.time_columns,
        )
        for warning in log.warnings:
            say(warning)
        x_m, y_m, at = checked_events(log.x_m, log.y_m, log.occurred_at)
        counts = count_events(x_m, y_m, at, locator, calendar)
    if counts.n_outside:
        say(f"{counts.n_outside:,} records outside the boundary are not used")
    return counts
