"""Forecast where the next incidents will be, for any city: the mixture of long memories.

First version: the fixed mix of a ten-year count by cell (0.5) and Gaussian kernels of
400 m (0.3) and 1,200 m (0.2) over the same ten years, with a small uniform floor. On sparse
shootings a long memory beats recency; see ``docs/model.md`` for the measured figures.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from hotspots.errors import AssessmentRefusedError
from hotspots.grid import Grid, clip_grid
from hotspots.kernel_density import cell_mass, count_mass

Floats = NDArray[np.float64]

MEMORY_DAYS = 3653
COUNT_SHARE = 0.5
#: (bandwidth in metres, share) of the Gaussian kernels.
KERNEL_SHARES = ((400.0, 0.3), (1200.0, 0.2))
#: Share of the expected incidents that is spread evenly, so that no cell is impossible.
UNIFORM_SHARE = 0.01
#: Half-life of the total rate: a year, so that the level follows a city's trend.
RATE_HALF_LIFE_DAYS = 365.25


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
        datetime64 (n,): times in UTC. Only events before as-of 00:00 local are used, and
        of those only the last ten years.
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
    x, y, at = _arrays(x_m, y_m, occurred_at_utc)
    _refuse_horizon(horizon_days)
    start = _local_midnight(as_of, timezone)
    first = start - np.timedelta64(MEMORY_DAYS, "D")
    shapely.prepare(polygon)
    used = (at < start) & (at >= first)
    used[used] = shapely.contains_xy(polygon, x[used], y[used])
    if not used.any():
        raise AssessmentRefusedError(
            "no event inside the boundary in the ten years before the as-of day",
            remedy="check the coordinate system, the dates and the as-of day",
            value=as_of.isoformat(),
        )
    grid = clip_grid(polygon, cell_size_m=cell_size_m)
    age_days = (start - at[used]) / np.timedelta64(1, "D")
    total = rate_per_day(age_days) * _horizon_length_days(as_of, horizon_days, timezone)
    centre_x, centre_y = grid.centres()
    share = _fixed_mix(x[used], y[used], grid)
    return pd.DataFrame({"x_m": centre_x, "y_m": centre_y, "expected": total * share})


def _fixed_mix(x_m: Floats, y_m: Floats, grid: Grid) -> Floats:
    """Return the share of the next incidents by inside cell; sums to 1."""
    weight = np.full(len(x_m), 1.0 / len(x_m))
    share = COUNT_SHARE * count_mass(x_m, y_m, weight, grid)
    for bandwidth_m, part in KERNEL_SHARES:
        smooth = cell_mass(x_m, y_m, weight, grid, bandwidth_m=bandwidth_m, kernel="gaussian")
        share += part * smooth
    area = grid.area_share[grid.inside]
    return np.asarray((1 - UNIFORM_SHARE) * share + UNIFORM_SHARE * area / area.sum())


def rate_per_day(age_days: Floats) -> float:
    """Return the decayed mean of events a day, from their ages in days, (n_events,) > 0.

    The weight of an event and of a day of exposure both halve every year; exposure runs from
    the oldest event to the as-of day.
    """
    decay = np.log(2.0) / RATE_HALF_LIFE_DAYS
    span = max(float(age_days.max()), 1.0)
    weights = np.exp(-decay * age_days)
    return float(weights.sum() * decay / -np.expm1(-decay * span))


def _arrays(x_m: Any, y_m: Any, at: Any) -> tuple[Floats, Floats, NDArray[np.datetime64]]:
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


def _refuse_horizon(horizon_days: int) -> None:
    if not 1 <= horizon_days <= 366:
        raise AssessmentRefusedError(
            "the horizon is 1 to 366 days", remedy="use for example 28", value=horizon_days
        )


def _local_midnight(day: date, timezone: str) -> np.datetime64:
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise AssessmentRefusedError(
            "unknown time zone", remedy="use an IANA name such as Europe/London", value=timezone
        ) from fault
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return np.datetime64(local.astimezone(UTC).replace(tzinfo=None), "us")


def _horizon_length_days(as_of: date, horizon_days: int, timezone: str) -> float:
    """Return the length of the horizon in days of 24 hours (a clock change moves it)."""
    start = _local_midnight(as_of, timezone)
    end = _local_midnight(as_of + timedelta(days=horizon_days), timezone)
    return float((end - start) / np.timedelta64(1, "D"))
