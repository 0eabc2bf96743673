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
    order = np.argsort(-draws, axis=1, kind="stable")
    ranks = np.empty(draws.shape, dtype=np.int16 if n_areas < 2**15 else np.int32)
    np.put_along_axis(ranks, order, np.arange(1, n_areas + 1, dtype=ranks.dtype)[None, :], axis=1)
    by_area = np.ascontiguousarray(ranks.T)
    top = int(np.ceil(n_areas / 10))
    average = draws.mean(axis=1, dtype=np.float64)
    low = int(np.floor(0.05 * (n_draws - 1)))
    high = int(np.ceil(0.95 * (n_draws - 1)))
    bounds = np.partition(by_area, [low, high], axis=1)
    inside = [(by_area <= k).mean(axis=1) for k in top_k]
    return Ranking(
        rank=rank,
        rank_lower_90=bounds[:, low].astype(np.intp),
        rank_upper_90=bounds[:, high].astype(np.intp),
        probability_top_decile=(by_area <= top).mean(axis=1),
        probability_above_average=(draws > average[:, None]).mean(axis=0),
        probability_top_k=np.array(inside).reshape(len(inside), n_areas).T,
    )


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
