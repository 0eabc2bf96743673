"""What every density keeps: all mass, no negative cell, additivity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon, box

from hotspots.errors import AssessmentRefusedError
from hotspots.grid import clip_grid
from hotspots.kernel_density import adaptive_cell_mass, cell_mass, count_mass, decayed

ISLANDS = MultiPolygon(
    [Polygon([(500, 500), (4_000, 700), (2_500, 3_900)]), box(5_000, 2_000, 5_600, 5_600)]
)
GRID = clip_grid(ISLANDS, cell_size_m=200)
EVENTS = st.lists(
    st.tuples(st.floats(0, 6_000), st.floats(0, 6_000), st.floats(0, 5)), min_size=1, max_size=20
)


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.floats(60, 3_000), st.sampled_from(["gaussian", "quartic"]))
def test_mass_is_kept_wherever_the_events_are(events, bandwidth_m, kernel) -> None:
    x, y, weight = (np.array(column) for column in zip(*events, strict=True))
    mass = cell_mass(x, y, weight, GRID, bandwidth_m=bandwidth_m, kernel=kernel)
    assert (mass >= 0).all()
    assert abs(mass.sum() - weight.sum()) <= 1e-9 * max(weight.sum(), 1)
    assert abs(count_mass(x, y, weight, GRID).sum() - weight.sum()) <= 1e-9 * weight.sum() + 1e-12


@settings(max_examples=20, deadline=None)
@given(EVENTS, EVENTS)
def test_densities_add(first, second) -> None:
    def spread(events):
        x, y, weight = (np.array(column) for column in zip(*events, strict=True))
        return cell_mass(x, y, weight, GRID, bandwidth_m=400)

    np.testing.assert_allclose(spread(first + second), spread(first) + spread(second), atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(EVENTS, st.integers(0, 2**32 - 1), st.sampled_from(["gaussian", "quartic"]))
def test_mass_is_kept_with_a_bandwidth_an_event(events, seed, kernel) -> None:
    x, y, weight = (np.array(column) for column in zip(*events, strict=True))
    bandwidth_m = np.random.default_rng(seed).uniform(60, 3_000, len(x))
    mass = adaptive_cell_mass(x, y, weight, GRID, bandwidth_m=bandwidth_m, kernel=kernel)
    assert (mass >= 0).all()
    assert abs(mass.sum() - weight.sum()) <= 1e-9 * max(weight.sum(), 1)


@settings(max_examples=30, deadline=None)
@given(EVENTS, st.floats(60, 1_500))
def test_without_edge_correction_mass_is_only_lost(events, bandwidth_m) -> None:
    x, y, weight = (np.array(column) for column in zip(*events, strict=True))
    mass = cell_mass(x, y, weight, GRID, bandwidth_m=bandwidth_m, edge=False)
    assert (mass >= 0).all()
    assert mass.sum() <= weight.sum() * (1 + 1e-9) + 1e-12


def test_weights_decay_with_age_and_never_come_from_the_future() -> None:
    age = np.array([0.0, 10.0, 30.0])
    np.testing.assert_allclose(
        decayed(np.array([1.0, 2.0, 4.0]), age, half_life_days=10), [1, 1, 0.5]
    )
    for broken, half_life in ((age - 1, 10.0), (age, 0.0)):
        with pytest.raises(AssessmentRefusedError):
            decayed(np.ones(3), broken, half_life_days=half_life)
