"""A square lattice clipped to a polygon.

The lattice is anchored at multiples of the cell size, so that two runs over the same
polygon, or over neighbouring polygons, use the same cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from hotspots.errors import AssessmentRefusedError, CoordinateSystemRefusedError

MAX_CELLS = 25_000_000


@dataclass(frozen=True)
class Grid:
    """Square cells over the bounding box of a polygon, and which of them are inside.

    Attributes
    ----------
    x0_m, y0_m
        South-west corner of the lattice, a multiple of ``cell_size_m``.
    cell_size_m
        Side of a cell.
    inside
        bool (n_rows, n_columns): the cell's centre is inside the polygon. Row 0 is the
        southernmost, column 0 the westernmost.
    area_share
        float64 (n_rows, n_columns): share of the cell's area inside the polygon.
    """

    x0_m: float
    y0_m: float
    cell_size_m: float
    inside: NDArray[np.bool_]
    area_share: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int]:
        """Return (n_rows, n_columns)."""
        return self.inside.shape[0], self.inside.shape[1]

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y in metres, each (n_inside,), of the inside cells in row order."""
        rows, columns = np.nonzero(self.inside)
        x_m = self.x0_m + (columns.astype(np.float64) + 0.5) * self.cell_size_m
        y_m = self.y0_m + (rows.astype(np.float64) + 0.5) * self.cell_size_m
        return x_m, y_m


def clip_grid(polygon: BaseGeometry, *, cell_size_m: float) -> Grid:
    """Lay a lattice over a polygon in a projected system.

    Parameters
    ----------
    polygon
        Polygon or multipolygon, coordinates in metres.
    cell_size_m
        Side of a cell, in metres.

    Raises
    ------
    AssessmentRefusedError
        The polygon is empty or holds no cell centre, the cell size is not a positive
        number, or the lattice would have more than 25 million cells.
    CoordinateSystemRefusedError
        The bounds look like degrees.
    """
    if not np.isfinite(cell_size_m) or cell_size_m <= 0:
        raise AssessmentRefusedError(
            "a cell size is a positive number of metres",
            remedy="use for example 250",
            value=cell_size_m,
        )
    if polygon.is_empty or polygon.area <= 0:
        raise AssessmentRefusedError(
            "the boundary has no area", remedy="give a polygon boundary", value=polygon.geom_type
        )
    west, south, east, north = polygon.bounds
    _refuse_degrees(west, south, east, north)
    column0, row0 = np.floor(west / cell_size_m), np.floor(south / cell_size_m)
    n_columns = int(np.ceil(east / cell_size_m) - column0)
    n_rows = int(np.ceil(north / cell_size_m) - row0)
    if n_columns * n_rows > MAX_CELLS:
        raise AssessmentRefusedError(
            f"{n_columns * n_rows:,} cells are more than {MAX_CELLS:,}",
            remedy="use a larger cell size or a smaller boundary",
            value=cell_size_m,
        )
    x0, y0 = float(column0 * cell_size_m), float(row0 * cell_size_m)
    inside = _centres_inside(polygon, x0, y0, cell_size_m, (n_rows, n_columns))
    if not inside.any():
        raise AssessmentRefusedError(
            "no cell centre lies inside the boundary",
            remedy="use a smaller cell size",
            value=cell_size_m,
        )
    share = _area_share(polygon, x0, y0, cell_size_m, (n_rows, n_columns))
    return Grid(x0, y0, float(cell_size_m), inside, share)


def _refuse_degrees(west: float, south: float, east: float, north: float) -> None:
    if west >= -180 and east <= 180 and south >= -90 and north <= 90:
        raise CoordinateSystemRefusedError(
            "the boundary looks like degrees, and distances need metres",
            remedy="project it first, for example to EPSG:27700",
            value=(west, south, east, north),
        )


def _centres_inside(
    polygon: BaseGeometry, x0_m: float, y0_m: float, cell_m: float, shape: tuple[int, int]
) -> NDArray[np.bool_]:
    x = x0_m + (np.arange(shape[1]) + 0.5) * cell_m
    y = y0_m + (np.arange(shape[0]) + 0.5) * cell_m
    shapely.prepare(polygon)
    grid_x, grid_y = np.meshgrid(x, y)
    return np.asarray(shapely.contains_xy(polygon, grid_x, grid_y), dtype=bool)


def _area_share(
    polygon: BaseGeometry, x0_m: float, y0_m: float, cell_m: float, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Clip cell by cell, but only the cells that the polygon's boundary passes through."""
    n_rows, n_columns = shape
    columns, rows = np.meshgrid(np.arange(n_columns), np.arange(n_rows))
    west, south = x0_m + columns * cell_m, y0_m + rows * cell_m
    boxes = shapely.box(west, south, west + cell_m, south + cell_m)
    share = shapely.contains_properly(polygon, boxes).astype(np.float64)
    crossed = (share == 0.0) & shapely.intersects(polygon, boxes)
    x_end = x0_m + n_columns * cell_m
    for row in np.flatnonzero(crossed.any(axis=1)):
        bottom = y0_m + row * cell_m
        strip = shapely.intersection(polygon, shapely.box(x0_m, bottom, x_end, bottom + cell_m))
        cells = np.flatnonzero(crossed[row])
        pieces = shapely.intersection(strip, boxes[row, cells])
        share[row, cells] = np.minimum(shapely.area(pieces) / cell_m**2, 1.0)
    return share
