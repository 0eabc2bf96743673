"""What a forecast has to beat: the counts and densities that analysts already use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from hotspots.forecast_counts import PeriodCounts
from hotspots.grid import Grid
from hotspots.mixture import FIXED_MIX
from hotspots.mixture_history import MixtureHistory

Floats = NDArray[np.float64]

#: Days that the baselines look back: 28 days, a year, ten years.
MONTH_DAYS, YEAR_DAYS, DECADE_DAYS = 28, 365, 3652
#: Bandwidth of the 28-day kernel density.
MONTH_BANDWIDTH_M = 400.0
#: Uniform share of the fixed mix.
FIXED_MIX_FLOOR = 0.005

BASELINES = {
    "kernel_density_28_days": "Gaussian kernel density of 400 m over the last 28 days",
    "count_1_year": "count by cell over the last 365 days",
    "count_10_years": "count by cell over the last 3,652 days",
    "fixed_mix": "10-year count 0.5, Gaussian kernels of 400 m 0.3 and 1,200 m 0.2",
    "district_share": "the 10-year share of each polygon of the boundary file, spread evenly",
    "area_share": "every cell alike",
}


def baseline_edges(as_of: Sequence[date]) -> list[date]:
    """Return the days on which the baselines of the as-of days start to look."""
    return [
        day - timedelta(days=back) for day in as_of for back in (MONTH_DAYS, YEAR_DAYS, DECADE_DAYS)
    ]


def district_of_cells(districts: Sequence[BaseGeometry], grid: Grid) -> NDArray[np.int64]:
    """Return int64 (n_inside,): the polygon that holds each cell's centre, else the nearest.

    Parameters
    ----------
    districts
        Polygons in the grid's system, at least one.
    grid
        The lattice.
    """
    x_m, y_m = grid.centres()
    tree = shapely.STRtree(list(districts))
    return np.asarray(tree.nearest(shapely.points(x_m, y_m)), dtype=np.int64)


def baseline_shares(
    history: MixtureHistory, counts: PeriodCounts, day: date, district: NDArray[np.int64] | None
) -> dict[str, Floats]:
    """Return each baseline's share by cell, from what came before a day.

    Parameters
    ----------
    history, counts
        As for :func:`hotspots.forecast.forecast_from`, with edges from
        :func:`baseline_edges`.
    day
        The as-of day.
    district
        int64 (n_inside,) from :func:`district_of_cells`; without it there is no
        ``district_share``.

    Returns
    -------
    dict
        Names of :data:`BASELINES` to float64 (n_inside,), each summing to 1; evenly spread
        where a baseline has no event to look at.
    """

    def memory(days: int) -> Floats:
        calendar = counts.periods
        return counts.between(calendar.index(day - timedelta(days=days)), calendar.index(day))

    decade, even = memory(DECADE_DAYS), history.area_share
    month = history.mix(memory(MONTH_DAYS), ((MONTH_BANDWIDTH_M, 1.0),))
    fixed = _share(history.mix(decade, FIXED_MIX), even)
    shares = {
        "kernel_density_28_days": _share(month, even),
        "count_1_year": _share(memory(YEAR_DAYS), even),
        "count_10_years": _share(decade, even),
        "fixed_mix": (1 - FIXED_MIX_FLOOR) * fixed + FIXED_MIX_FLOOR * even,
        "area_share": np.full(len(even), 1.0 / len(even)),
    }
    if district is not None:
        by_district = np.bincount(district, weights=decade)
        area = np.bincount(district, weights=even)
        shares["district_share"] = _share(by_district[district] * even / area[district], even)
    return shares


def _share(values: Floats, even: Floats) -> Floats:
    total = values.sum()
    return np.asarray(values / total if total > 0 else even, dtype=np.float64)
