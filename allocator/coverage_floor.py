"""The coverage floor: whether some plan keeps it, and the best that could be asked.

The best floor is a max-min problem over the same columns, solved by the same tangents: raise a
level that no borough's coverage may lie below.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, hstack, vstack

from allocator.errors import PlanInfeasibleError, PlanTimedOutError
from allocator.plan_problem import PlanProblem
from allocator.solver.linear_model import LinearModel
from allocator.solver.linear_solve import Answer, solve_linear
from allocator.solver.local_search import improved
from allocator.solver.master_problem import Master
from allocator.solver.outer_approximation import SOLVER_SCALE, solve

Floats = NDArray[np.float64]
MAX_LP_ROUNDS = 30
LEVEL_TOLERANCE = 1e-3  # the best floor is told in tenths of a percent
#: A first plan is enough, however far from the best.
ANY_GAP = 10.0
SEARCH_LIMIT_S = 20.0


@dataclass(frozen=True)
class BestFloor:
    """The best floor found, the proven limit of any, and the borough that is worst off.

    ``bound`` is at least ``floor``; ``borough`` is a position in the world's boroughs.
    """

    floor: float
    bound: float
    borough: int


def reachable(problem: PlanProblem, *, time_limit_s: float) -> bool | None:
    """Whether some choice keeps every rule and the floor; nothing when time ran out first."""
    try:
        solve(problem, gap_tolerance=ANY_GAP, time_limit_s=time_limit_s)
    except PlanInfeasibleError:
        return False
    except PlanTimedOutError:
        return None
    return True


def best_floor(problem: PlanProblem, *, time_limit_s: float) -> BestFloor | None:
    """Return the highest floor that some choice keeps, within a thousandth or the time.

    Parameters
    ----------
    problem
        The columns and rules; its own floor is set aside.
    time_limit_s
        Seconds from now.

    Returns
    -------
    BestFloor or None
        Nothing when no choice keeps the other rules, or none was found in time.
    """
    free = replace(problem, floor=0.0)
    deadline = time.monotonic() + time_limit_s
    master = Master(free)
    n_columns = len(free.masks)
    master.add_tangents(np.full(n_columns, len(free.members) / n_columns))
    bound = _relaxed_bound(free, master, deadline)
    best: BestFloor | None = None
    while best is None or bound - best.floor > LEVEL_TOLERANCE:
        answer = _run(free, master, relaxed=False, deadline=deadline)
        if answer.values is None:
            return best
        bound = min(bound, answer.bound)
        columns = np.flatnonzero(answer.values[:n_columns] > 0.5)
        climbed, _ = improved(replace(free, floor=bound), columns)
        new = master.add_tangents(_indicator(columns, n_columns), answer.values[n_columns:-1])
        best = _better(free, _better(free, best, columns, bound), climbed, bound)
        if new == 0:  # within the precision of the solver the bound is exact
            break
        master.add_tangents(_indicator(climbed, n_columns))
    return best


def refusal(
    problem: PlanProblem, floor: float, fallback: PlanInfeasibleError, *, time_limit_s: float
) -> PlanInfeasibleError:
    """Return the refusal of a floor that no plan keeps, naming the best floor and the borough.

    Parameters
    ----------
    problem
        Columns under the widest workload bounds.
    floor
        What was asked.
    fallback
        The refusal to give when the floor is not at fault.
    time_limit_s
        Seconds for finding the best floor.
    """
    best = best_floor(problem, time_limit_s=min(time_limit_s, SEARCH_LIMIT_S))
    if best is None or best.floor >= floor:
        return fallback
    name = problem.world.borough_names[best.borough]
    reach = math.floor(1_000 * best.floor) / 1_000
    proven = best.bound - best.floor <= LEVEL_TOLERANCE
    most = "" if proven else f" (more than {best.bound:.1%} is proven impossible)"
    return PlanInfeasibleError(
        f"no plan covers every borough to at least {floor:.1%}: the best floor "
        f"{'possible' if proven else 'found'} is {reach:.1%}{most}, with {name} the worst off",
        remedy=f"ask for a floor of at most {reach:g}, or add units",
    )


def _indicator(columns: NDArray[np.intp], n_columns: int) -> Floats:
    chosen = np.zeros(n_columns)
    chosen[columns] = 1.0
    return chosen


def _better(
    problem: PlanProblem, best: BestFloor | None, columns: NDArray[np.intp], bound: float
) -> BestFloor:
    reached = problem.borough_coverage(problem.exposure[:, columns].sum(axis=1))
    worst = int(reached.argmin())
    floor = max(float(reached[worst]), best.floor if best else 0.0)
    borough = worst if best is None or reached[worst] > best.floor else best.borough
    return BestFloor(floor, max(bound, floor), borough)


def _relaxed_bound(problem: PlanProblem, master: Master, deadline: float) -> float:
    bound, n_columns = 1.0, len(problem.masks)
    for _ in range(MAX_LP_ROUNDS):
        answer = _run(problem, master, relaxed=True, deadline=deadline)
        if answer.values is None:
            break
        bound = min(bound, answer.bound)
        chosen = answer.values[:n_columns]
        exact = problem.borough_coverage(problem.exposure @ chosen).min()
        if bound - exact <= LEVEL_TOLERANCE / 4:
            break
        master.add_tangents(chosen, answer.values[n_columns:-1])
    return bound


def _run(problem: PlanProblem, master: Master, *, relaxed: bool, deadline: float) -> Answer:
    """Solve the max-min master; the last variable is the level, all in shares."""
    n_columns = len(problem.masks)
    answer = solve_linear(
        _levelled(problem, master),
        relaxed=relaxed,
        gap=LEVEL_TOLERANCE / 2,
        limit_s=deadline - time.monotonic(),
    )
    if answer.values is None:
        return answer
    values = answer.values.copy()
    values[n_columns:] /= SOLVER_SCALE
    return replace(answer, values=values, bound=min(1.0, answer.bound / SOLVER_SCALE))


def _levelled(problem: PlanProblem, master: Master) -> LinearModel:
    """Add a level below every borough's coverage, and maximise it."""
    model = master.model(SOLVER_SCALE)
    n_columns, n_groups = len(problem.masks), len(problem.world.borough_codes)
    worth = problem.by_borough(problem.worth)
    rows = np.arange(n_groups)
    above = coo_matrix(
        (1.0 / worth, (rows, n_columns + rows)), shape=(n_groups, n_columns + n_groups)
    )
    level = coo_matrix((-np.ones(n_groups), (rows, np.zeros(n_groups, dtype=int))))
    wider = hstack([model.matrix, csr_matrix((model.matrix.shape[0], 1))])
    return LinearModel(
        matrix=csr_matrix(vstack([wider, hstack([above, level])])),
        row_lower=np.concatenate([model.row_lower, np.zeros(n_groups)]),
        row_upper=np.concatenate([model.row_upper, np.full(n_groups, np.inf)]),
        lower=np.append(model.lower, 0.0),
        upper=np.append(model.upper, SOLVER_SCALE),
        objective=np.append(np.zeros(n_columns + n_groups), 1.0),
        integer=np.append(model.integer, False),
        row_names=(*model.row_names, *(f"level_{code}" for code in problem.world.borough_codes)),
        names=(*model.names, "level"),
    )
