"""Enumeration of connected groups against all subsets."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.patrol_areas import connected_areas, connected_parts, members_of, neighbour_masks


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, tuple[tuple[int, int], ...], list[float]]:
    size = draw(st.integers(1, 7))
    pairs = list(itertools.combinations(range(size), 2))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    weights = draw(st.lists(st.floats(0, 1), min_size=size, max_size=size))
    return size, tuple(chosen), weights


@settings(max_examples=150, deadline=None)
@given(graphs(), st.floats(0, 3), st.integers(1, 7), st.integers(0, 127), st.integers(0, 127))
def test_every_connected_group_within_bounds_exactly_once(
    graph: tuple[int, tuple[tuple[int, int], ...], list[float]],
    max_weight: float,
    max_boroughs: int,
    required: int,
    allowed: int,
) -> None:
    size, pairs, weights = graph
    everything = (1 << size) - 1
    required, allowed = required & everything, allowed & everything
    codes = [str(number) for number in range(size)]
    neighbours = neighbour_masks(codes, [(str(a), str(b)) for a, b in pairs])
    found = connected_areas(
        neighbours,
        np.array(weights),
        max_weight=max_weight,
        max_boroughs=max_boroughs,
        required=required,
        allowed=allowed,
    )
    roads = {frozenset(pair) for pair in pairs}
    expected = [
        sum(1 << member for member in group)
        for count in range(1, max_boroughs + 1)
        for group in itertools.combinations(range(size), count)
        if set(members_of(required)) <= set(group) <= set(members_of(allowed))
        and _reaches_all(set(group), roads)
        and sum(weights[m] for m in group) <= max_weight - 1e-9
    ]
    near = {
        mask
        for mask in found
        if abs(sum(weights[m] for m in members_of(mask)) - max_weight) <= 1e-9
    }
    assert len(found) == len(set(found))
    assert set(found) - near == set(expected)
    assert found == sorted(found, key=lambda mask: (mask.bit_count(), mask))


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_parts_are_the_connected_components(
    graph: tuple[int, tuple[tuple[int, int], ...], list[float]],
) -> None:
    size, pairs, _ = graph
    neighbours = neighbour_masks(
        [str(n) for n in range(size)], [(str(a), str(b)) for a, b in pairs]
    )
    parts = connected_parts((1 << size) - 1, neighbours)
    roads = {frozenset(pair) for pair in pairs}
    assert sorted(member for part in parts for member in members_of(part)) == list(range(size))
    for part in parts:
        inside = set(members_of(part))
        assert _reaches_all(inside, roads)
        assert not any(len(road & inside) == 1 for road in roads)


def _reaches_all(group: set[int], roads: set[frozenset[int]]) -> bool:
    reached = {min(group)}
    for _ in group:
        reached |= {m for m in group for r in reached if frozenset((m, r)) in roads}
    return reached == group
