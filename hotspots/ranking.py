"""Ranks with their uncertainty, and tiers that abstain where the data cannot tell.

Rank intervals come from the posterior draws: each draw orders the areas, and an area's
interval is the central 90 % of its ranks (Goldstein and Spiegelhalter 1996, "League tables
and their limitations", JRSS A 159).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: An area is called highest, or raised, or lower only with at least this probability.
TIER_PROBABILITY = 0.9
HIGHEST, RAISED, LOWER = "highest", "raised", "lower"
NOT_DISTINGUISHABLE = "not distinguishable"
NO_DATA = "no data"
#: Draws ranked together: few enough to stay in the processor's cache.
_DRAWS_AT_ONCE = 256
#: The sign bit of a 32-bit float; +0.0 is 0, and larger positive numbers have larger bits.
_SIGN = np.uint32(1 << 31)


@dataclass(frozen=True)
class Ranking:
    """Uncertain order of N areas; every array is (N,).

    ``rank`` 1 is the highest posterior mean (ties by position). ``rank_lower_90`` and
    ``rank_upper_90`` bound the central 90 % of ranks. ``probability_top_decile`` is the
    share of draws in which the area is among the ceil(N / 10) highest; ``probability_top_k``
    (N, K) the same for each k asked for.
    """

    rank: NDArray[np.intp]
    rank_lower_90: NDArray[np.intp]
    rank_upper_90: NDArray[np.intp]
    probability_top_decile: NDArray[np.float64]
    probability_above_average: NDArray[np.float64]
    probability_top_k: NDArray[np.float64]


def rank_areas(
    mean: NDArray[np.float64], draws: NDArray[np.float32], *, top_k: Sequence[int] = ()
) -> Ranking:
    """Rank areas by posterior mean and measure how sure the order is.

    Parameters
    ----------
    mean
        float64 (N,): posterior means.
    draws
        float32 (n_draws, N): posterior draws, columns in the same order.
    top_k
        Give the probability of being among the k highest for each of these K numbers.
    """
    n_draws, n_areas = draws.shape
    rank = np.empty(n_areas, dtype=np.intp)
    rank[np.argsort(-mean, kind="stable")] = np.arange(1, n_areas + 1)
    average = draws.mean(axis=1, dtype=np.float64)
    within = np.cumsum(_rank_counts(draws), axis=1)  # draws with this rank or a better one
    low = int(np.floor(0.05 * (n_draws - 1)))
    high = int(np.ceil(0.95 * (n_draws - 1)))
    last = [min(k, n_areas) - 1 for k in (int(np.ceil(n_areas / 10)), *top_k)]
    inside = within[:, last] / n_draws
    return Ranking(
        rank=rank,
        rank_lower_90=1 + (within <= low).sum(axis=1),
        rank_upper_90=1 + (within <= high).sum(axis=1),
        probability_top_decile=inside[:, 0],
        probability_above_average=(draws > average[:, None]).mean(axis=0),
        probability_top_k=inside[:, 1:],
    )


def _rank_counts(draws: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return int64 (N, N): in how many draws area i has rank j + 1, ties by position.

    Each draw is sorted as whole numbers: a number that falls as the value rises, and behind
    it the area. Sorting those is several times faster than sorting the areas by value.
    """
    n_draws, n_areas = draws.shape
    area, place = np.arange(n_areas, dtype=np.uint64), np.arange(n_areas)
    counts = np.zeros(n_areas * n_areas, dtype=np.int64)
    for start in range(0, n_draws, _DRAWS_AT_ONCE):
        bits = (draws[start : start + _DRAWS_AT_ONCE] + np.float32(0.0)).view(np.uint32)
        falling = np.where(bits < _SIGN, _SIGN - np.uint32(1) - bits, bits)
        keys = (falling.astype(np.uint64) << np.uint64(32)) | area
        keys.sort(axis=1)
        found = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
        counts += np.bincount((found * n_areas + place).ravel(), minlength=len(counts))
    return counts.reshape(n_areas, n_areas)


def central_interval(draws: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return float64 (2, N): the 5 % and the 95 % quantile of each column of (n_draws, N).

    Linearly interpolated between order statistics, as ``numpy.quantile`` does it to the last
    bit; sorting whole columns is faster than its partition.
    """
    ordered = draws.T.copy()
    ordered.sort(axis=1)
    bounds = []
    for share in (0.05, 0.95):
        at = share * (len(draws) - 1)
        lower = ordered[:, int(at)]
        upper = ordered[:, min(int(at) + 1, len(draws) - 1)]
        step, part = (upper - lower).astype(np.float64), at - int(at)
        bounds.append(lower + step * part if part < 0.5 else upper - step * (1.0 - part))
    return np.array(bounds)


def tiers(ranking: Ranking, coverage: tuple[str, ...]) -> tuple[str, ...]:
    """Name each area's tier, or abstain.

    ``highest``: among the top tenth with probability 0.9 or more. ``raised`` or ``lower``:
    above or below the average area with that probability. ``no data``: coverage unknown.
    Everything else is ``not distinguishable``.
    """
    named = []
    for top, above, known in zip(
        ranking.probability_top_decile, ranking.probability_above_average, coverage, strict=True
    ):
        if known == "unknown":
            named.append(NO_DATA)
        elif top >= TIER_PROBABILITY:
            named.append(HIGHEST)
        elif above >= TIER_PROBABILITY:
            named.append(RAISED)
        elif above <= 1 - TIER_PROBABILITY:
            named.append(LOWER)
        else:
            named.append(NOT_DISTINGUISHABLE)
    return tuple(named)
