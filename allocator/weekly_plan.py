"""Place the fleet for a week: the request in, a proven and verified plan out."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from allocator import (
    conflicts,
    explanation,
    outer_approximation,
    plan_request,
    restrictions,
    stability,
)
from allocator.candidate_areas import WorkloadBounds
from allocator.errors import PlanInfeasibleError
from allocator.linear_model import mps_text
from allocator.outer_approximation import Solution
from allocator.patrol_areas import members_of
from allocator.plan import (
    DECIMALS,
    BoroughCoverage,
    Fleet,
    PatrolPlan,
    PlanStatus,
    UnitPlacement,
    sealed,
)
from allocator.plan_problem import PlanProblem, build_problem
from allocator.plan_world import UnitClass, World, build_world, previous_masks, unit_classes
from allocator.settings import PlanSettings
from allocator.travel_time import TravelTime, embedded_travel_time
from allocator.verifier import verify_plan
from hotspots.assessment import RiskAssessment

# The workload bounds tried in turn until the fleet fits: factors on the cap and the floor.
RELAXATIONS = ((1.0, 1.0), (4 / 3, 0.5), (2.0, 0.0), (math.inf, 0.0))

#: ``progress(step, share)`` with the share of the step done, 0 to 1.
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class _Request:
    """A checked request, with everything derived from it that the steps share."""

    assessment: RiskAssessment
    fleet: Fleet
    travel: TravelTime
    settings: PlanSettings
    week: str
    previous: PatrolPlan | None
    locks: Mapping[str, tuple[str, ...]]
    excludes: Mapping[str, tuple[str, ...]]
    support: Mapping[str, tuple[str, ...]]
    max_changes: int | None


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
    time_limit_s: float = 60.0,
    settings: PlanSettings | None = None,
    travel: TravelTime | None = None,
    on_model: Callable[[str], None] | None = None,
    progress: Progress | None = None,
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
    time_limit_s
        Seconds for the solve. A plan found when they are over is returned as ``timed_out``
        with its gap.
    settings, travel
        Assumptions and rules, and drive times; documented defaults when left out.
    on_model
        Receives the solved model as the text of an .mps file.
    progress
        Told the step and how much of it is done.

    Returns
    -------
    PatrolPlan
        Verified by :func:`allocator.verifier.verify_plan`. ``optimal``: the gap is within
        ``settings.gap_tolerance``. ``timed_out``: the time limit ended the solve first.
        ``feasible``: the search ended without that proof.

    Raises
    ------
    FleetRefusedError, LockRefusedError, PlanningRefusedError
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
    codes = tuple(sorted(borough.code for borough in assessment.boroughs))
    plan_request.check_fleet(fleet, codes)
    plan_request.check_time_limit(time_limit_s)
    plan_request.check_previous(previous, max_changes)
    narrowed = restrictions.without_excluded(fleet, restrictions.tidy(excludes), codes)
    restrictions.check_support(narrowed, restrictions.tidy(support), locks or {}, codes)
    request = _Request(
        assessment,
        fleet,
        travel or embedded_travel_time(assessment),
        settings,
        plan_request.week_of(assessment.as_of, week),
        previous,
        {unit_id: tuple(sorted(set(codes))) for unit_id, codes in sorted((locks or {}).items())},
        restrictions.tidy(excludes),
        restrictions.tidy(support),
        max_changes,
    )
    world = build_world(assessment, fleet, request.travel, settings)
    classes = _checked_classes(request, world)
    try:
        plan_request.check_reach(world, classes)
        tell("Preparing the placement", 1.0)
        problem, solution = _solve(request, world, classes, time_limit_s, tell)
    except PlanInfeasibleError as refusal:
        tell("Finding the rules that conflict", 0.0)
        asked = _asked_rules(request, world)
        raise conflicts.explained(refusal, asked, time_limit_s=time_limit_s) from refusal
    tell("Explaining the plan", 0.0)
    plan = _plan(request, problem, solution)
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
    )
    if on_model is not None:
        on_model(_model_text(plan, solution))
    tell("Explaining the plan", 1.0)
    return plan


def _checked_classes(request: _Request, world: World) -> tuple[UnitClass, ...]:
    """Refuse what contradicts itself, and group the units by what they may do."""
    codes = world.borough_codes
    fleet = restrictions.without_excluded(request.fleet, request.excludes, codes)
    plan_request.check_locks(world, fleet, request.locks)
    return unit_classes(world, fleet, request.locks, request.support)


def _solve(
    request: _Request,
    world: World,
    classes: tuple[UnitClass, ...],
    time_limit_s: float,
    tell: Progress,
) -> tuple[PlanProblem, Solution]:
    """Solve under the first workload bounds that the fleet can keep."""
    deadline = time.monotonic() + time_limit_s
    before = previous_masks(world, request.previous)
    refusal = PlanInfeasibleError("no plan keeps every rule", remedy="relax one of them")
    for bounds in _ladder(request.settings):
        try:
            problem = build_problem(
                world,
                classes,
                request.settings,
                previous=before,
                max_changes=request.max_changes,
                bounds=bounds,
            )
            solution = outer_approximation.solve(
                problem,
                gap_tolerance=request.settings.gap_tolerance / 2,
                time_limit_s=deadline - time.monotonic(),
                report=_reporter(request.settings.gap_tolerance, tell),
            )
        except PlanInfeasibleError as error:
            refusal = error
        else:
            return problem, _steadied(request, problem, solution, deadline)
    raise refusal


def _steadied(
    request: _Request, problem: PlanProblem, solution: Solution, deadline: float
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


def _asked_rules(request: _Request, world: World) -> conflicts.AskedRules:
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
        if objective > 0:
            gap = max((bound - objective) / objective, 1e-12)
            way = math.log(gap) / math.log(max(gap_tolerance, 1e-9))
            tell("Proving the placement", min(1.0, max(0.0, way)))

    return report


def _plan(request: _Request, problem: PlanProblem, solution: Solution) -> PatrolPlan:
    objective = round(solution.objective, DECIMALS)
    scale = 10**DECIMALS
    bound = min(1.0, max(objective, math.ceil(solution.bound * scale) / scale))
    before = previous_masks(problem.world, request.previous)
    placed = explanation.assigned_units(problem, solution.columns, before)
    coverage = explanation.borough_coverage(problem, solution.columns)
    world = problem.world
    owner = {
        member: one.unit_id for one in placed for member in members_of(problem.masks[one.column])
    }
    return sealed(
        PatrolPlan(
            plan_id="",
            week=request.week,
            status=_status(request, problem, solution, gap=(bound - objective) / objective),
            objective=objective,
            bound=bound,
            gap=(bound - objective) / objective,
            units=_placements(request, problem, solution, placed, before),
            boroughs=tuple(
                BoroughCoverage(code, name, owner[number], float(coverage[number]))
                for number, (code, name) in enumerate(
                    zip(world.borough_codes, world.borough_names, strict=True)
                )
            ),
            settings=_settings(request, problem),
            assessment_id=request.assessment.assessment_id,
            inputs_sha256=_inputs_sha256(request),
        )
    )


def _status(
    request: _Request, problem: PlanProblem, solution: Solution, *, gap: float
) -> PlanStatus:
    proven = solution.proven or gap <= request.settings.gap_tolerance
    if solution.timed_out and not proven:
        return "timed_out"
    return "optimal" if proven and not problem.listed.blocks else "feasible"


def _placements(
    request: _Request,
    problem: PlanProblem,
    solution: Solution,
    placed: tuple[explanation.Placed, ...],
    before: Mapping[str, int],
) -> tuple[UnitPlacement, ...]:
    world = problem.world
    marginal = explanation.marginal_coverage(problem, solution.columns)
    others = explanation.runners_up(problem, solution.columns, solution.objective)
    coverage = explanation.borough_coverage(problem, solution.columns)
    names = dict(zip(world.borough_codes, world.borough_names, strict=True))
    placements = []
    for one in placed:
        members = members_of(problem.masks[one.column])
        boroughs = tuple(world.borough_codes[member] for member in members)
        text = explanation.reason(
            problem,
            one,
            coverage=coverage,
            marginal=marginal[one.column],
            locked=tuple(names[code] for code in request.locks.get(one.unit_id, ())),
            kept=before.get(one.unit_id) == problem.masks[one.column],
            standard_s=request.fleet.service_standard_s,
            supported=tuple(names[code] for code in request.support.get(one.unit_id, ())),
        )
        wards = sorted(p.code for p in request.assessment.places if p.borough_code in boroughs)
        placements.append(
            UnitPlacement(
                unit_id=one.unit_id,
                provenance=one.provenance,
                boroughs=boroughs,
                support=request.support.get(one.unit_id, ()),
                wards=tuple(wards),
                marginal_coverage=marginal[one.column],
                reason=text,
                runner_up=others[one.column],
            )
        )
    return tuple(placements)


def _settings(request: _Request, problem: PlanProblem) -> dict[str, object]:
    """Return what the plan assumes and which rules held, in plain JSON types."""
    settings, bounds = request.settings, problem.listed.bounds
    return {
        "service_standard_s": request.fleet.service_standard_s,
        "turnout_s": request.fleet.turnout_s,
        "fleet_label": request.fleet.label,
        "travel_time_source": request.travel.source,
        "travel_time_band": request.travel.time_band,
        "travel_time_sha256": request.travel.sha256,
        "blue_light_factor": request.travel.blue_light_factor,
        "busy_fraction": settings.busy_fraction,
        "travel_noise": settings.travel_noise,
        "demand_mix": settings.demand_mix,
        "negligible_reach": settings.negligible_reach,
        "workload_cap": bounds.cap if math.isfinite(bounds.cap) else None,
        "workload_floor": bounds.floor,
        "workload_bounds_relaxed": bounds.cap != settings.workload_cap,
        "max_boroughs": problem.listed.max_boroughs,
        "candidate_areas": len(problem.masks),
        "borough_blocks": [
            [problem.world.borough_codes[member] for member in members_of(block)]
            for block in problem.listed.blocks
        ],
        "gap_tolerance": settings.gap_tolerance,
        "locks": {unit_id: list(codes) for unit_id, codes in request.locks.items()},
        "excludes": {unit_id: list(codes) for unit_id, codes in request.excludes.items()},
        "support": {unit_id: list(codes) for unit_id, codes in request.support.items()},
        "previous_plan_id": request.previous.plan_id if request.previous else None,
        "max_changes": request.max_changes,
        "solver": "outer approximation with OR-Tools MathOpt: GLOP, HiGHS and GSCIP",
    }


def _inputs_sha256(request: _Request) -> str:
    """Hash of everything the plan depends on."""
    assessment = request.assessment
    body = {
        "assessment_id": assessment.assessment_id,
        "assessment_inputs": assessment.inputs_sha256,
        "boundary": assessment.boundary_sha256,
        "rates": [(ward.code, ward.expected_per_week) for ward in assessment.wards],
        "travel": request.travel.sha256,
        "fleet": asdict(request.fleet),
        "settings": asdict(request.settings),
        "week": request.week,
        "locks": request.locks,
        "excludes": request.excludes,
        "support": request.support,
        "previous": request.previous.plan_id if request.previous else None,
        "max_changes": request.max_changes,
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _model_text(plan: PatrolPlan, solution: Solution) -> str:
    return mps_text(
        solution.master.model(),
        title=plan.plan_id,
        comments=(
            "Placement of armed response vehicles: master problem of the outer approximation.",
            "area_MASK_class_K is 1 when a unit of class K gets the boroughs of MASK (bits in",
            "code order); coverage_CODE is a borough's share of London's expected coverage.",
            "Minimise: the objective is minus the coverage. Its optimum lies between minus the",
            f"bound {plan.bound!r} and minus the objective {plan.objective!r} of the plan.",
        ),
    )


def _silent(_step: str, _share: float) -> None:
    """Report nothing."""
