"""A square lattice clipped to a polygon.

The lattice is anchored at multiples of the cell size, so that two runs over the same
polygon, or over neighbouring polygons, use the same cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import spatial
from shapely.geometry.base import BaseGeometry

from hotspots.errors import AssessmentRefusedError, CoordinateSystemRefusedError

MAX_CELLS = 25_000_000
#: Sides, in cells, of the blocks tested against the polygon before single cells are.
_BLOCK_SIDES = (16, 4, 1)


@dataclass(frozen=True, eq=False)
class Grid:
    """Square cells over the bounding box of a polygon, and which of them are inside.

    Two grids are equal when they are one.

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


@dataclass(frozen=True)
class CellLocator:
    """Which inside cell of a grid an event belongs to.

    An event inside the polygon but in a cell whose centre is outside belongs to the nearest
    inside cell, so that no event inside the polygon is lost. Build with :func:`cell_locator`.

    Attributes
    ----------
    grid, polygon
        The lattice and the polygon it was clipped to.
    owner
        int32 (n_rows * n_columns,): the inside cell that takes the events of a lattice cell,
        numbered as ``grid.centres()``; -1 where the lattice cell is wholly outside.
    crossed
        bool (n_rows * n_columns,): the boundary passes through, so events need a test.
    """

    grid: Grid
    polygon: BaseGeometry
    owner: NDArray[np.int32]
    crossed: NDArray[np.bool_]

    def locate(self, x_m: NDArray[np.float64], y_m: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return int32 (n_events,): the inside cell of each event, -1 outside the polygon.

        Parameters
        ----------
        x_m, y_m
            float64 (n_events,), finite, in the polygon's system.
        """
        grid = self.grid
        n_rows, n_columns = grid.shape
        column = np.floor((x_m - grid.x0_m) / grid.cell_size_m)
        row = np.floor((y_m - grid.y0_m) / grid.cell_size_m)
        # The far edge of the lattice may carry a vertex of the polygon: it is the last cell's.
        column[x_m == grid.x0_m + n_columns * grid.cell_size_m] = n_columns - 1
        row[y_m == grid.y0_m + n_rows * grid.cell_size_m] = n_rows - 1
        on_lattice = (column >= 0) & (column < n_columns) & (row >= 0) & (row < n_rows)
        flat = np.zeros(len(column), dtype=np.int64)
        flat[on_lattice] = (row * n_columns + column)[on_lattice].astype(np.int64)
        found = np.where(on_lattice, self.owner[flat], np.int32(-1))
        doubtful = np.flatnonzero((found >= 0) & self.crossed[flat])
        shapely.prepare(self.polygon)  # does nothing twice; a copy sent to a worker has lost it
        outside = ~shapely.covers(self.polygon, shapely.points(x_m[doubtful], y_m[doubtful]))
        found[doubtful[outside]] = -1
        return np.asarray(found, dtype=np.int32)


def cell_locator(grid: Grid, polygon: BaseGeometry) -> CellLocator:
    """Prepare to place events on a grid that was clipped to ``polygon``.

    Parameters
    ----------
    grid
        From :func:`clip_grid` of the same polygon.
    polygon
        Polygon or multipolygon, coordinates in metres.
    """
    inside = np.argwhere(grid.inside)
    touched = (grid.area_share > 0) & ~grid.inside
    owner = np.full(grid.shape, -1, dtype=np.int32)
    owner[grid.inside] = np.arange(len(inside), dtype=np.int32)
    if touched.any():
        _, nearest = spatial.cKDTree(inside).query(np.argwhere(touched))
        owner[touched] = nearest
    crossed = (grid.area_share > 0) & (grid.area_share < 1)
    return CellLocator(grid, polygon, owner.ravel(), crossed.ravel())


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
    share, crossed = _whole_and_crossed(polygon, x0_m, y0_m, cell_m, shape)
    west_east = x0_m, x0_m + n_columns * cell_m
    for row, strip in _strips(polygon, west_east, y0_m, cell_m, range(n_rows)):
        cells = np.flatnonzero(crossed[row])
        west = x0_m + cells * cell_m
        south = np.full(len(cells), y0_m + row * cell_m)
        pieces = shapely.intersection(
            strip, shapely.box(west, south, west + cell_m, south + cell_m)
        )
        share[row, cells] = np.minimum(shapely.area(pieces) / cell_m**2, 1.0)
    return share


def _whole_and_crossed(
    polygon: BaseGeometry, x0_m: float, y0_m: float, cell_m: float, shape: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return 1 where a cell lies wholly inside, and which cells the boundary passes through.

    Large blocks of cells are asked first; only those on the boundary are divided.
    """
    share, crossed = np.zeros(shape), np.zeros(shape, dtype=bool)
    side = _BLOCK_SIDES[0]
    row, column = (one.ravel() for one in np.mgrid[0 : shape[0] : side, 0 : shape[1] : side])
    for side, smaller in zip(_BLOCK_SIDES, (*_BLOCK_SIDES[1:], 0), strict=True):
        west, south = x0_m + column * cell_m, y0_m + row * cell_m
        boxes = shapely.box(west, south, west + side * cell_m, south + side * cell_m)
        whole = shapely.contains_properly(polygon, boxes)
        for up in range(side):  # an index beyond the lattice cannot lie inside the polygon
            for right in range(side):
                share[row[whole] + up, column[whole] + right] = 1.0
        part = np.flatnonzero(~whole)
        part = part[shapely.intersects(polygon, boxes[part])]
        row, column = row[part], column[part]
        if smaller:
            steps = np.mgrid[0:side:smaller, 0:side:smaller].reshape(2, -1, 1)
            row, column = (
                (one + step).ravel() for one, step in zip((row, column), steps, strict=True)
            )
            kept = (row < shape[0]) & (column < shape[1])
            row, column = row[kept], column[kept]
    crossed[row, column] = True
    return share, crossed


def _strips(
    part: BaseGeometry, west_east: tuple[float, float], y0_m: float, cell_m: float, rows: range
) -> Iterator[tuple[int, BaseGeometry]]:
    """Yield each row of the lattice clipped to the polygon, halving it again and again."""
    if part.is_empty:
        return
    if len(rows) == 1:
        yield rows[0], part
        return
    for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
        south, north = y0_m + half[0] * cell_m, y0_m + (half[-1] + 1) * cell_m
        band = shapely.box(west_east[0], south, west_east[1], north)
        yield from _strips(shapely.intersection(part, band), west_east, y0_m, cell_m, half)
