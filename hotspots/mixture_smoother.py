"""Gaussian smoothing of counts by cell, many times over one lattice.

The kernel is integrated over each receiving cell from the centre of the giving cell, and
divided by its mass inside the study area (Diggle 1985), so mass is kept exactly. Narrow
kernels are summed tap by tap along each axis; wide ones go by fast Fourier transform.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hotspots.grid import Grid
from hotspots.kernel_density import Convolution, kernel_masses

Floats = NDArray[np.float64]

#: Kernels that reach further than this many cells go by Fourier transform.
FARTHEST_TAP = 14
#: A cell with less of its kernel inside than this is not corrected further.
LEAST_MASS_INSIDE = 1e-3


class LatticeSmoother:
    """Smooth counts by inside cell; kernels are prepared once a bandwidth.

    Parameters
    ----------
    grid
        The lattice.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._kernels: dict[float, tuple[_Kernel, Floats]] = {}
        self._rows, self._columns = np.nonzero(grid.inside)

    def smooth(self, counts: Floats, bandwidth_m: float) -> Floats:
        """Return float64 (n_inside,): the counts spread by a Gaussian; the sum is kept.

        Parameters
        ----------
        counts
            float64 (n_inside,), >= 0.
        bandwidth_m
            Standard deviation; 0 returns the counts.
        """
        if bandwidth_m == 0.0:
            return counts.astype(np.float64)
        kernel, mass_inside = self._kernel(bandwidth_m)
        spread = kernel(self._on_lattice(counts / mass_inside))[self._rows, self._columns]
        spread = np.maximum(spread, 0.0)
        total = spread.sum()
        return np.asarray(spread * (counts.sum() / total) if total > 0 else spread)

    def _kernel(self, bandwidth_m: float) -> tuple[_Kernel, Floats]:
        if bandwidth_m not in self._kernels:
            masses = kernel_masses(self._grid.cell_size_m, bandwidth_m, "gaussian")
            kernel: _Kernel
            if masses.shape[0] <= 2 * FARTHEST_TAP + 1:
                kernel = _Taps(masses)
            else:
                kernel = Convolution(self._grid.shape, masses)
            inside = kernel(self._grid.inside.astype(np.float64))[self._rows, self._columns]
            self._kernels[bandwidth_m] = (kernel, np.maximum(inside, LEAST_MASS_INSIDE))
        return self._kernels[bandwidth_m]

    def _on_lattice(self, values: Floats) -> Floats:
        lattice = np.zeros(self._grid.shape)
        lattice[self._rows, self._columns] = values
        return lattice


class _Taps:
    """A separable kernel, summed along one axis and then the other; nothing comes from outside."""

    def __init__(self, masses: Floats) -> None:
        self._taps = masses.sum(axis=0)

    def __call__(self, lattice: Floats) -> Floats:
        along = ndimage.correlate1d(lattice, self._taps, axis=0, mode="constant")
        return np.asarray(ndimage.correlate1d(along, self._taps, axis=1, mode="constant"))


_Kernel = _Taps | Convolution
