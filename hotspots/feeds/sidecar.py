"""Stated coverage: the file ``NAME.coverage.csv`` beside a feed of the meeting's own format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from hotspots.boundaries.study_area import StudyArea
from hotspots.errors import FeedRefusedError
from hotspots.feeds import places, times
from hotspots.feeds.columns import require_columns, settle_columns
from hotspots.feeds.coverage import with_boroughs
from hotspots.feeds.options import ReadOptions
from hotspots.feeds.raw_file import SUFFIXES, read_raw
from hotspots.feeds.table import table_from_csv
from hotspots.feeds.validation import RowChecks, refuse_or_report
from hotspots.incidents import Coverage

COLUMNS = ("area_code", "first_day", "last_day")
_STRICT = ReadOptions(on_rejected="refuse")


def sidecar_path(path: Path) -> Path:
    """Return where the coverage of a feed file is stated, whether or not it exists."""
    suffix = next((s for s in SUFFIXES if path.name.casefold().endswith(s)), path.suffix)
    return path.with_name(path.name[: len(path.name) - len(suffix)] + ".coverage.csv")


def stated_coverage(
    records: pd.DataFrame, path: Path, study_area: StudyArea
) -> tuple[Coverage, tuple[str, ...]]:
    """Return the coverage a sidecar states, or the format's own default, with warnings.

    Without a sidecar the feed covers the whole study area from its first to its last record.
    Areas stated for different days are covered, all of them, on the days they share.

    Raises
    ------
    FeedRefusedError
        The sidecar is malformed, or its areas share no day.
    """
    beside = sidecar_path(path)
    if not _is_there(beside):
        days = times.local_days(
            records[["occurred_from", "occurred_to"]]
            .to_numpy(dtype="datetime64[us]").ravel(), "Europe/London",
        )  # fmt: skip
        explanation = "no sidecar: the whole study area from the first to the last record"
        return Coverage(None, days.min().item(), days.max().item(), explanation=explanation), ()
    return _read_sidecar(beside, study_area)


def _is_there(path: Path) -> bool:
    """Tell whether a path exists; one that the file system cannot hold does not."""
    try:
        return path.exists()
    except OSError:
        return False


def _read_sidecar(path: Path, study_area: StudyArea) -> tuple[Coverage, tuple[str, ...]]:
    raw = read_raw(path, _STRICT)
    table = table_from_csv(raw.content, raw.name, _STRICT)
    require_columns(table.frame.columns, COLUMNS, raw.name, "coverage sidecar")
    settle_columns(table.frame.columns, COLUMNS, raw.name, _STRICT)
    checks = RowChecks(table)
    codes = places.check_area_codes(checks, "area_code", study_area)
    blank = codes.eq("").to_numpy(dtype=bool)
    checks.refuse(blank, "area_code", "the area code is blank", "give a ward or borough code")
    days = [_days(checks, column) for column in ("first_day", "last_day")]
    checks.refuse(days[0] > days[1], "first_day", "first_day is after last_day", "exchange them")
    refuse_or_report(checks.rejected(), len(codes), raw.name, _STRICT)
    first, last = days[0].max(), days[1].min()
    if first > last:
        raise FeedRefusedError(
            f"the areas share no day: one starts on {first}, another ends on {last}",
            remedy="give the feed in one file for each period",
            file=raw.name,
        )
    uneven = len({*days[0].tolist()}) > 1 or len({*days[1].tolist()}) > 1
    note = f"{raw.name}: areas are stated for different days; the days they share count"
    areas = _spread(codes.tolist(), study_area)
    stated = Coverage(areas, first.item(), last.item(), explanation=f"stated in {raw.name}")
    return stated, ((note,) if uneven else ())


def _days(checks: RowChecks, column: str) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    texts = checks.table.frame[column]
    read = times.parse_moments(texts, "UTC")
    odd = (read.problem != "") | np.isnat(read.first) | texts.str.contains(":").to_numpy(dtype=bool)
    checks.refuse(odd, column, "this is no calendar day", "write it as 2026-11-22")
    days: np.ndarray[tuple[int], np.dtype[np.datetime64]] = read.first.astype("datetime64[D]")
    return days


def _spread(codes: list[str], study_area: StudyArea) -> frozenset[str]:
    """Let a borough cover its wards, and a full set of wards its borough."""
    wards = study_area.wards
    held = wards["borough_code"].isin(codes) | wards["ward_code"].isin(codes)
    inside = frozenset(str(code) for code in wards.loc[held, "ward_code"])
    return with_boroughs(inside, study_area) | frozenset(codes)
