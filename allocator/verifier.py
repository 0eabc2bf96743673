"""Check a finished plan against the request, sharing nothing with the model that made it.

Everything is worked out again from the assessment, the fleet and the travel times with plain
dictionaries and loops: no bit masks, no candidate areas, no exposures, no solver.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from allocator.errors import PlanVerificationError
from allocator.event_calendar import Event
from allocator.plan import Fleet, PatrolPlan
from allocator.settings import PlanSettings
from allocator.travel_time import TravelTime
from allocator.verifier_wards import check_refined_wards
from allocator.verifier_week import Day, days_of
from hotspots.assessment import RiskAssessment

TOLERANCE = 1e-7  # figures of a plan are rounded to nine decimals


def verify_plan(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    fleet: Fleet,
    travel: TravelTime,
    settings: PlanSettings,
    *,
    locks: Mapping[str, tuple[str, ...]],
    previous: PatrolPlan | None,
    max_changes: int | None,
    excludes: Mapping[str, tuple[str, ...]] | None = None,
    support: Mapping[str, tuple[str, ...]] | None = None,
    events: Sequence[Event] = (),
    busy_fractions: Mapping[str, float] | None = None,
) -> None:
    """Check every rule and figure of a plan.

    Parameters
    ----------
    busy_fractions
        Of every unit; that of the settings for all when left out.

    Raises
    ------
    PlanVerificationError
        Naming the first rule the plan breaks, with the values.
    """
    _check_units(plan, fleet)
    _check_partition(plan, assessment)
    _check_connected(plan, assessment)
    _check_eligibility(plan, fleet)
    _check_excludes(plan, excludes or {})
    _check_support(plan, assessment, support or {})
    _check_locks(plan, locks)
    _check_changes(plan, previous, max_changes)
    _check_wards(plan, assessment)
    free = {unit.unit_id: 1 - settings.busy_fraction for unit in plan.units}
    for unit_id, busy in (busy_fractions or {}).items():
        free[unit_id] = 1 - busy
    limit_s = fleet.service_standard_s - fleet.turnout_s
    answered = _answered_by_unit(plan, assessment, travel, settings, free=free, limit_s=limit_s)
    week = days_of(plan, assessment, fleet, events)
    _check_figures(plan, week, answered)
    _check_boroughs(plan, week, answered, assessment, settings)
    _check_floor(plan, settings)


def _check_units(plan: PatrolPlan, fleet: Fleet) -> None:
    placed = [(unit.unit_id, unit.provenance) for unit in plan.units]
    wanted = sorted((unit.unit_id, unit.provenance) for unit in fleet.units)
    if placed != wanted:
        raise _defect(f"the plan places {placed}, the fleet is {wanted}")


def _check_partition(plan: PatrolPlan, assessment: RiskAssessment) -> None:
    owner: dict[str, str] = {}
    for unit in plan.units:
        if not unit.boroughs or list(unit.boroughs) != sorted(set(unit.boroughs)):
            raise _defect(f"{unit.unit_id} has the boroughs {unit.boroughs}, not a sorted set")
        for code in unit.boroughs:
            if code in owner:
                raise _defect(f"borough {code} is given to {owner[code]} and {unit.unit_id}")
            owner[code] = unit.unit_id
    patrolled = sorted(borough.code for borough in assessment.boroughs)
    if sorted(owner) != patrolled:
        raise _defect(f"the areas cover {sorted(owner)}, the patrolled boroughs are {patrolled}")
    listed = {borough.code: borough.unit_id for borough in plan.boroughs}
    if listed != owner:
        raise _defect("the table of boroughs names other units than the areas do")


def _check_connected(plan: PatrolPlan, assessment: RiskAssessment) -> None:
    roads: dict[str, set[str]] = {}
    for link in assessment.borough_links:
        roads.setdefault(link.code_a, set()).add(link.code_b)
        roads.setdefault(link.code_b, set()).add(link.code_a)
    for unit in plan.units:
        for ground in (set(unit.boroughs), {*unit.boroughs, *unit.support}):
            waiting, reached = [unit.boroughs[0]], {unit.boroughs[0]}
            while waiting:
                for code in roads.get(waiting.pop(), set()) & ground - reached:
                    reached.add(code)
                    waiting.append(code)
            if reached != ground:
                raise _defect(
                    f"the area of {unit.unit_id} is not connected: {sorted(reached)} cannot be "
                    f"left for {sorted(ground - reached)}"
                )


def _check_eligibility(plan: PatrolPlan, fleet: Fleet) -> None:
    eligible = {unit.unit_id: set(unit.eligible_boroughs) for unit in fleet.units}
    for unit in plan.units:
        outside = set(unit.boroughs) - eligible[unit.unit_id]
        if eligible[unit.unit_id] and outside:
            raise _defect(f"{unit.unit_id} may not patrol {sorted(outside)}")


def _check_excludes(plan: PatrolPlan, excludes: Mapping[str, tuple[str, ...]]) -> None:
    for unit in plan.units:
        banned = {*unit.boroughs, *unit.support} & set(excludes.get(unit.unit_id, ()))
        if banned:
            raise _defect(f"{unit.unit_id} is to keep out of {sorted(banned)}")


def _check_support(
    plan: PatrolPlan, assessment: RiskAssessment, support: Mapping[str, tuple[str, ...]]
) -> None:
    patrolled = {borough.code for borough in assessment.boroughs}
    for unit in plan.units:
        wanted = sorted(set(support.get(unit.unit_id, ())))
        if list(unit.support) != wanted:
            raise _defect(f"{unit.unit_id} supports {unit.support}, asked was {wanted}")
        if set(unit.support) & set(unit.boroughs) or set(unit.support) - patrolled:
            raise _defect(f"{unit.unit_id} supports {unit.support}, not all of other units")


def _check_locks(plan: PatrolPlan, locks: Mapping[str, tuple[str, ...]]) -> None:
    area = {unit.unit_id: set(unit.boroughs) for unit in plan.units}
    for unit_id, codes in locks.items():
        if set(codes) - area.get(unit_id, set()):
            raise _defect(f"the lock of {unit_id} to {sorted(codes)} is not kept")


def _check_changes(plan: PatrolPlan, previous: PatrolPlan | None, max_changes: int | None) -> None:
    if previous is None or max_changes is None:
        return
    before = {unit.unit_id: set(unit.boroughs) for unit in previous.units}
    changed = [
        unit.unit_id
        for unit in plan.units
        if unit.unit_id in before and before[unit.unit_id] != set(unit.boroughs)
    ]
    if len(changed) > max_changes:
        raise _defect(f"{len(changed)} units change ({changed}), at most {max_changes} may")


def _check_wards(plan: PatrolPlan, assessment: RiskAssessment) -> None:
    if "ward_refinement" in plan.settings:
        check_refined_wards(plan, assessment)
        return
    for unit in plan.units:
        inside = sorted(p.code for p in assessment.places if p.borough_code in unit.boroughs)
        if list(unit.wards) != inside:
            raise _defect(f"the wards of {unit.unit_id} are not those of its boroughs")


def _check_figures(plan: PatrolPlan, week: list[Day], answered: dict[str, list[float]]) -> None:
    everyone = [unit.unit_id for unit in plan.units]
    everywhere = list(range(len(week[0].rates)))
    objective = _coverage(week, answered, everyone, everywhere)
    _compare("objective", plan.objective, objective)
    if plan.bound < plan.objective - TOLERANCE:
        raise _defect(f"the bound {plan.bound} is below the objective {plan.objective}")
    _compare("gap", plan.gap, (plan.bound - plan.objective) / plan.objective)
    for unit in plan.units:
        others = [unit_id for unit_id in everyone if unit_id != unit.unit_id]
        loss = objective - _coverage(week, answered, others, everywhere)
        _compare(f"marginal_coverage of {unit.unit_id}", unit.marginal_coverage, loss)


def _check_boroughs(
    plan: PatrolPlan,
    week: list[Day],
    answered: dict[str, list[float]],
    assessment: RiskAssessment,
    settings: PlanSettings,
) -> None:
    patrol = _patrol_time(assessment, settings)
    everyone = [unit.unit_id for unit in plan.units]
    by_borough: dict[str, list[int]] = {}
    for number, place in enumerate(assessment.places):
        by_borough.setdefault(place.borough_code, []).append(number)
    for borough in plan.boroughs:
        wards = by_borough[borough.code]
        days = week
        if not any(day.rates[ward] for day in week for ward in wards):
            days = [replace(day, rates=patrol) for day in week]
        reached = _coverage(days, answered, everyone, wards)
        _compare(f"coverage of {borough.code}", borough.coverage, reached)


def _check_floor(plan: PatrolPlan, settings: PlanSettings) -> None:
    for borough in plan.boroughs:
        if borough.coverage < settings.coverage_floor - TOLERANCE:
            raise _defect(
                f"{borough.name} is covered to {borough.coverage}, the floor is "
                f"{settings.coverage_floor}"
            )


def _answered_by_unit(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    travel: TravelTime,
    settings: PlanSettings,
    *,
    free: Mapping[str, float],
    limit_s: int,
) -> dict[str, list[float]]:
    """Chance that each unit, on duty, answers each ward in time, by the definition."""
    places = assessment.places
    patrol = _patrol_time(assessment, settings)
    answered = {}
    for unit in plan.units:
        ground = {*unit.boroughs, *unit.support}
        inside = [n for n, place in enumerate(places) if place.borough_code in ground]
        time_here = sum(patrol[ward] for ward in inside)
        chances = [0.0] * len(places)
        for origin in inside:
            for target, seconds in enumerate(travel.seconds[origin].tolist()):
                chances[target] += patrol[origin] * _in_time(seconds, limit_s, settings)
        answered[unit.unit_id] = [free[unit.unit_id] * chance / time_here for chance in chances]
    return answered


def _patrol_time(assessment: RiskAssessment, settings: PlanSettings) -> list[float]:
    """Relative time a patrolling unit spends in each ward."""
    total_rate = sum(ward.expected_per_week for ward in assessment.wards)
    total_area = sum(place.area_km2 for place in assessment.places)
    mix = settings.demand_mix
    return [
        mix * ward.expected_per_week / total_rate + (1 - mix) * place.area_km2 / total_area
        for ward, place in zip(assessment.wards, assessment.places, strict=True)
    ]


def _in_time(seconds: float, limit_s: float, settings: PlanSettings) -> float:
    if seconds == 0:
        return 1.0
    margin = math.log(limit_s / seconds) / settings.travel_noise
    chance = 0.5 * math.erfc(-margin / math.sqrt(2))
    return 0.0 if chance < settings.negligible_reach else chance


def _coverage(
    week: list[Day], answered: dict[str, list[float]], units: list[str], wards: list[int]
) -> float:
    """Share of the week's demand in some wards that some units answer in time."""
    reached = expected = 0.0
    for day in week:
        for ward in wards:
            rate = day.rates[ward] * day.count
            if rate:
                nobody = 1.0
                for unit_id in units:
                    nobody *= 1 - day.available[unit_id] * answered[unit_id][ward]
                reached += rate * (1 - nobody)
                expected += rate
    return reached / expected


def _compare(what: str, claimed: float, computed: float) -> None:
    if not abs(claimed - computed) <= TOLERANCE:
        raise _defect(f"the plan says {what} {claimed}, recomputed it is {computed}")


def _defect(problem: str) -> PlanVerificationError:
    return PlanVerificationError(
        f"the plan failed its independent check: {problem}",
        remedy="do not use it, and report this as a defect with the request",
    )
