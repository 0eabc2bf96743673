"""Places of a feed become British National Grid metres; what cannot be a place is named."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from hotspots.boundaries.study_area import StudyArea, locate_wards, nearest_distance_m
from hotspots.feeds.validation import RowChecks, parse_numbers

GRID = "EPSG:27700"
GRID_REMEDY = "give metres of the British National Grid, for example 530034 and 180381"
DEGREES_REMEDY = "give WGS84 degrees, for example longitude -0.1276 and latitude 51.5072"
#: Generous box around Great Britain in degrees: beyond it a point is no misplaced offence.
_BRITAIN_DEGREES = (-9.0, 49.0, 3.0, 61.5)


def to_grid(
    x: NDArray[np.float64], y: NDArray[np.float64], crs: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Project points to EPSG:27700; not finite where the projection has no answer."""
    east, north = _to_grid_from(crs).transform(x, y)
    return np.asarray(east, dtype=np.float64), np.asarray(north, dtype=np.float64)


@cache
def _to_grid_from(crs: str) -> Transformer:
    return Transformer.from_crs(crs, GRID, always_xy=True)


def read_pair(
    checks: RowChecks, x_column: str, y_column: str, remedy: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Read a pair of coordinate columns, refusing malformed and half-given pairs.

    Returns
    -------
    x, y, given
        float64 (n,), NaN where not given; bool (n,) true where both are.
    """
    frame = checks.table.frame
    numbers = {}
    for column in (x_column, y_column):
        numbers[column], malformed = parse_numbers(frame[column])
        checks.refuse(malformed, column, "this is not a finite number", remedy)
    blank_x = frame[x_column].eq("").to_numpy(dtype=bool)
    blank_y = frame[y_column].eq("").to_numpy(dtype=bool)
    missing = f"{x_column} and {y_column} must be given together"
    checks.refuse(blank_x & ~blank_y, x_column, missing, remedy)
    checks.refuse(blank_y & ~blank_x, y_column, missing, remedy)
    x, y = numbers[x_column], numbers[y_column]
    return x, y, np.isfinite(x) & np.isfinite(y)


def degrees_to_grid(
    checks: RowChecks,
    longitude: NDArray[np.float64],
    latitude: NDArray[np.float64],
    columns: tuple[str, str],
    study_area: StudyArea,
    *,
    tolerance_m: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Project WGS84 degrees, refusing impossible and swapped ones."""
    given = np.isfinite(longitude) & np.isfinite(latitude)
    shown = pair_text(longitude, latitude)
    west, south, east, north = _BRITAIN_DEGREES
    outside_box = given & ~(
        (longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north)
    )
    swapped = outside_box.copy()
    if outside_box.any():
        x, y = to_grid(latitude[outside_box], longitude[outside_box], "EPSG:4326")
        swapped[outside_box] = _near(x, y, study_area, tolerance_m)
    where = columns[0]
    checks.refuse(
        swapped, where, "longitude and latitude are swapped", "exchange the two", shown=shown
    )
    impossible = given & ((np.abs(longitude) > 180) | (np.abs(latitude) > 90))
    checks.refuse(
        impossible, where, "this is no longitude and latitude", DEGREES_REMEDY, shown=shown
    )
    checks.refuse(
        outside_box, where, "the point lies outside Great Britain", DEGREES_REMEDY, shown=shown
    )
    usable = given & ~outside_box
    x_m, y_m = np.full(len(given), np.nan), np.full(len(given), np.nan)
    if usable.any():
        x_m[usable], y_m[usable] = to_grid(longitude[usable], latitude[usable], "EPSG:4326")
    return x_m, y_m


def check_grid(
    checks: RowChecks,
    x_m: NDArray[np.float64],
    y_m: NDArray[np.float64],
    columns: tuple[str, str],
    study_area: StudyArea,
    *,
    tolerance_m: float,
) -> None:
    """Refuse grid coordinates that are degrees or swapped, by showing what they are."""
    given = np.isfinite(x_m) & np.isfinite(y_m)
    shown = pair_text(x_m, y_m)
    degrees = given & (np.abs(x_m) <= 180) & (np.abs(y_m) <= 90) & ~((x_m == 0) & (y_m == 0))
    checks.refuse(
        degrees, columns[0], "these are degrees, not metres of the British National Grid",
        "put degrees into the columns longitude and latitude", shown=shown,
    )  # fmt: skip
    west, south, east, north = study_area.wards.total_bounds
    inside = (x_m >= west) & (x_m <= east) & (y_m >= south) & (y_m <= north)
    suspect = given & ~degrees & ~inside
    swapped = suspect.copy()
    swapped[suspect] = _near(y_m[suspect], x_m[suspect], study_area, tolerance_m)
    checks.refuse(
        swapped, columns[0], "easting and northing are swapped", "exchange the two", shown=shown
    )


def _near(
    x_m: NDArray[np.float64], y_m: NDArray[np.float64], study_area: StudyArea, tolerance_m: float
) -> NDArray[np.bool_]:
    return distance_outside_m(study_area, x_m, y_m) <= tolerance_m


def distance_outside_m(
    study_area: StudyArea, x_m: NDArray[np.float64], y_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return metres from each point to the study area, 0 inside, infinite if not finite."""
    return wards_and_distance_m(study_area, x_m, y_m)[1]


def wards_and_distance_m(
    study_area: StudyArea, x_m: NDArray[np.float64], y_m: NDArray[np.float64]
) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """Return the ward that holds each point, ``""`` for none, and metres to the study area."""
    wards = locate_wards(study_area, x_m, y_m)
    inside = wards != ""
    distance = np.where(inside, 0.0, np.inf)
    rest = np.isfinite(x_m) & np.isfinite(y_m) & ~inside
    if rest.any():
        distance[rest] = nearest_distance_m(study_area, x_m[rest], y_m[rest])
    return wards, distance


def outside_reason(
    distance_m: NDArray[np.float64], outside: NDArray[np.bool_]
) -> NDArray[np.object_]:
    """Return a reason text for each point outside the study area, ``""`` for the others."""
    reasons = np.full(len(distance_m), "", dtype=object)
    reasons[outside] = [
        f"the point lies {d / 1000:,.1f} km outside the study area (in the sea or another "
        "force's area)"
        for d in distance_m[outside]
    ]
    return reasons


def pair_text(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return ``"x, y"`` for each pair, lazily enough for rows that are never shown."""
    return _Pairs(x, y)  # type: ignore[return-value]  # indexable like an object array


class _Pairs:
    def __init__(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        self._x, self._y = x, y

    def __getitem__(self, at: NDArray[np.intp]) -> list[str]:
        return [f"{x:.10g}, {y:.10g}" for x, y in zip(self._x[at], self._y[at], strict=True)]


def check_area_codes(checks: RowChecks, column: str, study_area: StudyArea) -> pd.Series:
    """Refuse codes that are no ward or borough of the study area; return them in capitals."""
    codes = checks.table.frame[column].str.upper()
    unknown = ~codes.isin(list(known_codes(study_area))).to_numpy(dtype=bool)
    unknown &= codes.ne("").to_numpy(dtype=bool)
    checks.refuse(
        unknown,
        column,
        "the study area has no ward or borough of this code",
        f"use a code of {study_area.name!r}, for example "
        f"{study_area.boroughs['borough_code'].iloc[0]}",
    )
    return codes


def known_codes(study_area: StudyArea) -> frozenset[str]:
    """Return every ward and borough code of the study area."""
    wards = study_area.wards["ward_code"].astype(str)
    boroughs = study_area.boroughs["borough_code"].astype(str)
    return frozenset(wards) | frozenset(boroughs)


def is_geographic(crs: str) -> bool:
    """Tell whether a coordinate reference system is in degrees."""
    return bool(CRS.from_user_input(crs).is_geographic)
