"""The door of the feeds: one file in its real layout becomes evidence, refusals and coverage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from hotspots.boundaries.study_area import StudyArea
from hotspots.errors import FeedRefusedError
from hotspots.feeds import coverage, dashboard_counts, meeting, police_uk, typed_tables
from hotspots.feeds.corrections import broken_corrections
from hotspots.feeds.options import ReadOptions
from hotspots.feeds.raw_file import RawFile, gunzip, read_raw, unzip_street_files
from hotspots.feeds.refused_handling import with_codes, with_codes_of
from hotspots.feeds.sidecar import stated_coverage
from hotspots.feeds.table import Table, table_from_csv
from hotspots.feeds.validation import refuse_or_report
from hotspots.incidents import (
    Coverage,
    FeedReading,
    Rejection,
    empty_counts,
    empty_records,
)

__all__ = ["ReadOptions", "read_feed", "read_feeds", "read_rows"]

_FORMATS = (
    "the police.uk street file (Crime ID, Month, Longitude, Latitude, Crime type …), the MPS "
    "counts (month, area_type, area_code, series, measure, count; or ward_code, major, minor, "
    "month, count; or MajorText, MinorText, 201004 …) and the meeting's own (record_id, source, "
    "category, basis …)"
)
_DEFAULT = ReadOptions()


def read_feed(path: Path, study_area: StudyArea, *, options: ReadOptions = _DEFAULT) -> FeedReading:
    """Read one feed file, recognising its format from suffix and header.

    Parameters
    ----------
    path
        ``.csv``, ``.csv.gz``, ``.zip`` (police.uk), ``.parquet``, ``.geojson`` or ``.gpkg``.
    study_area
        Wards and boroughs, EPSG:27700.
    options
        How malformed rows and personal columns are treated, and the limits.

    Returns
    -------
    FeedReading
        ``records`` and ``counts`` in the dtypes of :mod:`hotspots.incidents`; every row that
        was not accepted in ``rejected``; what the feed covers.

    Raises
    ------
    FeedRefusedError
        The file cannot be used; the message names file, row, column, value and remedy.
    """
    reading = read_rows(path, study_area, options=options)
    return _without_broken_corrections([reading], options)[0]


def read_rows(path: Path, study_area: StudyArea, *, options: ReadOptions = _DEFAULT) -> FeedReading:
    """Read one file by itself: what its corrections name may lie in a file read elsewhere.

    Raises
    ------
    FeedRefusedError
        As :func:`read_feed`, except for corrections.
    """
    return _read_rows(Path(path), study_area, options)


def read_feeds(
    paths: Sequence[Path],
    study_area: StudyArea,
    *,
    options: ReadOptions = _DEFAULT,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[FeedReading, ...]:
    """Read several files together: corrections may name records of another file.

    A record id used in two files is refused in the later one. ``progress`` is called with
    ``("Reading feeds", share of the files read)``.

    Raises
    ------
    FeedRefusedError
        As :func:`read_feed`.
    """
    readings = []
    for number, path in enumerate(paths, start=1):
        readings.append(_read_rows(Path(path), study_area, options))
        if progress is not None:
            progress("Reading feeds", number / len(paths))
    readings = _without_repeated_ids(readings, options)
    return tuple(_without_broken_corrections(readings, options))


def _read_rows(path: Path, study_area: StudyArea, options: ReadOptions) -> FeedReading:
    raw = read_raw(path, options)
    if raw.kind == "zip":
        return _street_reading(raw, unzip_street_tables(raw, options), study_area, options)
    table = _table(raw, options)
    names = (*table.frame.columns, *table.unreadable_columns)
    if meeting.recognises(names):
        return _meeting_reading(raw, path, table, study_area, options)
    if police_uk.recognises(names):
        return _street_reading(raw, ([table], ()), study_area, options)
    layout = dashboard_counts.layout_of(names)
    if layout is None:
        raise FeedRefusedError(
            f"the columns are those of no known feed; found: {', '.join(names[:30])}",
            remedy=f"the known formats are {_FORMATS}",
            file=raw.name,
        )
    return _counts_reading(raw, table, layout, study_area, options)


def _table(raw: RawFile, options: ReadOptions) -> Table:
    if raw.kind == "csv":
        return table_from_csv(raw.content, raw.name, options)
    if raw.kind == "gzip":
        return table_from_csv(gunzip(raw, options), raw.name, options)
    if raw.kind == "parquet":
        return typed_tables.table_from_parquet(raw.content, raw.name, options)
    if raw.kind == "geojson":
        return typed_tables.table_from_geojson(raw.content, raw.name, options)
    return typed_tables.table_from_geopackage(raw.content, raw.name, options)


def unzip_street_tables(raw: RawFile, options: ReadOptions) -> tuple[list[Table], tuple[str, ...]]:
    """Return the tables of the street files in a monthly archive, and what was left alone."""
    members, others = unzip_street_files(raw, options)
    tables = [table_from_csv(content, name, options) for name, content in members.items()]
    note = f"{raw.name}: {others} files that are no street files left alone"
    return tables, ((note,) if others else ())


def _meeting_reading(
    raw: RawFile, path: Path, table: Table, study_area: StudyArea, options: ReadOptions
) -> FeedReading:
    records, checks, dropped, warnings = meeting.read(table, study_area, options)
    rejected = with_codes(checks.rejected(), table)
    refuse_or_report(rejected, len(records), raw.name, options)
    covered, notes = stated_coverage(records, path, study_area)
    return FeedReading(
        raw.name, meeting.FORMAT, raw.sha256, records, empty_counts(), rejected, dropped,
        covered, (*warnings, *notes),
    )  # fmt: skip


def _street_reading(
    raw: RawFile,
    found: tuple[list[Table], tuple[str, ...]],
    study_area: StudyArea,
    options: ReadOptions,
) -> FeedReading:
    tables, warnings = found
    frames: list[pd.DataFrame] = []
    rejected: list[Rejection] = []
    dropped: dict[str, None] = {}
    forces: set[str] = set()
    for table in tables:
        records, checks, unused, named = police_uk.read(table, study_area, options)
        frames.append(records)
        rejected.extend(checks.rejected())
        dropped |= dict.fromkeys(unused)
        forces |= named
        warnings += table.warnings
    records = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    records, rejected = _once_across_members(records, rejected)
    wards = records.pop("ward_code")
    refuse_or_report(tuple(rejected), len(records), raw.name, options)
    return FeedReading(
        raw.name, police_uk.FORMAT, raw.sha256, records, empty_counts(), tuple(rejected),
        tuple(dropped), _street_coverage(records, wards, frozenset(forces), study_area), warnings,
    )  # fmt: skip


def _once_across_members(
    records: pd.DataFrame, rejected: list[Rejection]
) -> tuple[pd.DataFrame, list[Rejection]]:
    again = records["record_id"].duplicated(keep="first")
    if not again.any():
        return records, rejected
    more = [
        Rejection(file, row, "Crime ID", record_id[:80],
                  "the same crime reference and type is listed again",
                  "none: counted once, as one event", expected=True)
        for file, row, record_id in _places(records[again])
    ]  # fmt: skip
    return records[~again].reset_index(drop=True), [*rejected, *more]


def _places(records: pd.DataFrame) -> list[tuple[str, int, str]]:
    columns = (records[name].tolist() for name in ("file", "row", "record_id"))
    return list(zip(*columns, strict=True))


def _street_coverage(
    records: pd.DataFrame, wards: pd.Series, forces: frozenset[str], study_area: StudyArea
) -> Coverage:
    counts = wards[wards.ne("")].value_counts()
    city = any("city of london" in force.casefold() for force in forces)
    found = coverage.infer_areas(counts, study_area, policed_only=not city)
    days = records["occurred_to"].to_numpy(dtype="datetime64[us]")
    months = np.unique(days.astype("datetime64[M]"))
    areas = coverage.with_boroughs(found.wards, study_area)
    return coverage.month_coverage(months, areas, found.explanation, stated=False)


def _counts_reading(
    raw: RawFile,
    table: Table,
    layout: dashboard_counts.Layout,
    study_area: StudyArea,
    options: ReadOptions,
) -> FeedReading:
    read = dashboard_counts.read(table, layout, study_area, options)
    rejected = read.checks.rejected()
    refuse_or_report(rejected, len(read.counts), raw.name, options)
    return FeedReading(
        raw.name, read.format, raw.sha256, empty_records(), read.counts, rejected,
        read.dropped_columns, _counts_coverage(read, study_area), read.warnings,
    )  # fmt: skip


def _counts_coverage(read: dashboard_counts.CountsRead, study_area: StudyArea) -> Coverage:
    areas, explanation = coverage.counted_areas(read.counts, study_area)
    return coverage.month_coverage(read.months, areas, explanation, stated=False)


def _without_repeated_ids(readings: list[FeedReading], options: ReadOptions) -> list[FeedReading]:
    if not readings:
        return readings
    every = pd.concat([one.records["record_id"] for one in readings], ignore_index=True)
    twice = every[every.duplicated(keep=False).to_numpy(dtype=bool)]
    if not len(twice):
        return readings
    first: dict[str, str] = {}
    cleaned = []
    for reading in readings:
        ids = reading.records["record_id"]
        again = ids.isin(list(first)).to_numpy(dtype=bool)
        public = reading.format == police_uk.FORMAT
        rejected = tuple(
            Rejection(file, row, "record_id", record_id[:80],
                      f"the record id is already used in {first[record_id]}",
                      "give every record of the feed its own id; leave out a file given twice",
                      expected=public)
            for file, row, record_id in _places(reading.records[again])
        )  # fmt: skip
        cleaned.append(_without(reading, again, rejected, options))
        first |= dict.fromkeys(ids[ids.isin(twice).to_numpy(dtype=bool)], reading.file)
    return cleaned


def _without_broken_corrections(
    readings: list[FeedReading], options: ReadOptions
) -> list[FeedReading]:
    frames = [r.records for r in readings if len(r.records)]
    if not any(frame["corrects"].notna().any() for frame in frames):
        return readings
    broken = broken_corrections(pd.concat(frames, ignore_index=True))
    places = {(b.file, b.row) for b in broken}
    cleaned = []
    for reading in readings:
        at = [*zip(reading.records["file"], reading.records["row"], strict=True)]
        bad = np.array([place in places for place in at], dtype=bool)
        mine = tuple(b for b in broken if b.file == reading.file)
        cleaned.append(_without(reading, bad, mine, options))
    return cleaned


def _without(
    reading: FeedReading,
    bad: np.ndarray[tuple[int], np.dtype[np.bool_]],
    more: tuple[Rejection, ...],
    options: ReadOptions,
) -> FeedReading:
    if not more:
        return reading
    records = reading.records[~bad].reset_index(drop=True)
    refuse_or_report(more, len(records), reading.file, options)
    more = with_codes_of(more, reading.records)
    rejected = sorted((*reading.rejected, *more), key=lambda r: (r.file, r.row, r.column))
    return replace(reading, records=records, rejected=tuple(rejected))
