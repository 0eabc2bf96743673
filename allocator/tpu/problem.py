"""The checked facts of a roster request: slots, values, posts, officers and what is fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from allocator.tpu.request import (
    DAYS_OFF_WINDOW,
    REST,
    TacticNeed,
    Team,
    TpuRefusedError,
    TpuRequest,
)
from allocator.tpu.roster import PastTask, RosterTask, TpuRoster
from hotspots.assessment import AreaScore, RiskAssessment

#: Values are whole millionths of London's expected incidents, so that sums are exact.
POINTS = 1_000_000
SECONDS_AN_HOUR = 3_600.0
#: So long ago reaches no rule of duty.
MAX_HISTORY_DAYS = 28

Slot = tuple[int, int]  # team, day


@dataclass(frozen=True)
class Post:
    """An officer who goes with any team: an inspector, or a sergeant posted to none."""

    rank: str  # inspector | sergeant
    number: int


@dataclass(frozen=True)
class Fixed:
    """A slot that is decided before the roster is made.

    ``borough`` is a position, or None for a day off. ``task`` is the published one when the
    slot is frozen with a task.
    """

    borough: int | None
    overridden: bool
    task: RosterTask | None


@dataclass(frozen=True)
class RosterProblem:
    """A request in positions. Teams, days, boroughs and posts are counted from 0.

    Attributes
    ----------
    codes, names, shares
        Patrolled boroughs in code order; share of London's expected incidents.
    past_visits
        How often each borough was visited in the seven days before the first, and the days of
        these visits counted from the first day (all negative).
    past_duty
        Per team and post, days on duty before the first day, counted from it (negative).
    past_with
        Team that each post was with on a day before the first.
    fixed
        Frozen and overridden slots.
    sergeants, constables
        Posted officers present, by slot.
    present
        Whether a post is present, by post and day.
    tired
        (team, day, other team): an officer of the team's shift on that day cannot be on the
        other team's shift of the next day. Day -1 is the eve.
    """

    request: TpuRequest
    timezone: str
    days: tuple[date, ...]
    codes: tuple[str, ...]
    names: tuple[str, ...]
    shares: tuple[float, ...]
    past_visits: tuple[tuple[int, ...], ...]
    past_duty: Mapping[int | Post, frozenset[int]]
    past_with: Mapping[tuple[Post, int], int]
    fixed: Mapping[Slot, Fixed]
    posts: tuple[Post, ...]
    sergeants: Mapping[Slot, int]
    constables: Mapping[Slot, int]
    present: Mapping[tuple[Post, int], bool]
    tired: frozenset[tuple[int, int, int]]
    needs: Mapping[str, TacticNeed]

    @property
    def teams(self) -> tuple[Team, ...]:
        """The teams in the order of the request."""
        return self.request.teams

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Every team and day, days first."""
        return tuple((t, d) for d in range(len(self.days)) for t in range(len(self.teams)))

    def points(self, borough: int, visit: int) -> int:
        """Return what visit number ``visit`` (from 0, past ones included) is worth."""
        worth = self.shares[borough] * self.request.rules.repeat_return**visit
        return round(worth * POINTS)

    def total_points(self, visits: Mapping[int, int]) -> int:
        """Return the worth of so many visits of the roster to each borough."""
        return sum(
            self.points(borough, len(self.past_visits[borough]) + number)
            for borough, count in visits.items()
            for number in range(count)
        )


def build_problem(
    assessment: RiskAssessment, request: TpuRequest, published: TpuRoster | None
) -> RosterProblem:
    """Put a checked request into positions.

    Raises
    ------
    TpuRefusedError
        The assessment expects no incidents at all, or knows no such time zone.
    """
    scores = borough_scores(assessment, request)
    total = sum(score.expected_per_week for score in scores)
    if not total > 0:
        raise TpuRefusedError(
            f"assessment {assessment.assessment_id} expects no incidents in any borough",
            remedy="assess again with reported incidents",
        )
    days = tuple(request.first_day + timedelta(days=n) for n in range(request.n_days))
    codes = tuple(score.code for score in scores)
    posts = _posts(request)
    past = past_tasks(request, published)
    teams = {team.team_id: number for number, team in enumerate(request.teams)}
    sergeants, constables = _present_officers(request, days)
    return RosterProblem(
        request=request,
        timezone=assessment.timezone,
        days=days,
        codes=codes,
        names=tuple(score.name for score in scores),
        shares=tuple(score.expected_per_week / total for score in scores),
        past_visits=_past_visits(past, codes, request.first_day),
        past_duty=_past_duty(past, request, posts),
        past_with={
            (post, (task.day - request.first_day).days): teams[task.team_id]
            for task in past
            for post in posts_of(task)
        },
        fixed=_fixed(request, published, days, codes),
        posts=posts,
        sergeants=sergeants,
        constables=constables,
        present=_present_posts(request, posts, days),
        tired=_tired(request, days, assessment.timezone),
        needs={need.tactic: need for need in request.needs},
    )


def borough_scores(assessment: RiskAssessment, request: TpuRequest) -> tuple[AreaScore, ...]:
    """Return the borough scores of the request's target, sorted by code."""
    harm = request.rules.target == "harm"
    return assessment.harm_boroughs if harm else assessment.boroughs


def shift_times(team: Team, day: date, shift_hours: float, timezone: str) -> tuple[str, str]:
    """Return the local start and end of a shift, ISO 8601 with the offset from UTC."""
    start, end = _shift(team, day, shift_hours, ZoneInfo(timezone))
    return start.isoformat(), end.isoformat()


def posts_of(task: RosterTask | PastTask) -> list[Post]:
    """Return the posts that go with a task."""
    inspectors = [Post("inspector", number) for number in task.inspectors]
    return inspectors + [Post("sergeant", number) for number in task.floating_sergeants]


def _posts(request: TpuRequest) -> tuple[Post, ...]:
    inspectors = [Post("inspector", n + 1) for n in range(request.establishment.inspectors)]
    floating = [Post("sergeant", n + 1) for n in range(request.floating_sergeants)]
    return (*inspectors, *floating)


def past_tasks(request: TpuRequest, published: TpuRoster | None) -> tuple[PastTask, ...]:
    """Return what is known of the days before the roster: as published, or as teams say."""
    if published is None or published.first_day == request.first_day:
        known = list(published.past) if published else []
        return tuple(known) or tuple(
            PastTask(request.first_day - timedelta(days=n), team.team_id, "", (), ())
            for n in range(MAX_HISTORY_DAYS, 0, -1)
            for team in request.teams
            if n <= team.days_in_a_row
        )
    since = request.first_day - timedelta(days=MAX_HISTORY_DAYS)
    gone = [
        PastTask(one.day, one.team_id, one.borough, one.inspectors, one.floating_sergeants)
        for one in published.tasks
        if one.day < request.first_day
    ]
    return tuple(one for one in (*published.past, *gone) if one.day >= since)


def _past_visits(
    past: tuple[PastTask, ...], codes: tuple[str, ...], first_day: date
) -> tuple[tuple[int, ...], ...]:
    visits: dict[str, list[int]] = {code: [] for code in codes}
    for task in past:
        number = (task.day - first_day).days
        if number >= -DAYS_OFF_WINDOW and task.borough in visits:
            visits[task.borough].append(number)
    return tuple(tuple(sorted(visits[code])) for code in codes)


def _past_duty(
    past: tuple[PastTask, ...], request: TpuRequest, posts: tuple[Post, ...]
) -> dict[int | Post, frozenset[int]]:
    teams = {team.team_id: number for number, team in enumerate(request.teams)}
    duty: dict[int | Post, set[int]] = {post: set() for post in posts}
    duty |= {number: set() for number in range(len(request.teams))}
    for task in past:
        number = (task.day - request.first_day).days
        duty[teams[task.team_id]].add(number)
        for post in posts_of(task):
            duty.setdefault(post, set()).add(number)
    return {key: frozenset(days) for key, days in duty.items()}


def _fixed(
    request: TpuRequest,
    published: TpuRoster | None,
    days: tuple[date, ...],
    codes: tuple[str, ...],
) -> dict[Slot, Fixed]:
    if published is None:
        return {}
    position = {code: number for number, code in enumerate(codes)}
    tasks = {(task.team_id, task.day): task for task in published.tasks}
    overrides = {(one.team_id, one.day): one for one in request.overrides}
    fixed = {}
    for d, day in enumerate(days[: request.rules.lead_days]):
        for t, team in enumerate(request.teams):
            override = overrides.get((team.team_id, day))
            task = tasks.get((team.team_id, day))
            if override is not None:
                where = None if override.tasking == REST else position[override.tasking]
                fixed[t, d] = Fixed(where, overridden=True, task=None)
            elif task is None:
                fixed[t, d] = Fixed(None, overridden=False, task=None)
            elif task.borough not in position:
                raise TpuRefusedError(
                    f"the published roster tasks {team.team_id} on {day} to {task.borough}, "
                    "which the assessment does not score",
                    remedy="give an assessment of the same boroughs, or override that day",
                )
            else:
                fixed[t, d] = Fixed(position[task.borough], overridden=False, task=task)
    return fixed


def _present_officers(
    request: TpuRequest, days: tuple[date, ...]
) -> tuple[dict[Slot, int], dict[Slot, int]]:
    sergeants, constables = {}, {}
    for t, team in enumerate(request.teams):
        for d, day in enumerate(days):
            gone = [a for a in request.absences if a.day == day and a.team_id == team.team_id]
            sergeants[t, d] = team.sergeants - sum(absence.sergeants for absence in gone)
            constables[t, d] = team.constables - sum(absence.constables for absence in gone)
    return sergeants, constables


def _present_posts(
    request: TpuRequest, posts: tuple[Post, ...], days: tuple[date, ...]
) -> dict[tuple[Post, int], bool]:
    """Say who is there; the last-numbered posts of a rank are the absent ones."""
    present = {}
    for d, day in enumerate(days):
        gone = [a for a in request.absences if a.day == day and a.team_id is None]
        here = {
            "inspector": request.establishment.inspectors - sum(a.inspectors for a in gone),
            "sergeant": request.floating_sergeants - sum(a.sergeants for a in gone),
        }
        for post in posts:
            present[post, d] = post.number <= here[post.rank]
    return present


def _tired(
    request: TpuRequest, days: tuple[date, ...], timezone: str
) -> frozenset[tuple[int, int, int]]:
    """Measure the real gap between shifts, nights on which the clocks change included."""
    zone, rules = ZoneInfo(timezone), request.rules
    found = set()
    eve = days[0] - timedelta(days=1)
    for d, (day, after) in enumerate(zip((eve, *days), days, strict=False), start=-1):
        for t, team in enumerate(request.teams):
            _, end = _shift(team, day, rules.shift_hours, zone)
            for o, other in enumerate(request.teams):
                start, _ = _shift(other, after, rules.shift_hours, zone)
                gap_s = (start.astimezone(UTC) - end.astimezone(UTC)).total_seconds()
                if gap_s < rules.rest_hours * SECONDS_AN_HOUR:
                    found.add((t, d, o))
    return frozenset(found)


def _shift(team: Team, day: date, hours: float, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start = datetime.combine(day, team.shift_start, tzinfo=zone)
    end = (start.astimezone(UTC) + timedelta(hours=hours)).astimezone(zone)
    return start, end
