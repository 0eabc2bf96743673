"""The covariate-informed prior: learned weights, exact parts, and their limits."""

from __future__ import annotations

import numpy as np
import pytest

from hotspots.relative_prior import RelativePrior
from hotspots.zonal import WardData, WardPosterior, fit_wards

BOROUGHS, EACH = 8, 15
OF_WARD = np.repeat(np.arange(BOROUGHS), EACH)
N = len(OF_WARD)


def fitted(covariates: RelativePrior, rate: np.ndarray, seed: int = 0) -> WardPosterior:
    weeks = np.full(N, 80.0)
    counts = np.random.default_rng(seed).poisson(rate * weeks).astype(float)
    data = WardData(
        borough_of_ward=OF_WARD,
        counts=counts[None, :],
        exposure_weeks=weeks,
        borough_counts=np.zeros((1, BOROUGHS)),
        borough_exposure_weeks=np.zeros(BOROUGHS),
        prior_parts=np.ones((1, N)),
        prior_spread=np.zeros(N),
        covariates=covariates,
    )
    return fit_wards(data, n_draws=200, seed=1)


def two_covariates(seed: int = 5) -> RelativePrior:
    random = np.random.default_rng(seed)
    rates = random.gamma(2.0, 0.5, (2, N))
    rates /= rates.mean(axis=1, keepdims=True)
    return RelativePrior(np.array([0.4, 0.3, 0.3]), rates, np.full(N, 0.99), np.zeros((1, N)))


def test_the_covariate_that_tells_gains_weight_and_the_other_loses_it() -> None:
    covariates = two_covariates()
    random = np.random.default_rng(9)
    rate = 0.08 * (0.1 + 0.9 * covariates.rates[0]) * random.gamma(20.0, 1 / 20.0, N)
    weights = fitted(covariates, rate).hyperparameters.weights
    assert weights.sum() == pytest.approx(1.0)
    assert weights[1] > 0.6
    assert weights[2] < 0.2
    swapped = RelativePrior(
        covariates.start, covariates.rates[::-1], covariates.trust, covariates.raises
    )
    mirrored = fitted(swapped, rate).hyperparameters.weights
    np.testing.assert_allclose(mirrored[[0, 2, 1]], weights, atol=0.02)


def test_without_counts_the_weights_stay_where_the_policy_put_them() -> None:
    covariates = two_covariates()
    nothing = WardData(
        borough_of_ward=OF_WARD,
        counts=np.zeros((1, N)),
        exposure_weeks=np.zeros(N),
        borough_counts=np.zeros((1, BOROUGHS)),
        borough_exposure_weeks=np.zeros(BOROUGHS),
        prior_parts=np.ones((1, N)),
        prior_spread=np.zeros(N),
        level_per_week=0.05,
        covariates=covariates,
    )
    weights = fit_wards(nothing, n_draws=10, seed=0).hyperparameters.weights
    np.testing.assert_allclose(weights, covariates.start, atol=1e-3)


def test_parts_sum_to_the_posterior_mean_and_unknown_wards_get_the_spread_of_the_known() -> None:
    covariates = two_covariates()
    trust = covariates.trust.copy()
    trust[7] = 0.0
    raises = np.zeros((1, N))
    raises[0, 3] = 0.5
    prior = RelativePrior(covariates.start, covariates.rates, trust, raises)
    posterior = fitted(prior, np.full(N, 0.05))
    np.testing.assert_allclose(posterior.parts.sum(axis=0), posterior.mean_per_week, atol=1e-12)
    assert (posterior.parts >= 0).all()
    parts = prior.parts(prior.start)
    assert parts[:3, 7].tolist() == [1.0, 0.0, 0.0]
    assert parts[3, 3] == pytest.approx(0.5 * parts[:3, 3].sum())
    spread = prior.spread(prior.start)
    known = np.arange(N) != 7
    assert spread[7] == pytest.approx(np.var(parts[:3].sum(axis=0)[known]))
    assert (spread[known] == 0).all()
