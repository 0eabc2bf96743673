"""The roster of the proactive unit as the Verano meeting reads it: days down, teams across."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from allocator.tpu.request import MOBILE_PATROL
from allocator.tpu.roster import RequestOutcome, RosterTask, TpuRoster
from api.pages.local_time import london_moment
from api.store.rosters import KeptRoster
from api.store.taskings import Tasking
from api.titles import as_title
from api.wording import british_date, british_days

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ASKED_BY = {"borough": "the borough", "verano": "the Verano meeting"}


@dataclass(frozen=True)
class Shift:
    """One team on one day; a day off has no borough.

    ``authority`` says in words where a set-piece tactic stands, and is empty for patrol.
    """

    team_id: str
    borough: str
    hours: str
    tactic: str
    authority: str
    answers: str
    note: str
    reason: str


@dataclass(frozen=True)
class Day:
    """One day of the roster with a shift for each team."""

    name: str
    shifts: tuple[Shift, ...]


@dataclass(frozen=True)
class Wish:
    """A request and its answer."""

    request_id: str
    day: str
    boroughs: str
    issue: str
    asked_by: str
    answer: str
    reason: str


@dataclass(frozen=True)
class Undecided:
    """A proposed tactic that waits for authority."""

    tasking_id: str
    version: int
    words: str


@dataclass(frozen=True)
class RosterView:
    """A roster, ready to print.

    Attributes
    ----------
    standing
        Whether its taskings stand, in a sentence.
    stands
        True when every shift of it is tasked as the roster says.
    """

    roster_id: str
    title: str
    made: str
    teams: tuple[str, ...]
    days: tuple[Day, ...]
    wishes: tuple[Wish, ...]
    undecided: tuple[Undecided, ...]
    notes: tuple[str, ...]
    standing: str
    stands: bool


def roster_view(
    kept: KeptRoster, roster: TpuRoster, taskings: Sequence[Tasking], names: Mapping[str, str]
) -> RosterView:
    """Return a roster as the page shows it.

    Parameters
    ----------
    kept, roster
        The roster as the store keeps it, and read from its document.
    taskings
        What stands on its days.
    names
        Names of boroughs by code.
    """
    tasked = {(one.team, one.day): one for one in taskings}
    tasks = {(one.team_id, one.day): one for one in roster.tasks}
    days = sorted({day for _, day in tasks} | {rest.day for rest in roster.rest_days})
    match = sum(_stands(tasked.get(place), task) for place, task in tasks.items())
    return RosterView(
        roster_id=kept.roster_id,
        title=f"{british_date(kept.first_day)} to {british_date(kept.last_day)}",
        made=f"{london_moment(kept.created)}, by {kept.created_by}",
        teams=roster.team_ids,
        days=tuple(_day(day, roster.team_ids, tasks, tasked) for day in days),
        wishes=tuple(_wish(one, names) for one in roster.requests),
        undecided=tuple(_undecided(one, names) for one in taskings if one.authority == "proposed"),
        notes=tuple(british_days(note) for note in roster.notes),
        standing=_standing(match, len(tasks)),
        stands=match == len(tasks),
    )


def roster_choices(
    rosters: Sequence[KeptRoster], standing: Collection[str]
) -> tuple[tuple[str, str], ...]:
    """Return identifier and label of rosters, in the order given.

    Parameters
    ----------
    standing
        Identifiers of those by which somebody is tasked.
    """
    return tuple(
        (
            one.roster_id,
            f"from {british_date(one.first_day)}, made {london_moment(one.created)}"
            + (", tasked" if one.roster_id in standing else ", a proposal"),
        )
        for one in rosters
    )


def _stands(tasking: Tasking | None, task: RosterTask) -> bool:
    return tasking is not None and (tasking.borough_code, tasking.tactic) == (
        task.borough,
        task.tactic,
    )


def _standing(match: int, total: int) -> str:
    if match == total:
        return "Its taskings stand."
    if match:
        return f"{match} of its {total} shifts stand as tasked; the others are not tasked by it."
    return "A proposal: nobody is tasked by it yet."


def _day(
    day: date,
    teams: Sequence[str],
    tasks: Mapping[tuple[str, date], RosterTask],
    tasked: Mapping[tuple[str, date], Tasking],
) -> Day:
    shifts = tuple(_shift(team, tasks.get((team, day)), tasked.get((team, day))) for team in teams)
    return Day(f"{WEEKDAYS[day.weekday()]} {british_date(day)}", shifts)


def _shift(team: str, task: RosterTask | None, tasking: Tasking | None) -> Shift:
    if task is None:
        return Shift(team, "", "", "", "", "", "", "")
    note = "as published" if task.frozen else ""
    stands = tasking if _stands(tasking, task) else None
    return Shift(
        team_id=team,
        borough=task.borough_name,
        hours=f"{task.shift_start[11:16]} to {task.shift_end[11:16]}",
        tactic=as_title(task.tactic),
        authority=_authority(task, stands),
        answers=", ".join(task.requests),
        note=note,
        reason=british_days(task.reason),
    )


def _authority(task: RosterTask, tasking: Tasking | None) -> str:
    if task.tactic == MOBILE_PATROL:
        return ""
    if tasking is None or tasking.authority == "proposed":
        return "proposed, not authorised: mobile patrol until then"
    if tasking.authority == "authorised":
        return f"authorised ({tasking.authority_reference})"
    return f"refused ({tasking.authority_reference}): mobile patrol"


def _wish(one: RequestOutcome, names: Mapping[str, str]) -> Wish:
    answer = "not met"
    if one.outcome == "honoured":
        answer = f"met by {one.team_id} in {names.get(one.borough or '', one.borough)}"
    return Wish(
        one.request_id,
        british_date(one.day),
        ", ".join(names.get(code, code) for code in one.boroughs),
        one.issue,
        _ASKED_BY.get(one.requested_by, one.requested_by),
        answer,
        british_days(one.reason),
    )


def _undecided(one: Tasking, names: Mapping[str, str]) -> Undecided:
    where = names.get(one.borough_code, one.borough_code)
    words = f"{as_title(one.tactic)}, {one.team}, {where}, {british_date(one.day)}"
    return Undecided(one.tasking_id, one.version, words)
