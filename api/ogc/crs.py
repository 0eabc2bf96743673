"""The coordinate reference systems a GIS may ask for, and how places get into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

Geometries = NDArray[np.object_]
Box = tuple[float, float, float, float]

STORED = "EPSG:27700"
_PREFIX = "http://www.opengis.net/def/crs/"
#: Longitudes and latitudes between which the National Grid means anything.
_GRID_REACH: Box = (-9.0, 49.0, 3.0, 62.0)
#: The same in metres, with room to spare.
_GRID_METRES: Box = (-1e6, -1e6, 2e6, 2e6)
_WIDER_DEGREES = 1e-4


@dataclass(frozen=True)
class Crs:
    """A system as OGC API Features names it.

    Attributes
    ----------
    uri
        Its name in ``crs=``, ``bbox-crs=`` and ``Content-Crs``.
    geographic
        True for degrees, False for metres.
    latitude_first
        True when coordinates are written latitude, longitude.
    step
        Coordinates are rounded to this, about a centimetre.
    """

    uri: str
    geographic: bool
    latitude_first: bool
    step: float


CRS84 = Crs(f"{_PREFIX}OGC/1.3/CRS84", True, False, 1e-7)
EPSG_4326 = Crs(f"{_PREFIX}EPSG/0/4326", True, True, 1e-7)
NATIONAL_GRID = Crs(f"{_PREFIX}EPSG/0/27700", False, False, 0.01)
SYSTEMS = {one.uri: one for one in (CRS84, EPSG_4326, NATIONAL_GRID)}


def unrounded(shapes: Sequence[Any], crs: Crs) -> Geometries:
    """Return places, EPSG:27700, in a system; x is east or longitude whatever the system."""
    series = gpd.GeoSeries(list(shapes), crs=STORED)
    found = series.to_crs(epsg=4326) if crs.geographic else series
    return np.asarray(found.values, dtype=object)


def written(shapes: Sequence[Any], crs: Crs) -> list[dict[str, Any] | None]:
    """Return places, EPSG:27700, as GeoJSON geometries in a system and its order of axes.

    Rings follow the right-hand rule in east and north; what has no place is ``None``. An area is
    a MultiPolygon also when it has one part: a GIS takes the kind of a layer from the first
    features it reads, and would refuse or alter others.
    """
    places = shapely.orient_polygons(shapely.set_precision(unrounded(shapes, crs), crs.step))
    if crs.latitude_first:
        places = shapely.transform(places, lambda points: points[:, ::-1])
    return [None if one is None else _clean(shapely.geometry.mapping(one), crs) for one in places]


def _clean(geometry: dict[str, Any], crs: Crs) -> dict[str, Any]:
    """Write areas as one kind, and no digits that rounding left behind."""
    digits = 7 if crs.geographic else 2

    def rounded(part: Any) -> Any:
        return round(part, digits) if isinstance(part, float) else [rounded(one) for one in part]

    kind, coordinates = geometry["type"], rounded(geometry["coordinates"])
    if kind == "Polygon":
        kind, coordinates = "MultiPolygon", [coordinates]
    return {"type": kind, "coordinates": coordinates}


def boxes_of(corners: Box, crs: Crs) -> tuple[Box, ...]:
    """Return a bounding box of a request as boxes of x and y, where the National Grid reaches.

    A geographic box whose west lies east of its east crosses the 180th meridian.
    """
    west, south, east, north = corners
    if not crs.geographic:
        return _overlaps([corners], _GRID_METRES)
    if crs.latitude_first:
        south, west, north, east = corners
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    return _overlaps([(a, south, b, north) for a, b in spans], _GRID_REACH)


def _overlaps(boxes: Sequence[Box], within: Box) -> tuple[Box, ...]:
    left, bottom, right, top = within
    clipped = (
        (max(west, left), max(south, bottom), min(east, right), min(north, top))
        for west, south, east, north in boxes
    )
    return tuple(one for one in clipped if one[0] <= one[2] and one[1] <= one[3])


def enclosing_m(boxes: Sequence[Box], crs: Crs) -> Box:
    """Return a box of EPSG:27700 that holds all of some boxes of a system."""
    corners = np.asarray(boxes, dtype=float)
    area: Any = shapely.box(*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0))
    if crs.geographic:  # wider, also for what the edges bend between their points
        wide = shapely.segmentize(area.buffer(_WIDER_DEGREES, join_style="mitre"), 0.05)
        area = gpd.GeoSeries([wide], crs="EPSG:4326").to_crs(STORED).iloc[0]
    x_min, y_min, x_max, y_max = shapely.bounds(area)
    return float(x_min), float(y_min), float(x_max), float(y_max)


def inside(places: Geometries, boxes: Sequence[Box]) -> NDArray[np.bool_]:
    """Tell which places meet one of some boxes of the same system; edges count.

    Returns
    -------
    NDArray
        Boolean, one value a place; what has no place meets nothing.
    """
    area = shapely.union_all([shapely.box(*one) for one in boxes])
    shapely.prepare(area)
    return np.asarray(shapely.intersects(area, places), dtype=bool)
