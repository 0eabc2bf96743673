"""Solve the placement to a proven gap by outer approximation (Duran and Grossmann 1986).

Coverage is concave in the exposures, so a tangent plane at any placement lies above it
everywhere. The master problem is a set partitioning of the boroughs whose objective is held
down by tangent planes, one a borough; its optimum is a proven upper bound, the exact coverage
of its solution a lower one. Each round adds tangents at the placements just seen, until the
two meet. The master has no ward in it, so it stays a hundredth of the size of the textbook
model with a row and several variables a ward.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator.errors import PlanInfeasibleError, PlanTimedOutError
from allocator.plan_problem import PlanProblem
from allocator.solver.linear_solve import Answer, solve_linear
from allocator.solver.local_search import improved
from allocator.solver.master_problem import Master

Floats = NDArray[np.float64]
#: ``report(objective, bound)`` after every round; objective is 0 before the first plan.
Report = Callable[[float, float], None]
MAX_LP_ROUNDS = 40
LP_TOLERANCE = 1e-5
LP_GAIN = 2e-5  # the relaxation is tight enough once a round gains less
RELAXATION_TIME = 0.25  # share of the time for it
PRICING_GAP = 1e-3  # the first plan only has to be good
FLOORED_PRICING_GAP = 2e-2
# Solvers work in thousandths of coverage: their absolute tolerances then are negligible.
SOLVER_SCALE = 1_000.0
CLOSING_SHARE = 0.9  # of the tolerance: the rest is for rounding


@dataclass(frozen=True)
class Solution:
    """What the solve ended with.

    Attributes
    ----------
    columns
        int (n_units,): chosen columns, ascending.
    objective, bound
        Exact expected coverage of the columns, and the proven upper limit of any choice.
    proven, timed_out
        Whether the gap asked for was reached, and whether the time limit ended the solve.
    master
        The master problem with all its tangents.
    """

    columns: NDArray[np.intp]
    objective: float
    bound: float
    proven: bool
    timed_out: bool
    master: Master


def solve(
    problem: PlanProblem,
    *,
    gap_tolerance: float,
    time_limit_s: float,
    report: Report | None = None,
    start: NDArray[np.intp] | None = None,
) -> Solution:
    """Choose the columns of greatest expected coverage, with a proof.

    Parameters
    ----------
    problem
        The columns and rules.
    gap_tolerance
        Stop once (bound - objective) / objective is at most this.
    time_limit_s
        Seconds from now; the best plan so far is returned when they are over.
    report
        Called with objective and bound after every round.
    start
        A feasible choice to start from, when one is known.

    Returns
    -------
    Solution
        An interruption (Ctrl-C, or ``report`` raising ``KeyboardInterrupt``) ends the solve as
        its time limit would: the best plan so far is kept, once there is one.

    Raises
    ------
    PlanInfeasibleError
        No choice keeps every rule.
    PlanTimedOutError
        The time was over before any plan was found.
    KeyboardInterrupt
        The solve was interrupted before any plan was found.
    """
    search = _Search(problem, gap_tolerance, time.monotonic() + time_limit_s, report)
    try:
        search.run(start)
    except KeyboardInterrupt:
        if not search.interrupted():
            raise
    return search.solution()


class _Search:
    """State of one solve: the master, the best plan, the bound and the deadline."""

    def __init__(
        self, problem: PlanProblem, gap_tolerance: float, deadline: float, report: Report | None
    ) -> None:
        self._problem = problem
        self._tolerance = gap_tolerance
        self._deadline = deadline
        self._report = report
        self._master = Master(problem)
        self._best: NDArray[np.intp] | None = None
        self._objective = 0.0
        self._bound = 1.0
        self._relaxed: Answer | None = None
        self._stuck = False
        self._seen: set[tuple[int, ...]] = set()

    def run(self, start: NDArray[np.intp] | None) -> None:
        """Relax, find a first plan and improve it until it is proven or the time is over."""
        if start is not None:
            self.offer(start)
        self.relax()
        self.first_plan()
        self.close_columns()
        while not self.done:
            self.improve()

    def interrupted(self) -> bool:
        """End the search now; whether there is a plan to keep."""
        self._deadline = time.monotonic()
        return self._best is not None

    @property
    def done(self) -> bool:
        return self._proven or self._stuck or self._left_s() <= 0

    @property
    def _proven(self) -> bool:
        return (
            self._best is not None
            and self._bound - self._objective <= self._tolerance * self._objective
        )

    def relax(self) -> None:
        """Tighten the linear relaxation by tangents until it equals the concave one."""
        n_columns = len(self._problem.masks)
        n_units = sum(len(group.units) for group in self._problem.classes)
        self._master.pin()
        self._master.add_tangents(np.full(n_columns, n_units / n_columns))
        patience = self._left_s() * (1.0 - RELAXATION_TIME)
        for _ in range(MAX_LP_ROUNDS):
            answer = self._run(relaxed=True)
            if answer.infeasible:
                raise _infeasible()
            if answer.values is None:
                break
            self._relaxed = answer
            gained, self._bound = self._bound - answer.bound, min(self._bound, answer.bound)
            chosen, estimate = answer.values[:n_columns], answer.values[n_columns:]
            exact = self._problem.covered(self._problem.exposure @ chosen)
            done = answer.bound - exact <= LP_TOLERANCE or gained <= LP_GAIN
            if done or self._left_s() <= patience:
                break
            self._master.drop_slack(chosen, estimate)
            self._master.add_tangents(chosen, estimate)

    def first_plan(self) -> None:
        """Price every column by the slopes of the relaxation and take the best partitions.

        Three prices, because each alone now and then leads to a poor start: the exposure itself,
        its curve to the second order, and what it would reach if it were the only one.
        """
        exposure = self._problem.exposure
        for worth in (exposure, exposure - exposure**2 / 2.0, -np.expm1(-exposure)):
            self._price(worth, floored=False)
        if self._best is None and self._problem.floor > 0.0:
            self._price(exposure, floored=True)
        self._tell()

    def _price(self, worth: Floats, *, floored: bool) -> None:
        """Offer the best partition by price; with the floor's tangents it is only a rough one."""
        if self._relaxed is None or self._relaxed.values is None:
            return
        chosen = self._relaxed.values[: len(self._problem.masks)]
        answer = solve_linear(
            self._master.pricing(chosen, worth, floored=floored),
            relaxed=False,
            gap=FLOORED_PRICING_GAP if floored else PRICING_GAP,
            limit_s=self._left_s() / (4 if floored else 1),
        )
        if answer.infeasible:
            raise _infeasible()
        if answer.values is not None:
            self.offer(np.flatnonzero(answer.values > 0.5))

    def close_columns(self) -> None:
        """Drop columns that no plan better than the best can use (reduced-cost fixing)."""
        if self._relaxed is None or self._relaxed.reduced_costs is None or self._best is None:
            return
        costs = self._relaxed.reduced_costs[: len(self._problem.masks)]
        self._master.remember(self._relaxed.bound, costs)

    def improve(self) -> None:
        """Solve the master for plans better than the best by more than the tolerance, and learn.

        Columns that no such plan can use are closed, so what the master proves of the others
        holds for all plans up to the tolerance. Its placement teaches it new tangents.
        """
        wanted = self._objective * (1.0 + CLOSING_SHARE * self._tolerance)
        if self._best is not None:
            self._master.open_for(wanted, self._best)
        answer = self._run(relaxed=False)
        if answer.infeasible:
            raise _infeasible()
        self._bound = min(self._bound, max(answer.bound, wanted))
        if answer.values is None:
            self._stuck = True
            return
        columns = np.flatnonzero(answer.values[: len(self._problem.masks)] > 0.5)
        if self._has_seen(columns):  # its tangents are in: the master can learn no more of it
            if self._misses_floor(columns):
                self._master.forbid(columns)
            else:  # the model that is written must keep it
                self._stuck = True
        self._learn(columns)
        self.offer(columns)
        self._tell()

    def offer(self, columns: NDArray[np.intp]) -> None:
        """Improve a feasible choice by local search and keep it if it is the best."""
        better, objective = improved(self._problem, columns)
        self._learn(better)
        if objective > self._objective and not self._misses_floor(better):
            self._best, self._objective = better, objective

    def _misses_floor(self, columns: NDArray[np.intp]) -> bool:
        return self._problem.shortfall(self._problem.exposure[:, columns].sum(axis=1)) > 0.0

    def _has_seen(self, columns: NDArray[np.intp]) -> bool:
        return tuple(columns.tolist()) in self._seen

    def _learn(self, columns: NDArray[np.intp]) -> None:
        """Add the tangents at a placement, once."""
        if not self._has_seen(columns):
            self._seen.add(tuple(columns.tolist()))
            chosen = np.zeros(len(self._problem.masks))
            chosen[columns] = 1.0
            self._master.add_tangents(chosen)

    def solution(self) -> Solution:
        if self._best is None:
            raise PlanTimedOutError(
                "the time limit ended the solve before any plan was found",
                remedy="allow more time, for example 60 s",
            )
        return Solution(
            self._best,
            self._objective,
            max(self._bound, self._objective),
            self._proven,
            not self._proven and self._left_s() <= 0,
            self._master,
        )

    def _run(self, *, relaxed: bool) -> Answer:
        """Solve the master in thousandths of coverage and answer in shares."""
        answer = solve_linear(
            self._master.model(SOLVER_SCALE),
            relaxed=relaxed,
            gap=self._tolerance / 4,
            limit_s=self._left_s(),
        )
        values, costs = answer.values, answer.reduced_costs
        if values is not None:
            n_columns = len(self._problem.masks)
            values = np.concatenate([values[:n_columns], values[n_columns:] / SOLVER_SCALE])
        return Answer(
            values,
            min(1.0, answer.bound / SOLVER_SCALE),
            None if costs is None else costs / SOLVER_SCALE,
            answer.infeasible,
        )

    def _left_s(self) -> float:
        return self._deadline - time.monotonic()

    def _tell(self) -> None:
        if self._report is not None:
            self._report(self._objective, self._bound)


def _infeasible() -> PlanInfeasibleError:
    return PlanInfeasibleError(
        "no choice of connected areas gives every borough to exactly one unit",
        remedy="widen eligible_boroughs, remove a lock, lower the floor, or allow more changes",
    )
