"""Candidate patrol areas: the connected groups of boroughs a unit could be given.

Groups of boroughs are bit masks (bit b is the b-th borough in code order): comparison,
union and adjacency are single integer operations, and sorting them is deterministic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def neighbour_masks(codes: Sequence[str], links: Sequence[tuple[str, str]]) -> tuple[int, ...]:
    """Bit mask of each borough's neighbours; links to boroughs outside ``codes`` are ignored.

    Parameters
    ----------
    codes
        The patrolled boroughs in code order.
    links
        Pairs of borough codes a motor vehicle can drive between.

    Returns
    -------
    tuple of int
        One mask a borough.
    """
    index = {code: number for number, code in enumerate(codes)}
    masks = [0] * len(codes)
    for code_a, code_b in links:
        if code_a in index and code_b in index and code_a != code_b:
            masks[index[code_a]] |= 1 << index[code_b]
            masks[index[code_b]] |= 1 << index[code_a]
    return tuple(masks)


def mask_of(codes: Sequence[str], members: Sequence[str]) -> int:
    """Bit mask of ``members`` among ``codes``."""
    index = {code: number for number, code in enumerate(codes)}
    return sum(1 << index[member] for member in set(members))


def members_of(mask: int) -> tuple[int, ...]:
    """Positions of the boroughs in a mask, ascending."""
    members = []
    while mask:
        low = mask & -mask
        members.append(low.bit_length() - 1)
        mask ^= low
    return tuple(members)


def connected_areas(
    neighbours: Sequence[int],
    weights: NDArray[np.float64],
    *,
    max_weight: float,
    max_boroughs: int,
    required: int = 0,
    allowed: int | None = None,
    limit: int | None = None,
) -> list[int]:
    """Every connected group of boroughs within the bounds, each exactly once, sorted.

    Enumerates by reverse search without duplicates (Wernicke 2006, algorithm ESU): a group
    grows only from its smallest root by boroughs that are exclusive neighbours of the last
    addition. A branch ends as soon as it is too heavy or too large, because weights are not
    negative.

    Parameters
    ----------
    neighbours
        Neighbour mask of each borough.
    weights
        float (n_boroughs,), >= 0: for example the share of demand.
    max_weight, max_boroughs
        Bounds a group must keep.
    required
        Mask of boroughs every group must contain.
    allowed
        Mask of boroughs groups may use; all when left out.
    limit
        Stop once this many groups were found (the caller then knows the list is cut).

    Returns
    -------
    list of int
        Masks, ascending by size and then by mask.
    """
    usable = (1 << len(neighbours)) - 1 if allowed is None else allowed
    if required & ~usable:
        return []
    found: list[int] = []
    groups = _grow(
        neighbours,
        weights.tolist(),
        max_weight=max_weight,
        max_boroughs=max_boroughs,
        required=required,
        usable=usable,
    )
    for mask in groups:
        found.append(mask)
        if limit is not None and len(found) >= limit:
            break
    return sorted(found, key=lambda mask: (mask.bit_count(), mask))


def _grow(
    neighbours: Sequence[int],
    weights: Sequence[float],
    *,
    max_weight: float,
    max_boroughs: int,
    required: int,
    usable: int,
) -> Iterator[int]:
    # With required boroughs, root only there: every group contains the smallest of them.
    roots = members_of(required)[:1] or members_of(usable)
    for root in roots:
        above = usable if required else usable & ~((1 << (root + 1)) - 1)
        if weights[root] > max_weight or max_boroughs < 1:
            continue
        extension = neighbours[root] & above
        stack = [(1 << root, extension, neighbours[root] | 1 << root, weights[root])]
        while stack:
            area, extension, seen, weight = stack.pop()
            if area & required == required:
                yield area
            if area.bit_count() >= max_boroughs:
                continue
            while extension:
                low = extension & -extension
                extension ^= low
                member = low.bit_length() - 1
                heavier = weight + weights[member]
                if heavier <= max_weight:
                    fresh = neighbours[member] & above & ~seen
                    stack.append(
                        (area | low, extension | fresh, seen | neighbours[member], heavier)
                    )


def connected_parts(mask: int, neighbours: Sequence[int]) -> tuple[int, ...]:
    """Masks of the connected parts of a mask, the one with the lowest borough first."""
    parts = []
    while mask:
        part = frontier = mask & -mask
        while frontier:
            step = 0
            for member in members_of(frontier):
                step |= neighbours[member]
            frontier = step & mask & ~part
            part |= frontier
        parts.append(part)
        mask &= ~part
    return tuple(parts)


def membership(masks: Sequence[int], n_boroughs: int) -> NDArray[np.float64]:
    """Return float (n_boroughs, n_areas): 1 where the area holds the borough."""
    members = np.zeros((n_boroughs, len(masks)))
    for column, mask in enumerate(masks):
        members[list(members_of(mask)), column] = 1.0
    return members
