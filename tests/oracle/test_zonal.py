"""The ward model against slow independent computations and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hotspots.errors import AssessmentRefusedError
from hotspots.ranking import rank_areas
from hotspots.zonal import WardData, WardPosterior, fit_wards

BOROUGHS, EACH = 6, 12
OF_WARD = np.repeat(np.arange(BOROUGHS), EACH)


def data(counts: np.ndarray, weeks: np.ndarray, **changes: object) -> WardData:
    n_sources = counts.shape[0]
    values = {
        "borough_of_ward": OF_WARD,
        "counts": counts,
        "exposure_weeks": weeks,
        "borough_counts": np.zeros((n_sources, BOROUGHS)),
        "borough_exposure_weeks": np.zeros(BOROUGHS),
        "prior_parts": np.ones((1, len(OF_WARD))),
        "prior_spread": np.zeros(len(OF_WARD)),
    }
    return WardData(**(values | changes))


def simulated(seed: int, *, weeks: float = 100.0) -> tuple[np.ndarray, np.ndarray]:
    """Return true rates and counts from the model itself."""
    random = np.random.default_rng(seed)
    borough = random.gamma(6.0, 0.05 / 6.0, BOROUGHS)
    rate = random.gamma(2.0, borough[OF_WARD] / 2.0)
    return rate, random.poisson(rate * weeks).astype(float)


def by_importance(
    counts: np.ndarray,
    weeks: np.ndarray,
    fitted: WardPosterior,
    totals: np.ndarray,
    *,
    total_weeks: np.ndarray,
    relative: np.ndarray,
) -> np.ndarray:
    """Return posterior means by weighing draws from the prior of one borough at a time."""
    hyper, random = fitted.hyperparameters, np.random.default_rng(0)
    means = np.empty(len(OF_WARD))
    for borough in range(BOROUGHS):
        wards = borough == OF_WARD
        n = 60_000
        mu = random.gamma(hyper.borough_shape, hyper.rate_per_week / hyper.borough_shape, n)
        # wards given mu and their own counts are conjugate; mu and the total are weighed
        scale = hyper.ward_shape / (mu[:, None] * relative[wards])
        shape = hyper.ward_shape + counts[wards]
        log_weight = stats.nbinom.logpmf(
            counts[wards], hyper.ward_shape, scale / (scale + weeks[wards])
        ).sum(axis=1)
        rate = random.gamma(shape, 1.0 / (scale + weeks[wards]))
        if total_weeks[borough] > 0:
            log_weight += stats.poisson.logpmf(
                totals[borough], total_weeks[borough] * rate.sum(axis=1)
            )
        weight = np.exp(log_weight - log_weight.max())
        means[wards] = (weight[:, None] * rate).sum(axis=0) / weight.sum()
    return means


@pytest.mark.parametrize("with_totals", [False, True])
def test_posterior_means_agree_with_importance_sampling(with_totals: bool) -> None:
    rate, counts = simulated(3)
    weeks = np.full(len(OF_WARD), 100.0)
    counts[5], weeks[5] = 0.0, 0.0  # an unknown ward
    relative = np.where(np.arange(len(OF_WARD)) % 5 == 0, 1.4, 1.0)
    totals, total_weeks = np.zeros(BOROUGHS), np.zeros(BOROUGHS)
    if with_totals:
        total_weeks[1:4] = 60.0
        totals = (
            np.random.default_rng(1)
            .poisson(60.0 * np.bincount(OF_WARD, rate) * (total_weeks > 0))
            .astype(float)
        )
    fitted = fit_wards(
        data(
            counts[None, :],
            weeks,
            borough_counts=totals[None, :],
            borough_exposure_weeks=total_weeks,
            prior_parts=np.vstack([np.ones(len(OF_WARD)), relative - 1.0]),
        ),
        n_draws=4000,
        seed=0,
    )
    slow = by_importance(counts, weeks, fitted, totals, total_weeks=total_weeks, relative=relative)
    np.testing.assert_allclose(fitted.mean_per_week, slow, rtol=0.03)
    np.testing.assert_allclose(fitted.draws.mean(axis=0), slow, rtol=0.12)


def test_parts_are_exact_and_linear_in_what_each_source_counted() -> None:
    _, counts = simulated(4)
    split = np.vstack([np.floor(counts / 3), counts - np.floor(counts / 3)])
    weeks = np.full(len(OF_WARD), 100.0)
    one = fit_wards(data(counts[None, :], weeks), n_draws=10, seed=0)
    two = fit_wards(data(split, weeks), n_draws=10, seed=0)
    np.testing.assert_allclose(two.mean_per_week, one.mean_per_week, rtol=1e-12)
    np.testing.assert_allclose(two.parts.sum(axis=0), two.mean_per_week, atol=1e-12)
    np.testing.assert_allclose(two.parts[1:].sum(axis=0), one.parts[1], atol=1e-12)
    unit = one.parts[1][counts > 0] / counts[counts > 0]
    np.testing.assert_allclose(two.parts[1][counts > 0], unit * split[0][counts > 0], atol=1e-12)


def test_intervals_and_rank_intervals_cover_the_truth_as_often_as_they_say() -> None:
    hits, rank_hits, widths = [], [], []
    for seed in range(25):
        rate, counts = simulated(100 + seed)
        fitted = fit_wards(data(counts[None, :], np.full(len(rate), 100.0)), n_draws=800, seed=seed)
        low, high = np.quantile(fitted.draws, [0.05, 0.95], axis=0)
        hits.append((low <= rate) & (rate <= high))
        ranking = rank_areas(fitted.mean_per_week, fitted.draws)
        true_rank = stats.rankdata(-rate)
        rank_hits.append(
            (ranking.rank_lower_90 <= true_rank) & (true_rank <= ranking.rank_upper_90)
        )
        widths.append(ranking.rank_upper_90 - ranking.rank_lower_90)
    assert 0.87 <= np.mean(hits) <= 0.93
    assert 0.87 <= np.mean(rank_hits) <= 0.94
    assert np.mean(widths) < 0.7 * len(OF_WARD)


def test_rank_intervals_of_a_london_sized_city_cover_nine_times_in_ten() -> None:
    of_ward, n = np.repeat(np.arange(32), 21), 32 * 21
    weeks, hits = np.full(n, 100.0), []
    for seed in range(8):
        random = np.random.default_rng(700 + seed)
        rate = random.gamma(2.5, random.gamma(6.0, 0.04 / 6.0, 32)[of_ward] / 2.5)
        city = WardData(
            borough_of_ward=of_ward,
            counts=random.poisson(rate * weeks).astype(float)[None, :],
            exposure_weeks=weeks,
            borough_counts=np.zeros((1, 32)),
            borough_exposure_weeks=np.zeros(32),
            prior_parts=np.ones((1, n)),
            prior_spread=np.zeros(n),
        )
        fitted = fit_wards(city, n_draws=1000, seed=seed)
        ranking = rank_areas(fitted.mean_per_week, fitted.draws)
        true_rank = stats.rankdata(-rate)
        hits.append((ranking.rank_lower_90 <= true_rank) & (true_rank <= ranking.rank_upper_90))
    assert 0.88 <= np.mean(hits) <= 0.92


def test_an_unknown_borough_gets_the_wide_prior_of_london() -> None:
    _, counts = simulated(7)
    weeks = np.where(OF_WARD == 2, 0.0, 100.0)
    fitted = fit_wards(data((counts * (weeks > 0))[None, :], weeks), n_draws=4000, seed=0)
    unknown = fitted.draws[:, OF_WARD == 2]
    assert fitted.mean_per_week[OF_WARD == 2].std() == pytest.approx(0, abs=1e-12)
    assert unknown.mean() == pytest.approx(fitted.hyperparameters.rate_per_week, rel=0.1)
    spread = unknown.std(axis=0) / unknown.mean(axis=0)
    hyper = fitted.hyperparameters
    exact = np.sqrt((1 + 1 / hyper.borough_shape) * (1 + 1 / hyper.ward_shape) - 1)
    np.testing.assert_allclose(spread, exact, rtol=0.15)


def test_a_level_from_proxies_stands_in_only_when_nothing_was_counted() -> None:
    nothing = np.zeros((1, len(OF_WARD)))
    with pytest.raises(AssessmentRefusedError, match="no usable evidence"):
        fit_wards(data(nothing, nothing[0]), n_draws=10, seed=0)
    level = fit_wards(data(nothing, nothing[0], level_per_week=0.04), n_draws=10, seed=0)
    assert level.mean_per_week.mean() == pytest.approx(0.04, rel=0.01)
    _, counts = simulated(8)
    weeks = np.full(len(OF_WARD), 100.0)
    with_level = fit_wards(data(counts[None, :], weeks, level_per_week=9.0), n_draws=10, seed=0)
    without = fit_wards(data(counts[None, :], weeks), n_draws=10, seed=0)
    np.testing.assert_array_equal(with_level.mean_per_week, without.mean_per_week)


def test_no_count_at_all_gives_low_rates_and_no_invented_order() -> None:
    weeks = np.full(len(OF_WARD), 100.0)
    fitted = fit_wards(data(np.zeros((1, len(OF_WARD))), weeks), n_draws=2000, seed=0)
    assert (fitted.mean_per_week > 0).all()
    assert fitted.mean_per_week.sum() * 100 < 5
    ranking = rank_areas(fitted.mean_per_week, fitted.draws)
    assert ranking.probability_top_decile.max() < 0.25
