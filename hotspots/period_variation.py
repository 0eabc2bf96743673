"""How much a month differs from its average, beyond chance: London-wide, by borough and by ward.

A posterior of long-run rates says too little of what the next month can bring: recorded gun
crime in London swings by more than a Poisson count would, and boroughs swing on their own::

    y_bt ~ Poisson(m_b g_t h_bt),   g_t and h_bt gamma, mean 1, squared variations u and v

``u`` and ``v`` are estimated by moments (as in Breslow 1984, "Extra-Poisson variation in
log-linear models", Applied Statistics 33) and shrunk to a start while few periods are known.
They widen what is published for the week ahead, draws and intervals; they never touch means,
ranks or tiers, which are of long-run rates. Public counts are monthly: a week is taken to
swing as its month does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hotspots.counter import Counter
from hotspots.errors import AssessmentRefusedError

Floats = NDArray[np.float64]
#: Squared variations before any data, and how many periods they count as.
START_LONDON, START_BOROUGH, START_WARD, START_PERIODS = 0.02, 0.05, 0.2, 6.0

#: A borough's swing includes that of its wards, divided by about how many count.
WARDS_A_BOROUGH = 12.0


@dataclass(frozen=True)
class PeriodVariation:
    """Squared coefficients of variation of a period's level: of all areas, a borough, a ward."""

    london: float
    borough: float
    ward: float


def variation_of(counter: Counter) -> PeriodVariation:
    """Estimate the variation between the whole months that a counter knows."""
    counts, wards = counter.whole_months()
    boroughs = counter.places.borough_of_ward[wards]
    return fit_variation(counts, np.unique(boroughs, return_inverse=True)[1])


def fit_variation(counts: Floats, borough_of_ward: NDArray[np.intp]) -> PeriodVariation:
    """Estimate the variation between periods of one length.

    Parameters
    ----------
    counts
        float64 (T, W): reported incidents of W wards in T past periods, all covered.
    borough_of_ward
        int (W,): the borough of each ward.

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
        return PeriodVariation(START_LONDON, START_BOROUGH, START_WARD)
    member = np.eye(int(borough_of_ward.max()) + 1)[borough_of_ward]
    in_borough = counts @ member
    level = counts.sum(axis=1)
    ward = _within(counts, in_borough[:, borough_of_ward])
    borough = _within(in_borough, np.repeat(level[:, None], member.shape[1], axis=1), ward)
    shares = in_borough.sum(axis=0) / total, counts.sum(axis=0) / total
    own = borough * (shares[0] ** 2).sum() + ward * (shares[1] ** 2).sum()
    mean = level.mean()
    london = max(float((level.var(ddof=1) - mean) / mean**2 - own), 0.0)
    trust = periods / (periods + START_PERIODS)
    return PeriodVariation(
        london=trust * london + (1.0 - trust) * START_LONDON,
        borough=trust * borough + (1.0 - trust) * START_BOROUGH,
        ward=trust * ward + (1.0 - trust) * START_WARD,
    )


def _within(counts: Floats, totals: Floats, below: float = 0.0) -> float:
    """Return the squared variation of areas (T, N) within the totals (T, N) they belong to.

    Given its total an area is binomial; its own share takes one degree of freedom, and the
    square of an estimated share is too large by its sampling variance. Large swings are
    damped in their own total, so that up to a quarter of them is missed (tested). ``below`` is the
    variation of the parts that the areas themselves consist of.
    """
    periods, whole = len(counts), totals.sum(axis=0)
    share = np.divide(counts.sum(axis=0), whole, out=np.zeros_like(whole), where=whole > 0)
    expected = totals * share
    chance = (expected * (1.0 - share)).sum() * (periods - 1) / periods
    noise = np.divide(share * (1.0 - share), whole, out=np.zeros_like(whole), where=whole > 0)
    squares = (totals**2 * np.maximum(share**2 - noise, 0.0)).sum()
    if squares <= 0:
        return 0.0
    extra = (((counts - expected) ** 2).sum() - chance) / squares
    return max(float(extra) - below / WARDS_A_BOROUGH, 0.0)


def week_ahead(
    draws: NDArray[np.float32],
    borough_of_ward: NDArray[np.intp],
    variation: PeriodVariation,
    *,
    seed: int | tuple[int, ...],
) -> NDArray[np.float32]:
    """Return draws of the coming week's mean counts: rates that swing as periods do.

    Parameters
    ----------
    draws, borough_of_ward
        float32 (n_draws, W) posterior draws of weekly rates, and each ward's borough, int (W,).
    variation, seed
        The variation of periods, and the seed of the swings.

    Returns
    -------
    float32 (n_draws, W)
        A week's count is Poisson with one of these means, so its distribution is their
        mixture. The swings of every area are gamma quantiles of equal probability in random
        order, with mean 1.
    """
    random = np.random.default_rng(seed)
    n_draws, n_wards = draws.shape
    n_boroughs = int(borough_of_ward.max(initial=-1)) + 1
    shared = _swings(random, variation.london, 1, n_draws)
    own = _swings(random, variation.borough, n_boroughs, n_draws)
    ahead = _swings(random, variation.ward, n_wards, n_draws)
    ahead *= (shared * own)[borough_of_ward]
    return np.ascontiguousarray(ahead.T) * draws


def _swings(
    random: np.random.Generator, squared: float, n_areas: int, n_draws: int
) -> NDArray[np.float32]:
    """Return float32 (n_areas, n_draws), each row the same numbers in an order of its own."""
    if squared <= 0:
        return np.ones((n_areas, n_draws), dtype=np.float32)
    level = (np.arange(n_draws) + 0.5) / n_draws
    swing = special.gammaincinv(1.0 / squared, level)
    rows = np.tile((swing / swing.mean()).astype(np.float32), (n_areas, 1))
    return random.permuted(rows, axis=1, out=rows)
