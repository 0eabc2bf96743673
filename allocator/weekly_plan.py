"""Place the fleet for a week: the request in, a proven and verified plan out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from allocator import (
    conflicts,
    coverage_floor,
    following,
    plan_request,
    restrictions,
    robustness,
    stability,
)
from allocator.errors import PlanInfeasibleError
from allocator.event_calendar import Event
from allocator.plan import Fleet, PatrolPlan
from allocator.plan_assembly import PlanRequest, assemble, busy_by_unit, model_text
from allocator.plan_problem import PlanProblem, build_problem
from allocator.plan_world import UnitClass, World, build_world, previous_masks, unit_classes
from allocator.queueing import busy_rounds
from allocator.queueing.busy_rounds import Settled
from allocator.settings import PlanSettings
from allocator.solver import outer_approximation
from allocator.solver.candidate_areas import WorkloadBounds
from allocator.solver.outer_approximation import Solution
from allocator.travel_time import TravelTime, embedded_travel_time
from allocator.verifier import verify_plan
from hotspots.assessment import RiskAssessment

# The workload bounds tried in turn until the fleet fits: factors on the cap and the floor.
RELAXATIONS = ((1.0, 1.0), (4 / 3, 0.5), (2.0, 0.0), (math.inf, 0.0))

#: ``progress(step, share)`` with the share of the step done, 0 to 1.
Progress = Callable[[str, float], None]
OnSolved = Callable[[PlanRequest, PlanProblem, Solution], None]


def plan_week(
    assessment: RiskAssessment,
    fleet: Fleet,
    *,
    week: str | None = None,
    previous: PatrolPlan | None = None,
    locks: Mapping[str, tuple[str, ...]] | None = None,
    excludes: Mapping[str, tuple[str, ...]] | None = None,
    support: Mapping[str, tuple[str, ...]] | None = None,
    max_changes: int | None = None,
    events: Sequence[Event] = (),
    time_limit_s: float = 60.0,
    settings: PlanSettings | None = None,
    travel: TravelTime | None = None,
    on_model: Callable[[str], None] | None = None,
    progress: Progress | None = None,
    on_solved: OnSolved | None = None,
) -> PatrolPlan:
    """Give every unit a connected area of boroughs so that expected coverage is greatest.

    Parameters
    ----------
    assessment
        The week's risk picture.
    fleet
        Units and the two response assumptions.
    week
        ISO week such as 2026-W48; by default the first that starts on or after as-of.
    previous
        The plan in force: among plans within ``settings.gap_tolerance`` of the best, the one
        that changes the fewest units is taken, and ``max_changes`` counts from it.
    locks
        Boroughs a unit's area must contain, by unit.
    excludes
        Boroughs a unit must keep out of, by unit.
    support
        Boroughs of other units that a unit patrols beside its own area, by unit.
    max_changes
        Most units, present in both plans, whose set of boroughs may differ.
    events
        What changes demand or takes units on some days; those outside the week do not count.
    time_limit_s
        Seconds for the solve. A plan found when they are over is returned as ``timed_out``
        with its gap.
    settings, travel
        Assumptions and rules, and drive times; documented defaults when left out.
    on_model
        Receives the solved model as the text of an .mps file.
    progress
        Told the step and how much of it is done. One that is also a
        :class:`allocator.following.Follower` is told objective and bound after every round, and
        can end the solve with the best plan so far, as its time limit would.
    on_solved
        Receives the request, the problem and its solution, for those who solve on from there.

    Returns
    -------
    PatrolPlan
        Verified by :func:`allocator.verifier.verify_plan`. ``optimal``: the gap is within
        ``settings.gap_tolerance``. ``timed_out``: the time limit ended the solve first.
        ``feasible``: the search ended without that proof.

    Raises
    ------
    FleetRefusedError, LockRefusedError, EventRefusedError, PlanningRefusedError
        The request contradicts itself or the assessment.
    PlanInfeasibleError
        No plan keeps every rule. Where rules of the request are at fault it is a
        :class:`allocator.conflicts.ConflictError` that names them and what to give up.
    PlanTimedOutError
        The time was over before any plan was found.
    """
    settings = settings or PlanSettings()
    tell = progress or _silent
    tell("Preparing the placement", 0.0)
    locked = {
        unit_id: tuple(sorted(set(codes))) for unit_id, codes in sorted((locks or {}).items())
    }
    rules = locked, restrictions.tidy(excludes), restrictions.tidy(support)
    plan_request.check_time_limit(time_limit_s)
    plan_request.check_previous(previous, max_changes)
    _check_rules(assessment, fleet, *rules)
    planned = plan_request.week_of(assessment.as_of, week)
    request = PlanRequest(
        assessment,
        fleet,
        travel or embedded_travel_time(assessment),
        settings,
        planned,
        previous,
        *rules,
        max_changes,
        plan_request.events_of(assessment, fleet, events, planned),
    )
    world = build_world(
        assessment, fleet, request.travel, settings, events=request.events, week=planned
    )
    classes = _checked_classes(request, world)
    deadline = time.monotonic() + time_limit_s
    try:
        plan_request.check_reach(world, classes)
        tell("Preparing the placement", 1.0)
        settled = _solve(request, world, classes, time_limit_s, tell)
    except PlanInfeasibleError as refusal:
        tell("Finding the rules that conflict", 0.0)
        asked = _asked_rules(request, world)
        left_s = deadline - time.monotonic()
        raise conflicts.explained(refusal, asked, time_limit_s=left_s) from refusal
    tell("Explaining the plan", 0.0)
    plan = assemble(request, settled)
    verify_plan(
        plan,
        assessment,
        fleet,
        request.travel,
        settings,
        locks=request.locks,
        previous=previous,
        max_changes=max_changes,
        excludes=request.excludes,
        support=request.support,
        events=request.events,
        busy_fractions=busy_by_unit(request, settled),
    )
    if on_model is not None:
        on_model(model_text(plan, settled.solution))
    if on_solved is not None:
        on_solved(request, settled.problem, settled.solution)
    tell("Explaining the plan", 1.0)
    return plan


def _check_rules(
    assessment: RiskAssessment,
    fleet: Fleet,
    locks: Mapping[str, tuple[str, ...]],
    excludes: Mapping[str, tuple[str, ...]],
    support: Mapping[str, tuple[str, ...]],
) -> None:
    """Refuse a fleet or rules that are wrong in themselves, before drive times are worked out."""
    codes = tuple(sorted(borough.code for borough in assessment.boroughs))
    plan_request.check_fleet(fleet, codes)
    narrowed = restrictions.without_excluded(fleet, excludes, codes)
    restrictions.check_support(narrowed, support, locks, codes)


def _checked_classes(request: PlanRequest, world: World) -> tuple[UnitClass, ...]:
    """Refuse what contradicts itself, and group the units by what they may do."""
    codes = world.borough_codes
    fleet = restrictions.without_excluded(request.fleet, request.excludes, codes)
    plan_request.check_locks(world, fleet, request.locks)
    return unit_classes(world, fleet, request.locks, request.support)


def _solve(
    request: PlanRequest,
    world: World,
    classes: tuple[UnitClass, ...],
    time_limit_s: float,
    tell: Progress,
) -> Settled:
    """Solve under the first workload bounds that the fleet can keep."""
    deadline = time.monotonic() + time_limit_s
    refusal = PlanInfeasibleError("no plan keeps every rule", remedy="relax one of them")
    widest: PlanProblem | None = None
    for bounds in _ladder(request.settings):
        try:
            problem = _problem(request, world, classes, bounds)
            widest = problem
            rough = request.fleet.calls_per_week is not None
            tolerance = busy_rounds.ROUGH_GAP if rough else _proof_tolerance(request)
            solution = _proven(request, problem, tolerance, deadline, tell)
        except PlanInfeasibleError as error:
            refusal = error
        else:
            settled = _settled(request, problem, solution, deadline, tell)
            return _weighed(request, settled, deadline, tell)
    floor = request.settings.coverage_floor
    if floor > 0.0 and widest is not None:
        left_s = deadline - time.monotonic()
        raise coverage_floor.refusal(widest, floor, refusal, time_limit_s=left_s)
    raise refusal


def _problem(
    request: PlanRequest, world: World, classes: tuple[UnitClass, ...], bounds: WorkloadBounds
) -> PlanProblem:
    return build_problem(
        world,
        classes,
        request.settings,
        previous=previous_masks(world, request.previous),
        max_changes=request.max_changes,
        bounds=bounds,
    )


def _proven(
    request: PlanRequest,
    problem: PlanProblem,
    tolerance: float,
    deadline: float,
    tell: Progress,
    *,
    start: NDArray[np.intp] | None = None,
) -> Solution:
    return outer_approximation.solve(
        problem,
        gap_tolerance=tolerance,
        time_limit_s=deadline - time.monotonic(),
        report=_reporter(request.settings.gap_tolerance, tell),
        start=start,
    )


def _settled(
    request: PlanRequest,
    problem: PlanProblem,
    solution: Solution,
    deadline: float,
    tell: Progress,
) -> Settled:
    """Steady the plan; where the fleet says how many calls there are, agree on busy fractions."""
    if request.fleet.calls_per_week is None:
        return Settled(problem, _steadied(request, problem, solution, deadline), 1)
    bounds = problem.listed.bounds

    def solve(again: PlanProblem, gap: float, start: NDArray[np.intp]) -> Solution:
        return _proven(request, again, gap, deadline, tell, start=start)

    return busy_rounds.settled(
        problem,
        _steadied(request, problem, solution, deadline).columns,
        fleet=request.fleet,
        travel=request.travel,
        build=lambda world: _problem(request, world, problem.classes, bounds),
        solve=solve,
        gap=_proof_tolerance(request),
    )


def _weighed(request: PlanRequest, settled: Settled, deadline: float, tell: Progress) -> Settled:
    """Weigh the plan over the posterior draws; look for a more robust one where asked."""
    problem, columns = settled.problem, settled.solution.columns
    draws = robustness.draws_of(request.assessment, problem.world)
    if draws is None:
        return settled
    if request.settings.robust == "mean":
        return replace(settled, robustness=robustness.weighed(draws, problem, columns))

    def solve(other: PlanProblem, start: NDArray[np.intp]) -> Solution:
        return _proven(request, other, _proof_tolerance(request), deadline, tell, start=start)

    best, found = robustness.hardened(draws, problem, columns, solve)
    objective = problem.covered(problem.exposure[:, best].sum(axis=1))
    solution = settled.solution
    if not np.array_equal(best, columns):
        solution = replace(solution, columns=best, objective=objective, proven=False)
    return replace(settled, solution=solution, robustness=found)


def _proof_tolerance(request: PlanRequest) -> float:
    """Half of the tolerance is kept for stability where there is a plan to be stable to."""
    tolerance = request.settings.gap_tolerance
    return tolerance if request.previous is None else tolerance / 2


def _steadied(
    request: PlanRequest, problem: PlanProblem, solution: Solution, deadline: float
) -> Solution:
    """Spend what the proof leaves of the gap on changing fewer areas."""
    if request.previous is None or solution.timed_out:
        return solution
    return stability.steadied(
        problem,
        solution,
        floor=solution.bound / (1.0 + request.settings.gap_tolerance),
        time_limit_s=deadline - time.monotonic(),
    )


def _asked_rules(request: PlanRequest, world: World) -> conflicts.AskedRules:
    return conflicts.AskedRules(
        world=world,
        fleet=request.fleet,
        settings=request.settings,
        ladder=_ladder(request.settings),
        locks=request.locks,
        excludes=request.excludes,
        support=request.support,
        previous=previous_masks(world, request.previous),
        max_changes=request.max_changes,
    )


def _ladder(settings: PlanSettings) -> tuple[WorkloadBounds, ...]:
    """Return the workload bounds to try in turn."""
    return tuple(
        WorkloadBounds(settings.workload_cap * cap, settings.workload_floor * floor)
        for cap, floor in RELAXATIONS
    )


def _reporter(gap_tolerance: float, tell: Progress) -> outer_approximation.Report:
    """Turn objective and bound into the share of the way to the proof, on a log scale."""

    def report(objective: float, bound: float) -> None:
        following.told(tell, objective, bound)
        if objective > 0:
            gap = max((bound - objective) / objective, 1e-12)
            way = math.log(gap) / math.log(max(gap_tolerance, 1e-9))
            tell("Proving the placement", min(1.0, max(0.0, way)))

    return report


def _silent(_step: str, _share: float) -> None:
    """Report nothing."""
