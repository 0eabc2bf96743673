"""Estimates over independent simulated weeks, each with its 95 % interval.

Weeks are independent, calls within a week are not: every interval treats the week as the unit
of sampling. Shares are ratios of sums over weeks with the linearised standard error of a ratio
(Cochran 1977, §2.11); quantiles take the interval of Woodruff (1952), which inverts the interval
of the distribution function at the estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over weeks with its 95 % interval; no interval from a single week."""

    value: float
    lower_95: float | None
    upper_95: float | None


def share(part: Floats, whole: Floats) -> Estimate | None:
    """Return the sum of ``part`` over the sum of ``whole``; nothing when the whole is 0.

    Parameters
    ----------
    part, whole
        (n_weeks,) counts or times.
    """
    total = float(whole.sum())
    if total <= 0:
        return None
    value = float(part.sum()) / total
    margin = _margin(part - value * whole, total)
    if margin is None:
        return Estimate(value, None, None)
    low, high = value - margin, value + margin
    if (part >= 0).all() and (part <= whole).all():
        low, high = max(low, 0.0), min(high, 1.0)
    return Estimate(value, low, high)


def quantile(values: Floats, week: NDArray[np.intp], n_weeks: int, level: float) -> Estimate | None:
    """Return a quantile of all values together; nothing when it is not finite.

    Parameters
    ----------
    values, week
        (n,) values, infinity allowed, and the week each belongs to.
    n_weeks
        Number of weeks, those without a value included.
    level
        Of the quantile, in (0, 1).
    """
    if not len(values):
        return None
    ordered = np.sort(values)
    value = _at(ordered, level)
    if not np.isfinite(value):
        return None
    below = np.bincount(week[values <= value], minlength=n_weeks).astype(np.float64)
    whole = np.bincount(week, minlength=n_weeks).astype(np.float64)
    margin = _margin(below - below.sum() / whole.sum() * whole, float(whole.sum()))
    if margin is None:
        return Estimate(value, None, None)
    low, high = _at(ordered, level - margin), _at(ordered, level + margin)
    return Estimate(value, low, high if np.isfinite(high) else None)


def _at(ordered: Floats, level: float) -> float:
    """Smallest value at or below which a share ``level`` of the values lies."""
    position = int(np.ceil(np.clip(level, 0.0, 1.0) * len(ordered))) - 1
    return float(ordered[max(position, 0)])


def _margin(residual: Floats, total: float) -> float | None:
    """Half width of the interval of a ratio, from the residual of each week."""
    n_weeks = len(residual)
    if n_weeks < 2:
        return None
    error = np.sqrt(n_weeks / (n_weeks - 1) * float((residual**2).sum())) / total
    return float(stdtrit(n_weeks - 1, 0.5 + LEVEL / 2) * error)
