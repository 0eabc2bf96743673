"""What is the same for every solve of one re-plan: the fleet that is left, and what must stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from allocator import event_calendar
from allocator.errors import LockRefusedError, PlanInfeasibleError, PlanningRefusedError
from allocator.following import Figures
from allocator.plan import Fleet, PatrolPlan
from allocator.settings import PlanSettings, in_force
from allocator.travel_time import TravelTime, embedded_travel_time
from allocator.weekly_plan import plan_week
from hotspots.assessment import RiskAssessment

COVERAGE_TOLERANCE = 0.01


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
    max_changes
        Most units whose area may change, whatever coverage that costs; no limit when left out.
    """

    current: PatrolPlan
    lost: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    locks: Mapping[str, tuple[str, ...]] | None = None
    coverage_tolerance: float = COVERAGE_TOLERANCE
    workload_cap: float | None = None
    max_changes: int | None = None


@dataclass(frozen=True)
class ReplanWeek:
    """Everything that is the same for every solve of one re-plan."""

    assessment: RiskAssessment
    fleet: Fleet
    current: PatrolPlan
    rules: dict[str, dict[str, tuple[str, ...]]]
    settings: PlanSettings
    workload_cap: float | None
    travel: TravelTime
    events: tuple[event_calendar.Event, ...]
    following: Figures

    def solve(self, max_changes: int | None, time_limit_s: float) -> PatrolPlan:
        """Return the best plan with at most some changed units, ``None`` for any number."""
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
            progress=self.following,
        )

    def solved(self, limit: int, time_limit_s: float) -> PatrolPlan | None:
        """Return the best plan with at most ``limit`` changed units, if any keeps the rules."""
        try:
            return self.solve(limit, time_limit_s)
        except PlanInfeasibleError:
            return None


def week_of_request(
    assessment: RiskAssessment,
    fleet: Fleet,
    request: ReplanRequest,
    settings: PlanSettings | None,
    travel: TravelTime | None,
    *,
    following: Figures,
) -> ReplanWeek:
    """Return the week of a request.

    Raises
    ------
    LockRefusedError, PlanningRefusedError
        The request names what is not there or contradicts itself.
    """
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
    if request.max_changes is not None and request.max_changes < 0:
        raise PlanningRefusedError(
            f"at most {request.max_changes} changes are asked for",
            remedy="give 0 or more, or leave the limit out",
        )
    both = sorted(set(request.lost) & set(request.started))
    if both:
        raise LockRefusedError(
            f"{both[0]} is named as lost and as started", remedy="name it as one of the two"
        )
    left = tuple(unit for unit in fleet.units if unit.unit_id not in request.lost)
    smaller = replace(fleet, units=left)
    return ReplanWeek(
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
        following,
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
