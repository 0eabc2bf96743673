"""Random draws of the sample: whole-metre places and whole-minute local times.

Everything comes from ``numpy.random.Generator.random``: the library's other distributions may
change their streams between versions.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from calibration import CLOCK_CHANGES, DAY_MIN, END_MIN, FIRST_DAY, WEEKDAYS
from numpy.random import Generator
from numpy.typing import NDArray

SHARES_FILE = Path(__file__).resolve().parent / "borough_gun_crime_2021-08_2023-07.csv"

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Geography:
    """Policed wards by borough, with the published share of each borough."""

    boroughs: tuple[str, ...]
    offences: Ints
    ward_codes: tuple[str, ...]
    polygons: tuple[shapely.Geometry, ...]
    wards_of: tuple[Ints, ...]


@dataclass(frozen=True)
class Events:
    """Columns of one feed, all of shape (n,); minutes count from the first local midnight."""

    borough: Ints
    ward: Ints
    x_m: Ints
    y_m: Ints
    start_min: Ints
    end_min: Ints
    known_min: Ints
    category: NDArray[np.str_]


def load_geography(wards_file: Path) -> Geography:
    """Read the wards and the published gun-crime totals of the 32 boroughs."""
    with SHARES_FILE.open(encoding="utf-8", newline="") as stream:
        rows = sorted((row["borough_code"], int(row["offences"])) for row in csv.DictReader(stream))
    codes = tuple(code for code, _ in rows)
    wards = gpd.read_file(wards_file)
    wards = wards[wards["borough_code"].isin(codes)].sort_values("ward_code")
    inside = [np.flatnonzero(wards["borough_code"].to_numpy() == code) for code in codes]
    return Geography(
        boroughs=codes,
        offences=np.array([count for _, count in rows], dtype=np.int64),
        ward_codes=tuple(wards["ward_code"]),
        polygons=tuple(wards.geometry),
        wards_of=tuple(index.astype(np.int64) for index in inside),
    )


def apportion(total: int, weights: Sequence[float] | NDArray[np.int64]) -> Ints:
    """Share ``total`` over ``weights`` in whole numbers by largest remainder."""
    exact = np.asarray(weights, dtype=float) * total / float(np.sum(weights))
    seats = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - seats), kind="stable")
    seats[order[: total - int(seats.sum())]] += 1
    return seats


def draw(rng: Generator, weights: Sequence[float] | NDArray[np.int64], n: int) -> Ints:
    """Draw ``n`` indices with chances proportional to ``weights``."""
    edges = np.cumsum(np.asarray(weights, dtype=float))
    return np.searchsorted(edges / edges[-1], rng.random(n), side="right").astype(np.int64)


def shuffled(rng: Generator, values: NDArray[Any]) -> NDArray[Any]:
    """Return ``values`` in random order."""
    return values[np.argsort(rng.random(len(values)), kind="stable")]


def place(rng: Generator, geography: Geography, ward: Ints) -> tuple[Ints, Ints]:
    """Draw a whole-metre point uniformly inside each ward."""
    x_m, y_m = np.zeros(len(ward), np.int64), np.zeros(len(ward), np.int64)
    for index in np.unique(ward):
        polygon = geography.polygons[index]
        west, south, east, north = polygon.bounds
        waiting = np.flatnonzero(ward == index)
        while len(waiting):
            x = np.floor(west + rng.random(len(waiting)) * (east - west))
            y = np.floor(south + rng.random(len(waiting)) * (north - south))
            hit = shapely.contains_xy(polygon, x, y)
            x_m[waiting[hit]], y_m[waiting[hit]] = x[hit], y[hit]
            waiting = waiting[~hit]
    return x_m, y_m


def draw_wards(rng: Generator, geography: Geography, borough: Ints) -> Ints:
    """Draw a ward for each record, every ward of its borough with the same chance."""
    sizes = np.array([len(wards) for wards in geography.wards_of])[borough]
    turn = np.floor(rng.random(len(borough)) * sizes).astype(np.int64)
    return np.array(
        [geography.wards_of[b][k] for b, k in zip(borough, turn, strict=True)], np.int64
    )


def skip_clock_changes(minutes: Ints) -> Ints:
    """Move local times between 01:00 and 02:59 on a day of clock change to 03:00."""
    moved = minutes.copy()
    for day in CLOCK_CHANGES:
        midnight = (day - FIRST_DAY).days * DAY_MIN
        moved[(minutes >= midnight + 60) & (minutes < midnight + 180)] = midnight + 180
    return moved


def draw_starts(rng: Generator, first: date, last: date, hours: Sequence[int], n: int) -> Ints:
    """Draw local start times between two days by the weight of weekday and hour."""
    days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
    day = draw(rng, [WEEKDAYS[d.weekday()] for d in days], n)
    minute = draw(rng, hours, n) * 60 + np.floor(rng.random(n) * 60).astype(np.int64)
    return skip_clock_changes((first - FIRST_DAY).days * DAY_MIN + day * DAY_MIN + minute)


def draw_ends(rng: Generator, start: Ints, times: tuple[float, float, float]) -> Ints:
    """Draw ends: equal to the start when exact, -1 for a whole day, else 15 min to 6 h later."""
    kind = draw(rng, times, len(start))
    width = np.exp(math.log(15) + rng.random(len(start)) * math.log(24)).astype(np.int64)
    midnight = start // DAY_MIN * DAY_MIN
    later = np.minimum(start + width, midnight + DAY_MIN - 1)
    end = np.where(kind == 1, skip_clock_changes(later), start)
    whole = (kind == 2) & (midnight + 2 * DAY_MIN < END_MIN)
    return np.where(whole, -1, end)


def draw_known(rng: Generator, start: Ints, end: Ints, delay_h: float) -> Ints:
    """Draw when each record became known: after its end, never after the extract."""
    closed = np.where(end < 0, (start // DAY_MIN + 1) * DAY_MIN, end)
    delay = np.floor(rng.random(len(start)) ** 3 * delay_h * 60).astype(np.int64)
    return np.maximum(closed, skip_clock_changes(np.minimum(closed + delay, END_MIN)))
