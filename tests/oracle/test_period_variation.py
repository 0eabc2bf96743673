"""Variation between periods: found back in simulations, and predictions that are calibrated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hotspots.errors import AssessmentRefusedError
from hotspots.period_variation import PeriodVariation, fit_variation, predicted_means

MEANS = np.linspace(1.0, 10.0, 32)


def simulated(random: np.random.Generator, london: float, borough: float, n: int) -> np.ndarray:
    shared = random.gamma(1 / london, london, (n, 1)) if london else np.ones((n, 1))
    own = random.gamma(1 / borough, borough, (n, 32)) if borough else np.ones((n, 32))
    return random.poisson(MEANS * shared * own).astype(float)


@pytest.mark.parametrize(("london", "borough"), [(0.03, 0.0), (0.0, 0.1), (0.03, 0.1), (0.0, 0.0)])
def test_the_variation_of_long_histories_is_found_back(london: float, borough: float) -> None:
    random = np.random.default_rng(3)
    found = [fit_variation(simulated(random, london, borough, 600)) for _ in range(4)]
    assert np.mean([one.london for one in found]) == pytest.approx(london, abs=0.006)
    assert np.mean([one.borough for one in found]) == pytest.approx(borough, abs=0.012)


def test_few_periods_keep_near_the_start_and_bad_counts_are_refused() -> None:
    assert fit_variation(np.zeros((0, 32))) == fit_variation(np.zeros((5, 32)))
    one = fit_variation(np.full((2, 32), 3.0))
    assert 0 < one.london < 0.02
    assert 0 < one.borough < 0.05
    with pytest.raises(AssessmentRefusedError, match="not negative"):
        fit_variation(np.full((2, 2), -1.0))
    with pytest.raises(AssessmentRefusedError, match="finite"):
        fit_variation(np.full((2, 2), np.nan))


def test_predictions_with_the_swings_are_calibrated_and_without_them_are_not() -> None:
    random = np.random.default_rng(8)
    london, borough = 0.04, 0.15
    variation = fit_variation(simulated(random, london, borough, 24))
    draws = np.tile(MEANS.astype(np.float32), (4000, 1))
    each = np.arange(32)
    fair = predicted_means(draws, each, variation, weeks=1.0, seed=1)
    none = predicted_means(draws, each, PeriodVariation(0.0, 0.0), weeks=1.0, seed=1)
    np.testing.assert_allclose(none, draws, rtol=1e-6)
    np.testing.assert_allclose(fair.mean(axis=0), MEANS, rtol=0.05)
    seen = np.concatenate([simulated(random, london, borough, 1) for _ in range(40)])

    def p_value(means: np.ndarray) -> float:
        ranks = []
        for row in seen:
            low = stats.poisson.cdf(row - 1, means).mean(axis=0)
            high = stats.poisson.cdf(row, means).mean(axis=0)
            ranks.append(low + random.random(32) * (high - low))
        return float(stats.kstest(np.concatenate(ranks), "uniform").pvalue)

    assert p_value(fair) > 0.001
    assert p_value(none) < 1e-6
