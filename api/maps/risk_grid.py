"""The risk grid as a classed picture: one pixel a cell, classes by share of the area.

Classes by area ("the highest 1%") are the shares at which hit rates are measured, keep
their meaning from week to week, and do not fade or change with zoom as heat layers do.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.errors import AssessmentRefusedError

#: Upper edge of each class as a share of the area, highest risk first; the rest is the last.
AREA_SHARES = (0.01, 0.05, 0.10, 0.25, 0.50)
#: Sequential, colour-blind safe (ColorBrewer YlOrBr, six classes), highest risk first.
COLOURS = ("#7f2704", "#c9480b", "#ee7f17", "#fdb14a", "#fedf9a", "#fff9e3")
CLASS_NAMES = ("highest 1%", "next 4%", "next 5%", "next 15%", "next 25%", "lower half")
_EMPTY = len(COLOURS)
_WEEKS_PER_YEAR = 365.25 / 7


@dataclass(frozen=True)
class GridClass:
    """One class of the legend; ``from_per_km2_year`` is its lowest value drawn."""

    name: str
    colour: str
    n_cells: int
    from_per_km2_year: float
    share_of_expected: float


@dataclass(frozen=True)
class RiskGrid:
    """A picture of the grid, its corners in EPSG:27700 metres, and its legend."""

    png: bytes
    bounds_m: tuple[float, float, float, float]  # west, south, east, north
    classes: tuple[GridClass, ...]


def draw_grid(
    cells: pd.DataFrame, known: NDArray[np.bool_], *, cell_size_m: float
) -> RiskGrid | None:
    """Draw the grid, leaving cells out where the data cannot speak.

    Parameters
    ----------
    cells
        One row a cell: centre ``x_m``, ``y_m`` and ``expected_per_week``.
    known
        Bool (n_cells,): False where coverage is unknown; such cells are not drawn.
    cell_size_m
        Side of a cell in metres.

    Returns
    -------
    RiskGrid or None
        None when no cell can be drawn.

    Raises
    ------
    AssessmentRefusedError
        When a column is missing, a value is not a finite number of at least 0, or the
        centres do not lie on one lattice.
    """
    x_m, y_m, expected = _columns(cells)
    if not known.any():
        return None
    column, row = (_lattice(values, cell_size_m) for values in (x_m, -y_m))
    classes = np.full(len(expected), _EMPTY, dtype=np.uint8)
    classes[known] = classify(expected[known])
    pixels = np.full((int(row.max()) + 1, int(column.max()) + 1), _EMPTY, dtype=np.uint8)
    pixels[row, column] = classes
    half = cell_size_m / 2
    bounds = (x_m.min() - half, y_m.min() - half, x_m.max() + half, y_m.max() + half)
    return RiskGrid(
        png=indexed_png(pixels),
        bounds_m=(float(bounds[0]), float(bounds[1]), float(bounds[2]), float(bounds[3])),
        classes=_legend(expected, classes, cell_size_m),
    )


def classify(expected: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the class of each cell, 0 the highest; ties fall into the lower class.

    A class never holds more than its share of the area, so an even picture is all in the
    lowest class and accuses no place.
    """
    ascending = np.sort(expected)
    result = np.full(len(expected), len(AREA_SHARES), dtype=np.uint8)
    for index in range(len(AREA_SHARES) - 1, -1, -1):
        n_above = int(np.floor(AREA_SHARES[index] * len(expected)))
        if n_above:
            result[expected > ascending[len(expected) - n_above - 1]] = index
    return result


def indexed_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode palette indices (height, width) as PNG; the index after the last colour is clear."""
    height, width = pixels.shape
    palette = b"".join(bytes.fromhex(colour[1:]) for colour in COLOURS) + b"\xff\xff\xff"
    raw = np.zeros((height, width + 1), dtype=np.uint8)
    raw[:, 1:] = pixels
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette),
        (b"tRNS", b"\xff" * len(COLOURS) + b"\x00"),
        (b"IDAT", zlib.compress(raw.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def _columns(cells: pd.DataFrame) -> tuple[NDArray[np.float64], ...]:
    columns = []
    for name in ("x_m", "y_m", "expected_per_week"):
        if name not in cells.columns:
            raise AssessmentRefusedError(
                f"the risk grid lacks the column {name!r}",
                remedy="give the cells of `arv assess` (x_m, y_m, expected_per_week)",
            )
        values = cells[name].to_numpy(dtype=np.float64)
        wrong = ~np.isfinite(values) | ((values < 0) & (name == "expected_per_week"))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise AssessmentRefusedError(
                "the risk grid holds a value that is not a finite number of at least 0",
                row=row + 1,
                column=name,
                value=float(values[row]),
                remedy="assess the week again",
            )
        columns.append(values)
    return tuple(columns)


def _lattice(values: NDArray[np.float64], cell_size_m: float) -> NDArray[np.int64]:
    steps = (values - values.min()) / cell_size_m
    index: NDArray[np.int64] = np.rint(steps).astype(np.int64)
    off = np.abs(steps - index) > 0.01
    if off.any():
        row = int(np.flatnonzero(off)[0])
        raise AssessmentRefusedError(
            f"cell centres do not lie on one lattice of {cell_size_m:g} m",
            row=row + 1,
            remedy="give the cell size the grid was made with",
        )
    return index


def _legend(
    expected: NDArray[np.float64], classes: NDArray[np.uint8], cell_size_m: float
) -> tuple[GridClass, ...]:
    total = float(expected[classes != _EMPTY].sum())
    per_km2_year = _WEEKS_PER_YEAR / (cell_size_m / 1000) ** 2
    legend = []
    for index, (name, colour) in enumerate(zip(CLASS_NAMES, COLOURS, strict=True)):
        values = expected[classes == index]
        legend.append(
            GridClass(
                name=name,
                colour=colour,
                n_cells=len(values),
                from_per_km2_year=float(values.min()) * per_km2_year if len(values) else 0.0,
                share_of_expected=float(values.sum()) / total if total > 0 else 0.0,
            )
        )
    return tuple(legend)
