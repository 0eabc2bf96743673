"""Rows of the meeting feed format: times, places, grades and corrections as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from calibration import DAY_MIN, END_MIN, FIRST_DAY, WINDOWS, Feed, Window
from draws import Events, Geography, draw, draw_wards, place, shuffled
from numpy.random import Generator

COLUMNS = (
    "record_id", "source", "category", "basis", "occurred_at", "occurred_from", "occurred_to",
    "known_at", "easting", "northing", "area_code", "source_grade", "information_grade",
    "handling_code", "corrects", "correction", "notice",
)  # fmt: skip

Row = dict[str, str]


def local(minutes: int) -> str:
    """Write minutes from the first midnight as naive local ISO time."""
    moment = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day) + timedelta(minutes=minutes)
    return moment.isoformat(timespec="minutes")


def to_rows(events: Events, source: str, prefix: str, basis: dict[str, str]) -> list[Row]:
    """Turn events into rows of the feed format with a point, in the order they are given."""
    rows = []
    for number, index in enumerate(range(len(events.ward)), start=1):
        start, end = int(events.start_min[index]), int(events.end_min[index])
        row = dict.fromkeys(COLUMNS, "")
        row |= {
            "record_id": f"{prefix}-{number:05d}",
            "source": source,
            "category": str(events.category[index]),
            "basis": basis[str(events.category[index])],
            "known_at": local(int(events.known_min[index])),
            "easting": str(events.x_m[index]),
            "northing": str(events.y_m[index]),
            "notice": "SYNTHETIC",
        }
        if end > start:
            row |= {"occurred_from": local(start), "occurred_to": local(end)}
        else:
            row["occurred_at"] = local(start)[:10] if end < 0 else local(start)
        rows.append(row)
    return rows


def coarsen_places(
    rng: Generator, rows: list[Row], events: Events, geography: Geography, feed: Feed
) -> None:
    """Replace some of the feed's points by the code of their ward or borough."""
    kind = draw(rng, feed.place, len(rows))
    for index in np.flatnonzero(kind):
        codes = (geography.ward_codes[events.ward[index]],
                 geography.boroughs[events.borough[index]])  # fmt: skip
        rows[index] |= {"easting": "", "northing": "", "area_code": codes[kind[index] - 1]}


def grade(rng: Generator, rows: list[Row], grading: str) -> None:
    """Grade reported rows by 3x5x2, or by the older 5x5x5 of some systems."""
    names = {"3x5x2": ("123", "ABCDE", "PC"), "5x5x5": ("ABCDE", "12345", "12345")}
    shares = {
        "3x5x2": ((25, 55, 20), (12, 48, 18, 15, 7), (92, 8)),
        "5x5x5": ((15, 45, 20, 8, 12), (10, 45, 25, 12, 8), (70, 12, 8, 4, 6)),
    }
    if grading == "none":
        return
    columns = ("source_grade", "information_grade", "handling_code")
    for column, letters, weights in zip(columns, names[grading], shares[grading], strict=True):
        for row, index in zip(rows, draw(rng, weights, len(rows)), strict=True):
            if row["basis"] == "reported":
                row[column] = letters[index]


def correct(rng: Generator, rows: list[Row], chosen: Sequence[int], **change: str) -> list[Row]:
    """Return a corrected version of each chosen row, known 1 to 20 days after the first."""
    versions = []
    for index, delay in zip(chosen, rng.random(len(chosen)), strict=True):
        first = rows[index]
        known = datetime.fromisoformat(first["known_at"]) + timedelta(days=1 + int(delay * 19))
        versions.append(
            first
            | {"record_id": f"{first['record_id']}-V2", "corrects": first["record_id"]}
            | {"known_at": known.replace(hour=10, minute=0).isoformat(timespec="minutes")}
            | change
        )
    return versions


def pick(rng: Generator, rows: Sequence[Row], n: int, category: str, windows: Sequence[Window],
         ) -> list[int]:  # fmt: skip
    """Choose ``n`` rows of a category that occurred in the windows, early enough to correct."""
    latest = local(END_MIN - 25 * DAY_MIN)
    found = [
        index
        for index, row in enumerate(rows)
        if row["category"] == category
        and row["known_at"] < latest
        and any(
            w.first.isoformat()
            <= (row["occurred_at"] or row["occurred_from"])[:10]
            <= w.last.isoformat()
            for w in windows
        )
    ]
    return sorted(shuffled(rng, np.array(found))[:n].tolist())


def shooting_corrections(rng: Generator, rows: list[Row]) -> list[Row]:
    """Let some of the deaths be known first as an injury; the totals hold after correction."""
    versions: list[Row] = []
    for window in WINDOWS:
        fatal = pick(rng, rows, window.died_later, "firearm_discharged_fatal", [window])
        versions += correct(rng, rows, fatal, correction="reclassified")
        for index in fatal:
            rows[index]["category"] = "firearm_discharged_injury"
    return versions


def gun_crime_corrections(
    rng: Generator, rows: list[Row], events: Events, geography: Geography
) -> list[Row]:
    """Reclassify four threats as intimated only, and move five records within their borough."""
    not_seen = pick(rng, rows, 4, "firearm_intimated", WINDOWS)
    versions = correct(rng, rows, not_seen, correction="reclassified")
    for index in not_seen:
        rows[index]["category"] = "firearm_threat"
    moved = pick(rng, rows, 5, "firearm_other", WINDOWS)
    ward = draw_wards(rng, geography, events.borough[moved])
    for version, x_m, y_m in zip(
        correct(rng, rows, moved, correction="moved"), *place(rng, geography, ward), strict=True
    ):
        versions.append(version | {"easting": str(x_m), "northing": str(y_m)})
    return versions
