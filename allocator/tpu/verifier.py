"""Check a finished roster against its request, sharing nothing with the model that made it.

Everything is worked out again from the assessment, the request and the published roster with
dates, plain dictionaries and loops: no positions, no levels, no solver.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from allocator.errors import PlanVerificationError
from allocator.tpu.request import BoroughRequest, Override, TpuRequest
from allocator.tpu.roster import PastTask, RosterTask, TpuRoster
from hotspots.assessment import RiskAssessment

TOLERANCE = 1e-8  # figures of a roster are rounded to nine decimals
DAY = timedelta(days=1)
Shift = tuple[date, str]  # day, team


def verify_roster(
    roster: TpuRoster,
    assessment: RiskAssessment,
    request: TpuRequest,
    published: TpuRoster | None,
) -> None:
    """Check every rule and figure of a roster.

    Raises
    ------
    PlanVerificationError
        Naming the first rule the roster breaks, with the values.
    """
    _check_head(roster, assessment, request)
    _check_shifts(roster, request)
    _check_officers(roster, request)
    _check_duty(roster, request, published)
    _check_rest(roster, request, published)
    _check_spread(roster, assessment, request, published)
    _check_values(roster, assessment, request, published)
    _check_tactics(roster, request, published)
    _check_lead(roster, request, published)
    _check_overrides(roster, request, published)
    _check_answers(roster, request)
    _check_figures(roster)


def _check_head(roster: TpuRoster, assessment: RiskAssessment, request: TpuRequest) -> None:
    pairs = (
        ("first_day", roster.first_day, request.first_day),
        ("n_days", roster.n_days, request.n_days),
        ("assessment_id", roster.assessment_id, assessment.assessment_id),
        ("classification", roster.classification, assessment.classification),
        ("notice", roster.notice, assessment.notice),
        ("handling_code", roster.handling_code, assessment.handling_code),
        ("timezone", roster.timezone, assessment.timezone),
        ("teams", roster.team_ids, tuple(team.team_id for team in request.teams)),
        ("rules", roster.rules, request.rules),
        ("establishment", roster.establishment, request.establishment),
    )
    for name, said, wanted in pairs:
        if said != wanted:
            raise _defect(f"its {name} is {said!r}, that of the request {wanted!r}")


def _check_shifts(roster: TpuRoster, request: TpuRequest) -> None:
    """Every team has every day once: a task or a day off."""
    listed = [(task.day, task.team_id) for task in roster.tasks]
    listed += [(rest.day, rest.team_id) for rest in roster.rest_days]
    wanted = [
        (request.first_day + number * DAY, team.team_id)
        for number in range(request.n_days)
        for team in request.teams
    ]
    if sorted(listed) != sorted(wanted):
        raise _defect("some team does not have every day exactly once")
    for day in sorted({day for day, _ in wanted}):
        on_duty = sum(task.day == day for task in roster.tasks)
        if on_duty < request.rules.least_teams_a_day:
            raise _defect(f"{on_duty} teams are on duty on {day}")
    days = [sum(task.team_id == team.team_id for task in roster.tasks) for team in request.teams]
    if max(days) - min(days) > request.rules.most_duty_difference:
        raise _defect(f"the teams work {days} days")


def _check_officers(roster: TpuRoster, request: TpuRequest) -> None:
    where: dict[tuple[date, str, int], str] = {}
    posted = sum(team.sergeants for team in request.teams)
    for task in roster.tasks:
        team = next(team for team in request.teams if team.team_id == task.team_id)
        gone = [a for a in request.absences if a.day == task.day and a.team_id == task.team_id]
        loose = [a for a in request.absences if a.day == task.day and a.team_id is None]
        limits = {
            "inspector": request.establishment.inspectors - sum(a.inspectors for a in loose),
            "sergeant": request.establishment.sergeants - posted - sum(a.sergeants for a in loose),
        }
        numbers = {"inspector": task.inspectors, "sergeant": task.floating_sergeants}
        for rank, found in numbers.items():
            for number in found:
                if not 1 <= number <= limits[rank]:
                    raise _defect(f"{rank} {number} is on {_at(task)}, there are {limits[rank]}")
                if where.setdefault((task.day, rank, number), task.team_id) != task.team_id:
                    raise _defect(f"{rank} {number} is in two places on {task.day}")
        sergeants = team.sergeants - sum(a.sergeants for a in gone) + len(task.floating_sergeants)
        constables = team.constables - sum(a.constables for a in gone)
        if (task.sergeants, task.constables) != (sergeants, constables):
            raise _defect(
                f"{_at(task)} has {task.sergeants} sergeants, {task.constables} constables"
            )
        if sergeants < 1 or constables < request.rules.least_constables:
            raise _defect(f"{_at(task)} is short: {sergeants} sergeants, {constables} constables")


def _worked(
    roster: TpuRoster, request: TpuRequest, published: TpuRoster | None
) -> dict[str, dict[date, str]]:
    """Return the team each worker was with on each day: teams, inspectors, floating sergeants."""
    worked: dict[str, dict[date, str]] = {}
    earlier = [one for one in _published_tasks(published) if one.day < request.first_day]
    everything: list[RosterTask | PastTask] = [*earlier, *roster.tasks]
    for task in everything:
        workers = [f"team {task.team_id}"]
        workers += [f"inspector {number}" for number in task.inspectors]
        workers += [f"floating sergeant {number}" for number in task.floating_sergeants]
        for worker in workers:
            worked.setdefault(worker, {})[task.day] = task.team_id
    if not earlier:
        for team in request.teams:
            for number in range(1, min(team.days_in_a_row, 28) + 1):
                day = request.first_day - number * DAY
                worked.setdefault(f"team {team.team_id}", {})[day] = team.team_id
    return worked


def _published_tasks(published: TpuRoster | None) -> list[RosterTask | PastTask]:
    return [*published.past, *published.tasks] if published else []


def _check_duty(roster: TpuRoster, request: TpuRequest, published: TpuRoster | None) -> None:
    rules = request.rules
    for worker, days in _worked(roster, request, published).items():
        for length, most in (
            (rules.most_days_in_a_row + 1, rules.most_days_in_a_row),
            (7, 7 - rules.days_off),
        ):
            for number in range(request.n_days):
                last = request.first_day + number * DAY
                window = [last - back * DAY for back in range(length)]
                past = sum(day in days for day in window if day < request.first_day)
                ahead = sum(day in days for day in window if day >= request.first_day)
                if ahead and past + ahead > most:
                    raise _defect(f"{worker} works {past + ahead} of the {length} days to {last}")


def _check_rest(roster: TpuRoster, request: TpuRequest, published: TpuRoster | None) -> None:
    zone, rules = ZoneInfo(roster.timezone), request.rules
    starts = {team.team_id: team.shift_start for team in request.teams}
    for task in roster.tasks:
        start = datetime.combine(task.day, starts[task.team_id], tzinfo=zone).astimezone(UTC)
        end = start + timedelta(hours=rules.shift_hours)
        said = [datetime.fromisoformat(text) for text in (task.shift_start, task.shift_end)]
        if said != [start, end]:
            raise _defect(f"{_at(task)} lasts from {task.shift_start} to {task.shift_end}")
    for worker, days in _worked(roster, request, published).items():
        for day, team_id in days.items():
            after = days.get(day + DAY)
            if after is None or day + DAY < request.first_day:
                continue
            start = datetime.combine(day, starts[team_id], tzinfo=zone).astimezone(UTC)
            end = start + timedelta(hours=rules.shift_hours)
            following = datetime.combine(day + DAY, starts[after], tzinfo=zone).astimezone(UTC)
            if following - end < timedelta(hours=rules.rest_hours):
                raise _defect(f"{worker} rests {following - end} after the shift of {day}")


def _check_spread(
    roster: TpuRoster,
    assessment: RiskAssessment,
    request: TpuRequest,
    published: TpuRoster | None,
) -> None:
    rules, known = request.rules, {borough.code for borough in assessment.boroughs}
    for code in sorted({task.borough for task in roster.tasks}):
        if code not in known:
            raise _defect(f"{code} is not a patrolled borough")
        days = sorted(task.day for task in roster.tasks if task.borough == code)
        if len(days) > rules.most_visits:
            raise _defect(f"{code} is visited {len(days)} times")
        for one, other in pairwise(_earlier_visits(code, request, published) + days):
            if other >= request.first_day and (other - one).days <= rules.days_between_visits:
                raise _defect(f"{code} is visited on {one} and on {other}")


def _check_values(
    roster: TpuRoster,
    assessment: RiskAssessment,
    request: TpuRequest,
    published: TpuRoster | None,
) -> None:
    """Check what every visit is worth by the definition."""
    rules = request.rules
    scores = assessment.harm_boroughs if rules.target == "harm" else assessment.boroughs
    total = sum(score.expected_per_week for score in scores)
    for score in scores:
        share = score.expected_per_week / total
        own = sorted((t for t in roster.tasks if t.borough == score.code), key=lambda t: t.day)
        before = len(_earlier_visits(score.code, request, published))
        for number, task in enumerate(own, before):
            worth = round(share * rules.repeat_return**number * 1_000_000) / 1_000_000
            _compare(f"the value of {_at(task)}", task.value, worth)
            _compare(f"the risk_share of {_at(task)}", task.risk_share, share)
            if (task.visit_number, task.borough_name) != (number + 1, score.name):
                raise _defect(f"{_at(task)} is visit {task.visit_number} to {task.borough_name}")
        told = next(one for one in roster.boroughs if one.code == score.code)
        _compare(f"the value of {score.code}", told.value, sum(task.value for task in own))


def _earlier_visits(code: str, request: TpuRequest, published: TpuRoster | None) -> list[date]:
    """Return the days of the week before the roster on which a borough was visited."""
    since = request.first_day - 7 * DAY
    return sorted(
        one.day
        for one in _published_tasks(published)
        if one.borough == code and since <= one.day < request.first_day
    )


def _check_tactics(roster: TpuRoster, request: TpuRequest, published: TpuRoster | None) -> None:
    """Nothing is authorised here, and a tactic comes from the borough or the published roster."""
    needs = {need.tactic: need for need in request.needs}
    earlier = {(t.day, t.team_id): t.tactic for t in (published.tasks if published else ())}
    asked = {one.request_id: one.proposed_tactic for one in request.requests}
    for task in roster.tasks:
        if task.tactic == "mobile_patrol":
            if (task.authority, task.fallback) != ("not_required", None):
                raise _defect(f"mobile patrol of {_at(task)} has authority {task.authority}")
            continue
        if (task.authority, task.fallback) != ("proposed", "mobile_patrol"):
            raise _defect(f"{task.tactic} of {_at(task)} is {task.authority}")
        need = needs.get(task.tactic)
        if need is None or (
            len(task.inspectors) < need.inspectors
            or task.sergeants < need.sergeants
            or task.constables < need.constables
        ):
            raise _defect(f"{_at(task)} has not the officers for {task.tactic}")
        proposed = task.tactic in {asked.get(name) for name in task.requests}
        if not proposed and not (
            task.frozen and earlier.get((task.day, task.team_id)) == task.tactic
        ):
            raise _defect(f"nobody proposed {task.tactic} for {_at(task)}")


def _check_lead(roster: TpuRoster, request: TpuRequest, published: TpuRoster | None) -> None:
    if published is None:
        frozen = [one.frozen for one in roster.tasks] + [one.frozen for one in roster.rest_days]
        if any(frozen):
            raise _defect("a day is frozen, but no roster was published")
        return
    now = {(task.day, task.team_id): task for task in roster.tasks}
    then = {(task.day, task.team_id): task for task in published.tasks}
    altered = {(one.day, one.team_id): one for one in request.overrides}
    for number in range(min(request.rules.lead_days, request.n_days)):
        for team in request.teams:
            shift = (request.first_day + number * DAY, team.team_id)
            _check_frozen(now.get(shift), then.get(shift), altered.get(shift), shift)


def _check_frozen(
    now: RosterTask | None, then: RosterTask | None, override: Override | None, shift: Shift
) -> None:
    where = now.borough if now else "rest"
    if override is not None:
        if where != override.tasking or (now and now.frozen):
            raise _defect(f"{shift} is {where}, overridden to {override.tasking}")
        return
    if where != (then.borough if then else "rest") or (now and not now.frozen):
        raise _defect(f"{shift} is {where}, it is frozen otherwise")


def _check_overrides(roster: TpuRoster, request: TpuRequest, published: TpuRoster | None) -> None:
    then = {(task.day, task.team_id): task.borough for task in published.tasks} if published else {}
    wanted = sorted(
        (one.day, one.team_id, then.get((one.day, one.team_id), "rest"), one.tasking)
        for one in request.overrides
    )
    said = [(one.day, one.team_id, one.before, one.after) for one in roster.overrides]
    if said != wanted:
        raise _defect(f"it records the overrides {said}, made were {wanted}")
    if not all(one.reason.strip() and one.actor.strip() for one in roster.overrides):
        raise _defect("an override is recorded without its reason or actor")


def _check_answers(roster: TpuRoster, request: TpuRequest) -> None:
    if [one.request_id for one in roster.requests] != [one.request_id for one in request.requests]:
        raise _defect("it does not list the requests of the request file")
    for said, asked in zip(roster.requests, request.requests, strict=True):
        visits = list(_visits(roster.tasks, asked))
        if (said.outcome == "honoured") != bool(visits):
            raise _defect(f"request {asked.request_id} is said to be {said.outcome}")
        answering = [task for task in roster.tasks if asked.request_id in task.requests]
        if visits and (
            len(answering) != 1
            or answering[0] not in visits
            or (answering[0].team_id, answering[0].borough) != (said.team_id, said.borough)
        ):
            raise _defect(f"request {asked.request_id} is answered by {answering}")
        staffed = bool(answering) and answering[0].tactic == asked.proposed_tactic
        special = asked.proposed_tactic not in (None, "mobile_patrol")
        if special != (said.proposal != "none") or (
            special and (said.proposal == "staffed") != staffed
        ):
            raise _defect(f"the proposal of {asked.request_id} is said to be {said.proposal}")


def _visits(tasks: Iterable[RosterTask], asked: BoroughRequest) -> Iterable[RosterTask]:
    return (task for task in tasks if task.day == asked.day and task.borough in asked.boroughs)


def _check_figures(roster: TpuRoster) -> None:
    draw = roster.unpredictability
    _compare("objective", roster.objective, sum(task.value for task in roster.tasks))
    _compare("price", draw.price, roster.best_objective - roster.objective)
    if roster.objective > roster.best_objective + TOLERANCE:
        raise _defect(f"its objective {roster.objective} is above the best")
    if roster.objective < roster.best_objective * (1 - draw.epsilon) - TOLERANCE:
        raise _defect(f"its objective {roster.objective} is below the floor of epsilon")
    if roster.best_objective > roster.bound + TOLERANCE:
        raise _defect(f"its best {roster.best_objective} is above the bound {roster.bound}")
    gap = float(roster.bound > 0)
    if roster.best_objective:
        gap = (roster.bound - roster.best_objective) / roster.best_objective
    _compare("gap", roster.gap, gap)
    if (roster.status == "optimal") != (gap <= TOLERANCE):
        raise _defect(f"it is called {roster.status} with a gap of {gap}")


def _compare(what: str, claimed: float, computed: float) -> None:
    if not abs(claimed - computed) <= TOLERANCE:
        raise _defect(f"{what} is {claimed}, recomputed it is {computed}")


def _at(task: RosterTask) -> str:
    return f"{task.team_id} on {task.day}"


def _defect(problem: str) -> PlanVerificationError:
    return PlanVerificationError(
        f"the roster failed its independent check: {problem}",
        remedy="do not use it, and report this as a defect with the request",
    )
