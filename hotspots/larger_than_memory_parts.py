"""Read an event log piece by piece: partitioned Parquet or CSV of any size.

Each piece fits in memory: a batch of rows of one Parquet row group, or a byte range of a CSV
file from line to line. Rows are read by the rules of ``hotspots.feeds.event_log``; the first
row that cannot be used refuses the log.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyproj import Transformer

from hotspots.errors import FeedRefusedError
from hotspots.feeds import times
from hotspots.feeds.study_polygon import metric_crs

Floats = NDArray[np.float64]
Stamps = NDArray[np.datetime64]

#: Bytes of a piece of a CSV file, and rows of a piece of a Parquet row group.
CSV_PIECE_BYTES = 48 * 2**20
BATCH_ROWS = 1_000_000
#: A line longer than this is no line of an event log.
MAX_LINE_BYTES = 2**20


@dataclass(frozen=True)
class LogFormat:
    """How to read every piece.

    Attributes
    ----------
    crs_epsg
        EPSG code of the system of ``x``, ``y``, projected and in metres.
    timezone
        IANA name of the zone of times without an offset.
    time_columns
        One column, or a date and a time column.
    """

    crs_epsg: int
    timezone: str
    time_columns: tuple[str, ...]


@dataclass(frozen=True)
class LogPart:
    """One piece: ``first`` to ``last - 1`` are row groups (Parquet) or bytes (CSV)."""

    path: str
    kind: str  # parquet | csv | gzip
    first: int
    last: int


def list_parts(path: Path) -> list[LogPart]:
    """Return the pieces of a log in a fixed order.

    Parameters
    ----------
    path
        A file, or a folder that is searched with its sub-folders; names that start with ``.``
        or ``_`` are left out.

    Raises
    ------
    FeedRefusedError
        There is no ``.parquet``, ``.csv`` or ``.csv.gz`` file, or one cannot be opened.
    """
    parts = [part for file in _files(path) for part in _parts_of(file)]
    if not parts:
        raise FeedRefusedError(
            "the log holds no row", remedy="give .parquet, .csv or .csv.gz files", file=path.name
        )
    return parts


def read_part(part: LogPart, how: LogFormat) -> Iterator[tuple[Floats, Floats, Stamps]]:
    """Yield x and y in metres and UTC times, each (n_rows,), batch by batch.

    Raises
    ------
    FeedRefusedError
        A column or a value is missing or cannot be used; the row is counted in the piece.
    """
    name = Path(part.path).name
    try:
        for table in _tables(part, how):
            yield _events(table, how, name)
    except (pa.ArrowException, OSError, EOFError) as fault:
        raise FeedRefusedError(
            f"the file cannot be read ({type(fault).__name__}: {str(fault)[:120]})",
            remedy="write it again, one record a line or row",
            file=name,
        ) from fault


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = [
            file
            for file in sorted(path.rglob("*"))
            if file.is_file()
            and not any(one.startswith((".", "_")) for one in file.relative_to(path).parts)
            and _kind(file)
        ]
    else:
        found = [path] if path.is_file() and _kind(path) else []
    if not found:
        raise FeedRefusedError(
            "no .parquet, .csv or .csv.gz file is there",
            remedy="name an event log or a folder of its parts",
            file=path.name,
        )
    return found


def _kind(file: Path) -> str:
    name = file.name.lower()
    for suffix, kind in ((".parquet", "parquet"), (".csv.gz", "gzip"), (".csv", "csv")):
        if name.endswith(suffix):
            return kind
    return ""


def _parts_of(file: Path) -> list[LogPart]:
    kind = _kind(file)
    if kind == "parquet":
        try:
            n_groups = pq.read_metadata(file).num_row_groups
        except (pa.ArrowException, OSError) as fault:
            raise FeedRefusedError(
                f"this is no Parquet file ({str(fault)[:100]})",
                remedy="write the part again",
                file=file.name,
            ) from fault
        return [LogPart(str(file), kind, n, n + 1) for n in range(n_groups)]
    size = file.stat().st_size
    if kind == "gzip":
        return [LogPart(str(file), kind, 0, size)]
    edges = [*range(0, size, CSV_PIECE_BYTES), size]
    return [LogPart(str(file), kind, a, b) for a, b in pairwise(edges)]


def _tables(part: LogPart, how: LogFormat) -> Iterator[pa.Table]:
    if part.kind == "parquet":
        file = pq.ParquetFile(part.path)
        columns = _wanted(file.schema_arrow.names, how, Path(part.path).name)
        groups = list(range(part.first, part.last))
        for batch in file.iter_batches(BATCH_ROWS, row_groups=groups, columns=columns):
            yield pa.Table.from_batches([batch])
    elif part.kind == "csv":
        header, body = _lines(part)
        if body:
            with pa_csv.open_csv(io.BytesIO(header + body), **_as_texts(header, part, how)) as read:
                yield from (pa.Table.from_batches([batch]) for batch in read)
    else:
        with gzip.open(part.path) as stream:
            header = stream.readline(MAX_LINE_BYTES)
        with (
            gzip.open(part.path) as stream,
            pa_csv.open_csv(stream, **_as_texts(header, part, how)) as read,
        ):
            yield from (pa.Table.from_batches([batch]) for batch in read)


def _as_texts(header: bytes, part: LogPart, how: LogFormat) -> dict[str, object]:
    """Return reading options under which every column that is used stays text."""
    name = Path(part.path).name
    names = pa_csv.read_csv(io.BytesIO(header.rstrip(b"\r\n") + b"\n")).column_names
    wanted = _wanted(names, how, name)
    return {
        "read_options": pa_csv.ReadOptions(block_size=16 * 2**20),
        "convert_options": pa_csv.ConvertOptions(
            include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string())
        ),
    }


def _lines(part: LogPart) -> tuple[bytes, bytes]:
    """Return the header line and the whole lines that start within the piece."""
    with Path(part.path).open("rb") as file:
        header = file.readline(MAX_LINE_BYTES)
        start = max(part.first, len(header))
        if part.first > len(header):
            file.seek(part.first - 1)
            start = part.first - 1 + len(file.readline(MAX_LINE_BYTES))
        file.seek(max(part.last - 1, len(header) - 1))
        end = file.tell() + len(file.readline(MAX_LINE_BYTES))
        file.seek(start)
        return header.rstrip(b"\r\n") + b"\n", file.read(max(end - start, 0))


def _wanted(names: Sequence[str], how: LogFormat, file: str) -> list[str]:
    """Return the columns to read: the times, and x, y (which win) or longitude, latitude."""
    pair = ["x", "y"] if "x" in names and "y" in names else ["longitude", "latitude"]
    for column in (*how.time_columns, *pair):
        if column not in names:
            raise FeedRefusedError(
                f"there is no column {column!r}",
                remedy="give occurred_at (or --time-columns) and x, y or longitude, latitude",
                file=file,
                column=column,
            )
    return list(dict.fromkeys([*how.time_columns, *pair]))


def _events(table: pa.Table, how: LogFormat, file: str) -> tuple[Floats, Floats, Stamps]:
    pair = [name for name in ("x", "y", "longitude", "latitude") if name in table.column_names]
    first, second = (_numbers(table[name], name, file) for name in pair)
    if pair == ["longitude", "latitude"]:
        wild = (np.abs(first) > 180) | (np.abs(second) > 90)
        _refuse(wild, "longitude", "this is no longitude and latitude", file)
        transformer = Transformer.from_crs("EPSG:4326", metric_crs(how.crs_epsg), always_xy=True)
        first, second = (np.asarray(one) for one in transformer.transform(first, second))
        _refuse(~np.isfinite(first + second), "longitude", "the place has no projection", file)
    return first, second, _moments(table, how, file)


def _numbers(column: pa.ChunkedArray, name: str, file: str) -> Floats:
    numbers = pd.to_numeric(column.to_pandas(), errors="coerce")
    values = np.asarray(numbers, dtype=np.float64)
    _refuse(~np.isfinite(values), name, "the event has no place", file)
    return values


def _moments(table: pa.Table, how: LogFormat, file: str) -> Stamps:
    column = table[how.time_columns[0]]
    name = how.time_columns[0]
    if len(how.time_columns) == 1 and pa.types.is_timestamp(column.type):
        stamps = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
        plain: Stamps = stamps.cast(pa.timestamp("us")).to_numpy().astype("datetime64[us]")
        if column.type.tz is None:
            plain = times.local_to_utc(plain, how.timezone, later=False)
        _refuse(np.isnat(plain), name, "the event has no time, or one the clocks skip", file)
        return plain
    texts = column.cast(pa.string()).to_pandas().fillna("").astype("str").str.strip()
    if len(how.time_columns) == 2:
        clock = table[how.time_columns[1]].cast(pa.string()).to_pandas().fillna("").astype("str")
        day = texts.str.replace(r"[T ]00:00(?::00(?:\.0+)?)?$", "", regex=True)
        padded = clock.str.strip().str.replace(r"^([0-9]):", r"0\1:", regex=True)
        texts = (day + " " + padded).where(padded.ne("") & day.ne(""), day)
    read = times.parse_moments(texts, how.timezone)
    _refuse((read.problem != "") | np.isnat(read.first), name, "this is no time", file)
    moments = read.first.copy()
    day_only = (read.first != read.last) & ~read.ambiguous
    moments[day_only] += (read.last[day_only] - read.first[day_only]) // 2
    return moments


def _refuse(bad: NDArray[np.bool_], column: str, problem: str, file: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        raise FeedRefusedError(
            f"{problem} (row of the piece of the file)",
            remedy="drop or mend the row",
            file=file,
            row=int(rows[0]) + 1,
            column=column,
        )
