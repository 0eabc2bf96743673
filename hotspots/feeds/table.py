"""One shape for every container: a table of texts with the row numbers a person would count."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from hotspots.errors import FeedRefusedError
from hotspots.feeds.options import ReadOptions
from hotspots.feeds.raw_file import refuse_nul
from hotspots.incidents import Rejection

_DELIMITERS = {";": "semicolon", "\t": "tab", "|": "vertical bar", ":": "colon"}
_HEADER_LIMIT_BYTES = 200_000


@dataclass(frozen=True)
class Geometry:
    """Point geometry of a spatial file in its own system, one element a table row."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    kind: NDArray[np.object_]  # "Point", another geometry type, "" where there is none
    crs: str


@dataclass(frozen=True)
class Table:
    """Texts as found, ``""`` where missing, surrounding blanks removed.

    Attributes
    ----------
    frame
        One ``str`` column for each column of the file, RangeIndex.
    rows
        int64 (n_rows,): data row in the file, from 1.
    rejected
        Rows that could not become table rows at all (wrong number of fields).
    unreadable_columns
        Columns whose type holds no plain value (lists, structures, bytes).
    """

    file: str
    frame: pd.DataFrame
    rows: NDArray[np.int64]
    rejected: tuple[Rejection, ...] = ()
    geometry: Geometry | None = None
    unreadable_columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def text_frame(columns: dict[str, pa.Array | pa.ChunkedArray]) -> pd.DataFrame:
    """Return a frame of stripped ``str`` columns from Arrow string columns."""
    return pd.DataFrame(
        {
            name: pd.Series(
                pc.utf8_trim_whitespace(pc.fill_null(values, "")).to_pandas(), dtype="str"
            )
            for name, values in columns.items()
        }
    )


def table_from_csv(content: bytes, file: str, options: ReadOptions) -> Table:
    """Parse comma-separated text with a header line.

    UTF-8 (with or without byte-order mark) is expected; Windows-1252, which Excel writes, is
    read with a warning. Rows with another number of fields than the header are rejected.

    Raises
    ------
    FeedRefusedError
        No data, NUL bytes, UTF-16, another delimiter, a repeated or blank column name, an
        unclosed quotation mark, too many rows or columns.
    """
    text, warnings = _decoded(content, file)
    names = _header(text, file, options)
    encoded = content if text.isascii() else text.encode("utf-8")
    check_cells(encoded.count(b",") + encoded.count(b"\n"), file, options)
    bad: dict[int, tuple[int, str]] = {}

    def set_aside(row: pa_csv.InvalidRow) -> str:
        bad[row.number] = (row.actual_columns, row.text or "")
        return "skip"

    arrow = _parse(encoded, names, set_aside, file)
    total = arrow.num_rows + len(bad)
    if total > options.max_rows:
        raise _too_many_rows(total, file, options)
    numbers = np.arange(1, total + 1, dtype=np.int64)
    bad_rows = {number - 1: found for number, found in bad.items()}
    keep = ~np.isin(numbers, np.fromiter(bad_rows, dtype=np.int64, count=len(bad_rows)))
    frame = text_frame({name: arrow.column(i) for i, name in enumerate(names)})
    numbers = numbers[keep]
    filled = _filled(frame)
    frame = frame.loc[filled].reset_index(drop=True)
    rejected, blank = _ragged(bad_rows, len(names), file)
    blank += int((~filled).sum())
    if frame.empty and not rejected:
        raise FeedRefusedError(
            "the file has a header but no data row",
            remedy="export the feed again; a feed without records is not given",
            file=file,
        )
    if blank:
        warnings = (*warnings, f"{file}: {blank} blank lines skipped")
    return Table(file, frame, numbers[filled], rejected, warnings=warnings)


def _filled(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return bool (n_rows,): rows with any text; the first columns usually tell."""
    filled = np.zeros(len(frame), dtype=bool)
    for _, texts in frame.items():
        if filled.all():
            break
        filled |= texts.ne("").to_numpy(dtype=bool)
    return filled


def _parse(encoded: bytes, names: list[str], set_aside: object, file: str) -> pa.Table:
    unique = [str(i) for i in range(len(names))]
    try:
        return pa_csv.read_csv(
            pa.BufferReader(encoded),
            read_options=pa_csv.ReadOptions(
                use_threads=False, column_names=unique, skip_rows_after_names=1,
                block_size=max(1 << 20, min(len(encoded) + 1, 1 << 30)),
            ),
            parse_options=pa_csv.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=set_aside
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(unique, pa.string()), strings_can_be_null=False
            ),
        )  # fmt: skip
    except pa.ArrowException as error:
        raise FeedRefusedError(
            f"the text cannot be parsed as comma-separated values ({error})",
            remedy="look for an unclosed quotation mark; export the feed again as CSV UTF-8",
            file=file,
        ) from error


def _ragged(
    bad: dict[int, tuple[int, str]], expected: int, file: str
) -> tuple[tuple[Rejection, ...], int]:
    rejected = []
    blank = 0
    for row, (fields, text) in sorted(bad.items()):
        if not text.strip():
            blank += 1
            continue
        rejected.append(
            Rejection(
                file=file,
                row=row,
                column="",
                value="",
                reason=f"the row has {fields} fields, the header {expected}",
                remedy="put quotation marks around values that hold a comma",
            )
        )
    return tuple(rejected), blank


def _decoded(content: bytes, file: str) -> tuple[str, tuple[str, ...]]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FeedRefusedError(
            "the text is UTF-16 ('Unicode text' in Excel)",
            remedy="save it as 'CSV UTF-8 (comma delimited)'",
            file=file,
        )
    refuse_nul(content, file)
    try:
        return content.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        first = error
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        raise FeedRefusedError(
            f"the text is neither UTF-8 nor Windows-1252 (byte {first.start:,})",
            remedy="export the feed again as CSV UTF-8",
            file=file,
        ) from first
    return text, (f"{file}: not UTF-8, read as Windows-1252; export as CSV UTF-8",)


def _header(text: str, file: str, options: ReadOptions) -> list[str]:
    try:
        first = next(csv.reader(io.StringIO(text[:_HEADER_LIMIT_BYTES], newline=""), strict=True))
    except (StopIteration, csv.Error) as error:
        raise FeedRefusedError(
            "the header line cannot be read" if str(error) else "the file holds no line",
            remedy="start the file with one line of column names separated by commas",
            file=file,
        ) from error
    names = [name.strip() or f"(unnamed {i})" for i, name in enumerate(first, start=1)]
    if len(names) < 2:
        _refuse_delimiter(first[0] if first else "", file)
    return check_names(names, file, options)


def check_cells(cells: int, file: str, options: ReadOptions) -> None:
    """Refuse a table of more cells than the options allow."""
    if cells > options.max_cells:
        raise FeedRefusedError(
            f"the file has {cells:,} cells, above the limit of {options.max_cells:,}",
            remedy="keep only the documented columns, split it by month, or raise max_cells",
            file=file,
        )


def check_names(names: list[str], file: str, options: ReadOptions) -> list[str]:
    """Return ``names`` when there are not too many and each is given once."""
    if len(names) > options.max_columns:
        raise FeedRefusedError(
            f"the file has {len(names):,} columns, above the limit of {options.max_columns:,}",
            remedy="check that it is a feed; keep only the documented columns",
            file=file,
        )
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        key = name.casefold()
        if key in seen:
            raise FeedRefusedError(
                f"the column is given twice (columns {seen[key]} and {position})",
                remedy="keep one of them",
                file=file,
                column=name,
            )
        seen[key] = position
    return names


def _refuse_delimiter(line: str, file: str) -> None:
    counts = {sign: line.count(sign) for sign in _DELIMITERS}
    sign = max(counts, key=lambda s: counts[s])
    if counts[sign]:
        raise FeedRefusedError(
            f"the columns are separated by {_DELIMITERS[sign]}s, not by commas",
            remedy="export the feed as 'CSV UTF-8 (comma delimited)'",
            file=file,
        )
    raise FeedRefusedError(
        f"the header line holds one column only ({line[:60]!r})",
        remedy="start the file with one line of column names separated by commas",
        file=file,
    )


def _too_many_rows(total: int, file: str, options: ReadOptions) -> FeedRefusedError:
    return FeedRefusedError(
        f"the file has {total:,} rows, above the limit of {options.max_rows:,}",
        remedy="split it by month or raise max_rows",
        file=file,
    )
