"""Mend a plan in mid-week: hard rules first, then coverage within a tolerance, then few changes.

What has started and what is locked stays. The best plan from scratch says what could be had;
the re-plan is the one that changes the fewest units and still keeps a given share of that
coverage. The price-of-stability curve shows what every further change would buy.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from allocator.errors import PlanInfeasibleError, PlanTimedOutError
from allocator.following import Figures, stop_asked
from allocator.plan import Fleet, PatrolPlan, PlanStatus
from allocator.plan_differences import UnitChange, changed_units, differences
from allocator.replan_week import (
    COVERAGE_TOLERANCE,
    ReplanRequest,
    ReplanWeek,
    week_of_request,
)
from allocator.settings import PlanSettings
from allocator.travel_time import TravelTime
from allocator.weekly_plan import Progress
from hotspots.assessment import RiskAssessment

__all__ = [
    "COVERAGE_TOLERANCE",
    "CURVE_LIMITS",
    "CurvePoint",
    "Replan",
    "ReplanRequest",
    "price_of_stability",
    "replan",
    "sentences",
]

CURVE_LIMITS = (0, 2, 4, 8, 16)
HEAVY_LOAD = 1.5  # a changed unit above the usual cap on workload is named


@dataclass(frozen=True)
class CurvePoint:
    """Best coverage with at most ``max_changes`` changed units; no figures when infeasible.

    With ``workload_bounds_relaxed`` no such plan keeps the usual bounds on workload: its coverage
    may then exceed that of a point with more changes that keeps them.
    """

    max_changes: int
    status: PlanStatus
    changed: int | None
    objective: float | None
    bound: float | None
    workload_bounds_relaxed: bool


@dataclass(frozen=True)
class Replan:
    """A mended plan and what it was weighed against.

    Attributes
    ----------
    plan
        The plan that changes the fewest units within the tolerance.
    from_scratch
        The best plan under the same rules with no limit on changes.
    coverage_tolerance
        Share of the coverage from scratch that may be given up for stability.
    from_scratch_changes
        Units of both plans whose area the plan from scratch would change.
    changes
        The units whose area differs, lost units first, each by unit.
    loads
        Share of demand of every unit of the plan as a multiple of the equal share, by unit.
    """

    plan: PatrolPlan
    from_scratch: PatrolPlan
    from_scratch_changes: int
    coverage_tolerance: float
    changes: tuple[UnitChange, ...]
    loads: tuple[tuple[str, float], ...] = ()


def replan(
    assessment: RiskAssessment,
    fleet: Fleet,
    request: ReplanRequest,
    *,
    time_limit_s: float = 60.0,
    settings: PlanSettings | None = None,
    travel: TravelTime | None = None,
    progress: Progress | None = None,
) -> Replan:
    """Mend a plan with as few changes as the tolerance on coverage allows.

    Parameters
    ----------
    assessment, fleet
        The risk picture now, and the whole fleet (lost units may still be in it).
    request
        What happened, and what must stay.
    time_limit_s
        Seconds for all solves together.
    settings, travel
        As for :func:`allocator.weekly_plan.plan_week`; by default the plan's own coverage floor.
    progress
        Told the step and how much of it is done. One that is also a
        :class:`allocator.following.Follower` can end the search: the best plan so far is kept.

    Raises
    ------
    LockRefusedError, PlanningRefusedError
        The request names what is not there or contradicts itself.
    PlanInfeasibleError
        No plan keeps every rule.
    PlanTimedOutError
        The time was over before any plan was found.
    """
    week = week_of_request(
        assessment, fleet, request, settings, travel, following=Figures(progress)
    )
    deadline = time.monotonic() + time_limit_s
    tell: Callable[[str, float], None] = progress or (lambda _step, _share: None)
    tell("Planning from scratch", 0.0)
    scratch = week.solve(None, time_limit_s)
    tell("Looking for few changes", 0.0)
    most = len(changed_units(request.current, scratch))
    plan = _fewest_changes(week, request, scratch, deadline, tell)
    tell("Looking for few changes", 1.0)
    return Replan(
        plan,
        scratch,
        most,
        request.coverage_tolerance,
        differences(request.current, plan),
        _loads(assessment, plan),
    )


def _fewest_changes(
    week: ReplanWeek,
    request: ReplanRequest,
    scratch: PatrolPlan,
    deadline: float,
    tell: Callable[[str, float], None],
) -> PatrolPlan:
    """Return the plan that changes the fewest units and covers enough, within the limit."""
    floor = (1.0 - request.coverage_tolerance) * scratch.objective
    most = len(changed_units(request.current, scratch))
    plan = scratch
    if request.max_changes is not None and request.max_changes < most:
        most = request.max_changes
        plan = _within_limit(week, most, deadline - time.monotonic())
    fewest = 1 if request.lost else 0  # somebody has to take over what a lost unit patrolled
    for limit in range(fewest, most):
        left_s = deadline - time.monotonic()
        if left_s <= 0 or week.following.stop_asked():
            break
        found = week.solved(limit, left_s)
        if found is not None and found.objective >= floor:
            return found
        tell("Looking for few changes", (limit + 1) / most)
    return plan


def _within_limit(week: ReplanWeek, limit: int, left_s: float) -> PatrolPlan:
    """Return the best plan with at most ``limit`` changed units, or say why there is none."""
    if left_s <= 0:
        raise PlanTimedOutError(
            f"the time was over before a plan with at most {limit} changed units was found",
            remedy="allow more time, or more changes",
        )
    found = week.solved(limit, left_s)
    if found is None:
        raise PlanInfeasibleError(
            f"no plan keeps every rule with at most {limit} changed units",
            remedy="allow more changes (max_changes), or give up a lock",
        )
    return found


def price_of_stability(
    assessment: RiskAssessment,
    fleet: Fleet,
    request: ReplanRequest,
    *,
    limits: tuple[int, ...] = CURVE_LIMITS,
    time_limit_s: float = 60.0,
    settings: PlanSettings | None = None,
    travel: TravelTime | None = None,
    progress: Progress | None = None,
) -> tuple[CurvePoint, ...]:
    """Return the best coverage for each limit on changed units, ascending.

    Parameters
    ----------
    limits
        Numbers of units that may change. One at or above the fleet's size means no limit.
    time_limit_s
        Seconds for all solves together.

    Returns
    -------
    tuple of CurvePoint
        A limit that no plan keeps gives a point with the status ``infeasible``.

    Raises
    ------
    LockRefusedError, PlanningRefusedError, PlanTimedOutError
        As :func:`replan`.
    """
    week = week_of_request(
        assessment, fleet, request, settings, travel, following=Figures(progress)
    )
    deadline = time.monotonic() + time_limit_s
    tell: Callable[[str, float], None] = progress or (lambda _step, _share: None)
    ordered = sorted(set(limits))
    points = []
    for number, limit in enumerate(ordered):
        if stop_asked(progress):
            break
        tell("Pricing stability", number / len(ordered))
        left_s = max(0.1, (deadline - time.monotonic()) / (len(ordered) - number))
        points.append(_point(week, limit, week.solved(limit, left_s)))
    tell("Pricing stability", 1.0)
    return tuple(points)


def sentences(result: Replan) -> tuple[str, ...]:
    """Say the re-plan in sentences a person can read out, one a change, the balance last."""
    names = {borough.code: borough.name for borough in result.plan.boroughs}

    def said(codes: tuple[str, ...]) -> str:
        return " and ".join(names.get(code, code) for code in codes)

    lines = []
    for change in result.changes:
        if not change.after:
            lines.append(
                f"{change.unit_id} is lost: its area ({said(change.before)}) goes to others."
            )
            continue
        parts = [f"takes over {said(change.gained)}"] if change.gained else []
        parts += [f"gives up {said(change.given_up)}"] if change.given_up else []
        lines.append(f"{change.unit_id} {' and '.join(parts)}.")
    lines += [
        f"{unit_id} then carries {load:.1f} times an equal share of demand."
        for unit_id, load in result.loads
        if load > HEAVY_LOAD and any(unit_id == change.unit_id for change in result.changes)
    ]
    scratch, plan = result.from_scratch, result.plan
    kept = plan.objective / scratch.objective if scratch.objective else 1.0
    lines.append(
        f"Coverage {plan.objective:.4f}: {kept:.2%} of the {scratch.objective:.4f} that a plan "
        f"from scratch reaches, in which {_many(result.from_scratch_changes)} would change."
    )
    return tuple(lines)


def _loads(assessment: RiskAssessment, plan: PatrolPlan) -> tuple[tuple[str, float], ...]:
    """Demand of every unit's area as a multiple of the equal share, by unit."""
    rates = {borough.code: borough.expected_per_week for borough in assessment.boroughs}
    equal = sum(rates.values()) / len(plan.units)
    return tuple(
        (unit.unit_id, sum(rates[code] for code in unit.boroughs) / equal) for unit in plan.units
    )


def _many(count: int) -> str:
    return f"{count} unit" if count == 1 else f"{count} units"


def _point(week: ReplanWeek, limit: int, plan: PatrolPlan | None) -> CurvePoint:
    if plan is None:
        return CurvePoint(limit, "infeasible", None, None, None, False)
    changed = len(changed_units(week.current, plan))
    relaxed = plan.settings["workload_bounds_relaxed"] is True
    return CurvePoint(limit, plan.status, changed, plan.objective, plan.bound, relaxed)
