"""How many incidents to expect in all: a level that moves, times a season.

A gamma-Poisson level is carried from block to block with a discount: before each block its
shape and rate lose a share, so that recent blocks count most. Blocks may also vary more than
Poisson counts do; a block then teaches less. Every pair of a discount and such a variance from
a short list is followed and weighed by how well it predicted the blocks before the as-of day,
so the speed of the level is learned, not set. The season is one annual harmonic, fitted within
years and shrunk to none. The prediction is a mixture of negative binomials.

Source: Harvey and Fernandes (1989), "Time series models for count or qualitative
observations", Journal of Business and Economic Statistics 7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

#: Share of the level's knowledge that outlives 28 days.
DISCOUNTS = (0.7, 0.8, 0.87, 0.92, 0.95, 0.97, 0.985, 0.995)
#: Variance of a block's rate around the level, relative to the level squared.
BLOCK_VARIANCES = (0.0, 0.005, 0.01, 0.02, 0.04, 0.08)
#: Blocks that judge the discounts.
JUDGED_BLOCKS = 65
#: Standard deviation of the prior on each coefficient of the season (log scale).
SEASON_DEVIATION = 0.3
BLOCKS_A_YEAR = 13
DAYS_A_YEAR = 365.25
_NEWTON_STEPS = 25


@dataclass(frozen=True)
class LevelForecast:
    """The predictive distribution of a total.

    Attributes
    ----------
    shape, mean, weight
        float64 (n_models,): the negative binomials and their weights, which sum to 1.
    """

    shape: Floats
    mean: Floats
    weight: Floats

    @property
    def expected(self) -> float:
        """Return the mean of the total."""
        return float(self.weight @ self.mean)

    def cumulative(self, total: int) -> float:
        """Return the probability of at most ``total`` incidents."""
        if total < 0:
            return 0.0
        success = self.shape / (self.shape + self.mean)
        return float(self.weight @ special.betainc(self.shape, total + 1.0, success))


def forecast_level(
    counts: Floats, start_day: Floats, days: Floats, *, horizon_start_day: float, horizon: Floats
) -> LevelForecast:
    """Forecast the total of a horizon from totals by block.

    Parameters
    ----------
    counts
        float64 (n_blocks,): events, oldest first, at least one of them positive.
    start_day, days
        float64 (n_blocks,): first day of each block (days since 1970-01-01) and its length in
        days of 24 hours.
    horizon_start_day
        First day of the horizon.
    horizon
        float64 (n_days,): the length of each of its days in days of 24 hours.

    Returns
    -------
    LevelForecast
    """
    season = fit_season(counts, start_day + days / 2)
    exposure = days * np.exp(_harmonics(start_day + days / 2) @ season)
    ahead = horizon_start_day + 0.5 + np.arange(len(horizon), dtype=np.float64)
    exposure_ahead = float(horizon @ np.exp(_harmonics(ahead) @ season))
    shape, rate, score = _follow_levels(counts, exposure, days)
    discount, variance = _models()
    kept = discount ** (float(horizon.sum()) / 28.0)
    n_blocks_ahead = max(float(horizon.sum()) / 28.0, 1.0)
    spread = 1.0 / (kept * shape) + variance / n_blocks_ahead
    mean = exposure_ahead * shape / rate
    return LevelForecast(1.0 / spread, mean, np.asarray(special.softmax(score)))


def fit_season(counts: Floats, middle_day: Floats) -> Floats:
    """Return float64 (2,): coefficients of the cosine and sine of the year, on a log scale.

    The mode of a Poisson likelihood within years counted back from the last block, with
    independent normal priors; zero when less than a year of blocks is known.

    Parameters
    ----------
    counts, middle_day
        float64 (n_blocks,), oldest first; the middle of each block in days since 1970-01-01.
    """
    n_years = len(counts) // BLOCKS_A_YEAR
    coefficients = np.zeros(2)
    if n_years == 0:
        return coefficients
    used = slice(len(counts) - n_years * BLOCKS_A_YEAR, None)
    y = counts[used].reshape(n_years, BLOCKS_A_YEAR)
    wave = _harmonics(middle_day[used]).reshape(n_years, BLOCKS_A_YEAR, 2)
    totals = y.sum(axis=1)
    for _ in range(_NEWTON_STEPS):
        share = special.softmax(wave @ coefficients, axis=1)
        mean = np.einsum("yb,ybk->yk", share, wave)
        centred = wave - mean[:, None, :]
        slope = np.einsum("yb,ybk->k", y, centred) - coefficients / SEASON_DEVIATION**2
        curve = np.einsum("y,yb,ybj,ybk->jk", totals, share, centred, centred)
        step = np.linalg.solve(curve + np.eye(2) / SEASON_DEVIATION**2, slope)
        coefficients = coefficients + np.clip(step, -0.5, 0.5)
    return coefficients


def _harmonics(day: Floats) -> Floats:
    angle = 2 * np.pi * day / DAYS_A_YEAR
    return np.column_stack([np.cos(angle), np.sin(angle)])


def _models() -> tuple[Floats, Floats]:
    """Return the discount and the block variance of every model that is followed."""
    discount, variance = np.meshgrid(DISCOUNTS, BLOCK_VARIANCES, indexing="ij")
    return discount.ravel(), variance.ravel()


def _follow_levels(counts: Floats, exposure: Floats, days: Floats) -> tuple[Floats, Floats, Floats]:
    """Return each model's gamma shape and rate after the last block, and its log score."""
    discount, variance = _models()
    mean = float(counts.sum() / exposure.sum())
    shape, rate = np.ones(len(discount)), np.full(len(discount), 1.0 / mean)
    score = np.zeros(len(discount))
    first_judged = max(len(counts) - JUDGED_BLOCKS, 1)
    for block, (y, e, length) in enumerate(zip(counts, exposure, days, strict=True)):
        kept = discount ** (length / 28.0)
        shape, rate = kept * shape, kept * rate
        expected = e * shape / rate
        if block >= first_judged:
            size = 1.0 / (1.0 / shape + variance)
            score = score + _log_chance(y, size, expected)
        # A block whose own rate wanders is worth fewer events: its quasi-likelihood's weight.
        worth = 1.0 / (1.0 + variance * expected)
        shape, rate = shape + worth * y, rate + worth * e
    return shape, rate, score


def _log_chance(total: float, size: Floats, mean: Floats) -> Floats:
    """Return the log probability of a total under negative binomials."""
    ways = special.gammaln(total + size) - special.gammaln(size) - special.gammaln(total + 1)
    return np.asarray(ways - size * np.log1p(mean / size) - total * np.log1p(size / mean))
