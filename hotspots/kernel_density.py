"""Weighted kernel density on a clipped lattice, with Diggle's edge correction.

Events are binned linearly on sub-cells fine enough for the bandwidth, convolved with the
kernel by fast Fourier transform, and summed back to cells: each cell holds the *expected
mass* in it, not a density at its centre. Linear binning keeps every event's position and
widens its kernel by a known variance, which is taken off the bandwidth beforehand. Every
event's kernel is divided by its own mass inside the study area, so all its weight stays in.

Sources: Silverman (1986), Density Estimation, sections 3.5 and 4.2; Wand (1994), "Fast
computation of multivariate kernel estimators", JCGS 3, for linear binning; Diggle (1985), "A
kernel method for smoothing point process data", Applied Statistics 34, for edge correction.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft, spatial, special

from hotspots.bandwidth import ladder
from hotspots.errors import AssessmentRefusedError
from hotspots.grid import Grid

Kernel = Literal["gaussian", "quartic"]
Floats = NDArray[np.float64]

#: A sub-cell is at most this share of the kernel's standard deviation along an axis: the mass
#: of one event in any cell is then within 2 % of the peak's, of many events far closer.
SUBCELL_SHARE = 1 / 3
#: Standard deviation along an axis of a kernel of bandwidth 1.
KERNEL_DEVIATION = {"gaussian": 1.0, "quartic": float(np.sqrt(1 / 8))}
MAX_REFINEMENT = 16
#: A Gaussian is cut at this many bandwidths, which leaves out 4e-6 of its mass, and rescaled.
GAUSSIAN_REACH = 5.0
#: Points a side at which the quartic kernel is sampled inside one sub-cell.
QUARTIC_SAMPLES = 5
#: Above this many events the corners of linear binning are summed one after the other.
MANY_EVENTS = 200_000
#: An event with less of its kernel inside than this is given whole to the nearest cell.
LEAST_MASS_INSIDE = 1e-3


def cell_mass(
    x_m: Floats,
    y_m: Floats,
    weight: Floats,
    grid: Grid,
    *,
    bandwidth_m: float,
    kernel: Kernel = "quartic",
    edge: bool = True,
) -> Floats:
    """Spread weighted events over the inside cells of a grid.

    Parameters
    ----------
    x_m, y_m, weight
        float64 (n_events,): positions in the grid's system, and weights >= 0. An event off
        the lattice counts to the nearest lattice cell.
    grid
        The lattice. Only cells with ``inside`` receive mass, in proportion to
        ``area_share``.
    bandwidth_m
        Standard deviation of the Gaussian, radius of the quartic kernel.
    kernel
        ``gaussian`` or ``quartic`` (biweight).
    edge
        Divide every event's kernel by its mass inside the study area (Diggle). Without it,
        the part of a kernel that lies outside is lost, as in a plain kernel density.

    Returns
    -------
    float64 (n_inside,)
        Expected mass by inside cell, in the order of ``grid.centres()``. Sums to
        ``weight.sum()`` within rounding, with ``edge``.

    Raises
    ------
    AssessmentRefusedError
        Positions or weights that are not finite, a negative weight, or a bandwidth that is
        not a positive number.
    """
    _refuse_bad_events(x_m, y_m, weight, bandwidth_m)
    factor = refinement(grid.cell_size_m, bandwidth_m, kernel)
    inside_share = np.where(grid.inside, grid.area_share, 0.0)
    mask = inside_share.repeat(factor, axis=0).repeat(factor, axis=1)
    side_m = grid.cell_size_m / factor
    masses = kernel_masses(side_m, _unwidened(bandwidth_m, side_m, kernel), kernel)
    convolve = Convolution((mask.shape[0], mask.shape[1]), masses)
    if not edge:
        spread = convolve(_bin_linearly(x_m, y_m, weight, grid, factor)) * mask
        return _sum_blocks(spread, factor)[grid.inside]
    mass_inside = convolve(mask)
    binned = _bin_linearly(x_m, y_m, weight, grid, factor)
    stranded = np.where(mass_inside < LEAST_MASS_INSIDE, binned, 0.0)
    corrected = (binned - stranded) / np.maximum(mass_inside, LEAST_MASS_INSIDE)
    spread = convolve(corrected) * mask
    return _sum_blocks(spread, factor)[grid.inside] + _nearest_cells(stranded, grid, factor)


def adaptive_cell_mass(
    x_m: Floats,
    y_m: Floats,
    weight: Floats,
    grid: Grid,
    *,
    bandwidth_m: Floats,
    kernel: Kernel = "quartic",
) -> Floats:
    """Spread weighted events, each with a bandwidth of its own, over the inside cells.

    Arguments, result and errors as :func:`cell_mass`, but ``bandwidth_m`` is float64
    (n_events,), for example from :func:`hotspots.bandwidth.abramson_bandwidths`. Events are
    shared between the two nearest rungs of a ladder of bandwidths and each rung is one
    convolution; the variance of every event's kernel is kept.
    """
    for row in np.flatnonzero(~(np.isfinite(bandwidth_m) & (bandwidth_m > 0)))[:1]:
        _refuse_bad_events(x_m, y_m, weight, float(bandwidth_m[row]))
    total = np.zeros(int(grid.inside.sum()))
    if not len(x_m):
        return total
    rungs, lower, upper_share = ladder(bandwidth_m)
    for rung, rung_m in enumerate(rungs):
        part = np.where(lower == rung, 1.0 - upper_share, 0.0)
        part = weight * np.where(lower == rung - 1, upper_share, part)
        used = part > 0
        if used.any():
            total += cell_mass(
                x_m[used], y_m[used], part[used], grid, bandwidth_m=float(rung_m), kernel=kernel
            )
    return total


def decayed(weight: Floats, age_days: Floats, *, half_life_days: float) -> Floats:
    """Return ``weight * 2 ** (-age / half-life)``: the time part of a space-time kernel.

    Parameters
    ----------
    weight, age_days
        float64 (n_events,); ages >= 0, counted back from the as-of instant.
    half_life_days
        > 0.

    Raises
    ------
    AssessmentRefusedError
        A negative age (an event from the future) or a half-life that is not positive.
    """
    if not half_life_days > 0:
        raise AssessmentRefusedError(
            "a half-life is a positive number of days", remedy="use 365", value=half_life_days
        )
    future = np.flatnonzero(~(age_days >= 0))
    if len(future):
        raise AssessmentRefusedError(
            "an event after the as-of instant has no weight",
            remedy="leave out what was not known on the as-of day",
            row=int(future[0]) + 1,
            value=float(age_days[future[0]]),
        )
    return np.asarray(weight * np.exp2(-age_days / half_life_days), dtype=np.float64)


def count_mass(x_m: Floats, y_m: Floats, weight: Floats, grid: Grid) -> Floats:
    """Count weighted events by inside cell; arguments and result as :func:`cell_mass`.

    An event in a cell whose centre is outside the polygon counts to the nearest inside cell,
    so the total is kept.
    """
    _refuse_bad_events(x_m, y_m, weight, 1.0)
    return _nearest_cells(_bin(x_m, y_m, weight, grid, 1), grid, 1)


def refinement(cell_size_m: float, bandwidth_m: float, kernel: Kernel) -> int:
    """Return how many sub-cells a side of a cell is cut into for a bandwidth."""
    deviation_m = bandwidth_m * KERNEL_DEVIATION[kernel]
    wanted = int(np.ceil(cell_size_m / (SUBCELL_SHARE * deviation_m)))
    return min(max(wanted, 1), MAX_REFINEMENT)


def _unwidened(bandwidth_m: float, side_m: float, kernel: Kernel) -> float:
    """Take the mean variance of linear binning, side^2 / 6, off the bandwidth."""
    variance = side_m**2 / 6 / KERNEL_DEVIATION[kernel] ** 2
    return float(np.sqrt(max(bandwidth_m**2 - variance, bandwidth_m**2 / 4)))


def kernel_masses(cell_size_m: float, bandwidth_m: float, kernel: Kernel) -> Floats:
    """Return the kernel's mass by cell around an event at the middle of a cell.

    Returns
    -------
    float64 (2 r + 1, 2 r + 1)
        Sums to 1; exact integrals for the Gaussian, sampled for the quartic kernel.
    """
    reach_m = bandwidth_m * (GAUSSIAN_REACH if kernel == "gaussian" else 1.0)
    reach = int(np.ceil(reach_m / cell_size_m))
    if kernel == "gaussian":
        edges = (np.arange(-reach, reach + 2) - 0.5) * cell_size_m
        side = np.diff(special.ndtr(edges / bandwidth_m))
        masses = np.outer(side, side)
    else:
        n = (2 * reach + 1) * QUARTIC_SAMPLES
        offset = (np.arange(n) - (n - 1) / 2) * cell_size_m / QUARTIC_SAMPLES
        squared = (offset[:, None] ** 2 + offset[None, :] ** 2) / bandwidth_m**2
        masses = _sum_blocks(np.maximum(1.0 - squared, 0.0) ** 2, QUARTIC_SAMPLES)
    return np.asarray(masses / masses.sum(), dtype=np.float64)


class Convolution:
    """Convolve arrays of one shape with one symmetric kernel, without wrap-around."""

    def __init__(self, shape: tuple[int, int], masses: Floats) -> None:
        self._shape = shape
        self._reach = masses.shape[0] // 2
        self._padded = [fft.next_fast_len(n + 2 * self._reach, real=True) for n in shape]
        self._transform = self._of_kernel(masses)

    def _of_kernel(self, masses: Floats) -> NDArray[np.complex128]:
        """Transform the kernel; one that is a product of its axes costs two short transforms."""
        side = masses.sum(axis=0)
        if np.allclose(masses, np.outer(side, side), rtol=0, atol=1e-15):
            along = fft.fft(side, self._padded[0])
            return np.asarray(np.outer(along, fft.rfft(side, self._padded[1])))
        return np.asarray(fft.rfft2(masses, self._padded))

    def __call__(self, values: Floats) -> Floats:
        product = fft.rfft2(values, self._padded) * self._transform
        full = fft.irfft2(product, self._padded)
        r, (rows, columns) = self._reach, self._shape
        return np.maximum(np.asarray(full[r : r + rows, r : r + columns]), 0.0)


def _bin(x_m: Floats, y_m: Floats, weight: Floats, grid: Grid, factor: int) -> Floats:
    rows, columns = grid.shape[0] * factor, grid.shape[1] * factor
    side_m = grid.cell_size_m / factor
    column = np.clip(np.floor((x_m - grid.x0_m) / side_m), 0, columns - 1).astype(np.int64)
    row = np.clip(np.floor((y_m - grid.y0_m) / side_m), 0, rows - 1).astype(np.int64)
    flat = np.bincount(row * columns + column, weights=weight, minlength=rows * columns)
    return flat.reshape(rows, columns).astype(np.float64)


def _bin_linearly(x_m: Floats, y_m: Floats, weight: Floats, grid: Grid, factor: int) -> Floats:
    """Share each event among the four sub-cells around it, so that its mean place is kept."""
    rows, columns = grid.shape[0] * factor, grid.shape[1] * factor
    side_m = grid.cell_size_m / factor
    across = np.clip((x_m - grid.x0_m) / side_m - 0.5, 0.0, columns - 1.0)
    along = np.clip((y_m - grid.y0_m) / side_m - 0.5, 0.0, rows - 1.0)
    column, row = np.floor(across).astype(np.int64), np.floor(along).astype(np.int64)
    right, upper = across - column, along - row
    above, beside = np.minimum(row + 1, rows - 1), np.minimum(column + 1, columns - 1)
    low, high = weight * (1.0 - upper), weight * upper
    cells = (row * columns + column, row * columns + beside,
             above * columns + column, above * columns + beside)  # fmt: skip
    parts = (low * (1.0 - right), low * right, high * (1.0 - right), high * right)
    if len(x_m) > MANY_EVENTS:  # one pass a corner, so that memory stays bounded
        total = sum(
            np.bincount(cell, part, rows * columns) for cell, part in zip(cells, parts, strict=True)
        )
    else:
        total = np.bincount(np.concatenate(cells), np.concatenate(parts), rows * columns)
    return np.asarray(total, dtype=np.float64).reshape(rows, columns)


def _sum_blocks(values: Floats, factor: int) -> Floats:
    total = np.zeros((values.shape[0] // factor, values.shape[1] // factor))
    for row in range(factor):
        for column in range(factor):
            total += values[row::factor, column::factor]
    return total


def _nearest_cells(binned: Floats, grid: Grid, factor: int) -> Floats:
    """Give binned weight to the inside cell it lies in, else to the nearest inside cell."""
    cells = _sum_blocks(binned, factor)
    mass = np.where(grid.inside, cells, 0.0)[grid.inside]
    outside = np.argwhere((cells > 0) & ~grid.inside)
    if len(outside):
        inside = np.argwhere(grid.inside)
        _, nearest = spatial.cKDTree(inside).query(outside)
        np.add.at(mass, nearest, cells[outside[:, 0], outside[:, 1]])
    return np.asarray(mass, dtype=np.float64)


def _refuse_bad_events(x_m: Floats, y_m: Floats, weight: Floats, bandwidth_m: float) -> None:
    for name, values in (("x_m", x_m), ("y_m", y_m), ("weight", weight)):
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise AssessmentRefusedError(
                "a position or weight must be a finite number",
                remedy="drop events without a place before estimating density",
                row=int(bad[0]) + 1,
                column=name,
                value=float(values[bad[0]]),
            )
    if len(weight) and weight.min() < 0:
        raise AssessmentRefusedError(
            "a weight must not be negative",
            remedy="check the evidence policy",
            row=int(np.argmin(weight)) + 1,
            column="weight",
            value=float(weight.min()),
        )
    if not np.isfinite(bandwidth_m) or bandwidth_m <= 0:
        raise AssessmentRefusedError(
            "a bandwidth is a positive number of metres", remedy="use 400", value=bandwidth_m
        )
