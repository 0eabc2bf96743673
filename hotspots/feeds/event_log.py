"""Event logs of any city for ``arv forecast``: where and when, nothing else is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import Transformer

from hotspots.errors import FeedRefusedError
from hotspots.feeds import times
from hotspots.feeds.columns import require_columns
from hotspots.feeds.options import ReadOptions
from hotspots.feeds.places import DEGREES_REMEDY, pair_text, read_pair
from hotspots.feeds.raw_file import gunzip, read_raw
from hotspots.feeds.study_polygon import metric_crs, read_boundary
from hotspots.feeds.table import Table, table_from_csv
from hotspots.feeds.typed_tables import table_from_parquet
from hotspots.feeds.validation import RowChecks, refuse_or_report
from hotspots.incidents import Rejection

__all__ = ["EventLog", "read_boundary", "read_event_log"]

_DEFAULT = ReadOptions(on_rejected="refuse")


@dataclass(frozen=True)
class EventLog:
    """Events in the order of the file.

    Attributes
    ----------
    x_m, y_m
        float64 (n_events,): metres in the system that was asked for.
    occurred_at
        datetime64[us] (n_events,), UTC. An event known to the day only stands at local noon;
        one in the hour that the clocks repeat at its earlier reading.
    rejected
        Rows that could not be used, when the options ask to report them.
    warnings
        What was assumed, one line each.
    """

    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    occurred_at: NDArray[np.datetime64]
    rejected: tuple[Rejection, ...]
    warnings: tuple[str, ...] = ()


def read_event_log(
    path: Path,
    *,
    crs_epsg: int,
    timezone: str = "Europe/London",
    time_columns: Sequence[str] = ("occurred_at",),
    options: ReadOptions = _DEFAULT,
) -> EventLog:
    """Read an event log from CSV (also ``.csv.gz``) or Parquet.

    Parameters
    ----------
    path
        The file; the suffix says the format.
    crs_epsg
        EPSG code of a projected system in metres; ``x``, ``y`` are in it and win over
        ``longitude``, ``latitude`` (WGS84 degrees), which are projected to it.
    timezone
        IANA zone of times without an offset; offsets are converted.
    time_columns
        One column, or a date and a time column.

    Raises
    ------
    FeedRefusedError
        The file, a column or (unless reported) a row cannot be used.
    CoordinateSystemRefusedError
        The system is unknown, in degrees or not in metres.
    """
    crs = metric_crs(crs_epsg)
    _check_timezone(timezone)
    table = _with_times(_table(Path(path), options), tuple(time_columns))
    checks = RowChecks(table)
    occurred, warnings = _occurred(checks, timezone)
    x_m, y_m = _points(checks, crs)
    rejected = checks.rejected()
    refuse_or_report(rejected, int(checks.ok.sum()), table.file, options)
    keep = checks.ok
    return EventLog(x_m[keep], y_m[keep], occurred[keep], rejected, (*table.warnings, *warnings))


def _check_timezone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise FeedRefusedError(
            f"the time zone {timezone!r} is unknown",
            remedy="give an IANA name, for example Europe/London",
        ) from error


def _table(path: Path, options: ReadOptions) -> Table:
    raw = read_raw(path, options)
    if raw.kind == "csv":
        return table_from_csv(raw.content, raw.name, options)
    if raw.kind == "gzip":
        return table_from_csv(gunzip(raw, options), raw.name, options)
    if raw.kind == "parquet":
        return table_from_parquet(raw.content, raw.name, options)
    raise FeedRefusedError(
        "an event log is CSV or Parquet",
        remedy="give a file ending in .csv, .csv.gz or .parquet",
        file=raw.name,
    )


def _with_times(table: Table, time_columns: tuple[str, ...]) -> Table:
    """Keep the columns that are used, the time in one column named by what it came from."""
    if not 1 <= len(time_columns) <= 2:
        raise FeedRefusedError(
            f"{len(time_columns)} time columns were named",
            remedy="name one column, or a date and a time column",
            file=table.file,
        )
    names = tuple(table.frame.columns)
    require_columns(names, time_columns, table.file, "event log")
    for pair in (("x", "y"), ("longitude", "latitude")):
        if len({*pair} & {*names}) == 1:
            require_columns(names, pair, table.file, "event log")
    if "x" not in names and "longitude" not in names:
        require_columns(names, ("x", "y"), table.file, "event log")
    blank = pd.Series([""] * len(table.frame), dtype="str")
    columns = {c: table.frame.get(c, blank) for c in ("x", "y", "longitude", "latitude")}
    moment = table.frame[time_columns[0]]
    if len(time_columns) == 2:
        moment = _joined(moment, table.frame[time_columns[1]])
    return replace(table, frame=pd.DataFrame({**columns, "time": moment}))


def _joined(day: pd.Series, time: pd.Series) -> pd.Series:
    """Join a date and a time text; a midnight that a typed date carries is cut off."""
    plain = day.str.replace(r"[T ]00:00(?::00(?:\.0+)?)?$", "", regex=True)
    both = plain + " " + time.str.replace(r"^([0-9]):", r"0\1:", regex=True)
    return both.where(time.ne("") & plain.ne(""), plain)


def _occurred(checks: RowChecks, timezone: str) -> tuple[NDArray[np.datetime64], tuple[str, ...]]:
    texts = checks.table.frame["time"]
    read = times.parse_moments(texts, timezone)
    checks.refuse(read.problem != "", "time", read.problem, times.REMEDY)
    checks.refuse(np.isnat(read.first), "time", "the event has no time", times.REMEDY)
    day_only = (read.first != read.last) & ~read.ambiguous & ~np.isnat(read.first)
    occurred = read.first.copy()
    occurred[day_only] += (read.last[day_only] - read.first[day_only]) // 2
    warnings = []
    if day_only.any():
        warnings.append(f"{checks.table.file}: {int(day_only.sum()):,} events without an hour")
    if read.ambiguous.any():
        warnings.append(
            f"{checks.table.file}: {int(read.ambiguous.sum()):,} events in the hour the clocks "
            "repeat, read as the earlier one"
        )
    return occurred, tuple(warnings)


def _points(checks: RowChecks, crs: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x_m, y_m, given = read_pair(checks, "x", "y", "give metres in the system of --crs")
    lon, lat, degrees = read_pair(checks, "longitude", "latitude", DEGREES_REMEDY)
    wild = degrees & ((np.abs(lon) > 180) | (np.abs(lat) > 90))
    checks.refuse(
        wild & ~given, "longitude", "this is no longitude and latitude", DEGREES_REMEDY,
        shown=pair_text(lon, lat),
    )  # fmt: skip
    project = degrees & ~given & ~wild
    if project.any():
        to_metres = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        x_m[project], y_m[project] = to_metres.transform(lon[project], lat[project])
    checks.refuse(
        ~np.isfinite(x_m) | ~np.isfinite(y_m), "x", "the event has no place in the system of --crs",
        "give x and y, or longitude and latitude",
    )  # fmt: skip
    return x_m, y_m
