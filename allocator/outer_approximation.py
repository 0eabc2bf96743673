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
from scipy.sparse import csr_matrix, hstack, vstack

from allocator.coverage import expected_coverage
from allocator.errors import PlanInfeasibleError, PlanTimedOutError
from allocator.linear_model import LinearModel
from allocator.linear_solve import Answer, solve_linear
from allocator.local_search import improved
from allocator.plan_problem import PlanProblem

Floats = NDArray[np.float64]
#: ``report(objective, bound)`` after every round; objective is 0 before the first plan.
Report = Callable[[float, float], None]
MAX_LP_ROUNDS = 40
LP_TOLERANCE = 1e-5
NEGLIGIBLE_COEFFICIENT = 1e-12
PRICING_GAP = 1e-3  # the first plan only has to be good
# Solvers work in thousandths of coverage: their absolute tolerances then are negligible.
SOLVER_SCALE = 1_000.0


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


class Master:
    """The master problem: partition rows, class counts, and the tangents gathered so far."""

    def __init__(self, problem: PlanProblem) -> None:
        self._problem = problem
        world = problem.world
        self._n_groups = len(world.borough_codes)
        self._wards = [
            np.flatnonzero(world.borough_of_ward == group) for group in range(self._n_groups)
        ]
        self._coefficients: list[Floats] = []
        self._sides: list[float] = []
        self._groups: list[int] = []
        self._names: list[str] = []
        self._rounds = 0
        self._relaxed: tuple[float, Floats] | None = None
        self.open_columns = np.ones(len(problem.masks), dtype=np.bool_)

    def remember(self, relaxed_bound: float, reduced_costs: Floats) -> None:
        """Keep the optimum of the linear relaxation and its reduced costs, (n_columns,)."""
        self._relaxed = (relaxed_bound, reduced_costs)

    def open_for(self, objective: float, chosen: NDArray[np.intp]) -> None:
        """Close the columns that no plan of at least ``objective`` can use, but never ``chosen``.

        Reduced-cost fixing: a column costs the relaxation at least its reduced cost.
        """
        if self._relaxed is None:
            return
        relaxed_bound, costs = self._relaxed
        self.open_columns = costs >= objective - relaxed_bound - 1e-9
        self.open_columns[chosen] = True

    def add_tangents(self, chosen: Floats, estimate: Floats | None = None) -> int:
        """Add a borough's tangent at a (possibly fractional) choice where it says something new.

        Parameters
        ----------
        chosen
            float (n_columns,).
        estimate
            float (n_boroughs,): what the master believed each borough contributes; only
            boroughs it overestimated get a tangent.
        """
        world, exposure = self._problem.world, self._problem.exposure
        total = exposure @ chosen
        slope = world.demand * np.exp(-total)
        value = -world.demand * np.expm1(-total)
        added = 0
        for group, wards in enumerate(self._wards):
            if estimate is not None and estimate[group] <= value[wards].sum() + 1e-8:
                continue
            coefficients = slope[wards] @ exposure[wards]
            small = coefficients < NEGLIGIBLE_COEFFICIENT
            slack = NEGLIGIBLE_COEFFICIENT * len(self._wards) * bool(small.any())
            side = float((value[wards] - slope[wards] * total[wards]).sum()) + slack
            self._coefficients.append(np.where(small, 0.0, coefficients))
            self._sides.append(side)
            self._groups.append(group)
            self._names.append(f"tangent_{world.borough_codes[group]}_{self._rounds}")
            added += 1
        self._rounds += 1
        return added

    def model(self, scale: float = 1.0) -> LinearModel:
        """Return the master as it stands, coverage times ``scale``; closed columns are 0."""
        problem = self._problem
        n_columns, n_cuts = len(problem.masks), len(self._sides)
        reach = csr_matrix(
            (np.ones(n_cuts), (np.arange(n_cuts), self._groups)), shape=(n_cuts, self._n_groups)
        )
        tangents = hstack([csr_matrix(-scale * np.array(self._coefficients)), reach])
        rows, low, high, names = rule_rows(problem)
        rules = hstack([rows, csr_matrix((rows.shape[0], self._n_groups))])
        codes = problem.world.borough_codes
        return LinearModel(
            matrix=csr_matrix(vstack([tangents, rules])),
            row_lower=np.concatenate([np.full(n_cuts, -np.inf), low]),
            row_upper=np.concatenate([scale * np.array(self._sides), high]),
            lower=np.zeros(n_columns + self._n_groups),
            upper=np.concatenate([self.open_columns.astype(float), np.full(self._n_groups, scale)]),
            objective=np.concatenate([np.zeros(n_columns), np.ones(self._n_groups)]),
            integer=np.arange(n_columns + self._n_groups) < n_columns,
            row_names=(*self._names, *names),
            names=(
                *(
                    f"area_{mask:x}_class_{position}"
                    for mask, position in zip(problem.masks, problem.class_of.tolist(), strict=True)
                ),
                *(f"coverage_{code}" for code in codes),
            ),
        )


def rule_rows(problem: PlanProblem) -> tuple[csr_matrix, Floats, Floats, tuple[str, ...]]:
    """Return rows, bounds and names: partition, units of each class, units that stay."""
    n_classes = len(problem.classes)
    counts = np.array([float(len(group.units)) for group in problem.classes])
    in_class = (problem.class_of == np.arange(n_classes)[:, None]).astype(float)
    rows = [problem.members, in_class]
    low = [np.ones(len(problem.members)), counts]
    high = [np.ones(len(problem.members)), counts]
    names = [f"borough_{code}" for code in problem.world.borough_codes]
    names += [f"units_of_class_{position}" for position in range(n_classes)]
    if problem.min_kept > 0:
        rows.append(problem.kept[None, :].astype(float))
        low.append(np.array([float(problem.min_kept)]))
        high.append(np.array([np.inf]))
        names.append("units_that_keep_their_area")
    return csr_matrix(np.vstack(rows)), np.concatenate(low), np.concatenate(high), tuple(names)


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

    Raises
    ------
    PlanInfeasibleError
        No choice keeps every rule.
    PlanTimedOutError
        The time was over before any plan was found.
    """
    search = _Search(problem, gap_tolerance, time.monotonic() + time_limit_s, report)
    if start is not None:
        search.offer(start)
    search.relax()
    search.first_plan()
    search.close_columns()
    while not search.done:
        search.improve()
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
        self._master.add_tangents(np.full(n_columns, n_units / n_columns))
        for _ in range(MAX_LP_ROUNDS):
            answer = self._run(relaxed=True)
            if answer.values is None:
                break
            self._relaxed = answer
            self._bound = min(self._bound, answer.bound)
            chosen, estimate = answer.values[:n_columns], answer.values[n_columns:]
            exact = expected_coverage(self._problem.world.demand, self._problem.exposure @ chosen)
            if answer.bound - exact <= LP_TOLERANCE or self._left_s() <= 0:
                break
            self._master.add_tangents(chosen, estimate)

    def first_plan(self) -> None:
        """Price every column by the slopes of the relaxation and take the best partition."""
        if self._relaxed is None or self._relaxed.values is None:
            return
        n_columns = len(self._problem.masks)
        total = self._problem.exposure @ self._relaxed.values[:n_columns]
        slope = self._problem.world.demand * np.exp(-total)
        rows, low, high, names = rule_rows(self._problem)
        price = slope @ self._problem.exposure
        pricing = LinearModel(
            rows, low, high, np.zeros(n_columns), np.ones(n_columns), price,
            np.ones(n_columns, dtype=np.bool_), names, tuple(f"c{n}" for n in range(n_columns)),
        )  # fmt: skip
        answer = solve_linear(pricing, relaxed=False, gap=PRICING_GAP, limit_s=self._left_s())
        if answer.infeasible:
            raise _infeasible()
        if answer.values is not None:
            self.offer(np.flatnonzero(answer.values > 0.5))
        self._tell()

    def close_columns(self) -> None:
        """Drop columns that no plan better than the best can use (reduced-cost fixing)."""
        if self._relaxed is None or self._relaxed.reduced_costs is None or self._best is None:
            return
        costs = self._relaxed.reduced_costs[: len(self._problem.masks)]
        self._master.remember(self._relaxed.bound, costs)
        self._master.open_for(self._objective, self._best)

    def improve(self) -> None:
        """Solve the master and learn from its placement."""
        answer = self._run(relaxed=False)
        if answer.infeasible:
            raise _infeasible()
        self._bound = min(self._bound, max(answer.bound, self._objective))
        if answer.values is None:
            self._stuck = True
            return
        columns = np.flatnonzero(answer.values[: len(self._problem.masks)] > 0.5)
        self._stuck = self._has_seen(columns)  # its tangents are in: the master can learn no more
        self._learn(columns)
        self.offer(columns)
        self._tell()

    def offer(self, columns: NDArray[np.intp]) -> None:
        """Improve a feasible choice by local search and keep it if it is the best."""
        better, objective = improved(self._problem, columns)
        self._learn(better)
        if objective > self._objective:
            self._best, self._objective = better, objective

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
        remedy="widen eligible_boroughs, remove a lock, or allow more changes",
    )
