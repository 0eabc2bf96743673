"""Outlines of wards, boroughs and patrol areas as SVG paths, small enough to sit in a page.

Coordinates are metres from the north-west corner of the study area, x east and y south, so
that a path can be drawn without a transform.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import shapely

from allocator.plan import PatrolPlan
from api.maps.outlines import Outlines, label_point, simplify
from hotspots.boundaries.study_area import StudyArea

MARGIN_M = 800
GRID_M = 10  # a screen pixel of the whole map is about 60 m

Shape = dict[str, object]


def place_shapes(area: StudyArea) -> dict[str, object]:
    """Return ``width_m``, ``height_m`` and a shape for every ward and borough by code.

    A shape has ``path`` (SVG path data), ``x`` and ``y`` (where a label goes) and ``box``
    (west, north, width, height), in metres from the north-west corner.
    """
    outlines = simplify(area)
    west, north, width, height = _frame(area)
    return {
        "width_m": width,
        "height_m": height,
        "wards": _shapes(outlines.wards, west, north),
        "boroughs": _shapes(outlines.boroughs, west, north),
    }


def area_shapes(plan: PatrolPlan, area: StudyArea) -> dict[str, Shape]:
    """Return the shape of each unit's patrol area by unit, on the same grid."""
    outlines = simplify(area)
    west, north, _, _ = _frame(area)
    return _shapes(
        {unit.unit_id: _union(outlines, unit.boroughs) for unit in plan.units}, west, north
    )


def _union(outlines: Outlines, codes: tuple[str, ...]) -> shapely.Geometry:
    return shapely.union_all([outlines.boroughs[code] for code in codes])


def _frame(area: StudyArea) -> tuple[int, int, int, int]:
    west, south, east, north = (float(value) for value in area.boroughs.total_bounds)
    left, top = int(west) - MARGIN_M, int(north) + MARGIN_M
    return left, top, int(east) + MARGIN_M - left, top - int(south) + MARGIN_M


def _shapes(outlines: Mapping[str, shapely.Geometry], west: int, north: int) -> dict[str, Shape]:
    return {code: _shape(outline, west, north) for code, outline in sorted(outlines.items())}


def _shape(outline: shapely.Geometry, west: int, north: int) -> Shape:
    x_m, y_m = label_point(outline)
    left, bottom, right, top = (round(value) for value in shapely.bounds(outline))
    return {
        "path": _path(outline, west, north),
        "x": x_m - west,
        "y": north - y_m,
        "box": [left - west, north - top, right - left, top - bottom],
    }


def _path(outline: shapely.Geometry, west: int, north: int) -> str:
    """Return path data on a grid of ``GRID_M`` metres, relative moves after the first point."""
    pieces = []
    for part in shapely.get_parts(outline):
        if part.geom_type != "Polygon":
            continue
        for ring in (part.exterior, *part.interiors):
            points = shapely.get_coordinates(ring)[:-1]
            east_south = np.column_stack([points[:, 0] - west, north - points[:, 1]])
            steps = np.rint(east_south / GRID_M).astype(np.int64)
            moves = np.diff(steps, axis=0)
            moves = moves[np.any(moves != 0, axis=1)] * GRID_M
            first = steps[0] * GRID_M
            line = " ".join(f"{dx} {dy}" for dx, dy in moves)
            pieces.append(f"M{first[0]} {first[1]}l{line}z")
    return "".join(pieces)
