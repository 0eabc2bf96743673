"""Ranks and tiers against plain counting."""

from __future__ import annotations

import numpy as np

from hotspots.ranking import rank_areas, tiers


def test_ranks_are_those_of_plain_counting() -> None:
    random = np.random.default_rng(0)
    draws = random.gamma(2.0, 1.0, (301, 23)).astype(np.float32) * np.linspace(1, 3, 23)
    draws = draws.astype(np.float32)
    mean = draws.mean(axis=0, dtype=float)
    ranking = rank_areas(mean, draws)
    slow = np.array([[1 + int((row > value).sum()) for value in row] for row in draws])
    for area in range(23):
        low, high = ranking.rank_lower_90[area], ranking.rank_upper_90[area]
        inside = ((slow[:, area] >= low) & (slow[:, area] <= high)).mean()
        assert inside >= 0.9
        assert (slow[:, area] < low).mean() <= 0.05
        assert (slow[:, area] > high).mean() <= 0.05
        assert ranking.probability_top_decile[area] == (slow[:, area] <= 3).mean()
        assert ranking.rank[area] == 1 + (mean > mean[area]).sum()


def test_tiers_abstain_where_the_order_is_noise() -> None:
    random = np.random.default_rng(1)
    same = random.gamma(2.0, 1.0, (4000, 50)).astype(np.float32)
    known = ("known",) * 50
    assert set(tiers(rank_areas(same.mean(axis=0, dtype=float), same), known)) == {
        "not distinguishable"
    }
    scale = np.ones(50, dtype=np.float32)
    scale[:3], scale[40:] = 40.0, 0.01
    apart = same * scale
    named = tiers(rank_areas(apart.mean(axis=0, dtype=float), apart), known)
    assert named[:3] == ("highest",) * 3
    assert set(named[40:]) == {"lower"}
    hidden = tiers(rank_areas(apart.mean(axis=0, dtype=float), apart), ("unknown",) * 50)
    assert set(hidden) == {"no data"}
