"""The neighbourhood test: exact where it can be checked, honest on null data, able to find."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from hotspots.errors import AssessmentRefusedError
from hotspots.significance import (
    benjamini_hochberg,
    fit_null,
    linked_neighbours,
    near_neighbours,
    neighbourhood_tests,
)

N = 26 * 26
X_M, Y_M = (one.ravel() * 1_500.0 for one in np.meshgrid(np.arange(26.0), np.arange(26.0)))
NEAR = near_neighbours(X_M, Y_M, radius_m=1_500.0)


def counts_of(random: np.random.Generator, mean: np.ndarray, shape: float | None) -> np.ndarray:
    rates = mean if shape is None else mean * random.gamma(shape, 1 / shape, len(mean))
    return random.poisson(rates).astype(np.int64)


@pytest.mark.parametrize(("level", "shape"), [(0.05, None), (0.4, None), (3.0, None), (2.0, 1.5)])
def test_on_null_data_at_most_one_area_and_one_map_in_twenty_is_found(
    level: float, shape: float | None
) -> None:
    areas, maps, n_maps = 0, 0, 30
    for seed in range(n_maps):
        random = np.random.default_rng(seed)
        exposure = random.uniform(0.3, 1.7, N)
        counts = counts_of(random, level * exposure, shape)
        null = fit_null(counts, exposure)
        tests = neighbourhood_tests(counts, null.rate * exposure, NEAR, shape=null.shape, seed=seed)
        areas += int((tests.p_value <= 0.05).sum())
        maps += bool(tests.significant.any())
    # The 99 % intervals (areas: allowing for the overlap of 5 neighbours) reach down to 5 %.
    assert areas / (N * n_maps) <= 0.05 + 2.58 * np.sqrt(5 * 0.05 * 0.95 / (N * n_maps))
    assert stats.binomtest(maps, n_maps).proportion_ci(0.99, method="exact").low <= 0.05


def test_planted_neighbourhoods_are_found() -> None:
    centre = 13 * 26 + 13
    raised = NEAR[[centre]].indices
    found = other = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        mean = np.full(N, 1.0)
        mean[raised] = 5.0
        counts = random.poisson(mean)
        null = fit_null(counts, np.ones(N))
        tests = neighbourhood_tests(
            counts, np.full(N, null.rate), NEAR, shape=null.shape, seed=seed
        )
        found += bool(tests.significant[centre])
        near = NEAR[raised].sum(axis=0) > 0
        other += bool(tests.significant[~near].any())
    assert found >= 17
    assert other <= 5


def test_pseudo_p_agrees_with_the_exact_poisson_tail() -> None:
    random = np.random.default_rng(2)
    expected = random.uniform(0.2, 2.0, N)
    counts = random.poisson(expected)
    for alternative in ("greater", "less"):
        tests = neighbourhood_tests(
            counts, expected, NEAR, shape=None, seed=1, alternative=alternative
        )
        means = NEAR @ expected
        exact = (
            stats.poisson.sf(tests.observed - 1, means)
            if alternative == "greater"
            else stats.poisson.cdf(tests.observed, means)
        )
        error = np.sqrt(exact * (1 - exact) / 999) + 1 / 1000
        assert (np.abs(tests.p_value - exact) < 4.5 * error).all()
        np.testing.assert_allclose(tests.expected, means)


def test_the_same_seed_gives_the_same_p_and_another_one_nearly() -> None:
    random = np.random.default_rng(3)
    counts, expected = random.poisson(2.0, N), np.full(N, 2.0)
    first, again, other = (
        neighbourhood_tests(counts, expected, NEAR, shape=2.0, seed=seed) for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first.p_value, again.p_value)
    assert (first.p_value != other.p_value).any()
    assert np.abs(first.p_value - other.p_value).max() < 0.1


def test_p_is_never_zero_and_areas_where_nothing_is_expected_abstain() -> None:
    counts = np.array([500, 0, 0], dtype=np.int64)
    apart = sparse.csr_array(np.eye(3))
    tests = neighbourhood_tests(counts, np.array([1.0, 1.0, 0.0]), apart, shape=None, seed=1)
    assert tests.p_value.tolist() == [1 / 20_000, 1.0, 1.0]
    assert tests.significant.tolist() == [True, False, False]


def test_the_shape_is_fitted_only_where_the_counts_ask_for_it() -> None:
    random = np.random.default_rng(7)
    exposure = random.uniform(0.5, 2.0, 2_000)
    spread = fit_null(counts_of(random, 3 * exposure, 2.0), exposure)
    assert spread.rate == pytest.approx(3.0, rel=0.06)
    assert spread.shape == pytest.approx(2.0, rel=0.15)
    never = [fit_null(random.poisson(3 * exposure), exposure).shape for _ in range(40)]
    assert sum(one is None for one in never) >= 33
    assert fit_null(np.zeros(5, dtype=np.int64), np.ones(5)).rate == 0.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=40))
def test_benjamini_hochberg_agrees_with_its_definition(values: list[float]) -> None:
    p = np.array(values)
    q = benjamini_hochberg(p)
    np.testing.assert_allclose(q, stats.false_discovery_control(p), rtol=1e-12)


def test_neighbours_are_symmetric_and_include_the_area_itself() -> None:
    near = near_neighbours(np.array([0.0, 100.0, 250.0]), np.zeros(3), radius_m=100.0).toarray()
    assert near.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    linked = linked_neighbours(3, np.array([0, 1, 0]), np.array([1, 0, 1])).toarray()
    assert linked.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    "changes",
    [
        {"counts": np.array([1, -1])},
        {"counts": np.array([1, 2, 3])},
        {"expected": np.array([1.0, np.nan])},
        {"expected": np.array([1.0, -1.0])},
        {"neighbours": sparse.csr_array(np.eye(3))},
        {"shape": 0.0},
        {"shape": float("nan")},
        {"alternative": "two-sided"},
        {"n_simulations": 0},
        {"n_refined": 10},
    ],
)
def test_bad_requests_are_refused(changes: dict[str, object]) -> None:
    request: dict[str, object] = {
        "counts": np.array([1, 2]),
        "expected": np.array([1.0, 2.0]),
        "neighbours": sparse.csr_array(np.eye(2)),
        "shape": None,
        "seed": 1,
    }
    with pytest.raises(AssessmentRefusedError, match="Remedy"):
        neighbourhood_tests(**(request | changes))  # type: ignore[arg-type]  # wrong on purpose


def test_no_exposure_at_all_is_refused() -> None:
    with pytest.raises(AssessmentRefusedError, match="exposure"):
        fit_null(np.array([1, 2]), np.zeros(2))
