"""Published monthly counts by ward or borough: the long, plain and wide layouts of the MPS.

``lethal_barrel_discharge`` and ``gun_crime_personal_robbery`` are subsets of ``gun_crime``:
adding them to it counts offences twice. Only the measure ``offences`` counts;
``positive_outcomes`` depends on police activity and is dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.boundaries.study_area import StudyArea
from hotspots.feeds.columns import require_columns, settle_columns
from hotspots.feeds.frames import counts_frame
from hotspots.feeds.options import ReadOptions
from hotspots.feeds.police_uk import month_starts
from hotspots.feeds.table import Table
from hotspots.feeds.validation import RowChecks, parse_numbers

FORMAT_LONG = "mps_dashboard_counts"
FORMAT_WIDE = "mps_wide_counts"
DASHBOARD = "mps_dashboard_counts"
RECORDED = "mps_recorded_crime_counts"
#: Majors found by police activity rather than reported by the public.
DISCOVERED_MAJORS = ("drug_offences", "possession_of_weapons")
MAX_COUNT = 1_000_000
_GSS = r"[EWSN][0-9]{8}"
#: What the MPS write where no ward or borough is known or none applies.
_NOT_AN_AREA = (
    r"|n/?k.*|not known.*|unknown.*|other.*|so ?18|aviation.*|london heathrow.*|heathrow airport.*"
    r"|outside.*|non.*"
)
_UNPLACED = "the area is not one of the study area"
_WIDE_MONTH = re.compile(r"^(19|20|21)[0-9]{2}-?(0[1-9]|1[0-2])$")


@dataclass(frozen=True)
class Layout:
    """Where one published layout keeps area, category, month and count."""

    name: str
    source: str
    area: str  # column of the area code or name
    area_type: str  # ward | borough | "" when the column area_type says it
    category: str
    major: str  # "" when the layout has none
    month: str  # "" for the wide layout
    required: tuple[str, ...]
    unused: tuple[str, ...]


_LONG = Layout(
    "dashboard", DASHBOARD, "area_code", "", "series", "", "month",
    ("month", "area_type", "area_code", "series", "measure", "count"),
    ("area_name", "borough_name"),
)  # fmt: skip
_WARD = Layout(
    "ward and month", RECORDED, "ward_code", "ward", "minor", "major", "month",
    ("ward_code", "major", "minor", "month", "count"), ("ward_name", "borough_name"),
)  # fmt: skip
_BOROUGH = Layout(
    "borough and month", RECORDED, "borough_name", "borough", "minor", "major", "month",
    ("borough_name", "major", "minor", "month", "count"), (),
)  # fmt: skip
_WIDE_WARD = Layout(
    "wide ward", RECORDED, "WardCode", "ward", "MinorText", "MajorText", "",
    ("MajorText", "MinorText", "WardCode"), ("WardName", "LookUp_BoroughName"),
)  # fmt: skip
_WIDE_BOROUGH = Layout(
    "wide borough", RECORDED, "LookUp_BoroughName", "borough", "MinorText", "MajorText", "",
    ("MajorText", "MinorText", "LookUp_BoroughName"), (),
)  # fmt: skip


def layout_of(names: tuple[str, ...]) -> Layout | None:
    """Return the layout a header belongs to, or ``None``."""
    found = {*names}
    if {"MajorText", "MinorText"} & found:
        ward = {"WardCode", "WardName"} & found
        return _WIDE_WARD if ward else _WIDE_BOROUGH
    if "series" in found or {"area_type", "measure"} <= found:
        return _LONG
    if {"major", "minor"} & found:
        return _WARD if "ward_code" in found else _BOROUGH
    return None


@dataclass(frozen=True)
class CountsRead:
    """Accepted counts, the checks that refused the others, and what the layout covers."""

    counts: pd.DataFrame
    checks: RowChecks
    dropped_columns: tuple[str, ...]
    format: str
    months: NDArray[np.datetime64]  # datetime64[M], every month any row or column speaks about
    warnings: tuple[str, ...]


def read(table: Table, layout: Layout, study_area: StudyArea, options: ReadOptions) -> CountsRead:
    """Read a table of published counts.

    Raises
    ------
    FeedRefusedError
        A required column is missing, or a column looks like personal data.
    """
    names = tuple(table.frame.columns)
    wide = [n for n in names if not layout.month and _WIDE_MONTH.fullmatch(n)]
    what = f"MPS {layout.name} layout"
    require_columns(names, layout.required, table.file, what)
    if not layout.month and not wide:
        require_columns(names, ("201004 (one column a month)",), table.file, what)
    known = (*layout.required, *layout.unused, *wide)
    unknown = settle_columns(names, known, table.file, options)
    dropped = tuple(n for n in names if n in unknown or n in layout.unused)
    table = _long(table, layout, wide) if wide else table
    checks = RowChecks(table)
    kept_measure, outcomes = _offences(checks, layout)
    month = _months(checks, layout)
    count = _counts(checks)
    area_type, codes = _areas(checks, layout, study_area)
    category, basis = _categories(checks, layout)
    keep = checks.ok & kept_measure
    _refuse_repeats(checks, keep, month)
    keep = checks.ok & kept_measure
    counts = counts_frame(
        keep,
        {
            "source": layout.source, "category": category, "area_type": area_type,
            "area_code": codes, "month": month.astype("datetime64[us]"),
            "count": np.where(keep, count, 0.0), "basis": basis, "file": table.file,
        },
    )  # fmt: skip
    counts, added = _added_up(counts, table.file)
    warnings = (*table.warnings, *outcomes, *added, *_unknown_codes(checks))
    form = FORMAT_WIDE if wide else FORMAT_LONG
    return CountsRead(counts, checks, dropped, form, np.unique(month[keep]), warnings)


def _long(table: Table, layout: Layout, months: list[str]) -> Table:
    """Turn one column a month into one row a month, keeping the row numbers of the file."""
    n = len(table.frame)
    base = [layout.required[0], layout.required[1], layout.area]
    frame = pd.DataFrame(
        {name: np.tile(table.frame[name].to_numpy(dtype=object), len(months)) for name in base},
        dtype="str",
    )
    frame["month"] = pd.Series(np.repeat(np.array(months, dtype=object), n), dtype="str")
    frame["count"] = pd.concat([table.frame[m] for m in months], ignore_index=True)
    return replace(table, frame=frame, rows=np.tile(table.rows, len(months)))


def _offences(checks: RowChecks, layout: Layout) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    if layout is not _LONG:
        return np.ones(len(checks.ok), dtype=bool), ()
    measure = checks.table.frame["measure"].str.casefold()
    offences = measure.eq("offences").to_numpy(dtype=bool)
    outcomes = measure.eq("positive_outcomes").to_numpy(dtype=bool)
    checks.refuse(
        ~offences & ~outcomes, "measure", "unknown measure", "use offences or positive_outcomes"
    )
    left = int(outcomes.sum())
    note = f"{checks.table.file}: {left:,} rows of the measure positive_outcomes dropped"
    return offences, ((note,) if left else ())


def _months(checks: RowChecks, layout: Layout) -> NDArray[np.datetime64]:
    column = layout.month or "month"
    month, good = month_starts(checks.table.frame[column])
    checks.refuse(~good, column, "this is no month", "write the month as YYYY-MM")
    return month


def _counts(checks: RowChecks) -> NDArray[np.float64]:
    texts = checks.table.frame["count"]
    count, malformed = parse_numbers(texts)
    remedy = f"give a whole number from 0 to {MAX_COUNT:,}"
    checks.refuse(texts.eq("").to_numpy(dtype=bool), "count", "the count is blank", remedy)
    checks.refuse(malformed, "count", "the count is not a finite number", remedy)
    checks.refuse(count < 0, "count", "the count is negative", remedy)
    checks.refuse(count != np.floor(count), "count", "the count is not a whole number", remedy)
    checks.refuse(count > MAX_COUNT, "count", "the count is implausibly large", remedy)
    return count


def _areas(checks: RowChecks, layout: Layout, study_area: StudyArea) -> tuple[pd.Series, pd.Series]:
    frame = checks.table.frame
    texts = frame[layout.area]
    if layout.area_type:
        kind = pd.Series([layout.area_type] * len(frame), dtype="str")
    else:
        kind = frame["area_type"].str.casefold()
        odd = ~kind.isin(["ward", "borough"]).to_numpy(dtype=bool)
        checks.refuse(odd, "area_type", "unknown area type", "use ward or borough")
    boroughs = study_area.boroughs
    wards = study_area.wards["ward_code"].astype(str).tolist()
    codes = texts.str.upper()
    if layout.area_type == "borough":
        spelling = {
            _plain(name): str(code)
            for name, code in zip(boroughs["borough_name"], boroughs["borough_code"], strict=True)
        }
        codes = texts.map(_plain).map(spelling).fillna("")
    is_ward = kind.eq("ward")
    known = (is_ward & codes.isin(wards)) | (
        ~is_ward & codes.isin(boroughs["borough_code"].astype(str).tolist())
    )
    unplaced = texts.str.fullmatch(_NOT_AN_AREA, case=False) | texts.str.fullmatch(_GSS)
    checks.refuse(
        (~known & unplaced).to_numpy(dtype=bool), layout.area, _UNPLACED,
        "none where the publisher does not know the area; otherwise use boundaries of the same "
        "vintage", expected=True,
    )  # fmt: skip
    checks.refuse(
        ~known.to_numpy(dtype=bool), layout.area, "the study area has no such ward or borough",
        f"use a code or name of {study_area.name!r}",
    )  # fmt: skip
    return kind, codes


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]+", " ", name.casefold().replace("&", "and")).strip()


def _categories(checks: RowChecks, layout: Layout) -> tuple[pd.Series, NDArray[np.object_]]:
    frame = checks.table.frame
    category = _slug(frame[layout.category])
    checks.refuse(
        category.eq("").to_numpy(dtype=bool), layout.category, "the category is blank",
        "name the series or minor class",
    )  # fmt: skip
    major = _slug(frame[layout.major]) if layout.major else category
    if layout.major:
        checks.refuse(
            major.eq("").to_numpy(dtype=bool), layout.major, "the category is blank",
            "name the major class",
        )  # fmt: skip
    found = major.isin(DISCOVERED_MAJORS) | category.str.contains("possession")
    basis = np.where(found.to_numpy(dtype=bool), "discovered", "reported").astype(object)
    return category, basis


def _slug(texts: pd.Series) -> pd.Series:
    lowered = texts.str.casefold().str.replace(r"[^a-z0-9]+", "_", regex=True)
    return lowered.str.strip("_").str.slice(0, 80)


def _refuse_repeats(
    checks: RowChecks, keep: NDArray[np.bool_], month: NDArray[np.datetime64]
) -> None:
    """Refuse a second count of what an earlier row counted, all labels being the same.

    A month is the same however it is spelt (``2023-07``, ``202307``).
    """
    labels = checks.table.frame.drop(columns="count").assign(month=month.astype(np.int64))
    again = np.zeros(len(keep), dtype=bool)
    again[keep] = labels[keep].duplicated(keep="first").to_numpy(dtype=bool)
    checks.refuse(
        again, "count", "an earlier row counts the same area, category and month",
        "keep one row for each area, category and month",
    )  # fmt: skip


def _added_up(counts: pd.DataFrame, file: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Add rows of one area, category and month that the publisher labels apart.

    The MPS count a ward twice where two commands police it (Heathrow Villages: Hillingdon and
    Aviation Security); the offences are different ones.
    """
    key = ["area_type", "area_code", "category", "month"]
    again = counts.duplicated(key, keep="first")
    if not again.any():
        return counts, ()
    total = counts.groupby(key, sort=False)["count"].transform("sum")
    areas = ", ".join(sorted(counts.loc[again, "area_code"].unique())[:6])
    note = f"{file}: {int(again.sum())} rows added to another of the same area and month ({areas})"
    return counts.assign(count=total)[~again].reset_index(drop=True), (note,)


def _unknown_codes(checks: RowChecks) -> tuple[str, ...]:
    names = sorted({r.value for r in checks.rejected() if r.reason == _UNPLACED})
    if not names:
        return ()
    shown = ", ".join(name or "(blank)" for name in names[:12])
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return (f"{checks.table.file}: areas not in the study area: {shown}{more}",)
