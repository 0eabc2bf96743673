"""A plan's areas weighed on another picture of the same week: other figures, the same areas.

Who may not see the evidence behind a plan may still have to know where the vehicles are. The
areas stay as they were decided; every figure, bound, reason and runner-up is worked out from
the other assessment alone, as if these areas had been proposed on it. The bound is that of a
solve under the same rules: it says how good the areas are on the other picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from allocator import event_calendar, restrictions, robustness
from allocator.errors import PlanInfeasibleError, PlanningRefusedError
from allocator.explanation import Placed
from allocator.patrol_areas import mask_of
from allocator.plan import Fleet, PatrolPlan, sealed
from allocator.plan_assembly import PlanRequest, assemble, busy_by_unit
from allocator.plan_problem import PlanProblem, build_problem
from allocator.plan_request import events_of
from allocator.plan_world import UnitClass, World, build_world, previous_masks, unit_classes
from allocator.queueing import busy_rounds
from allocator.queueing.busy_rounds import Settled
from allocator.settings import PlanSettings, in_force
from allocator.solver import outer_approximation
from allocator.solver.candidate_areas import WorkloadBounds
from allocator.travel_time import TravelTime, embedded_travel_time
from allocator.verifier import verify_plan
from allocator.ward_refinement import SETTING as REFINED
from allocator.ward_refinement import refined_as
from allocator.weekly_plan import RELAXATIONS
from hotspots.assessment import RiskAssessment

#: Name in the settings of a restated plan: whose areas it has, and the rules it was made under
#: that do not bind it.
RESTATED = "restated"


def restate_plan(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    fleet: Fleet,
    *,
    previous: PatrolPlan | None = None,
    settings: PlanSettings | None = None,
    travel: TravelTime | None = None,
    time_limit_s: float = 60.0,
) -> PatrolPlan:
    """Weigh the areas of a plan on another assessment of the same wards.

    Parameters
    ----------
    plan
        The plan whose areas, wards, support and rules are kept.
    assessment
        The other picture; nothing of the plan's own assessment enters the result.
    fleet
        The fleet that was placed; units that the plan does not place are left out.
    previous
        The plan in force before, where the plan was made beside one.
    settings, travel
        As for the plan; the rules it records and the embedded drive times when left out.
    time_limit_s
        Seconds for the bound. It is valid, if wide, when they are over.

    Returns
    -------
    PatrolPlan
        Verified, with an identifier of its own. ``optimal``: no areas under the same rules
        cover more on this assessment, within the tolerance; otherwise ``feasible``. A coverage
        floor binds the plan on its own evidence and not here; ``settings["restated"]`` has it
        with the identifier of the plan.

    Raises
    ------
    PlanningRefusedError
        Plan, assessment and fleet do not belong together, or the assessment cannot be planned
        on.
    OverloadRefusedError
        The units cannot complete the calls the fleet names.
    """
    rules = settings or in_force(plan.settings)
    request = _request(
        plan,
        assessment,
        fleet,
        previous=previous,
        settings=replace(rules, coverage_floor=0.0),
        travel=travel,
    )
    world = build_world(
        assessment, request.fleet, request.travel, request.settings,
        events=request.events, week=plan.week,
    )  # fmt: skip
    settled, placed = _weighed(request, world, plan, time_limit_s)
    made = assemble(request, settled, placed)
    owed = {"areas_of": plan.plan_id, "coverage_floor": rules.coverage_floor}
    made = sealed(replace(made, settings=made.settings | {RESTATED: owed}))
    if REFINED in plan.settings:
        made = refined_as(
            made, plan, assessment, request.fleet, settings=request.settings, travel=request.travel
        )
    _verify(made, request, busy_by_unit(request, settled, placed))
    return made


def _request(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    fleet: Fleet,
    *,
    previous: PatrolPlan | None,
    settings: PlanSettings,
    travel: TravelTime | None,
) -> PlanRequest:
    """Return the request a plan answers, as its settings record it."""
    _check(plan, assessment, fleet)
    placed = {unit.unit_id for unit in plan.units}
    own = replace(fleet, units=tuple(unit for unit in fleet.units if unit.unit_id in placed))
    limit = plan.settings.get("max_changes")
    events = event_calendar.in_force(plan.settings)
    return PlanRequest(
        assessment,
        own,
        travel or embedded_travel_time(assessment),
        settings,
        plan.week,
        previous,
        _codes(plan, "locks"),
        _codes(plan, "excludes"),
        _codes(plan, "support"),
        limit if isinstance(limit, int) and previous is not None else None,
        events_of(assessment, own, events, plan.week),
    )


def _weighed(
    request: PlanRequest, world: World, plan: PatrolPlan, time_limit_s: float
) -> tuple[Settled, tuple[Placed, ...]]:
    """Return the model with the plan's own columns as its solution, and who has which."""
    areas = {unit.unit_id: mask_of(world.borough_codes, unit.boroughs) for unit in plan.units}
    fleet = restrictions.without_excluded(request.fleet, request.excludes, world.borough_codes)
    classes = unit_classes(world, fleet, request.locks, request.support)
    problem = _problem(request, world, classes, areas)
    placed = _placed(problem, areas)
    columns = np.array(sorted(one.column for one in placed), dtype=np.intp)
    rounds = 1
    if request.fleet.calls_per_week is not None:
        bounds = problem.listed.bounds
        problem = busy_rounds.as_caused(
            problem, columns, fleet=request.fleet, travel=request.travel,
            build=lambda own: _built(request, own, classes, areas, bounds),
        )  # fmt: skip
        rounds = 2
    return _settled(request, problem, columns, rounds, time_limit_s), placed


def _problem(
    request: PlanRequest,
    world: World,
    classes: tuple[UnitClass, ...],
    areas: Mapping[str, int],
) -> PlanProblem:
    """Return the model under the first workload bounds that leave every class an area."""
    refusal = PlanInfeasibleError("no class of units has an area", remedy="check the fleet")
    for cap, floor in RELAXATIONS:
        own = request.settings
        bounds = WorkloadBounds(own.workload_cap * cap, own.workload_floor * floor)
        try:
            return _built(request, world, classes, areas, bounds)
        except PlanInfeasibleError as error:
            refusal = error
    raise refusal


def _built(
    request: PlanRequest,
    world: World,
    classes: tuple[UnitClass, ...],
    areas: Mapping[str, int],
    bounds: WorkloadBounds,
) -> PlanProblem:
    return build_problem(
        world,
        classes,
        request.settings,
        previous=previous_masks(world, request.previous),
        max_changes=request.max_changes,
        bounds=bounds,
        also=areas,
    )


def _placed(problem: PlanProblem, areas: Mapping[str, int]) -> tuple[Placed, ...]:
    listed = zip(problem.masks, problem.class_of.tolist(), strict=True)
    column_of = {column: number for number, column in enumerate(listed)}
    placed = [
        Placed(unit.unit_id, unit.provenance, column_of[areas[unit.unit_id], position])
        for position, group in enumerate(problem.classes)
        for unit in group.units
    ]
    return tuple(sorted(placed, key=lambda one: one.unit_id))


def _settled(
    request: PlanRequest,
    problem: PlanProblem,
    columns: NDArray[np.intp],
    rounds: int,
    time_limit_s: float,
) -> Settled:
    tolerance = request.settings.gap_tolerance
    objective = problem.covered(problem.exposure[:, columns].sum(axis=1))
    found = outer_approximation.solve(
        problem, gap_tolerance=tolerance, time_limit_s=time_limit_s, start=columns
    )
    bound = max(found.bound, objective)
    solution = replace(
        found,
        columns=columns,
        objective=objective,
        bound=bound,
        proven=bound - objective <= tolerance * objective,
        timed_out=False,
    )
    draws = robustness.draws_of(request.assessment, problem.world)
    weighed = robustness.weighed(draws, problem, columns) if draws is not None else None
    return Settled(problem, solution, rounds, weighed)


def _verify(made: PatrolPlan, request: PlanRequest, busy: Mapping[str, float]) -> None:
    verify_plan(
        made,
        request.assessment,
        request.fleet,
        request.travel,
        request.settings,
        locks=request.locks,
        previous=request.previous,
        max_changes=request.max_changes,
        excludes=request.excludes,
        support=request.support,
        events=request.events,
        busy_fractions=busy,
    )


def _check(plan: PatrolPlan, assessment: RiskAssessment, fleet: Fleet) -> None:
    missing = sorted({one.unit_id for one in plan.units} - {one.unit_id for one in fleet.units})
    if missing:
        raise PlanningRefusedError(
            f"plan {plan.plan_id} places {', '.join(missing)}, which the fleet does not have",
            remedy="give the fleet file the plan was made with",
        )
    codes = sorted(borough.code for borough in assessment.boroughs)
    if codes != sorted(borough.code for borough in plan.boroughs):
        raise PlanningRefusedError(
            f"plan {plan.plan_id} is for other boroughs than assessment {assessment.assessment_id}",
            remedy="give an assessment of the same boundaries",
        )


def _codes(plan: PatrolPlan, name: str) -> dict[str, tuple[str, ...]]:
    entry = plan.settings.get(name)
    if not isinstance(entry, Mapping):
        return {}
    return {str(unit_id): tuple(codes) for unit_id, codes in sorted(entry.items())}
