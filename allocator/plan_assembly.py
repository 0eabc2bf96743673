"""Turn a solution into the published plan: areas, reasons, coverage, settings, digests."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from allocator import explanation
from allocator.duty_remarks import duty_remarks
from allocator.event_calendar import DAYS_IN_WEEK, Event, recorded
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
from allocator.plan_problem import PlanProblem
from allocator.plan_world import previous_masks
from allocator.queueing.busy_rounds import Settled, call_load
from allocator.settings import PlanSettings
from allocator.solver.linear_model import mps_text
from allocator.solver.outer_approximation import Solution
from allocator.travel_time import TravelTime
from hotspots.assessment import RiskAssessment


@dataclass(frozen=True)
class PlanRequest:
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
    events: tuple[Event, ...] = ()


def assemble(
    request: PlanRequest,
    settled: Settled,
    placed: tuple[explanation.Placed, ...] | None = None,
) -> PatrolPlan:
    """Return the plan of a solution, with its numbers rounded and its identifier set.

    ``placed`` says which unit has which column; left out, units keep what they had before.
    """
    problem, solution = settled.problem, settled.solution
    objective = round(solution.objective, DECIMALS)
    scale = 10**DECIMALS
    bound = min(1.0, max(objective, math.ceil(solution.bound * scale) / scale))
    before = previous_masks(problem.world, request.previous)
    placed = placed or explanation.assigned_units(problem, solution.columns, before)
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
            settings=_settings(request, problem)
            | _work(request, settled, placed)
            | {"robustness": asdict(settled.robustness) if settled.robustness else None},
            assessment_id=request.assessment.assessment_id,
            inputs_sha256=_inputs_sha256(request),
        )
    )


def _status(
    request: PlanRequest, problem: PlanProblem, solution: Solution, *, gap: float
) -> PlanStatus:
    proven = solution.proven or gap <= request.settings.gap_tolerance
    if solution.timed_out and not proven:
        return "timed_out"
    return "optimal" if proven and not problem.listed.blocks else "feasible"


def _placements(
    request: PlanRequest,
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
    on_duty = {unit.unit_id: unit.on_duty for unit in request.fleet.units}
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
            remarks=duty_remarks(
                request.assessment,
                request.events,
                request.week,
                unit_id=one.unit_id,
                on_duty=on_duty[one.unit_id],
                boroughs=boroughs,
            ),
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


def _settings(request: PlanRequest, problem: PlanProblem) -> dict[str, object]:
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
        "coverage_floor": settings.coverage_floor,
        "robust": settings.robust,
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
        "on_duty": {
            unit.unit_id: list(unit.on_duty)
            for unit in sorted(request.fleet.units, key=lambda unit: unit.unit_id)
            if len(unit.on_duty) < DAYS_IN_WEEK
        },
        "events": recorded(request.events),
        "solver": "outer approximation with OR-Tools MathOpt: GLOP, HiGHS and GSCIP",
    }


def busy_by_unit(
    request: PlanRequest,
    settled: Settled,
    placed: tuple[explanation.Placed, ...] | None = None,
) -> dict[str, float]:
    """Return the busy fraction of every unit that the plan was made with, by unit_id."""
    problem, columns = settled.problem, settled.solution.columns
    before = previous_masks(problem.world, request.previous)
    placed = placed or explanation.assigned_units(problem, columns, before)
    return {one.unit_id: float(problem.busy[one.column]) for one in placed}


def _work(
    request: PlanRequest, settled: Settled, placed: tuple[explanation.Placed, ...]
) -> dict[str, object]:
    """Return the assumed work and the busy fractions that follow; nothing where none is given."""
    load = call_load(request.fleet)
    if load is None:
        return {}
    return {
        "calls_per_week": load.calls_per_week,
        "service_time_s": load.service_time_s,
        "two_unit_share": load.two_unit_share,
        "busy_fractions": busy_by_unit(request, settled, placed),
        "busy_rounds": settled.rounds,
    }


def _inputs_sha256(request: PlanRequest) -> str:
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
        "events": recorded(request.events),
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def model_text(plan: PatrolPlan, solution: Solution) -> str:
    """Return the solved model as the text of an .mps file, with what its names mean."""
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
