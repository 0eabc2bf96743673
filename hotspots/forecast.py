"""Forecast where the next incidents will be, for any city.

The expected total (``forecast_level``) times each cell's share, a mixture of long memories
whose weights are learned from past windows (``mixture``). Everything is computed from counts
by period and cell (``forecast_counts``), so the log may be of any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from hotspots.errors import AssessmentRefusedError
from hotspots.forecast_counts import (
    MEMORY_BLOCKS,
    PeriodCounts,
    block_of,
    count_events,
    length_days,
    periods,
)
from hotspots.forecast_level import LevelForecast, forecast_level
from hotspots.grid import Grid, cell_locator, clip_grid
from hotspots.mixture import MIXTURE, LearnedWeights
from hotspots.mixture_history import MixtureHistory

Floats = NDArray[np.float64]

MAX_HORIZON_DAYS = 366
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Forecast:
    """Expected incidents by cell, and what they were made of.

    Attributes
    ----------
    as_of
        The local day on which the horizon starts.
    share
        float64 (n_inside,): each cell's share of the incidents; sums to 1.
    level
        Predictive distribution of the total.
    weights
        Learned weights of the components of ``mixture.MIXTURE``.
    """

    as_of: date
    share: Floats
    level: LevelForecast
    weights: LearnedWeights

    @property
    def expected(self) -> Floats:
        """Return float64 (n_inside,): expected incidents in the horizon by cell."""
        return np.asarray(self.level.expected * self.share, dtype=np.float64)


def forecast_events(
    x_m: Floats,
    y_m: Floats,
    occurred_at_utc: NDArray[np.datetime64],
    polygon: BaseGeometry,
    *,
    cell_size_m: float,
    as_of: date,
    horizon_days: int,
    timezone: str = "Europe/London",
) -> pd.DataFrame:
    """Forecast incidents by cell in [as-of 00:00 local, + horizon).

    Parameters
    ----------
    x_m, y_m
        float64 (n,): positions in the polygon's projected system.
    occurred_at_utc
        datetime64 (n,): times in UTC. Only events before as-of 00:00 local are used: those of
        the last ten years to forecast, and four more to learn weights from.
    polygon
        The boundary. Events outside it are not used.
    cell_size_m, as_of, horizon_days, timezone
        Side of a cell, the local day on which the forecast starts, its length, and the
        IANA name of the local time zone.

    Returns
    -------
    pandas.DataFrame
        One row for every cell whose centre is inside: ``x_m``, ``y_m`` (centre) and
        ``expected`` (incidents in the horizon), from south to north, then west to east.

    Raises
    ------
    AssessmentRefusedError
        Lengths that differ, a place or time that is missing, an unknown time zone, a horizon
        below one day, or no event inside the boundary before the as-of day.
    """
    x, y, at = checked_events(x_m, y_m, occurred_at_utc)
    calendar = periods([as_of], timezone)
    grid = clip_grid(polygon, cell_size_m=cell_size_m)
    counts = count_events(x, y, at, cell_locator(grid, polygon), calendar)
    return cells_frame(grid, forecast_counts(counts, grid, as_of, horizon_days).expected)


def forecast_counts(counts: PeriodCounts, grid: Grid, as_of: date, horizon_days: int) -> Forecast:
    """Forecast from counts by period and cell, with an edge on the as-of day.

    Parameters
    ----------
    counts, grid
        From :func:`hotspots.forecast_counts.count_events` on this lattice.
    as_of, horizon_days
        First local day and length of the horizon.

    Raises
    ------
    AssessmentRefusedError
        A horizon outside 1 to 366 days, or no event in the ten years before the as-of day.
    """
    refuse_horizon(horizon_days)
    return forecast_from(MixtureHistory(counts, grid, MIXTURE), counts, as_of, horizon_days)


def forecast_from(
    history: MixtureHistory, counts: PeriodCounts, as_of: date, horizon_days: int
) -> Forecast:
    """Forecast with a history that several as-of days share; otherwise as above."""
    level = _level(counts, as_of, horizon_days)
    weights = history.learn(as_of)
    share = weights.weight @ history.shares(as_of)
    return Forecast(as_of, np.asarray(share / share.sum()), level, weights)


def cells_frame(grid: Grid, expected: Floats) -> pd.DataFrame:
    """Return the frame of :func:`forecast_events` from expected incidents by inside cell."""
    centre_x, centre_y = grid.centres()
    return pd.DataFrame({"x_m": centre_x, "y_m": centre_y, "expected": expected})


def _level(counts: PeriodCounts, as_of: date, horizon_days: int) -> LevelForecast:
    """Forecast the total from blocks that were observed whole."""
    calendar = counts.periods
    last = calendar.index(as_of)
    blocks = np.array([block_of(day) for day in calendar.days[:last]])
    recent = block_of(as_of) - blocks <= MEMORY_BLOCKS
    totals = np.asarray(counts.counts[:last].sum(axis=1), dtype=np.float64).ravel() * recent
    if not totals.any():
        raise AssessmentRefusedError(
            "no event inside the boundary in the ten years before the as-of day",
            remedy="check the coordinate system, the dates and the as-of day",
            value=as_of.isoformat(),
        )
    used = np.unique(blocks[np.flatnonzero(totals)[0] <= np.arange(last)])
    # The log may start within its first block: it is not known how much of it was watched.
    if len(used) > 2 and totals[blocks != used[0]].any():
        used = used[1:]
    days = [min(_first_day(block + 1), as_of) - _first_day(block) for block in used]
    starts = [_first_day(block) for block in used]
    length = [
        length_days(start, start + span, calendar.timezone)
        for start, span in zip(starts, days, strict=True)
    ]
    summed = np.array([totals[blocks == block].sum() for block in used])
    ahead = [as_of + timedelta(days=n) for n in range(horizon_days + 1)]
    horizon = [length_days(a, b, calendar.timezone) for a, b in pairwise(ahead)]
    return forecast_level(
        summed,
        np.array([(start - _EPOCH).days for start in starts], dtype=np.float64),
        np.array(length),
        horizon_start_day=float((as_of - _EPOCH).days),
        horizon=np.array(horizon),
    )


def _first_day(block: int) -> date:
    return _EPOCH + timedelta(days=int(block) * 28)


def checked_events(x_m: Any, y_m: Any, at: Any) -> tuple[Floats, Floats, NDArray[np.datetime64]]:
    """Return places and UTC times as plain arrays of one length, or refuse them.

    Raises
    ------
    AssessmentRefusedError
        Lengths that differ, or a place or time that is missing.
    """
    x, y = np.asarray(x_m, dtype=np.float64), np.asarray(y_m, dtype=np.float64)
    times = pd.DatetimeIndex(at)
    if times.tz is not None:
        times = times.tz_convert("UTC").tz_localize(None)
    stamps = times.to_numpy(dtype="datetime64[us]")
    if not len(x) == len(y) == len(stamps):
        raise AssessmentRefusedError(
            f"{len(x)} x, {len(y)} y and {len(stamps)} times do not match",
            remedy="give one place and one time an event",
        )
    bad = np.flatnonzero(~np.isfinite(x) | ~np.isfinite(y) | np.isnat(stamps))
    if len(bad):
        raise AssessmentRefusedError(
            "an event needs a finite place and a time",
            remedy="drop or complete it",
            row=int(bad[0]) + 1,
        )
    return x, y, stamps


def refuse_horizon(horizon_days: int) -> None:
    """Raise AssessmentRefusedError unless the horizon is 1 to 366 days."""
    if not 1 <= horizon_days <= MAX_HORIZON_DAYS:
        raise AssessmentRefusedError(
            "the horizon is 1 to 366 days", remedy="use for example 28", value=horizon_days
        )
