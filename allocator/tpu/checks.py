"""Refuse roster requests that cannot be used, before any time is spent solving."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from allocator.tpu.request import (
    REST,
    Absence,
    BoroughRequest,
    Override,
    TacticNeed,
    TpuRefusedError,
    TpuRequest,
)
from allocator.tpu.roster import TpuRoster
from hotspots.assessment import RiskAssessment

MAX_DAYS = 28
MAX_TEAMS = 6
MAX_REQUESTS = 200
MAX_OFFICERS = 1_000
HOURS_A_DAY = 24


def check_request(
    assessment: RiskAssessment, request: TpuRequest, published: TpuRoster | None
) -> None:
    """Refuse what no roster could be made from.

    Raises
    ------
    TpuRefusedError
        Naming the value, the bound and the remedy: days, teams, ranks, duty rules, requests,
        absences, overrides or the published roster cannot be used.
    """
    _check_days(assessment, request)
    _check_teams(request)
    _check_ranks(request)
    _check_duty(request)
    _check_needs(request.needs)
    patrolled = {borough.code for borough in assessment.boroughs}
    _check_requests(assessment, request, patrolled)
    _check_absences(request)
    if published is not None:
        _check_published(request, published)
    _check_overrides(request, published, patrolled)
    _check_target(assessment, request)


def _check_days(assessment: RiskAssessment, request: TpuRequest) -> None:
    if not 1 <= request.n_days <= MAX_DAYS:
        raise TpuRefusedError(
            f"the roster has {request.n_days} days", remedy=f"ask for 1 to {MAX_DAYS} days"
        )
    if request.first_day < assessment.as_of:
        raise TpuRefusedError(
            f"the roster starts on {request.first_day}, before the assessment's date "
            f"{assessment.as_of}: a day in the past",
            remedy=f"start on {assessment.as_of} or later, or give an earlier assessment",
        )


def _check_teams(request: TpuRequest) -> None:
    if not 1 <= len(request.teams) <= MAX_TEAMS:
        raise TpuRefusedError(
            f"there are {len(request.teams)} teams", remedy=f"describe 1 to {MAX_TEAMS} teams"
        )
    _refuse_repeated((team.team_id for team in request.teams), "team")
    for team in request.teams:
        _refuse_negative(f"team {team.team_id}", "constables", team.constables)
        _refuse_negative(f"team {team.team_id}", "days_in_a_row", team.days_in_a_row)
        if team.sergeants < 1:
            raise TpuRefusedError(
                f"team {team.team_id} has {team.sergeants} sergeants: a team is never without one",
                remedy="post at least 1 sergeant to every team",
            )
        if team.constables < request.rules.least_constables:
            raise TpuRefusedError(
                f"team {team.team_id} has {team.constables} constables, fewer than "
                f"least_constables {request.rules.least_constables}",
                remedy="post more constables to the team, or lower least_constables",
            )


def _check_ranks(request: TpuRequest) -> None:
    for rank in ("inspectors", "sergeants", "constables"):
        total = getattr(request.establishment, rank)
        _refuse_negative("the establishment", rank, total)
        if rank == "inspectors":
            continue
        posted = sum(getattr(team, rank) for team in request.teams)
        if posted > total:
            raise TpuRefusedError(
                f"the teams have {posted} {rank}, the establishment has {total}",
                remedy=f"post at most {total} {rank} to the teams together",
            )


def _check_duty(request: TpuRequest) -> None:
    rules = request.rules
    gap_hours = HOURS_A_DAY - rules.shift_hours
    if rules.rest_hours > gap_hours:
        raise TpuRefusedError(
            f"rest_hours {rules.rest_hours:g} is longer than the gap of {gap_hours:g} h that "
            f"shifts of {rules.shift_hours:g} h leave between two days",
            remedy=f"rest at most {gap_hours:g} h, or shorten the shift",
        )
    if rules.least_teams_a_day > len(request.teams):
        raise TpuRefusedError(
            f"least_teams_a_day is {rules.least_teams_a_day}, but there are "
            f"{len(request.teams)} teams",
            remedy=f"ask for at most {len(request.teams)} teams a day",
        )


def _check_needs(needs: Sequence[TacticNeed]) -> None:
    _refuse_repeated((need.tactic for need in needs), "need of")
    for need in needs:
        for rank in ("sergeants", "constables"):
            _refuse_negative(f"the need of {need.tactic}", rank, getattr(need, rank))
        if need.inspectors < 1:
            raise TpuRefusedError(
                f"the need of {need.tactic} has {need.inspectors} inspectors",
                remedy="need at least 1: the inspector is the firearms team leader",
            )


def _check_requests(assessment: RiskAssessment, request: TpuRequest, patrolled: set[str]) -> None:
    if len(request.requests) > MAX_REQUESTS:
        raise TpuRefusedError(
            f"there are {len(request.requests)} requests", remedy=f"give at most {MAX_REQUESTS}"
        )
    _refuse_repeated((one.request_id for one in request.requests), "request")
    asked: dict[tuple[date, str], str] = {}
    for one in request.requests:
        _check_one_request(one, patrolled)
        what = f"request {one.request_id}"
        if one.day < assessment.as_of:
            raise TpuRefusedError(
                f"{what} is for {one.day}, a day in the past (the assessment is of "
                f"{assessment.as_of})",
                remedy="ask for a day of the roster",
            )
        _refuse_outside(one.day, request, what)
        for code in one.boroughs:
            earlier = asked.setdefault((one.day, code), one.request_id)
            if earlier != one.request_id:
                raise TpuRefusedError(
                    f"{code} is asked for twice on {one.day}, by requests {earlier} and "
                    f"{one.request_id}",
                    remedy="put both issues into one request: a borough is visited once a day",
                )


def _check_one_request(one: BoroughRequest, patrolled: set[str]) -> None:
    what = f"request {one.request_id}"
    if not one.boroughs or len(set(one.boroughs)) != len(one.boroughs):
        raise TpuRefusedError(
            f"{what} names the boroughs {list(one.boroughs)}",
            remedy="name at least one borough, each once",
        )
    if not one.issue.strip():
        raise TpuRefusedError(f"{what} gives no issue", remedy="say what the visit is for")
    _refuse_unknown(one.boroughs, patrolled, what)
    if one.requested_by == "verano" and one.proposed_tactic is not None:
        raise TpuRefusedError(
            f"{what} of the Verano meeting names the tactic {one.proposed_tactic}: tasking "
            "names a borough or an issue and never fixes the tactic",
            remedy="leave the tactic out; the borough's senior officers propose one, and CO5 "
            "decides on their application",
        )


def _check_absences(request: TpuRequest) -> None:
    teams = {team.team_id: team for team in request.teams}
    gone: dict[tuple[date, str | None, str], int] = {}
    for one in request.absences:
        what = f"the absence on {one.day}" + (f" from {one.team_id}" if one.team_id else "")
        _refuse_outside(one.day, request, what)
        _check_absence_ranks(one, what)
        if one.team_id is not None and one.team_id not in teams:
            raise TpuRefusedError(
                f"{what} names an unknown team", remedy=f"name one of {', '.join(teams)}"
            )
        for rank in ("inspectors", "sergeants", "constables"):
            key = (one.day, one.team_id, rank)
            gone[key] = gone.get(key, 0) + getattr(one, rank)
            if one.team_id is not None:
                have = getattr(teams[one.team_id], rank, 0)
            elif rank == "sergeants":
                have = request.floating_sergeants
            else:
                have = request.establishment.inspectors if rank == "inspectors" else 0
            if gone[key] > have:
                raise TpuRefusedError(
                    f"{what} takes away {gone[key]} {rank} of {have}",
                    remedy="give the absence of a team's sergeants and constables with its "
                    "team_id, that of inspectors and floating sergeants without",
                )


def _check_absence_ranks(one: Absence, what: str) -> None:
    for rank in ("inspectors", "sergeants", "constables"):
        _refuse_negative(what, rank, getattr(one, rank))
    if not one.reason.strip():
        raise TpuRefusedError(f"{what} gives no reason", remedy="say why, without names")


def _check_published(request: TpuRequest, published: TpuRoster) -> None:
    last = published.first_day + timedelta(days=published.n_days - 1)
    lead_end = request.first_day + timedelta(days=min(request.rules.lead_days, request.n_days) - 1)
    covers = published.first_day <= request.first_day and lead_end <= last
    if not covers:
        raise TpuRefusedError(
            f"the published roster covers {published.first_day} to {last}, not the lead "
            f"{request.first_day} to {lead_end}",
            remedy="give the roster in force on these days, or start on a day it covers",
        )
    if set(published.team_ids) != {team.team_id for team in request.teams}:
        raise TpuRefusedError(
            f"the published roster is of the teams {', '.join(published.team_ids)}",
            remedy="describe the same teams, or leave the published roster out",
        )
    _refuse_two_places(published)


def _refuse_two_places(published: TpuRoster) -> None:
    teams: set[tuple[date, str]] = set()
    posts: dict[tuple[date, str, int], str] = {}
    for task in published.tasks:
        if (task.day, task.team_id) in teams:
            raise TpuRefusedError(
                f"the published roster tasks {task.team_id} twice on {task.day}",
                remedy="give the roster as `arv tpu` wrote it",
            )
        teams.add((task.day, task.team_id))
        officers = [("inspector", number) for number in task.inspectors]
        officers += [("floating sergeant", number) for number in task.floating_sergeants]
        for rank, number in officers:
            other = posts.setdefault((task.day, rank, number), task.team_id)
            if other != task.team_id:
                raise TpuRefusedError(
                    f"the published roster has {rank} {number} in two places on {task.day}: "
                    f"with {other} and with {task.team_id}",
                    remedy="give the roster as `arv tpu` wrote it",
                )


def _check_overrides(request: TpuRequest, published: TpuRoster | None, patrolled: set[str]) -> None:
    lead = min(request.rules.lead_days, request.n_days)
    days = [request.first_day + timedelta(days=number) for number in range(lead)]
    teams = [team.team_id for team in request.teams]
    for one in request.overrides:
        what = f"the override of {one.team_id} on {one.day}"
        _check_override_words(one, what)
        if one.team_id not in teams:
            raise TpuRefusedError(
                f"{what} names an unknown team", remedy=f"name one of {', '.join(teams)}"
            )
        if one.tasking != REST:
            _refuse_unknown((one.tasking,), patrolled, what)
        if published is None or one.day not in days:
            where = f"{days[0]} to {days[-1]}" if days else "none"
            raise TpuRefusedError(
                f"{what} has no published tasking to alter (frozen days with a published "
                f"roster: {where if published else 'none'})",
                remedy="a day outside the lead needs a request, not an override; inside it, "
                "give the published roster",
            )
    _refuse_repeated((f"{one.team_id} on {one.day}" for one in request.overrides), "override of")


def _check_override_words(one: Override, what: str) -> None:
    for name in ("reason", "actor"):
        if not getattr(one, name).strip():
            raise TpuRefusedError(
                f"{what} gives no {name}",
                remedy=f"give the {name}: what is altered inside the lead is recorded with both",
            )


def _check_target(assessment: RiskAssessment, request: TpuRequest) -> None:
    if request.rules.target == "harm" and not assessment.harm_boroughs:
        raise TpuRefusedError(
            f"assessment {assessment.assessment_id} has no score of harm",
            remedy='write target = "demand", or assess with a policy that names harm',
        )


def _refuse_negative(what: str, name: str, value: int) -> None:
    if not 0 <= value <= MAX_OFFICERS:
        raise TpuRefusedError(
            f"{what} has {value} {name}", remedy=f"give {name} from 0 to {MAX_OFFICERS}"
        )


def _refuse_repeated(names: Iterable[str], kind: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise TpuRefusedError(f"{kind} {name} is given twice", remedy="give it once")
        seen.add(name)


def _refuse_unknown(codes: Iterable[str], patrolled: set[str], what: str) -> None:
    for code in codes:
        if code not in patrolled:
            raise TpuRefusedError(
                f"{what} names {code!r}, which is not a patrolled borough of the assessment",
                remedy="use a borough code of the assessment, such as E09000012",
            )


def _refuse_outside(day: date, request: TpuRequest, what: str) -> None:
    last = request.first_day + timedelta(days=request.n_days - 1)
    if not request.first_day <= day <= last:
        raise TpuRefusedError(
            f"{what} is for {day}, outside the roster's days {request.first_day} to {last}",
            remedy="ask for a day of the roster, or roster more days",
        )
