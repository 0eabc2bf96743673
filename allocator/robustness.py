"""How a plan holds when demand is not what the posterior mean says: mean and CVaR over draws.

CVaR at a tenth is the mean coverage over the worst tenth of the posterior draws. It equals the
least coverage over all mixtures of a tenth of the draws (Rockafellar and Uryasev 2000), so the
best coverage of *any one* mixture is a proven upper limit of the CVaR of every plan. Plans are
sought mixture by mixture: each round solves for the mean of the worst mixtures of the plans
found so far; the best CVaR found and the least limit proven give the gap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from allocator import coverage
from allocator.plan_problem import PlanProblem
from allocator.plan_world import World
from allocator.solver.outer_approximation import Solution
from allocator.week_days import Floats
from hotspots.assessment import RiskAssessment

TAIL = 0.1
MAX_ROUNDS = 3
#: ``solve(problem, start)``: the best columns of a problem, from those of a known plan.
Solve = Callable[[PlanProblem, NDArray[np.intp]], Solution]


@dataclass(frozen=True)
class Draws:
    """Demand of the week by posterior draw.

    Attributes
    ----------
    shares
        float (n_draws, n_wards): each ward's usual share of demand, rows sum to 1.
    usual, fixed
        float (n_kinds,) and (n_kinds, n_wards): weight of the usual demand on each kind of day,
        and what events add, both as shares of the week's demand.
    """

    shares: Floats
    usual: Floats
    fixed: Floats

    def covered(self, problem: PlanProblem, columns: NDArray[np.intp]) -> Floats:
        """Return the coverage of a plan under every draw, float (n_draws,)."""
        exposure: Floats = problem.exposure[:, columns].sum(axis=1).reshape(self.fixed.shape)
        reached: Floats = -np.expm1(-exposure)
        by_draw: Floats = self.shares @ (self.usual @ reached) + float((self.fixed * reached).sum())
        return np.asarray(by_draw, dtype=np.float64)

    def mixture(self, rows: NDArray[np.intp]) -> Floats:
        """Return the mean demand of some draws at every point, float (n_points,)."""
        share = self.shares[rows].mean(axis=0)
        return np.asarray(self.usual[:, None] * share + self.fixed, dtype=np.float64).ravel()


@dataclass(frozen=True)
class Robustness:
    """Coverage of a plan over the posterior draws.

    Attributes
    ----------
    n_draws
        Draws that expect any incident.
    mean, worst_tenth
        Mean coverage over all draws, and over the worst tenth of them.
    worst_tenth_bound
        Proven upper limit of ``worst_tenth`` of any plan under the rules; nothing when it was
        not sought, or the time was over before anything was proven.
    """

    n_draws: int
    mean: float
    worst_tenth: float
    worst_tenth_bound: float | None = None


def draws_of(assessment: RiskAssessment, world: World) -> Draws | None:
    """Return the week's demand by draw, or nothing when no draw expects an incident."""
    rates = np.asarray(assessment.draws, dtype=np.float64)
    total = rates.sum(axis=1)
    kept = np.isfinite(total) & (total > 0)
    if not kept.any():
        return None
    mean = coverage.demand_shares(assessment)
    usual = np.array([kind.usual for kind in world.kinds])
    demand = np.stack([kind.demand for kind in world.kinds])
    return Draws(
        rates[kept] / total[kept, None], usual, np.maximum(demand - np.outer(usual, mean), 0.0)
    )


def weighed(draws: Draws, problem: PlanProblem, columns: NDArray[np.intp]) -> Robustness:
    """Return the robustness of a plan."""
    by_draw = draws.covered(problem, columns)
    tail = _tail(by_draw)
    return Robustness(len(by_draw), float(by_draw.mean()), float(by_draw[tail].mean()))


def hardened(
    draws: Draws, problem: PlanProblem, columns: NDArray[np.intp], solve: Solve
) -> tuple[NDArray[np.intp], Robustness]:
    """Look for the plan of greatest CVaR under the same rules.

    Parameters
    ----------
    problem, columns
        The request under mean demand, and its best plan.
    solve
        Solves a problem to the tolerance within the time that is left.

    Returns
    -------
    columns : ndarray
        int (n_units,): the best found; it keeps the coverage floor under mean demand.
    robustness : Robustness
        With the proven limit.
    """
    best, best_tail, bound = columns, -np.inf, 1.0
    mixtures: list[Floats] = []
    for _ in range(MAX_ROUNDS):
        by_draw = draws.covered(problem, columns)
        tail = _tail(by_draw)
        kept = problem.shortfall(problem.exposure[:, columns].sum(axis=1)) == 0.0
        if kept and float(by_draw[tail].mean()) > best_tail:
            best, best_tail = columns, float(by_draw[tail].mean())
        mixtures.append(draws.mixture(tail))
        demand = np.mean(mixtures, axis=0)
        solution = solve(replace(problem, demand=demand, worth=demand, floor=0.0), columns)
        bound = min(bound, solution.bound)
        seen, columns = columns, solution.columns
        if np.array_equal(seen, columns) or solution.timed_out:
            break
    final = draws.covered(problem, columns)
    kept = problem.shortfall(problem.exposure[:, columns].sum(axis=1)) == 0.0
    if kept and float(final[_tail(final)].mean()) > best_tail:
        best = columns
    found = weighed(draws, problem, best)
    proven = max(bound, found.worst_tenth) if bound < 1.0 else None
    return best, replace(found, worst_tenth_bound=proven)


def _tail(by_draw: Floats) -> NDArray[np.intp]:
    """Positions of the worst tenth of the draws, at least one."""
    size = max(1, round(TAIL * len(by_draw)))
    return np.argsort(by_draw, kind="stable")[:size]
