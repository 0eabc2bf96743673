"""Refuse requests that cannot be planned, before any time is spent solving."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from allocator.coverage import drive_limit_s
from allocator.errors import (
    FleetRefusedError,
    LockRefusedError,
    PlanInfeasibleError,
    PlanningRefusedError,
)
from allocator.event_calendar import Event, check_events, in_week
from allocator.patrol_areas import connected_parts, mask_of, members_of
from allocator.plan import Fleet, PatrolPlan
from allocator.plan_world import UnitClass, World
from hotspots.assessment import RiskAssessment

ISO_WEEK = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
#: A week has one before it and one after it, or no days can be counted around it.
_AROUND = timedelta(days=14)


def week_of(as_of: date, week: str | None) -> str:
    """Return the ISO week to plan: the given one, or the first that starts on or after as-of.

    Raises
    ------
    PlanningRefusedError
        The week is not an ISO week such as 2026-W48, or is the first or last of all calendars.
    """
    if week is None:
        monday = as_of + timedelta(days=-as_of.weekday() % 7)
        year, number, _ = monday.isocalendar()
        return f"{year}-W{number:02d}"
    match = ISO_WEEK.fullmatch(week)
    try:
        if match is None:
            raise ValueError(week)
        monday = date.fromisocalendar(int(match[1]), int(match[2]), 1)
        _ = monday - _AROUND, monday + _AROUND
    except (ValueError, OverflowError) as error:
        raise PlanningRefusedError(
            f"{week!r} is not an ISO week", remedy="write it like 2026-W48"
        ) from error
    return week


def check_fleet(fleet: Fleet, borough_codes: tuple[str, ...]) -> None:
    """Refuse a fleet that no plan could place.

    Raises
    ------
    FleetRefusedError
        No unit, more units than boroughs, a repeated unit, no day on duty, an unknown
        eligible borough, or a standard that leaves no time to drive.
    """
    drive_limit_s(fleet)
    if not fleet.units:
        raise FleetRefusedError(
            "the fleet has 0 units", remedy="describe at least one vehicle in the fleet file"
        )
    if len(fleet.units) > len(borough_codes):
        raise FleetRefusedError(
            f"the fleet has {len(fleet.units)} units, more than the {len(borough_codes)} "
            "patrolled boroughs",
            remedy=f"leave out at least {len(fleet.units) - len(borough_codes)} units: each "
            "needs a borough of its own",
        )
    seen: set[str] = set()
    for unit in fleet.units:
        if unit.unit_id in seen:
            raise FleetRefusedError(
                f"unit {unit.unit_id} is in the fleet twice", remedy="give each its own unit_id"
            )
        seen.add(unit.unit_id)
        if not unit.on_duty or not set(unit.on_duty) <= set(range(7)):
            raise FleetRefusedError(
                f"unit {unit.unit_id} is on duty on the days {list(unit.on_duty)}",
                remedy="give at least one weekday, or leave the unit out",
            )
        unknown = sorted(set(unit.eligible_boroughs) - set(borough_codes))
        if unknown:
            raise FleetRefusedError(
                f"unit {unit.unit_id}: eligible_boroughs holds {unknown[0]}, which is not a "
                "patrolled borough of the assessment",
                remedy="use codes of the assessment's boroughs; the City of London "
                "(E09000001) is not patrolled",
            )


def events_of(
    assessment: RiskAssessment, fleet: Fleet, events: Sequence[Event], week: str
) -> tuple[Event, ...]:
    """Return the events with a day in the week, in order, once they are known to make sense.

    Raises
    ------
    EventRefusedError
        An event names an unknown place or unit, or takes more units than are on duty.
    """
    inside = in_week(events, week)
    check_events(
        inside,
        week,
        borough_codes=tuple(sorted(borough.code for borough in assessment.boroughs)),
        ward_codes=tuple(place.code for place in assessment.places),
        on_duty={unit.unit_id: unit.on_duty for unit in fleet.units},
    )
    return inside


def check_locks(world: World, fleet: Fleet, locks: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse locks that name nothing, contradict each other or leave eligibility.

    Raises
    ------
    LockRefusedError
        Naming the unit, the borough and the remedy.
    """
    units = {unit.unit_id: unit for unit in fleet.units}
    names = dict(zip(world.borough_codes, world.borough_names, strict=True))
    owner: dict[str, str] = {}
    for unit_id, codes in sorted(locks.items()):
        if unit_id not in units:
            raise LockRefusedError(
                f"the lock names unit {unit_id!r}, which is not in the fleet",
                remedy=f"lock one of {', '.join(sorted(units))}",
            )
        if not codes:
            raise LockRefusedError(
                f"the lock of {unit_id} names no borough", remedy="name one, or drop the lock"
            )
        for code in codes:
            _check_locked_borough(units[unit_id].eligible_boroughs, unit_id, code, names)
            if owner.setdefault(code, unit_id) != unit_id:
                raise LockRefusedError(
                    f"{names[code]} ({code}) is locked to both {owner[code]} and {unit_id}",
                    remedy="lock a borough to one unit only",
                )
    for unit_id, codes in sorted(locks.items()):
        _check_lock_joins(world, units[unit_id].eligible_boroughs, unit_id, codes, owner)


def _check_locked_borough(
    eligible: tuple[str, ...], unit_id: str, code: str, names: Mapping[str, str]
) -> None:
    if code not in names:
        raise LockRefusedError(
            f"the lock of {unit_id} names {code!r}, which is not a patrolled borough",
            remedy="use a borough code of the assessment, such as E09000033",
        )
    if eligible and code not in eligible:
        raise LockRefusedError(
            f"{unit_id} is locked to {names[code]} ({code}), but may patrol only "
            f"{', '.join(names[other] for other in eligible)}",
            remedy="lock another unit there, or widen its eligible_boroughs",
        )


def _check_lock_joins(
    world: World,
    eligible: tuple[str, ...],
    unit_id: str,
    codes: tuple[str, ...],
    owner: Mapping[str, str],
) -> None:
    """Refuse locked boroughs that no boroughs the unit may patrol join."""
    usable = mask_of(world.borough_codes, eligible or world.borough_codes)
    others = mask_of(world.borough_codes, [c for c, unit in owner.items() if unit != unit_id])
    required = mask_of(world.borough_codes, codes)
    for part in connected_parts(usable & ~others, world.neighbours):
        if part & required and required & ~part:
            split = [world.borough_names[member] for member in members_of(required)]
            raise LockRefusedError(
                f"{unit_id} is locked to {' and '.join(split)}, which no connected area joins "
                "within its eligible boroughs and past the other locks",
                remedy="drop one of these boroughs from the lock, or lock the boroughs between",
            )


def check_time_limit(time_limit_s: float) -> None:
    """Refuse a time limit that is not a positive number of seconds.

    Raises
    ------
    PlanningRefusedError
        The limit is 0, negative or not a number.
    """
    if not time_limit_s > 0:
        raise PlanningRefusedError(
            f"the time limit is {time_limit_s} s", remedy="allow more than 0 s, for example 60"
        )


def check_previous(previous: PatrolPlan | None, max_changes: int | None) -> None:
    """Refuse a limit on changes that has nothing to count from.

    Raises
    ------
    PlanningRefusedError
        ``max_changes`` is negative, or given without a previous plan.
    """
    if max_changes is None:
        return
    if max_changes < 0:
        raise PlanningRefusedError(
            f"max_changes is {max_changes}", remedy="give 0 or more units that may change"
        )
    if previous is None:
        raise PlanningRefusedError(
            f"max_changes is {max_changes}, but there is no previous plan to count from",
            remedy="give the previous plan, or leave out the limit",
        )


def check_reach(world: World, classes: tuple[UnitClass, ...]) -> None:
    """Refuse what no partition can satisfy: cut-off boroughs, boroughs and units left over.

    Raises
    ------
    PlanInfeasibleError
        Naming the boroughs or units and the remedy.
    """
    n_units = sum(len(group.units) for group in classes)
    everywhere = (1 << len(world.borough_codes)) - 1
    parts = connected_parts(everywhere, world.neighbours)
    if len(parts) > n_units:
        names = ", ".join(world.borough_names[member] for member in members_of(parts[-1]))
        raise PlanInfeasibleError(
            f"the boroughs fall into {len(parts)} parts without a road between them, more than "
            f"the {n_units} units; {names} is one",
            remedy="add the missing link to the borough links, or more units",
        )
    anywhere = 0
    for group in classes:
        anywhere |= group.allowed
    if everywhere & ~anywhere:
        names = ", ".join(world.borough_names[m] for m in members_of(everywhere & ~anywhere))
        raise PlanInfeasibleError(
            f"no unit may patrol {names}",
            remedy="add it to some unit's eligible_boroughs, or add a unit that may go anywhere",
        )
    _check_matching(world, classes)


def _check_matching(world: World, classes: tuple[UnitClass, ...]) -> None:
    """Every unit needs a borough of its own: a maximum matching must place them all (Hall)."""
    units = [(unit.unit_id, group) for group in classes for unit in group.units]
    locked = 0
    for group in classes:
        locked |= group.required
    table = np.zeros((len(units), len(world.borough_codes)))
    for row, (_, group) in enumerate(units):
        free = group.required or group.allowed & ~locked
        table[row, list(members_of(free))] = 1.0
    matched = maximum_bipartite_matching(csr_matrix(table), perm_type="column")
    if (matched >= 0).all():
        return
    lonely = int(np.flatnonzero(matched < 0)[0])
    crowd, wanted = _overcrowded(table, lonely)
    unit_ids = ", ".join(units[row][0] for row in crowd)
    names = ", ".join(world.borough_names[column] for column in wanted) or "no borough at all"
    raise PlanInfeasibleError(
        f"{unit_ids} need a borough each, but may patrol only {names} "
        f"({len(crowd)} units, {len(wanted)} boroughs)",
        remedy="widen the eligible_boroughs of one of them, or change the locks there",
    )


def _overcrowded(table: NDArray[np.float64], lonely: int) -> tuple[list[int], list[int]]:
    """Units and boroughs that an unmatched unit competes with: more units than boroughs."""
    matched = maximum_bipartite_matching(csr_matrix(table), perm_type="row")
    units, waiting, boroughs = {lonely}, [lonely], set()
    while waiting:
        for column in np.flatnonzero(table[waiting.pop()]).tolist():
            if column not in boroughs:
                boroughs.add(column)
                row = int(matched[column])
                if row >= 0 and row not in units:
                    units.add(row)
                    waiting.append(row)
    return sorted(units), sorted(boroughs)
