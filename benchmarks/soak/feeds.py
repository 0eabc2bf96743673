"""Feeds of any size, made from a seed: incidents across London, some corrected."""

from __future__ import annotations

import hashlib
from datetime import date

import numpy as np
import pandas as pd

from hotspots.boundaries.study_area import StudyArea
from hotspots.incidents import (
    RECORD_DTYPES,
    Coverage,
    FeedReading,
    Rejection,
    empty_counts,
)


def feed(
    seed: int, n_records: int, *, n_rejected: int = 0, study_area: StudyArea | None = None
) -> FeedReading:
    """Return a feed as a reader would give it; ids of different seeds differ.

    One record in twenty corrects an earlier one of the same feed. With a study area every
    point lies well inside a ward of it.
    """
    rng = np.random.default_rng(seed)
    file = f"soak-{seed}.csv"
    number = np.arange(n_records)
    at = np.datetime64("2025-01-01", "us") + rng.integers(0, 600 * 86_400, n_records) * 10**6
    ids = np.array([f"S{seed}-{one}" for one in number], dtype=object)
    corrects = np.full(n_records, None, dtype=object)
    later = number[(number % 20 == 19)]
    corrects[later] = ids[later - 10]
    at[later] = at[later - 10]
    x_m, y_m = _points(rng, n_records, study_area)
    columns: dict[str, object] = {
        "record_id": ids,
        "source": "recorded_gun_crime",
        "category": rng.choice(["firearm_threat", "firearm_discharged"], n_records),
        "occurred_from": at,
        "occurred_to": at,
        "known_from": at + np.timedelta64(3600, "s") + number * np.timedelta64(1, "us"),
        "x_m": x_m,
        "y_m": y_m,
        "basis": "reported",
        "corrects": corrects,
        "correction": np.where(corrects == None, None, "moved"),  # noqa: E711 - element by element
        "notice": "SYNTHETIC",
        "file": file,
        "row": number + 1,
    }
    frame = pd.DataFrame(index=pd.RangeIndex(n_records))
    for name, kind in RECORD_DTYPES.items():
        values = pd.Series(columns.get(name), index=frame.index)
        frame[name] = values.dt.tz_localize("UTC") if "UTC" in kind else values.astype(kind)
    rejected = tuple(
        Rejection(file, n_records + one + 1, "source", "rumour", "unknown source", "use another")
        for one in range(n_rejected)
    )
    return FeedReading(
        file=file,
        format="meeting_feed",
        sha256=hashlib.sha256(f"{seed} {n_records} {n_rejected}".encode()).hexdigest(),
        records=frame,
        counts=empty_counts(),
        rejected=rejected,
        dropped_columns=(),
        coverage=Coverage(None, date(2025, 1, 1), date(2026, 12, 31)),
    )


def _points(
    rng: np.random.Generator, n_records: int, study_area: StudyArea | None
) -> tuple[np.ndarray, np.ndarray]:
    if study_area is None:
        return (
            np.round(rng.uniform(510_000, 550_000, n_records), 2),
            np.round(rng.uniform(165_000, 195_000, n_records), 2),
        )
    inside = study_area.wards.geometry.representative_point()
    chosen = rng.integers(0, len(inside), n_records)
    away = rng.uniform(-20.0, 20.0, (2, n_records))
    x_m = inside.x.to_numpy()[chosen] + away[0]
    y_m = inside.y.to_numpy()[chosen] + away[1]
    return np.round(x_m, 2), np.round(y_m, 2)


def write_csv(one: FeedReading, path: str) -> None:
    """Write a feed in the meeting's own layout."""
    table = one.records.rename(columns={"x_m": "easting", "y_m": "northing"})
    table = table.assign(
        occurred_at=table["occurred_from"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        known_at=table["known_from"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    names = [
        "record_id", "source", "category", "basis", "occurred_at", "known_at", "easting",
        "northing", "corrects", "correction", "notice",
    ]  # fmt: skip
    table[names].to_csv(path, index=False)
