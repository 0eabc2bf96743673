"""A plan beside the ways it could have been made: every one under the same coverage formula.

All rows share the assessment, the fleet, the drive times and the exact coverage of
:mod:`allocator.coverage`, so their figures can be set side by side. Only the proposed plan is
bound by every rule; the others show what a rule costs or what a simpler method misses:

- ``previous``: the areas of the previous plan, on this week's demand;
- ``unconstrained``: the best plan without locks, exclusions, support, eligibility, least
  workload or limit on changes (no unit may exceed twice the equal share);
- ``proportional``: vehicles handed to the boroughs in proportion to demand by the method of
  Webster, each patrolling one borough (areas may coincide, boroughs may stay without one);
- ``nearest_centre``: every borough to the nearest of the centres of the best p-median of its
  demand (a Voronoi division; parts of an area may be cut off);
- ``greedy``: one unit a borough, each time where it adds most coverage (greedy MCLP).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from allocator import coverage, event_calendar
from allocator.errors import (
    LockRefusedError,
    PlanInfeasibleError,
    PlanningRefusedError,
    PlanTimedOutError,
)
from allocator.following import Figures
from allocator.patrol_areas import mask_of, members_of, membership
from allocator.plan import Fleet, PatrolPlan
from allocator.plan_request import events_of
from allocator.plan_world import Floats, World, build_world
from allocator.queueing import busy_rounds
from allocator.settings import PlanSettings, in_force
from allocator.simple_placements import greedy, nearest_centre, proportional
from allocator.travel_time import TravelTime, embedded_travel_time
from allocator.weekly_plan import Progress, plan_week
from hotspots.assessment import RiskAssessment

FREE_CAP = 2.0  # workload bound of the unconstrained plan, which keeps its columns countable


@dataclass(frozen=True)
class Alternative:
    """One way to place the fleet.

    Attributes
    ----------
    name, label
        Key and words.
    objective
        Expected share of demand reached within the standard.
    bound
        Proven limit, where there is one.
    borough_coverage
        float of every borough in the order of :attr:`Comparison.borough_codes`.
    areas
        Borough codes of each unit, in the order of the fleet by unit_id.
    """

    name: str
    label: str
    objective: float
    bound: float | None
    borough_coverage: tuple[float, ...]
    areas: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class RuleCost:
    """What a rule costs: objective gained without it, at least and at most (by the bounds)."""

    rule: str
    gain: float
    gain_at_most: float


@dataclass(frozen=True)
class Comparison:
    """The proposed plan first, then the others; and the price of every rule."""

    borough_codes: tuple[str, ...]
    borough_names: tuple[str, ...]
    alternatives: tuple[Alternative, ...]
    rule_costs: tuple[RuleCost, ...]


def compare(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    fleet: Fleet,
    *,
    previous: PatrolPlan | None = None,
    settings: PlanSettings | None = None,
    travel: TravelTime | None = None,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> Comparison:
    """Set a plan beside last week's, unconstrained, proportional, Voronoi and greedy ones.

    Parameters
    ----------
    plan
        The proposed plan, made for the assessment and fleet.
    previous
        Last week's plan, where there is one.
    settings, travel
        As for the plan.
    time_limit_s
        Seconds for all solves together; rules that were not priced in time are left out.
    progress
        Told the step and how much of it is done. One that is also a
        :class:`allocator.following.Follower` can end the solves as the time limit would.

    Raises
    ------
    PlanningRefusedError
        The plan places other units or boroughs than the fleet and assessment have.
    """
    settings = settings or in_force(plan.settings)
    travel = travel or embedded_travel_time(assessment)
    deadline = time.monotonic() + time_limit_s
    events = events_of(assessment, fleet, event_calendar.in_force(plan.settings), plan.week)
    world = build_world(assessment, fleet, travel, settings, events=events, week=plan.week)
    world = busy_rounds.as_planned(world, plan)
    fleet = replace(fleet, units=tuple(sorted(fleet.units, key=lambda unit: unit.unit_id)))
    _check(plan, world, fleet)
    tell: Progress = progress or (lambda _step, _share: None)
    tell("Comparing placements", 0.0)
    scale = _Scale(world, fleet, settings)
    asked = _asked(plan, previous)
    solves = _Solves(
        assessment, fleet, settings, travel, previous, deadline, events, plan.week,
        Figures(progress),
    )  # fmt: skip
    rows = [scale.of_plan("proposed", "Proposed plan", plan, plan.bound)]
    if previous is not None:
        rows.append(scale.of_plan("previous", "Previous plan, this week's demand", previous))
    free = solves.plan(_Asked({}, {}, {}, None), floor=False, anywhere=True)
    if free is not None:
        rows.append(
            scale.of_plan("unconstrained", "Best partition, no other rule", free, free.bound)
        )
    rows += [
        scale.row("proportional", "By demand, rest unpatrolled", proportional(world, fleet)),
        scale.row(
            "nearest_centre", "Nearest centre (Voronoi)", nearest_centre(world, assessment, fleet)
        ),
        scale.row("greedy", "Greedy MCLP, rest unpatrolled", greedy(world, fleet, settings)),
    ]
    tell("Comparing placements", 1.0)
    tell("Pricing the rules", 0.0)
    costs = _rule_costs(plan, asked, solves)
    tell("Pricing the rules", 1.0)
    return Comparison(world.borough_codes, world.borough_names, tuple(rows), costs)


class _Scale:
    """Weighs any areas, connected or not, overlapping or not, by the one coverage formula."""

    def __init__(self, world: World, fleet: Fleet, settings: PlanSettings) -> None:
        self._world = world
        self._fleet = fleet
        self._settings = settings
        self._available = np.array(
            [[kind.available[unit.unit_id] for kind in world.kinds] for unit in fleet.units]
        )

    def _exposure(self, masks: Sequence[int]) -> Floats:
        """Return float (n_points, n_units); an empty area reaches nothing."""
        members = membership(masks, len(self._world.borough_codes))
        empty = members.sum(axis=0) == 0
        members[:, empty] = 1.0  # any area: its units count as off duty
        reach = coverage.area_reach(
            self._world.reach_from_borough, self._world.borough_weight, members
        )
        on_road = np.where(empty[:, None], 0.0, self._available)
        busy = self._world.busy_fractions(members, self._settings.busy_fraction)
        return self._world.point_exposure(reach, on_road, busy)

    def of_plan(
        self, name: str, label: str, plan: PatrolPlan, bound: float | None = None
    ) -> Alternative:
        """Return the row of a plan; boroughs and units that are gone drop out."""
        codes = self._world.borough_codes
        known = set(codes)
        placed = {unit.unit_id: unit for unit in plan.units}
        own, whole = [], []
        for unit in self._fleet.units:
            at = placed.get(unit.unit_id)
            area = at.boroughs if at else ()
            beside = at.support if at else ()
            own.append(mask_of(codes, [code for code in area if code in known]))
            whole.append(mask_of(codes, [code for code in (*area, *beside) if code in known]))
        return replace(self.row(name, label, whole, bound), areas=self._codes(own))

    def _codes(self, masks: Sequence[int]) -> tuple[tuple[str, ...], ...]:
        codes = self._world.borough_codes
        return tuple(tuple(codes[member] for member in members_of(mask)) for mask in masks)

    def row(
        self, name: str, label: str, masks: Sequence[int], bound: float | None = None
    ) -> Alternative:
        """Return an alternative with its coverage of London and of every borough."""
        world = self._world
        total = self._exposure(masks).sum(axis=1)
        size = len(world.borough_codes)
        worth, at = world.point_worth, world.borough_of_point
        reached = np.bincount(at, weights=-worth * np.expm1(-total), minlength=size)
        by_borough = reached / np.bincount(at, weights=worth, minlength=size)
        areas = self._codes(masks)
        objective = coverage.expected_coverage(world.point_demand, total)
        return Alternative(name, label, objective, bound, tuple(by_borough.tolist()), areas)


def _check(plan: PatrolPlan, world: World, fleet: Fleet) -> None:
    placed = tuple(sorted(unit.unit_id for unit in plan.units))
    wanted = tuple(unit.unit_id for unit in fleet.units)
    if placed != wanted:
        odd = sorted(set(placed) ^ set(wanted))
        raise PlanningRefusedError(
            f"plan {plan.plan_id} and the fleet do not have the same units ({', '.join(odd)})",
            remedy="give the fleet file the plan was made with",
        )
    codes = tuple(sorted(borough.code for borough in plan.boroughs))
    if codes != world.borough_codes:
        raise PlanningRefusedError(
            f"plan {plan.plan_id} is for other boroughs than the assessment",
            remedy="give the assessment the plan was made with",
        )


@dataclass(frozen=True)
class _Solves:
    """Solves other requests on the same week until the time is over."""

    assessment: RiskAssessment
    fleet: Fleet
    settings: PlanSettings
    travel: TravelTime
    previous: PatrolPlan | None
    deadline: float
    events: tuple[event_calendar.Event, ...]
    week: str
    following: Figures

    def plan(
        self,
        asked: _Asked,
        *,
        floor: bool = True,
        coverage_floor: bool = True,
        anywhere: bool = False,
    ) -> PatrolPlan | None:
        """Return a plan, or nothing when the time is over or the rules allow none."""
        left_s = self.deadline - time.monotonic()
        if left_s <= 0 or self.following.stop_asked():
            return None
        fleet, settings = self.fleet, self.settings
        if anywhere:
            units = tuple(replace(unit, eligible_boroughs=()) for unit in fleet.units)
            fleet = replace(fleet, units=units)
            settings = replace(settings, workload_cap=max(FREE_CAP, settings.workload_cap))
        if anywhere or not coverage_floor:
            settings = replace(settings, coverage_floor=0.0)
        if not floor:
            settings = replace(settings, workload_floor=0.0)
        try:
            return plan_week(
                self.assessment,
                fleet,
                settings=settings,
                travel=self.travel,
                locks=asked.locks,
                excludes=asked.excludes,
                support=asked.support,
                previous=self.previous if asked.max_changes is not None else None,
                max_changes=asked.max_changes,
                events=self.events,
                week=self.week,
                time_limit_s=left_s,
                progress=self.following,
            )
        except (PlanInfeasibleError, PlanTimedOutError, LockRefusedError):
            return None


@dataclass(frozen=True)
class _Asked:
    """The rules a plan was made under, as its settings tell."""

    locks: Mapping[str, tuple[str, ...]]
    excludes: Mapping[str, tuple[str, ...]]
    support: Mapping[str, tuple[str, ...]]
    max_changes: int | None


def _asked(plan: PatrolPlan, previous: PatrolPlan | None) -> _Asked:
    limit = plan.settings.get("max_changes")
    return _Asked(
        locks=_codes(plan.settings.get("locks")),
        excludes=_codes(plan.settings.get("excludes")),
        support=_codes(plan.settings.get("support")),
        max_changes=limit if isinstance(limit, int) and previous is not None else None,
    )


def _codes(entry: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(entry, Mapping):
        return {}
    return {str(unit_id): tuple(codes) for unit_id, codes in entry.items()}


def _rule_costs(plan: PatrolPlan, asked: _Asked, solves: _Solves) -> tuple[RuleCost, ...]:
    """Solve again without each lock, exclusion, floor and limit the plan was made under."""
    names = {borough.code: borough.name for borough in plan.boroughs}

    def where(codes: tuple[str, ...]) -> str:
        return " and ".join(names.get(code, code) for code in codes)

    found: list[tuple[str, PatrolPlan | None]] = [
        (
            f"lock of {unit_id} to {where(codes)}",
            solves.plan(replace(asked, locks=_without(asked.locks, unit_id))),
        )
        for unit_id, codes in asked.locks.items()
    ]
    found += [
        (
            f"keeping {unit_id} out of {where(codes)}",
            solves.plan(replace(asked, excludes=_without(asked.excludes, unit_id))),
        )
        for unit_id, codes in asked.excludes.items()
    ]
    found.append(("least workload of every unit", solves.plan(asked, floor=False)))
    if solves.settings.coverage_floor > 0.0:
        rule = f"coverage of at least {solves.settings.coverage_floor:.1%} in every borough"
        found.append((rule, solves.plan(asked, coverage_floor=False)))
    if asked.max_changes is not None:
        rule = f"at most {asked.max_changes} units change"
        found.append((rule, solves.plan(replace(asked, max_changes=None))))
    return tuple(
        RuleCost(
            rule,
            max(0.0, free.objective - plan.objective),
            max(0.0, free.bound - plan.objective),
        )
        for rule, free in found
        if free is not None
    )


def _without(codes: Mapping[str, tuple[str, ...]], unit_id: str) -> dict[str, tuple[str, ...]]:
    return {unit: kept for unit, kept in codes.items() if unit != unit_id}
