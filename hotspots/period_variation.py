"""How much a month differs from its average, beyond chance: London-wide and by borough.

A posterior of long-run rates says too little of what the next month can bring: recorded gun
crime in London swings by more than a Poisson count would, and boroughs swing on their own::

    y_bt ~ Poisson(m_b g_t h_bt),   g_t and h_bt gamma, mean 1, squared variations u and v

``u`` and ``v`` are estimated by moments (as in Breslow 1984, "Extra-Poisson variation in
log-linear models", Applied Statistics 33) and shrunk to a start while few periods are known.
They widen predictions of counts; they never touch rates, ranks or tiers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hotspots.errors import AssessmentRefusedError

Floats = NDArray[np.float64]
#: Squared variations before any data, and how many periods they count as.
START_LONDON, START_BOROUGH, START_PERIODS = 0.02, 0.05, 6.0


@dataclass(frozen=True)
class PeriodVariation:
    """Squared coefficients of variation of a period's level: of all areas, and of a borough."""

    london: float
    borough: float


def fit_variation(counts: Floats) -> PeriodVariation:
    """Estimate the variation between periods of one length.

    Parameters
    ----------
    counts
        float64 (T, B): reported incidents of B boroughs in T past periods, all covered.

    Raises
    ------
    AssessmentRefusedError
        A count that is negative or not finite.
    """
    if counts.size and not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise AssessmentRefusedError(
            "a count must be a finite number, not negative", remedy="correct the counts"
        )
    periods, total = len(counts), float(counts.sum())
    if periods < 2 or total <= 0:
        return PeriodVariation(START_LONDON, START_BOROUGH)
    level = counts.sum(axis=1)
    share = counts.sum(axis=0) / total
    expected = level[:, None] * share
    # given a period's total the boroughs are multinomial; one degree of freedom a borough
    # goes to its own share
    chance = (expected * (1.0 - share)).sum() * (periods - 1) / periods
    own = ((counts - expected) ** 2).sum() - chance
    borough = max(own / (expected**2).sum(), 0.0)
    mean = level.mean()
    among = level.var(ddof=1) - mean - borough * (share**2).sum() * mean**2
    london = max(among / mean**2, 0.0)
    trust = periods / (periods + START_PERIODS)
    return PeriodVariation(
        london=trust * float(london) + (1.0 - trust) * START_LONDON,
        borough=trust * float(borough) + (1.0 - trust) * START_BOROUGH,
    )


def predicted_means(
    draws: NDArray[np.float32],
    borough_of_ward: NDArray[np.intp],
    variation: PeriodVariation,
    *,
    weeks: float,
    seed: int,
) -> Floats:
    """Return draws of the mean count of the next period: rates that swing as periods do.

    Parameters
    ----------
    draws, borough_of_ward
        float32 (n_draws, W) posterior draws of weekly rates, and each ward's borough, int (W,).
    variation, weeks, seed
        The variation of periods of this length, their length, and the seed of the swings.

    Returns
    -------
    float64 (n_draws, W)
        A count is Poisson with one of these means, so its distribution is their mixture.
    """
    random = np.random.default_rng(seed)
    n_boroughs = int(borough_of_ward.max(initial=-1)) + 1
    shared = _swings(random, variation.london, (len(draws), 1))
    own = _swings(random, variation.borough, (len(draws), n_boroughs))
    return np.asarray(draws * weeks * shared * own[:, borough_of_ward], dtype=np.float64)


def _swings(random: np.random.Generator, squared: float, shape: tuple[int, int]) -> Floats:
    if squared <= 0:
        return np.ones(shape)
    return random.gamma(1.0 / squared, squared, shape)
