"""Plans nearly as good as the best that differ from it, and from each other, as much as possible.

A meeting that sees one plan can only accept or refuse it. Each alternative covers at least a
given share of the proven limit and, among all such plans, has the greatest least distance to the
plan and to the alternatives before it (sequential max-min diversity, as in the one-tree and
multi-solution literature of integer programming: Danna et al. 2007, Glover et al. 2000).

The distance of two plans is the number of boroughs that change hands, whatever the units are
called: units of one class can trade names, so the boroughs that two areas of a class share stay
together. The model counts for every column the boroughs it shares with the likest area of its
class, which never makes plans seem further apart than they are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, vstack

from allocator import event_calendar
from allocator.errors import PlanningRefusedError
from allocator.following import stop_asked
from allocator.patrol_areas import mask_of
from allocator.plan import Fleet, PatrolPlan
from allocator.plan_assembly import PlanRequest, assemble, busy_by_unit
from allocator.plan_differences import changed_units
from allocator.plan_problem import Floats, PlanProblem
from allocator.queueing.busy_rounds import Settled
from allocator.settings import PlanSettings, in_force
from allocator.solver.linear_model import LinearModel
from allocator.solver.linear_solve import solve_linear
from allocator.solver.local_search import improved
from allocator.solver.outer_approximation import SOLVER_SCALE, Solution
from allocator.travel_time import TravelTime, embedded_travel_time
from allocator.verifier import verify_plan
from allocator.weekly_plan import Progress, plan_week
from hotspots.assessment import RiskAssessment

TOLERANCE = 0.005
MOST = 8
ROUNDING = 1e-9
MAX_ROUNDS = 8  # for one alternative: work, not time, so that the same plan has the same ones
LESS_THAN_ONE = 0.9
Area = tuple[int, int]  # mask and class position


@dataclass(frozen=True)
class AlternativePlan:
    """A plan nearly as good as the best.

    Attributes
    ----------
    plan
        The verified plan; units keep the names that change the fewest areas.
    objective_loss
        Coverage of the proposed plan less that of this one.
    boroughs_moved
        Boroughs that another unit patrols than in the proposed plan.
    units_changed
        Units whose set of boroughs differs from the proposed plan.
    least_distance
        The least number of boroughs that change hands between this plan and any before it.
    distance_at_most
        Proven limit of the least distance of any plan this good.
    """

    plan: PatrolPlan
    objective_loss: float
    boroughs_moved: int
    units_changed: int
    least_distance: int
    distance_at_most: int


def alternatives(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    fleet: Fleet,
    *,
    count: int = 2,
    tolerance: float = TOLERANCE,
    previous: PatrolPlan | None = None,
    settings: PlanSettings | None = None,
    travel: TravelTime | None = None,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> tuple[AlternativePlan, ...]:
    """Find plans under the same rules, nearly as good, that differ as much as possible.

    Parameters
    ----------
    plan
        The proposed plan; its locks, exclusions, support, floor, events and limit on changes
        bind the alternatives too.
    count
        How many are wanted, 1 to 8.
    tolerance
        Share of the proven limit of coverage that may be given up, in (0, 0.1].
    previous
        The plan that the limit on changes counts from, where there is one.
    settings, travel
        As for the plan.
    time_limit_s
        Seconds for all solves together; alternatives not found in time are left out.
    progress
        Told the step and how much of it is done; a follower that asks for the end gets the
        alternatives found so far.

    Returns
    -------
    tuple of AlternativePlan
        Fewer than asked for when no other plan is this good.

    Raises
    ------
    PlanningRefusedError
        The count or the tolerance is out of bounds, or the plan has other units than the fleet.
    PlanInfeasibleError, PlanTimedOutError
        As :func:`allocator.weekly_plan.plan_week`: the rules cannot be kept, or no time is left.
    """
    _check(plan, fleet, count, tolerance)
    deadline = time.monotonic() + time_limit_s
    settings = settings or in_force(plan.settings)
    travel = travel or embedded_travel_time(assessment)
    week = _Week(assessment, fleet, previous, settings, travel)
    request, problem, solution = week.solved(plan, time_limit_s, progress)
    search = _Diversity(problem, solution, tolerance, _areas(problem, plan))
    found: list[AlternativePlan] = []
    for number in range(count):
        if stop_asked(progress):
            break
        if progress is not None:
            progress("Looking for other plans", number / count)
        answer = search.next(deadline)
        if answer is None:
            break
        columns, at_most = answer
        beside = replace(request, previous=plan)
        settled = Settled(problem, search.solution(columns), 1)
        other = assemble(beside, settled)
        _verify(other, beside, busy_by_unit(beside, settled))
        found.append(_described(plan, other, search.least_distance(columns), at_most))
        search.remember(columns)
    if progress is not None:
        progress("Looking for other plans", 1.0)
    return tuple(found)


class _Diversity:
    """The master problem turned round: coverage is a row, the least distance the objective."""

    def __init__(
        self, problem: PlanProblem, solution: Solution, tolerance: float, first: Sequence[Area]
    ) -> None:
        self._problem = problem
        self._solution = solution
        self._floor = solution.bound / (1.0 + tolerance)
        self._shared = [_shared(problem, first)]
        solution.master.open_for(self._floor, solution.columns)

    def next(self, deadline: float) -> tuple[NDArray[np.intp], int] | None:
        """Return the most distant plan found that is good enough and the proven limit."""
        n_columns = len(self._problem.masks)
        at_most = n_boroughs = len(self._problem.world.borough_codes)
        best: NDArray[np.intp] | None = None
        for _ in range(MAX_ROUNDS):
            left_s = deadline - time.monotonic()
            gap = LESS_THAN_ONE / n_boroughs  # distances are whole numbers
            answer = solve_linear(self._model(), relaxed=False, gap=gap, limit_s=left_s)
            if answer.values is None:
                break
            at_most = min(at_most, math.floor(answer.bound + ROUNDING))
            columns = np.flatnonzero(answer.values[:n_columns] > 0.5)
            climbed, _ = improved(self._problem, columns)
            best = max((best, climbed, columns), key=self._merit)
            if self._merit(best)[0] >= at_most:
                break
            for tried in (columns, climbed):
                chosen = np.zeros(n_columns)
                chosen[tried] = 1.0
                learned = self._solution.master.add_tangents(chosen)
            if not self._good_enough(columns) and not learned:
                self._solution.master.forbid(columns)
        return None if best is None or self._merit(best)[0] < 1 else (best, at_most)

    def _merit(self, columns: NDArray[np.intp] | None) -> tuple[int, float]:
        """Distance and coverage of a plan that is good enough; others count for nothing."""
        if columns is None or not self._good_enough(columns):
            return 0, 0.0
        total = self._problem.exposure[:, columns].sum(axis=1)
        return self.least_distance(columns), self._problem.covered(total)

    def remember(self, columns: NDArray[np.intp]) -> None:
        """Keep away from this plan too."""
        areas = [
            (self._problem.masks[column], int(self._problem.class_of[column]))
            for column in columns.tolist()
        ]
        self._shared.append(_shared(self._problem, areas))

    def least_distance(self, columns: NDArray[np.intp]) -> int:
        """Return the boroughs that change hands at least, against every plan before."""
        n_boroughs = len(self._problem.world.borough_codes)
        return min(n_boroughs - int(shared[columns].sum()) for shared in self._shared)

    def solution(self, columns: NDArray[np.intp]) -> Solution:
        """Return a plan as a solution of the plan's own problem, under its proven limit."""
        reached = self._problem.covered(self._problem.exposure[:, columns].sum(axis=1))
        return replace(
            self._solution,
            columns=columns,
            objective=reached,
            bound=max(self._solution.bound, reached),
            proven=False,
            timed_out=False,
        )

    def _good_enough(self, columns: NDArray[np.intp]) -> bool:
        total = self._problem.exposure[:, columns].sum(axis=1)
        reached = self._problem.covered(total)
        return reached >= self._floor - ROUNDING and not self._problem.shortfall(total)

    def _model(self) -> LinearModel:
        master = self._solution.master.model(SOLVER_SCALE)
        n_columns, size = len(self._problem.masks), len(master.objective)
        n_boroughs = float(len(self._problem.world.borough_codes))
        reached = np.zeros((1, size))
        reached[0] = master.objective
        together = np.zeros((len(self._shared), size))
        together[:, :n_columns] = np.stack(self._shared)
        distance = np.ones((len(self._shared), 1))
        rows = csr_matrix(vstack([master.matrix, csr_matrix(reached), csr_matrix(together)]))
        column = np.concatenate([np.zeros((rows.shape[0] - len(distance), 1)), distance])
        return LinearModel(
            matrix=csr_matrix(hstack([rows, csr_matrix(column)])),
            row_lower=np.concatenate(
                [
                    master.row_lower,
                    [SOLVER_SCALE * (self._floor - ROUNDING)],
                    np.full(len(self._shared), -np.inf),
                ]
            ),
            row_upper=np.concatenate(
                [master.row_upper, [np.inf], np.full(len(self._shared), n_boroughs)]
            ),
            lower=np.append(master.lower, 0.0),
            upper=np.append(master.upper, n_boroughs),
            objective=np.append(np.zeros(size), 1.0),
            integer=np.append(master.integer, False),
            row_names=(
                *master.row_names,
                "least_coverage",
                *(f"distance_to_{number}" for number in range(len(self._shared))),
            ),
            names=(*master.names, "least_distance"),
        )


def _shared(problem: PlanProblem, areas: Sequence[Area]) -> Floats:
    """Boroughs each column shares with the likest of the areas of its class, (n_columns,)."""
    return np.array(
        [
            max((mask & other).bit_count() for other, group in areas if group == own)
            for mask, own in zip(problem.masks, problem.class_of.tolist(), strict=True)
        ],
        dtype=np.float64,
    )


def _areas(problem: PlanProblem, plan: PatrolPlan) -> list[Area]:
    """Areas of a plan with the classes of their units."""
    class_of = {
        unit.unit_id: position
        for position, group in enumerate(problem.classes)
        for unit in group.units
    }
    codes = problem.world.borough_codes
    return [(mask_of(codes, unit.boroughs), class_of[unit.unit_id]) for unit in plan.units]


def _described(
    plan: PatrolPlan, other: PatrolPlan, least_distance: int, at_most: int
) -> AlternativePlan:
    before = {borough.code: borough.unit_id for borough in plan.boroughs}
    moved = sum(borough.unit_id != before[borough.code] for borough in other.boroughs)
    return AlternativePlan(
        other,
        plan.objective - other.objective,
        moved,
        len(changed_units(plan, other)),
        least_distance,
        max(at_most, least_distance),
    )


@dataclass(frozen=True)
class _Week:
    """What the plan was made from."""

    assessment: RiskAssessment
    fleet: Fleet
    previous: PatrolPlan | None
    settings: PlanSettings
    travel: TravelTime

    def solved(
        self, plan: PatrolPlan, time_limit_s: float, progress: Progress | None
    ) -> tuple[PlanRequest, PlanProblem, Solution]:
        """Solve the plan's own request again: its columns, its proven limit and its tangents."""
        caught: list[tuple[PlanRequest, PlanProblem, Solution]] = []
        limit = plan.settings.get("max_changes")
        plan_week(
            self.assessment,
            self.fleet,
            week=plan.week,
            previous=self.previous,
            locks=_codes(plan.settings.get("locks")),
            excludes=_codes(plan.settings.get("excludes")),
            support=_codes(plan.settings.get("support")),
            max_changes=limit if isinstance(limit, int) and self.previous is not None else None,
            events=event_calendar.in_force(plan.settings),
            time_limit_s=time_limit_s,
            settings=self.settings,
            travel=self.travel,
            progress=progress,
            on_solved=lambda *solved: caught.append(solved),
        )
        return caught[-1]


def _verify(plan: PatrolPlan, request: PlanRequest, busy: Mapping[str, float]) -> None:
    verify_plan(
        plan,
        request.assessment,
        request.fleet,
        request.travel,
        request.settings,
        locks=request.locks,
        previous=None,
        max_changes=None,
        excludes=request.excludes,
        support=request.support,
        events=request.events,
        busy_fractions=busy,
    )


def _codes(entry: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(entry, Mapping):
        return {}
    return {str(unit_id): tuple(codes) for unit_id, codes in entry.items()}


def _check(plan: PatrolPlan, fleet: Fleet, count: int, tolerance: float) -> None:
    if not 1 <= count <= MOST:
        raise PlanningRefusedError(
            f"{count} alternatives are asked for", remedy=f"ask for 1 to {MOST}"
        )
    if not 0.0 < tolerance <= 0.1:
        raise PlanningRefusedError(
            f"the tolerance on coverage is {tolerance}", remedy="give a share above 0, at most 0.1"
        )
    placed = {unit.unit_id for unit in plan.units}
    odd = sorted(placed ^ {unit.unit_id for unit in fleet.units})
    if odd:
        raise PlanningRefusedError(
            f"plan {plan.plan_id} and the fleet do not have the same units ({', '.join(odd)})",
            remedy="give the fleet file the plan was made with",
        )
