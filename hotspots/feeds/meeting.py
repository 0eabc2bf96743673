"""The meeting's own tabular format: one row one version of a record (see docs/feeds.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.boundaries.study_area import StudyArea
from hotspots.errors import FeedRefusedError
from hotspots.feeds import places, times
from hotspots.feeds.columns import require_columns, settle_columns
from hotspots.feeds.frames import records_frame
from hotspots.feeds.grading import HANDLING_CODES, INFORMATION_GRADES, SOURCE_GRADES
from hotspots.feeds.options import ReadOptions
from hotspots.feeds.table import Table
from hotspots.feeds.validation import RowChecks, check_vocabulary

FORMAT = "meeting_feed"
TIMEZONE = "Europe/London"
SOURCES = (
    "reported_shooting", "recorded_gun_crime", "co19_handover", "crimint", "scd8", "scd7",
    "blunt_2", "daris_320", "gang_tension", "arv_activity",
)  # fmt: skip
CATEGORIES = (
    "firearm_discharged", "firearm_discharged_injury", "firearm_discharged_fatal",
    "firearm_threat", "firearm_intimated", "firearm_other", "call_firearm",
    "handover_firearm", "intelligence_firearm", "gang_tension", "patrol_activity",
    "weapon_recovered", "possession_firearm",
)  # fmt: skip
BASES = ("reported", "discovered")
CORRECTIONS = ("reclassified", "withdrawn", "moved")
#: What police activity finds is discovered, whatever a row says: it is never learned from.
DISCOVERED_SOURCES = ("blunt_2", "arv_activity")
DISCOVERED_CATEGORIES = ("weapon_recovered", "possession_firearm", "patrol_activity")
REQUIRED = ("record_id", "source", "category", "basis")
TIME_COLUMNS = ("occurred_at", "occurred_from", "occurred_to")
PLACE_COLUMNS = ("easting", "northing", "longitude", "latitude", "area_code")
OTHER_COLUMNS = (
    "source_grade", "information_grade", "handling_code", "known_at", "corrects", "correction",
    "notice",
)  # fmt: skip
COLUMNS = (*REQUIRED, *TIME_COLUMNS, *PLACE_COLUMNS, *OTHER_COLUMNS)
_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._:/#-]{0,127}"
_ID_REMEDY = (
    "give up to 128 letters, digits or . _ : / # -, starting with a letter or digit, unique in "
    "the feed"
)
_SAME_PLACE_M = 100.0


@dataclass(frozen=True)
class _Times:
    first: NDArray[np.datetime64]
    last: NDArray[np.datetime64]
    known: NDArray[np.datetime64]
    ambiguous: int


@dataclass(frozen=True)
class _Places:
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    area_code: pd.Series


def recognises(names: tuple[str, ...]) -> bool:
    """Tell whether a header is one of this format: an id and any two of its other columns."""
    found = {name.casefold() for name in names}
    return "record_id" in found or len(found & {"source", "category", "basis", "known_at"}) >= 3


def read(
    table: Table, study_area: StudyArea, options: ReadOptions
) -> tuple[pd.DataFrame, RowChecks, tuple[str, ...], tuple[str, ...]]:
    """Read a table of the meeting's format.

    Returns
    -------
    records, checks, dropped_columns, warnings
        Accepted rows in ``RECORD_DTYPES``; the row checks with every refused row.

    Raises
    ------
    FeedRefusedError
        A required column is missing or unreadable, or personal data are in the file.
    """
    table, dropped = _settled(table, options)
    checks = RowChecks(table)
    _check_ids(checks)
    words = _check_words(checks)
    when = _check_times(checks)
    where = _check_places(checks, study_area, options)
    _check_corrections(checks)
    frame = table.frame
    records = records_frame(
        checks.ok,
        {
            "record_id": frame["record_id"], **words,
            "occurred_from": when.first, "occurred_to": when.last, "known_from": when.known,
            "x_m": where.x_m, "y_m": where.y_m, "area_code": where.area_code,
            "corrects": frame["corrects"], "file": table.file, "row": table.rows,
        },
    )  # fmt: skip
    warnings: tuple[str, ...] = table.warnings
    if when.ambiguous:
        warnings += (
            f"{table.file}: {when.ambiguous} times fall in the hour the clocks repeat and name no "
            "offset; each is read as a range over both readings",
        )
    return records, checks, dropped, warnings


def _settled(table: Table, options: ReadOptions) -> tuple[Table, tuple[str, ...]]:
    frame = table.frame.rename(
        columns={n: n.casefold() for n in table.frame.columns if n.casefold() in COLUMNS}
    )
    unreadable = [name for name in table.unreadable_columns if name.casefold() in COLUMNS]
    if unreadable:
        raise FeedRefusedError(
            "the column holds lists, structures or bytes instead of plain values",
            remedy="write texts, numbers or timestamps",
            file=table.file,
            column=unreadable[0],
        )
    names = [*frame.columns, *table.unreadable_columns]
    require_columns(names, REQUIRED, table.file, "meeting feed")
    dropped = settle_columns(names, COLUMNS, table.file, options)
    if "occurred_at" not in names:
        require_columns(names, ("occurred_from", "occurred_to"), table.file, "meeting feed")
    _require_place(names, table)
    blank = pd.Series([""] * len(frame), dtype="str")
    kept = pd.DataFrame({c: frame.get(c, blank) for c in COLUMNS})
    return replace(table, frame=kept), dropped


def _require_place(names: list[str], table: Table) -> None:
    pairs = (("easting", "northing"), ("longitude", "latitude"))
    for pair in pairs:
        if len({*pair} & {*names}) == 1:
            require_columns(names, pair, table.file, "meeting feed")
    if table.geometry is None and not {"easting", "longitude", "area_code"} & {*names}:
        raise FeedRefusedError(
            f"the feed has no place column; found: {', '.join(names[:30])}",
            remedy="add easting and northing, or longitude and latitude, or area_code",
            file=table.file,
            column="easting",
        )


def _check_ids(checks: RowChecks) -> None:
    ids = checks.table.frame["record_id"]
    checks.refuse(ids.eq("").to_numpy(dtype=bool), "record_id", "record_id is blank", _ID_REMEDY)
    odd = ~ids.str.fullmatch(_ID_PATTERN).to_numpy(dtype=bool)
    checks.refuse(odd, "record_id", "this is no record id", _ID_REMEDY)
    again = ids.duplicated(keep="first").to_numpy(dtype=bool)
    if again.any():
        first = dict(zip(ids[~again], checks.table.rows[~again], strict=True))
        reasons = np.array(
            [f"the record id is already used in row {first[i]}" if d else ""
             for i, d in zip(ids, again, strict=True)],
            dtype=object,
        )  # fmt: skip
        checks.refuse(
            again,
            "record_id",
            reasons,
            "give every row its own id; a later version of a record has a new id and names the "
            "old one in 'corrects'",
        )


def _check_words(checks: RowChecks) -> dict[str, pd.Series]:
    words = {
        "source": check_vocabulary(checks, "source", SOURCES),
        "category": check_vocabulary(checks, "category", CATEGORIES),
        "basis": check_vocabulary(checks, "basis", BASES),
        "correction": check_vocabulary(checks, "correction", CORRECTIONS, blank_allowed=True),
        "source_grade": _graded(checks, "source_grade", SOURCE_GRADES),
        "information_grade": _graded(checks, "information_grade", INFORMATION_GRADES),
        "handling_code": _graded(checks, "handling_code", HANDLING_CODES),
        "notice": checks.table.frame["notice"].str.upper(),
    }
    found = words["source"].isin(DISCOVERED_SOURCES) | words["category"].isin(DISCOVERED_CATEGORIES)
    checks.refuse(
        (found & words["basis"].eq("reported")).to_numpy(dtype=bool),
        "basis",
        "what police activity finds is discovered, not reported",
        "set basis to discovered (shown, never learned from)",
    )
    odd = ~words["notice"].str.fullmatch(r"[A-Z0-9 ()-]{0,40}").to_numpy(dtype=bool)
    checks.refuse(
        odd, "notice", "the notice is no short marking", "write SYNTHETIC or leave it blank"
    )
    return words


def _graded(checks: RowChecks, column: str, mapping: dict[str, str]) -> pd.Series:
    codes = checks.table.frame[column].str.upper()
    unknown = (~codes.isin(list(mapping)) & codes.ne("")).to_numpy(dtype=bool)
    checks.refuse(
        unknown,
        column,
        f"unknown {column}",
        f"use one of {', '.join(mapping)} (3x5x2, or legacy 5x5x5), or leave it blank",
    )
    return codes.map(mapping).fillna("")


def _check_times(checks: RowChecks) -> _Times:
    frame = checks.table.frame
    read = {}
    for column in (*TIME_COLUMNS, "known_at"):
        read[column] = times.parse_moments(frame[column], TIMEZONE)
        bad = read[column].problem != ""
        checks.refuse(bad, column, read[column].problem, times.REMEDY)
    at, start, end, known = (read[c] for c in (*TIME_COLUMNS, "known_at"))
    exact, has_start, has_end = (~np.isnat(m.first) for m in (at, start, end))
    _check_time_shape(checks, exact, has_start, has_end)
    first = np.where(exact, at.first, start.first)
    last = np.where(exact, at.last, end.last)
    checks.refuse(
        first > last, "occurred_from", "occurred_from is after occurred_to", "exchange the two"
    )
    told = ~np.isnat(known.first)
    known_from = np.where(told, known.last, last)
    checks.refuse(
        told & (known.last < first),
        "known_at",
        "the record was known before it occurred",
        "give the date the police first knew of this version",
    )
    unclear = (at.ambiguous | start.ambiguous | end.ambiguous | known.ambiguous) & checks.ok
    return _Times(first, last, known_from, int(unclear.sum()))


def _check_time_shape(
    checks: RowChecks,
    exact: NDArray[np.bool_],
    has_start: NDArray[np.bool_],
    has_end: NDArray[np.bool_],
) -> None:
    remedy = "give occurred_at, or both occurred_from and occurred_to"
    checks.refuse(~exact & ~has_start & ~has_end, "occurred_at", "the record has no time", remedy)
    checks.refuse(
        exact & (has_start | has_end), "occurred_at", "the record has a time and a range", remedy
    )
    checks.refuse(~exact & ~has_start, "occurred_from", "occurred_from is blank", remedy)
    checks.refuse(~exact & ~has_end, "occurred_to", "occurred_to is blank", remedy)


def _check_places(checks: RowChecks, study_area: StudyArea, options: ReadOptions) -> _Places:
    area = places.check_area_codes(checks, "area_code", study_area)
    tolerance_m = options.outside_tolerance_m
    x_m, y_m, on_grid = places.read_pair(checks, "easting", "northing", places.GRID_REMEDY)
    places.check_grid(
        checks, x_m, y_m, ("easting", "northing"), study_area, tolerance_m=tolerance_m
    )
    lon, lat, _ = places.read_pair(checks, "longitude", "latitude", places.DEGREES_REMEDY)
    pair = ("longitude", "latitude")
    x_deg, y_deg = places.degrees_to_grid(
        checks, lon, lat, pair, study_area, tolerance_m=tolerance_m
    )
    x_geo, y_geo = _geometry_points(checks, study_area, tolerance_m)
    for x_other, y_other, column in ((x_deg, y_deg, "longitude"), (x_geo, y_geo, "geometry")):
        other = np.isfinite(x_other)
        apart = np.hypot(x_other - x_m, y_other - y_m) > _SAME_PLACE_M
        checks.refuse(
            on_grid & other & apart, column,
            f"the record gives two places more than {_SAME_PLACE_M:.0f} m apart",
            "keep one of the two",
        )  # fmt: skip
        take = other & ~on_grid
        x_m, y_m = np.where(take, x_other, x_m), np.where(take, y_other, y_m)
        on_grid = on_grid | other
    checks.refuse(
        ~on_grid & area.eq("").to_numpy(dtype=bool), "area_code", "the record has no place",
        "give easting and northing, longitude and latitude, or area_code",
    )  # fmt: skip
    _check_inside(checks, x_m, y_m, study_area, tolerance_m)
    return _Places(x_m, y_m, area.where(~on_grid, ""))


def _check_inside(
    checks: RowChecks,
    x_m: NDArray[np.float64],
    y_m: NDArray[np.float64],
    study_area: StudyArea,
    tolerance_m: float,
) -> None:
    given = np.isfinite(x_m)
    distance_m = np.zeros(len(x_m))
    distance_m[given] = places.distance_outside_m(study_area, x_m[given], y_m[given])
    checks.refuse(
        distance_m > tolerance_m,
        "easting",
        places.outside_reason(distance_m, distance_m > tolerance_m),
        f"correct the coordinates or leave the record out (tolerance {tolerance_m:.0f} m)",
        shown=places.pair_text(x_m, y_m),
    )


def _geometry_points(
    checks: RowChecks, study_area: StudyArea, tolerance_m: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    geometry = checks.table.geometry
    nothing = np.full(len(checks.ok), np.nan)
    if geometry is None:
        return nothing, nothing
    other = (geometry.kind != "") & (geometry.kind != "Point")
    checks.refuse(
        other, "geometry", "the geometry is not a point", "give points or an area_code",
        shown=geometry.kind,
    )  # fmt: skip
    point = geometry.kind == "Point"
    finite = np.isfinite(geometry.x) & np.isfinite(geometry.y)
    checks.refuse(
        point & ~finite, "geometry", "the point has no finite coordinates", places.DEGREES_REMEDY
    )
    x = np.where(point & finite, geometry.x, np.nan)
    y = np.where(point & finite, geometry.y, np.nan)
    pair = ("geometry", "geometry")
    if places.is_geographic(geometry.crs):
        return places.degrees_to_grid(checks, x, y, pair, study_area, tolerance_m=tolerance_m)
    x_m, y_m = places.to_grid(x, y, geometry.crs)
    x_m, y_m = np.where(np.isfinite(x), x_m, np.nan), np.where(np.isfinite(y), y_m, np.nan)
    places.check_grid(checks, x_m, y_m, pair, study_area, tolerance_m=tolerance_m)
    return x_m, y_m


def _check_corrections(checks: RowChecks) -> None:
    frame = checks.table.frame
    target = frame["corrects"].ne("").to_numpy(dtype=bool)
    word = frame["correction"].ne("").to_numpy(dtype=bool)
    checks.refuse(
        word & ~target, "corrects", "a correction without the record it corrects",
        "name the corrected record's id in 'corrects'",
    )  # fmt: skip
    checks.refuse(
        target & ~word, "correction", "corrects a record without saying how",
        f"use one of {', '.join(CORRECTIONS)}",
    )  # fmt: skip
    checks.refuse(
        target & frame["known_at"].eq("").to_numpy(dtype=bool), "known_at",
        "a correction without the date it became known", "give known_at",
    )  # fmt: skip
