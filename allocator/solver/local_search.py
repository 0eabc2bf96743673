"""Improve a placement by moving or swapping border boroughs between areas.

The same neighbourhood serves three ends: better starting plans for the exact solve, plans
that no small step can improve, and each unit's runner-up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator.patrol_areas import members_of
from allocator.plan_problem import PlanProblem
from allocator.solver.redeal import redealt

MIN_GAIN = 1e-10


@dataclass(frozen=True)
class Step:
    """Exchange two chosen columns for two others.

    ``objective`` and ``shortfall`` (below the coverage floor) are those of the new plan.
    """

    out: tuple[int, int]
    into: tuple[int, int]
    objective: float
    shortfall: float


def improved(problem: PlanProblem, columns: NDArray[np.intp]) -> tuple[NDArray[np.intp], float]:
    """Climb to a placement that no step and no re-deal improves: first the floor, then coverage.

    Returns
    -------
    columns : ndarray
        int (n_units,), ascending.
    objective : float
        Its expected coverage.
    """
    current = np.sort(columns)
    while True:
        current, objective, shortfall = _climbed(problem, current)
        better = redealt(problem, current, objective, shortfall)
        if better is None:
            return current, objective
        current = better


def _climbed(
    problem: PlanProblem, columns: NDArray[np.intp]
) -> tuple[NDArray[np.intp], float, float]:
    """Take the best single step until none helps; also return objective and shortfall."""
    current = columns
    total = problem.exposure[:, current].sum(axis=1)
    objective, shortfall = problem.covered(total), problem.shortfall(total)
    while True:
        best, reached = None, (-shortfall, objective + MIN_GAIN)
        for step in steps(problem, current):
            if (-step.shortfall, step.objective) > reached:
                best, reached = step, (-step.shortfall, step.objective)
        if best is None:
            return current, objective, shortfall
        kept = [column for column in current.tolist() if column not in best.out]
        current = np.array(sorted([*kept, *best.into]), dtype=np.intp)
        objective, shortfall = best.objective, best.shortfall


def steps(problem: PlanProblem, columns: NDArray[np.intp]) -> Iterator[Step]:
    """Every step from a placement that keeps the rules, in a fixed order.

    A step moves one borough to a neighbouring area, swaps two boroughs between neighbouring
    areas, or lets two units of different classes exchange areas.
    """
    chosen = columns.tolist()
    position = {
        (mask, int(group)): number
        for number, (mask, group) in enumerate(zip(problem.masks, problem.class_of, strict=True))
    }
    total = problem.exposure[:, columns].sum(axis=1)
    n_kept = int(problem.kept[columns].sum())
    for first, left in enumerate(chosen):
        for right in chosen[first + 1 :]:
            pair = (left, right)
            kept_without = n_kept - int(problem.kept[list(pair)].sum())
            base = total - problem.exposure[:, left] - problem.exposure[:, right]
            for masks in _exchanges(problem, left, right):
                for into in _columns_for(problem, position, pair, masks):
                    if kept_without + int(problem.kept[list(into)].sum()) < problem.min_kept:
                        continue
                    exposure = base + problem.exposure[:, into[0]] + problem.exposure[:, into[1]]
                    yield Step(pair, into, problem.covered(exposure), problem.shortfall(exposure))


def _exchanges(problem: PlanProblem, left: int, right: int) -> Iterator[tuple[int, int]]:
    """Pairs of areas that two areas become by a move or a swap; first the areas as they are."""
    a, b = problem.masks[left], problem.masks[right]
    if problem.class_of[left] != problem.class_of[right]:
        yield a, b
    neighbours = problem.world.neighbours
    from_a = [member for member in members_of(a) if neighbours[member] & b]
    from_b = [member for member in members_of(b) if neighbours[member] & a]
    for give in from_a:
        yield a & ~(1 << give), b | 1 << give
    for take in from_b:
        yield a | 1 << take, b & ~(1 << take)
    for give in from_a:
        for take in from_b:
            yield a & ~(1 << give) | 1 << take, b & ~(1 << take) | 1 << give


def _columns_for(
    problem: PlanProblem,
    position: dict[tuple[int, int], int],
    pair: tuple[int, int],
    masks: tuple[int, int],
) -> Iterator[tuple[int, int]]:
    """Columns of two areas for the classes of a pair, both ways round, if they exist."""
    class_a, class_b = (int(problem.class_of[column]) for column in pair)
    orders = {(masks[0], masks[1]), (masks[1], masks[0])} if class_a != class_b else {masks}
    for mask_a, mask_b in sorted(orders):
        into = position.get((mask_a, class_a)), position.get((mask_b, class_b))
        if into[0] is not None and into[1] is not None and into != pair:
            yield into[0], into[1]
