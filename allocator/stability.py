"""Among plans as good as the best, the one that changes the fewest units' areas.

A lexicographic second stage: the first found the best coverage and its proof; this one keeps
coverage at or above a floor just below it and maximises the units that keep their area. The
tangents of the first stage overestimate coverage, so a placement that only seems to keep the
floor teaches the model its own tangents and the stage goes on.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from allocator.plan_problem import PlanProblem
from allocator.solver.linear_model import LinearModel
from allocator.solver.linear_solve import solve_linear
from allocator.solver.local_search import improved
from allocator.solver.outer_approximation import SOLVER_SCALE, Solution

KEPT_GAP = 1e-6
ROUNDING = 1e-9


def steadied(
    problem: PlanProblem, solution: Solution, *, floor: float, time_limit_s: float
) -> Solution:
    """Return a solution of at least ``floor`` coverage that keeps as many areas as possible.

    Parameters
    ----------
    problem
        The columns; ``problem.kept`` marks those that leave a unit's area as it was.
    solution
        What the first stage ended with.
    floor
        Least expected coverage.
    time_limit_s
        Seconds from now; the solution is returned as it came when they are over.

    Returns
    -------
    Solution
        Its bound is that of the first stage: it speaks of coverage alone.
    """
    deadline = time.monotonic() + time_limit_s
    if _n_kept(problem, solution.columns) == _most_kept(problem) or not problem.kept.any():
        return solution
    floor = min(floor, solution.objective)
    n_columns = len(problem.masks)
    solution.master.open_for(floor, solution.columns)
    while time.monotonic() < deadline:
        answer = solve_linear(
            _kept_model(problem, solution, floor),
            relaxed=False,
            gap=KEPT_GAP,
            limit_s=deadline - time.monotonic(),
        )
        if answer.values is None:
            return solution
        columns = np.flatnonzero(answer.values[:n_columns] > 0.5)
        if _n_kept(problem, columns) <= _n_kept(problem, solution.columns):
            return solution
        total = problem.exposure[:, columns].sum(axis=1)
        if problem.covered(total) >= floor - ROUNDING and not problem.shortfall(total):
            return _polished(problem, solution, columns)
        chosen = np.zeros(n_columns)
        chosen[columns] = 1.0
        if not solution.master.add_tangents(chosen, answer.values[n_columns:] / SOLVER_SCALE):
            return solution  # within the precision of the solver: it has no more to learn
    return solution


def _polished(problem: PlanProblem, solution: Solution, columns: NDArray[np.intp]) -> Solution:
    """Climb to the best coverage near a placement without changing more units."""
    steady = replace(problem, min_kept=_n_kept(problem, columns))
    better, objective = improved(steady, columns)
    return replace(
        solution, columns=better, objective=objective, bound=max(solution.bound, objective)
    )


def _kept_model(problem: PlanProblem, solution: Solution, floor: float) -> LinearModel:
    """Turn the master round: coverage is a row, the kept areas are the objective."""
    master = solution.master.model(SOLVER_SCALE)
    n_columns = len(problem.masks)
    reached = np.zeros((1, len(master.objective)))
    reached[0, n_columns:] = 1.0
    kept = np.zeros(len(master.objective))
    kept[:n_columns] = problem.kept
    return replace(
        master,
        matrix=csr_matrix(vstack([master.matrix, csr_matrix(reached)])),
        row_lower=np.append(master.row_lower, SOLVER_SCALE * (floor - ROUNDING)),
        row_upper=np.append(master.row_upper, np.inf),
        row_names=(*master.row_names, "least_coverage"),
        objective=kept,
    )


def _n_kept(problem: PlanProblem, columns: NDArray[np.intp]) -> int:
    return int(problem.kept[columns].sum())


def _most_kept(problem: PlanProblem) -> int:
    return sum(len(group.units) for group in problem.classes)
