"""Mend a plan in mid-week: hard rules first, then coverage within a tolerance, then few changes.

What has started and what is locked stays. The best plan from scratch says what could be had;
the re-plan is the one that changes the fewest units and still keeps a given share of that
coverage. The price-of-stability curve shows what every further change would buy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from allocator import event_calendar
from allocator.errors import LockRefusedError, PlanInfeasibleError, PlanningRefusedError
from allocator.plan import Fleet, PatrolPlan, PlanStatus
from allocator.plan_differences import UnitChange, changed_units, differences
from allocator.settings import PlanSettings, in_force
from allocator.travel_time import TravelTime, embedded_travel_time
from allocator.weekly_plan import Progress, plan_week
from hotspots.assessment import RiskAssessment

CURVE_LIMITS = (0, 2, 4, 8, 16)
COVERAGE_TOLERANCE = 0.01
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


@dataclass(frozen=True)
class ReplanRequest:
    """What happened, and what must stay.

    Attributes
    ----------
    current
        The plan in force; its locks, exclusions and support stay in force.
    lost
        Units that are no longer available.
    started
        Units already out: they keep every borough they have, and may take over more.
    locks
        Boroughs that units' areas must contain, beside those of the plan.
    coverage_tolerance
        Share of the coverage from scratch that may be given up for stability, in [0, 1].
    workload_cap
        Most demand a unit may carry for the rest of the week, as a multiple of the equal share,
        for the sake of fewer changes; the usual cap when left out. The plan from scratch always
        keeps the usual one.
    """

    current: PatrolPlan
    lost: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    locks: Mapping[str, tuple[str, ...]] | None = None
    coverage_tolerance: float = COVERAGE_TOLERANCE
    workload_cap: float | None = None


@dataclass(frozen=True)
class _Week:
    """Everything that is the same for every solve of one re-plan."""

    assessment: RiskAssessment
    fleet: Fleet
    current: PatrolPlan
    rules: dict[str, dict[str, tuple[str, ...]]]
    settings: PlanSettings
    workload_cap: float | None
    travel: TravelTime
    events: tuple[event_calendar.Event, ...]

    def solve(self, max_changes: int | None, time_limit_s: float) -> PatrolPlan:
        settings = self.settings
        if max_changes is not None and self.workload_cap is not None:
            settings = replace(settings, workload_cap=self.workload_cap)
        return plan_week(
            self.assessment,
            self.fleet,
            week=self.current.week,
            previous=self.current,
            max_changes=max_changes,
            time_limit_s=time_limit_s,
            settings=settings,
            travel=self.travel,
            locks=self.rules["locks"],
            excludes=self.rules["excludes"],
            support=self.rules["support"],
            events=self.events,
        )


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
        Told the step and how much of it is done.

    Raises
    ------
    LockRefusedError, PlanningRefusedError
        The request names what is not there or contradicts itself.
    PlanInfeasibleError
        No plan keeps every rule.
    PlanTimedOutError
        The time was over before any plan was found.
    """
    week = _week(assessment, fleet, request, settings, travel)
    deadline = time.monotonic() + time_limit_s
    tell: Callable[[str, float], None] = progress or (lambda _step, _share: None)
    tell("Planning from scratch", 0.0)
    scratch = week.solve(None, time_limit_s)
    tell("Looking for few changes", 0.0)
    floor = (1.0 - request.coverage_tolerance) * scratch.objective
    most = len(changed_units(request.current, scratch))
    plan = scratch
    fewest = 1 if request.lost else 0  # somebody has to take over what a lost unit patrolled
    for limit in range(fewest, most):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            break
        found = _solved(week, limit, left_s)
        if found is not None and found.objective >= floor:
            plan = found
            break
        tell("Looking for few changes", (limit + 1) / most)
    tell("Looking for few changes", 1.0)
    return Replan(
        plan,
        scratch,
        most,
        request.coverage_tolerance,
        differences(request.current, plan),
        _loads(assessment, plan),
    )


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
    week = _week(assessment, fleet, request, settings, travel)
    deadline = time.monotonic() + time_limit_s
    tell: Callable[[str, float], None] = progress or (lambda _step, _share: None)
    ordered = sorted(set(limits))
    points = []
    for number, limit in enumerate(ordered):
        tell("Pricing stability", number / len(ordered))
        left_s = max(0.1, (deadline - time.monotonic()) / (len(ordered) - number))
        points.append(_point(week, limit, _solved(week, limit, left_s)))
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


def _week(
    assessment: RiskAssessment,
    fleet: Fleet,
    request: ReplanRequest,
    settings: PlanSettings | None,
    travel: TravelTime | None,
) -> _Week:
    if not 0.0 <= request.coverage_tolerance <= 1.0:
        raise PlanningRefusedError(
            f"the tolerance on coverage is {request.coverage_tolerance}, not a share",
            remedy="give a share from 0 to 1, for example 0.01",
        )
    known = {unit.unit_id for unit in request.current.units}
    for what, unit_ids in (("lost", request.lost), ("started", request.started)):
        for unit_id in unit_ids:
            if unit_id not in known:
                raise LockRefusedError(
                    f"{unit_id!r} is named as {what}, but plan {request.current.plan_id} does not "
                    "place it",
                    remedy=f"name units of the plan: {', '.join(sorted(known))}",
                )
    both = sorted(set(request.lost) & set(request.started))
    if both:
        raise LockRefusedError(
            f"{both[0]} is named as lost and as started", remedy="name it as one of the two"
        )
    left = tuple(unit for unit in fleet.units if unit.unit_id not in request.lost)
    smaller = replace(fleet, units=left)
    return _Week(
        assessment,
        smaller,
        request.current,
        _rules(request, {unit.unit_id for unit in left}),
        settings or in_force(request.current.settings),
        request.workload_cap,
        travel or embedded_travel_time(assessment),
        event_calendar.without_units(
            event_calendar.in_force(request.current.settings), request.lost
        ),
    )


def _rules(request: ReplanRequest, available: set[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Rules of the plan in force that still apply, and those of the request."""
    rules: dict[str, dict[str, set[str]]] = {}
    for name in ("locks", "excludes", "support"):
        recorded = request.current.settings.get(name)
        kept = recorded if isinstance(recorded, dict) else {}
        rules[name] = {
            unit: set(codes)
            for unit, codes in kept.items()
            if unit in available and isinstance(codes, (list, tuple))
        }
    for unit in request.current.units:
        if unit.unit_id in request.started:
            rules["locks"].setdefault(unit.unit_id, set()).update(unit.boroughs)
    for unit_id, codes in (request.locks or {}).items():
        rules["locks"].setdefault(unit_id, set()).update(codes)
    return {
        name: {unit: tuple(sorted(codes)) for unit, codes in sorted(of_unit.items())}
        for name, of_unit in rules.items()
    }


def _solved(week: _Week, limit: int, time_limit_s: float) -> PatrolPlan | None:
    try:
        return week.solve(limit, time_limit_s)
    except PlanInfeasibleError:
        return None


def _point(week: _Week, limit: int, plan: PatrolPlan | None) -> CurvePoint:
    if plan is None:
        return CurvePoint(limit, "infeasible", None, None, None, False)
    changed = len(changed_units(week.current, plan))
    relaxed = plan.settings["workload_bounds_relaxed"] is True
    return CurvePoint(limit, plan.status, changed, plan.objective, plan.bound, relaxed)
