"""Variation between periods: found back in simulations, and predictions that are calibrated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hotspots.errors import AssessmentRefusedError
from hotspots.period_variation import PeriodVariation, fit_variation, week_ahead

OF_WARD = np.repeat(np.arange(32), 12)
MEANS = np.repeat(np.linspace(1.0, 10.0, 32), 12) / 12
Variations = tuple[float, float, float]


def simulated(random: np.random.Generator, true: Variations, n: int) -> np.ndarray:
    def swing(squared: float, shape: tuple[int, int]) -> np.ndarray:
        return random.gamma(1 / squared, squared, shape) if squared else np.ones(shape)

    level = swing(true[0], (n, 1)) * swing(true[1], (n, 32))[:, OF_WARD]
    return random.poisson(MEANS * level * swing(true[2], (n, len(MEANS)))).astype(float)


@pytest.mark.parametrize(
    "true", [(0.03, 0.0, 0.0), (0.0, 0.1, 0.3), (0.03, 0.1, 0.6), (0.0, 0.0, 0.0)]
)
def test_the_variation_of_long_histories_is_found_back(true: Variations) -> None:
    random = np.random.default_rng(3)
    found = [fit_variation(simulated(random, true, 400), OF_WARD) for _ in range(3)]
    assert np.mean([one.london for one in found]) == pytest.approx(true[0], abs=0.006)
    assert np.mean([one.borough for one in found]) == pytest.approx(true[1], abs=0.015)
    # given a borough's total, large swings of its wards are damped: up to a quarter is missed
    ward = np.mean([one.ward for one in found])
    assert 0.75 * true[2] - 0.01 <= ward <= true[2] + 0.03


def test_few_periods_keep_near_the_start_and_bad_counts_are_refused() -> None:
    each = np.arange(32) // 4
    assert fit_variation(np.zeros((0, 32)), each) == fit_variation(np.zeros((5, 32)), each)
    one = fit_variation(np.full((2, 32), 3.0), each)
    assert 0 < one.london < 0.02
    assert 0 < one.borough < 0.05
    assert 0 < one.ward < 0.2
    with pytest.raises(AssessmentRefusedError, match="not negative"):
        fit_variation(np.full((2, 2), -1.0), np.arange(2))
    with pytest.raises(AssessmentRefusedError, match="finite"):
        fit_variation(np.full((2, 2), np.nan), np.arange(2))


def test_predictions_with_the_swings_are_calibrated_and_without_them_are_not() -> None:
    random = np.random.default_rng(8)
    true = (0.04, 0.15, 0.4)
    variation = fit_variation(simulated(random, true, 24), OF_WARD)
    draws = np.tile(MEANS.astype(np.float32), (4000, 1))
    fair = week_ahead(draws, OF_WARD, variation, seed=1)
    none = week_ahead(draws, OF_WARD, PeriodVariation(0.0, 0.0, 0.0), seed=1)
    np.testing.assert_allclose(none, draws, rtol=1e-6)
    np.testing.assert_allclose(fair.mean(axis=0), MEANS, rtol=0.06)
    member = np.eye(32)[OF_WARD]
    seen = simulated(random, true, 40) @ member

    def p_value(wards: np.ndarray) -> float:
        means = wards @ member
        ranks = []
        for row in seen:
            low = stats.poisson.cdf(row - 1, means).mean(axis=0)
            high = stats.poisson.cdf(row, means).mean(axis=0)
            ranks.append(low + random.random(32) * (high - low))
        return float(stats.kstest(np.concatenate(ranks), "uniform").pvalue)

    assert p_value(fair) > 0.001
    assert p_value(none) < 1e-6
