"""A small square town with hand-made feeds: two policed boroughs of nine wards, one unpoliced."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

import geopandas as gpd
import pandas as pd
from shapely.geometry import box

from hotspots.boundaries.study_area import StudyArea
from hotspots.incidents import (
    COUNT_DTYPES,
    RECORD_DTYPES,
    Coverage,
    FeedReading,
    empty_counts,
    empty_records,
)

X0, Y0, SIDE = 500_000.0, 150_000.0, 1_000.0
FIRST, LAST = date(2024, 1, 1), date(2025, 12, 31)
AS_OF = date(2026, 1, 1)


def ward(number: int) -> str:
    """Return the code of ward 0 to 17 (policed) or 18 (unpoliced)."""
    return f"E05{number:06d}"


def borough(number: int) -> str:
    return f"E0900000{number + 2}" if number < 2 else "E09000001"


def centre(number: int) -> tuple[float, float]:
    column, row = number % 3, number // 3
    return X0 + (column + 0.5) * SIDE, Y0 + (row + 0.5) * SIDE


def town() -> StudyArea:
    rows = []
    for number in range(19):
        x, y = centre(number)
        square = box(x - SIDE / 2, y - SIDE / 2, x + SIDE / 2, y + SIDE / 2)
        own = number // 9
        rows.append(
            (ward(number), f"Ward {number}", borough(own), f"Borough {own}", own < 2, square)
        )
    columns = ["ward_code", "ward_name", "borough_code", "borough_name", "policed", "geometry"]
    wards = gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs="EPSG:27700")
    boroughs = wards.dissolve("borough_code", as_index=False)[
        ["borough_code", "borough_name", "policed", "geometry"]
    ]
    pairs = [(ward(i), ward(i + 1), "land", SIDE) for i in range(18) if i % 3 < 2]
    pairs += [(ward(i), ward(i + 3), "land", SIDE) for i in range(15)]
    return StudyArea(
        name="Small town",
        approximate=False,
        sha256="0" * 64,
        attribution=("Invented.",),
        wards=wards,
        boroughs=boroughs,
        borough_links=pd.DataFrame(
            [(borough(0), borough(1), "land", "", True)],
            columns=["code_a", "code_b", "kind", "crossing", "open_to_motor_vehicles"],
        ),
        ward_links=pd.DataFrame(pairs, columns=["code_a", "code_b", "kind", "distance_m"]),
    )


def record(number: int, place: int | str, **changes: object) -> dict[str, object]:
    """Return one reported shooting in the middle of a ward, or in a borough by its code."""
    at = pd.Timestamp("2025-06-01 12:00", tz="UTC")
    values: dict[str, object] = dict.fromkeys(RECORD_DTYPES)
    values |= {
        "record_id": f"R{number}",
        "source": "recorded_gun_crime",
        "category": "firearm_threat",
        "occurred_from": at,
        "x_m": float("nan"),
        "y_m": float("nan"),
        "basis": "reported",
        "row": number + 1,
    }
    if isinstance(place, str):
        values["area_code"] = place
    else:
        values["x_m"], values["y_m"] = centre(place)
    values |= changes
    values["occurred_to"] = changes.get("occurred_to", values["occurred_from"])
    values["known_from"] = changes.get("known_from", values["occurred_to"])
    return values


def reading(
    records: Sequence[dict[str, object]] = (),
    counts: Sequence[dict[str, object]] = (),
    *,
    file: str = "feed.csv",
    areas: frozenset[str] | None = None,
    first_day: date = FIRST,
    last_day: date = LAST,
) -> FeedReading:
    record_frame = empty_records()
    if records:
        record_frame = pd.DataFrame(records)[list(RECORD_DTYPES)].astype(RECORD_DTYPES)
        record_frame["file"] = file
    count_frame = empty_counts()
    if counts:
        count_frame = pd.DataFrame(counts)[list(COUNT_DTYPES)].astype(COUNT_DTYPES)
    return FeedReading(
        file=file,
        format="meeting_feed",
        sha256=hashlib.sha256(f"{file}{records!r}{counts!r}".encode()).hexdigest(),
        records=record_frame,
        counts=count_frame,
        rejected=(),
        dropped_columns=(),
        coverage=Coverage(areas=areas, first_day=first_day, last_day=last_day),
    )


def month_count(area: str, month: str, count: int, **changes: object) -> dict[str, object]:
    values: dict[str, object] = {
        "source": "mps_dashboard_counts",
        "category": "gun_crime",
        "area_type": "ward" if area.startswith("E05") else "borough",
        "area_code": area,
        "month": pd.Timestamp(month),
        "count": count,
        "basis": "reported",
        "notice": None,
        "file": "counts.csv",
    }
    return values | changes


def scattered(numbers: Sequence[int]) -> list[dict[str, object]]:
    """Return numbers[i] gun crimes in ward i, spread over the two covered years."""
    rows = []
    for place, number in enumerate(numbers):
        for k in range(number):
            day = FIRST.toordinal() + (k * 701 + place * 37) % 720
            at = pd.Timestamp(date.fromordinal(day), tz="UTC") + pd.Timedelta(hours=12)
            rows.append(record(len(rows), place, occurred_from=at))
    return rows
