"""Outlines small enough to travel in the page: shared edges simplified once, whole metres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from hotspots.boundaries.study_area import StudyArea

TOLERANCE_M = 15.0

Rings = list[list[int]]


@dataclass(frozen=True)
class Outlines:
    """Simplified polygons by code; wards, boroughs and areas share their edges exactly."""

    wards: Mapping[str, shapely.Geometry]
    boroughs: Mapping[str, shapely.Geometry]


def simplify(study_area: StudyArea) -> Outlines:
    """Simplify the wards as one coverage and dissolve them into boroughs.

    Neighbours keep a common edge (Visvalingam-Whyatt on a coverage). Polygons that do not
    form one, which replaced boundaries need not, are simplified each on its own.
    """
    wards = study_area.wards
    polygons = np.asarray(wards.geometry.values, dtype=object)
    if shapely.coverage_is_valid(polygons):
        simple = shapely.coverage_simplify(polygons, TOLERANCE_M)
    else:
        simple = shapely.simplify(polygons, TOLERANCE_M, preserve_topology=True)
    frame = gpd.GeoDataFrame({"borough_code": wards["borough_code"].to_numpy()}, geometry=simple)
    codes = [str(code) for code in study_area.boroughs["borough_code"]]
    return Outlines(
        wards=dict(zip(map(str, wards["ward_code"]), simple, strict=True)),
        boroughs={code: _union(frame, code) for code in codes},
    )


def _union(frame: gpd.GeoDataFrame, code: str) -> shapely.Geometry:
    return shapely.union_all(frame.geometry[frame["borough_code"] == code].to_numpy())


def label_point(geometry: shapely.Geometry) -> tuple[int, int]:
    """Return the centre of the largest circle inside the largest part, in whole metres."""
    parts = shapely.get_parts(geometry)
    largest = parts[int(np.argmax(shapely.area(parts)))]
    centre = shapely.get_point(shapely.maximum_inscribed_circle(largest, tolerance=100.0), 0)
    return round(shapely.get_x(centre)), round(shapely.get_y(centre))


def encode(geometry: shapely.Geometry) -> list[Rings]:
    """Encode polygons as rings of ``x, y`` followed by differences, in whole metres."""
    return [
        [_deltas(ring) for ring in (part.exterior, *part.interiors)]
        for part in shapely.get_parts(geometry)
        if part.geom_type == "Polygon" and not part.is_empty
    ]


def _deltas(ring: shapely.LinearRing) -> list[int]:
    points: NDArray[np.int64] = np.rint(shapely.get_coordinates(ring)[:-1]).astype(np.int64)
    moved = np.vstack([points[:1], np.diff(points, axis=0)])
    kept = np.any(moved != 0, axis=1)
    return [int(value) for value in moved[kept].ravel()]
