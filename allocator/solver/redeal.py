"""Deal the boroughs of a few touching areas out anew: a large neighbourhood of a placement.

Moving one borough at a time ends where two or three would have to move together. Here the areas
of three or four units that touch each other are joined, every way of dealing them out again to
the same classes of units is listed (an exact cover of the joined area by columns), and the best
is taken. The work is bounded by a count of deals, never by a clock, so that the same placement
always climbs to the same one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from allocator.patrol_areas import connected_areas, members_of
from allocator.plan_problem import Floats, PlanProblem

GROUP_SIZES = (3, 4)
MAX_DEALS = 6_000  # of one call
MAX_DEALS_OF_GROUP = 1_000
MIN_GAIN = 1e-10


def redealt(
    problem: PlanProblem, columns: NDArray[np.intp], objective: float, shortfall: float
) -> NDArray[np.intp] | None:
    """Return the best re-deal of the first group of areas that can be dealt out better.

    Parameters
    ----------
    problem
        The columns and rules.
    columns
        int (n_units,): a placement that keeps the rules.
    objective, shortfall
        Its expected coverage, and by how much it misses the coverage floor.

    Returns
    -------
    ndarray or None
        int (n_units,), ascending: a placement that keeps the rules, misses the floor by no more
        and covers more, or misses it by less. Nothing when no group offers one.
    """
    by_lowest = _by_lowest_borough(problem)
    chosen = columns.tolist()
    left = MAX_DEALS
    for size in GROUP_SIZES:
        for group in touching_groups(problem, chosen, size):
            out = [chosen[number] for number in group]
            stay = [column for column in chosen if column not in out]
            base = problem.exposure[:, stay].sum(axis=1)
            kept = int(problem.kept[stay].sum())
            best, reached = None, (-shortfall, objective + MIN_GAIN)
            for deal in _deals(problem, by_lowest, out, min(left, MAX_DEALS_OF_GROUP)):
                left -= 1
                if kept + int(problem.kept[deal].sum()) >= problem.min_kept:
                    merit = _merit(problem, base + problem.exposure[:, deal].sum(axis=1))
                    if merit > reached:
                        best, reached = deal, merit
            if best is not None:
                return np.array(sorted([*stay, *best]), dtype=np.intp)
            if left <= 0:
                return None
    return None


def touching_groups(problem: PlanProblem, columns: list[int], size: int) -> list[tuple[int, ...]]:
    """Return every set of ``size`` chosen areas that hang together, as positions in ``columns``."""
    masks = [problem.masks[column] for column in columns]
    around = [0] * len(masks)
    for number, mask in enumerate(masks):
        for member in members_of(mask):
            around[number] |= problem.world.neighbours[member]
    touching = [
        sum(1 << other for other, mask in enumerate(masks) if other != number and mask & near)
        for number, near in enumerate(around)
    ]
    groups = connected_areas(touching, np.zeros(len(masks)), max_weight=0.0, max_boroughs=size)
    return [members_of(group) for group in groups if group.bit_count() == size]


def _merit(problem: PlanProblem, exposure: Floats) -> tuple[float, float]:
    return -problem.shortfall(exposure), problem.covered(exposure)


def _by_lowest_borough(problem: PlanProblem) -> dict[int, list[int]]:
    """Columns by the lowest borough of their area (a mask with one bit)."""
    columns: dict[int, list[int]] = {}
    for column, mask in enumerate(problem.masks):
        columns.setdefault(mask & -mask, []).append(column)
    return columns


def _deals(
    problem: PlanProblem, by_lowest: dict[int, list[int]], out: list[int], limit: int
) -> Iterator[list[int]]:
    """Up to ``limit`` ways to cover the joined areas by columns of the same classes."""
    joined = 0
    for column in out:
        joined |= problem.masks[column]
    wanted = Counter(int(problem.class_of[column]) for column in out)
    order = {group: number for number, group in enumerate(sorted(wanted))}
    inside: dict[int, list[tuple[int, int, int]]] = {}
    exact: dict[tuple[int, int], int] = {}
    for lowest, columns in by_lowest.items():
        for column in columns if lowest & joined else ():
            mask, group = problem.masks[column], int(problem.class_of[column])
            if group in order and not mask & ~joined:
                inside.setdefault(lowest, []).append((column, mask, order[group]))
                exact[mask, order[group]] = column
    found = 0
    units = tuple(wanted[group] for group in sorted(wanted))
    stack: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = [(joined, (), units)]
    while stack and found < limit:
        uncovered, deal, left = stack.pop()
        more = sum(left) - 1  # units to be given an area after this one
        if not more:
            last = exact.get((uncovered, left.index(1)))
            if last is not None:
                found += 1
                yield [*deal, last]
            continue
        for column, mask, group in inside.get(uncovered & -uncovered, ()):
            rest = uncovered & ~mask
            if left[group] and not mask & ~uncovered and rest.bit_count() >= more:
                fewer = (*left[:group], left[group] - 1, *left[group + 1 :])
                stack.append((rest, (*deal, column), fewer))
