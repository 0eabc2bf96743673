"""Expected coverage against its definition, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.coverage import (
    area_reach,
    borough_reach,
    demand_shares,
    expected_coverage,
    exposure,
    reach_probability,
)
from allocator.errors import PlanningRefusedError
from allocator.patrol_areas import membership
from allocator.settings import PlanSettings
from allocator.travel_time import travel_time
from tests.oracle.plan_worlds import make_world


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 31))
def test_reach_of_an_area_is_the_time_weighted_mean_over_its_wards(seed: int, mask: int) -> None:
    random = np.random.default_rng(seed)
    owner = np.concatenate([np.arange(5), random.integers(0, 5, 8)])
    chance, weights = random.random((13, 13)), random.random(13) + 0.01
    from_borough = borough_reach(chance, weights, owner)
    reach = area_reach(from_borough, np.bincount(owner, weights=weights), membership([mask], 5))[
        :, 0
    ]
    inside = [ward for ward in range(13) if mask >> int(owner[ward]) & 1]
    for target in range(13):
        slow = sum(weights[w] * chance[w, target] for w in inside) / sum(weights[w] for w in inside)
        assert reach[target] == pytest.approx(slow, abs=1e-12)


@pytest.mark.parametrize("units", [1, 2, 5])
@pytest.mark.parametrize("busy_fraction", [0.05, 0.3, 0.8])
def test_certain_reach_gives_mexclp(units: int, busy_fraction: float) -> None:
    total = units * exposure(np.ones(1), 1.0, busy_fraction)
    assert expected_coverage(np.ones(1), total) == pytest.approx(1 - busy_fraction**units)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0.05, 0.9))
def test_coverage_of_independent_units(reach: list[float], busy_fraction: float) -> None:
    total = sum(exposure(np.array([r]), 1.0, busy_fraction) for r in reach)
    nobody = np.prod([1 - (1 - busy_fraction) * r for r in reach])
    assert expected_coverage(np.ones(1), np.asarray(total)) == pytest.approx(1 - nobody, abs=1e-12)


def test_one_second_around_the_standard_is_a_small_step() -> None:
    codes = tuple(f"W{n}" for n in range(601))
    seconds = np.tile(np.arange(240.0, 841.0), (601, 1))
    chance = reach_probability(travel_time(codes, seconds, source="test"), 540, PlanSettings())[0]
    assert (np.diff(chance) <= 0).all()
    assert np.abs(np.diff(chance)).max() < 0.005
    assert chance[300] == pytest.approx(0.5)
    assert chance[0] > 0.99


@pytest.mark.parametrize("rate", [float("nan"), -1.0, float("inf")])
def test_a_rate_that_is_no_rate_is_refused_by_ward(rate: float) -> None:
    from dataclasses import replace

    world = make_world(0)
    bad = replace(world, wards=(replace(world.wards[0], expected_per_week=rate), *world.wards[1:]))
    with pytest.raises(PlanningRefusedError, match=world.wards[0].code):
        demand_shares(bad)


def test_no_demand_anywhere_is_refused() -> None:
    from dataclasses import replace

    world = make_world(0)
    empty = replace(world, wards=tuple(replace(w, expected_per_week=0.0) for w in world.wards))
    with pytest.raises(PlanningRefusedError, match="no incident anywhere"):
        demand_shares(empty)
