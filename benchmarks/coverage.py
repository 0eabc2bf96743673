"""How often intervals of rates and ranks hold the truth, on cities drawn from the model's family.

London-sized cities of 672 wards whose true rates are continuous, so that no two tie in rank.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hotspots.ranking import central_interval, rank_areas
from hotspots.zonal import WardData, fit_wards

CITIES, DRAWS = 40, 1_000
BOROUGHS, WARDS_A_BOROUGH, WEEKS = 32, 21, 100.0


def run() -> str:
    """Return two lines: coverage of 90 % rank intervals and of 90 % intervals of rates."""
    ranks, rates = zip(*(_covered(seed) for seed in range(CITIES)), strict=True)
    return "\n".join(
        [
            _line(f"90 % rank intervals that hold the true rank, {CITIES} cities", ranks),
            _line("90 % intervals of the long-run rate that hold it", rates),
        ]
    )


def _covered(seed: int) -> tuple[float, float]:
    random = np.random.default_rng(seed)
    of_ward = np.repeat(np.arange(BOROUGHS), WARDS_A_BOROUGH)
    rate = random.gamma(2.5, random.gamma(6.0, 0.04 / 6.0, BOROUGHS)[of_ward] / 2.5)
    fitted = fit_wards(_city(of_ward, random.poisson(rate * WEEKS)), n_draws=DRAWS, seed=seed)
    ranking = rank_areas(fitted.mean_per_week, fitted.draws)
    true_rank = stats.rankdata(-rate)
    low, high = central_interval(fitted.draws)
    ranked = (ranking.rank_lower_90 <= true_rank) & (true_rank <= ranking.rank_upper_90)
    return float(ranked.mean()), float(((low <= rate) & (rate <= high)).mean())


def _city(of_ward: NDArray[np.intp], counts: NDArray[np.int64]) -> WardData:
    n_wards = len(of_ward)
    return WardData(
        borough_of_ward=of_ward,
        counts=counts.astype(np.float64)[None, :],
        exposure_weeks=np.full(n_wards, WEEKS),
        borough_counts=np.zeros((1, BOROUGHS)),
        borough_exposure_weeks=np.zeros(BOROUGHS),
        prior_parts=np.ones((1, n_wards)),
        prior_spread=np.zeros(n_wards),
    )


def _line(name: str, shares: tuple[float, ...]) -> str:
    mean, spread = np.mean(shares), 2.58 * np.std(shares, ddof=1) / np.sqrt(len(shares))
    return f"{name:<62}{mean:>10.1%}  {mean - spread:.1%} to {mean + spread:.1%} (target 88-92 %)"
