"""The space-time scan: honest on null data, quick to see what emerges, deaf to what is usual."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hotspots.errors import AssessmentRefusedError
from hotspots.scan import Zones, recurrence_in_words, scan, scan_zones

SIDE = 10
X_M, Y_M = (one.ravel() * 1_500.0 for one in np.meshgrid(np.arange(10.0), np.arange(10.0)))
ZONES = scan_zones(X_M, Y_M)
WEIGHTS = np.random.default_rng(0).gamma(1.0, 1.0, 100)
YEAR = 365


def usual(random: np.random.Generator, number: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Return wards and days: places differ, days do not."""
    ward = random.choice(100, number, p=WEIGHTS / WEIGHTS.sum())
    return ward, random.integers(0, YEAR, number)


def test_on_null_data_at_most_one_scan_in_twenty_finds_something() -> None:
    runs = 150
    found = 0
    for seed in range(runs):
        ward, days = usual(np.random.default_rng(seed))
        found += bool(scan(ward, days, ZONES, seed=seed, n_simulations=199))
    assert stats.binomtest(found, runs).proportion_ci(0.99, method="exact").low <= 0.05


@pytest.mark.parametrize(("window", "extra"), [(1, 4), (7, 7), (28, 14)])
def test_what_emerges_is_found_in_its_window(window: int, extra: int) -> None:
    right = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        ward, days = usual(random)
        ward = np.concatenate([ward, np.full(extra, 55)])
        days = np.concatenate([days, np.arange(extra) % window])
        found = scan(ward, days, ZONES, seed=seed, n_simulations=199)
        right += any(55 in one.wards and one.window_days == window for one in found)
        for one in found:
            assert one.observed > one.expected > 0
            assert one.p_value <= 0.05
    assert right >= 10


def test_a_place_that_is_always_busy_and_a_week_busy_everywhere_are_no_news() -> None:
    wrong = 0
    for seed in range(30):
        random = np.random.default_rng(seed)
        ward, days = usual(random)
        ward = np.concatenate([ward, np.full(200, 42)])
        days = np.concatenate([days, random.integers(0, YEAR, 200)])
        ward = np.concatenate([ward, random.choice(ward, 120)])
        days = np.concatenate([days, random.integers(0, 7, 120)])
        wrong += bool(scan(ward, days, ZONES, seed=seed, n_simulations=199))
    assert wrong <= 6  # 1 in 1,000 tries of an honest scan shows more than 5


def test_the_statistic_and_the_p_agree_with_a_slow_reading() -> None:
    random = np.random.default_rng(8)
    ward, days = usual(random, 200)
    ward, days = np.concatenate([ward, np.full(8, 7)]), np.concatenate([days, np.zeros(8, int)])
    found = scan(ward, days, ZONES, seed=1, n_simulations=499, highest_p=1.0)[0]
    total = len(ward)
    best = largest_slowly(ward, days, total)
    in_zone = np.isin(ward, found.wards)
    in_window = days < found.window_days
    assert found.observed == (in_zone & in_window).sum()
    assert found.expected == pytest.approx(in_zone.sum() * in_window.sum() / total)
    assert ratio(found.observed, found.expected, total) == pytest.approx(best)
    shuffles = [largest_slowly(ward, random.permutation(days), total) for _ in range(60)]
    slow = (sum(one >= best for one in shuffles) + 1) / 61
    assert found.p_value == pytest.approx(slow, abs=0.08)


def ratio(observed: float, expected: float, total: int) -> float:
    if observed <= expected:
        return 0.0
    rest = total - observed
    return float(observed * np.log(observed / expected) + rest * np.log(rest / (total - expected)))


def largest_slowly(ward: np.ndarray, days: np.ndarray, total: int) -> float:
    member = ZONES.member.toarray().astype(bool)
    best = 0.0
    for zone in member:
        in_zone = zone[ward]
        for window in (1, 7, 28):
            inside = days < window
            expected = in_zone.sum() * inside.sum() / total
            best = max(best, ratio(float((in_zone & inside).sum()), expected, total))
    return best


def test_clusters_share_no_ward_and_are_sorted() -> None:
    random = np.random.default_rng(4)
    ward, days = usual(random)
    for place in (5, 94):
        ward = np.concatenate([ward, np.full(9, place)])
        days = np.concatenate([days, np.arange(9) % 7])
    found = scan(ward, days, ZONES, seed=1, n_simulations=199)
    assert len(found) >= 2
    every = [one for cluster in found for one in cluster.wards]
    assert len(every) == len(set(every))
    p = [one.p_value for one in found]
    assert p == sorted(p)
    assert found == scan(ward, days, ZONES, seed=1, n_simulations=199)


def test_too_few_or_nothing_recent_abstains() -> None:
    assert scan(np.zeros(19, int), np.zeros(19, int), ZONES, seed=1) == ()
    assert scan(np.zeros(50, int), np.full(50, 100), ZONES, seed=1) == ()
    assert scan(np.zeros(0, int), np.zeros(0, int), ZONES, seed=1) == ()
    assert scan(np.zeros(50, int), np.zeros(50, int), ZONES, seed=1) == ()  # all in one ward, now


def test_zones_are_circles_of_whole_wards_each_once() -> None:
    assert ZONES.member.shape[0] == len({tuple(row) for row in ZONES.member.toarray().tolist()})
    sizes = ZONES.member.sum(axis=1)
    assert sorted(set(sizes.tolist()))[0] == 1
    for row in range(0, ZONES.member.shape[0], 17):
        centre = ZONES.centre[row]
        wards = ZONES.member[[row]].indices
        assert centre in wards
        apart = np.hypot(X_M[wards] - X_M[centre], Y_M[wards] - Y_M[centre])
        assert apart.max() <= 3_000.0


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (7.0, "about once a week"),
        (21.0, "about once in 3 weeks"),
        (140.0, "about once in 5 months"),
        (7_000.0, "about once in 19 years"),
    ],
)
def test_recurrence_is_said_in_plain_words(days: float, said: str) -> None:
    assert recurrence_in_words(days) == said


@pytest.mark.parametrize(
    ("ward", "days", "changes"),
    [
        ([100], [1], {}),
        ([-1], [1], {}),
        ([1], [-1], {}),
        ([1], [1, 2], {}),
        ([1], [1], {"windows_days": ()}),
        ([1], [1], {"windows_days": (0,)}),
        ([1], [1], {"n_simulations": 0}),
    ],
)
def test_bad_requests_are_refused(
    ward: list[int], days: list[int], changes: dict[str, object]
) -> None:
    with pytest.raises(AssessmentRefusedError, match="Remedy"):
        scan(np.array(ward), np.array(days), ZONES, seed=1, **changes)  # type: ignore[arg-type]  # wrong on purpose


def test_zones_are_plain_values() -> None:
    assert isinstance(ZONES, Zones)
    assert ZONES.centre.shape == (ZONES.member.shape[0],)
