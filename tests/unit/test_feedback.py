"""The feedback guard: what patrols find never moves a score; counting it would."""

from __future__ import annotations

import numpy as np
import pytest

from hotspots.errors import AssessmentRefusedError
from hotspots.feedback import (
    COUNT_CHANNELS,
    RECORD_CHANNELS,
    LoopResult,
    LoopSettings,
    simulate_feedback,
)
from hotspots.sources import DISCOVERED_CATEGORIES, REGISTRY, load_default_policy

POLICY = load_default_policy()
THOUSAND = LoopSettings(rounds=1_000, review_every=50)


@pytest.fixture(scope="module")
def guarded() -> LoopResult:
    return simulate_feedback(POLICY, seed=1, settings=THOUSAND)


def test_over_a_thousand_rounds_the_share_stays_near_one_half(guarded: LoopResult) -> None:
    assert len(guarded.score_share) == 20
    assert guarded.farthest_from_half <= 0.05
    assert set(np.round(guarded.patrol_share, 9)) == {0.2, 0.8}  # patrols did follow the score


def test_counting_what_patrols_find_fails_the_same_test() -> None:
    naive = simulate_feedback(
        POLICY, seed=1, settings=LoopSettings(rounds=300, review_every=30), naive=True
    )
    assert naive.farthest_from_half > 0.05
    last = naive.score_share[5:]
    assert (last > 0.55).all() or (last < 0.45).all()  # it never comes back


def test_how_much_patrols_find_and_where_they_go_changes_no_score_at_all() -> None:
    few = LoopSettings(rounds=60, review_every=20)
    many = LoopSettings(rounds=60, review_every=20, found_per_round=400, leader_share=1.0)
    first, second = (simulate_feedback(POLICY, seed=2, settings=one) for one in (few, many))
    np.testing.assert_array_equal(first.score_share, second.score_share)


def test_every_role_and_way_of_being_discovered_is_among_the_channels() -> None:
    sources = {source for source, _, _ in (*RECORD_CHANNELS, *COUNT_CHANNELS)}
    assert {POLICY.of(source).role for source in sources} == {"incident", "proxy", "prior", "shown"}
    assert sources <= set(REGISTRY)
    for _, category, basis in (*RECORD_CHANNELS, *COUNT_CHANNELS):
        assert basis == "discovered" or category in DISCOVERED_CATEGORIES


@pytest.mark.parametrize(
    "changes",
    [
        {"rounds": 0},
        {"review_every": 0},
        {"reported_per_round": 0.0},
        {"found_per_round": float("nan")},
        {"leader_share": 0.4},
    ],
)
def test_a_loop_that_cannot_be_played_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(AssessmentRefusedError, match="loop"):
        LoopSettings(**changes)  # type: ignore[arg-type]  # wrong on purpose
