"""Small roster requests, and slow exact answers about them by complete enumeration."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from allocator.tpu.request import (
    Absence,
    BoroughRequest,
    Establishment,
    RosterRules,
    Team,
    TpuRequest,
)
from hotspots.assessment import RiskAssessment

TEAMS = (Team("TPU-A", 1, 10), Team("TPU-B", 1, 10))
DAY = timedelta(days=1)

#: One borough (or None for rest) for every team of every day, days first.
Choice = tuple[str | None, ...]


def small_request(
    assessment: RiskAssessment, seed: int, *, n_days: int = 3, n_requests: int = 2
) -> TpuRequest:
    """Return a random request over a few days, without proposals of tactics."""
    rng = np.random.default_rng(seed)
    codes = [borough.code for borough in assessment.boroughs]
    requests, asked = [], set()
    for number in range(n_requests):
        day = assessment.as_of + int(rng.integers(n_days)) * DAY
        code = codes[int(rng.integers(len(codes)))]
        if (day, code) not in asked:
            asked.add((day, code))
            requests.append(BoroughRequest(f"R{number}", day, (code,), "gang tension", "borough"))
    absences = []
    if rng.random() < 0.4:
        day = assessment.as_of + int(rng.integers(n_days)) * DAY
        absences.append(Absence(day, "training", "TPU-A", sergeants=1))
    teams = tuple(
        Team(team.team_id, 1, 10, days_in_a_row=int(rng.integers(0, 3))) for team in TEAMS
    )
    rules = RosterRules(
        most_days_in_a_row=int(rng.integers(1, 4)),
        days_off=int(rng.integers(2, 6)),
        least_teams_a_day=int(rng.integers(0, 2)),
        most_visits=int(rng.integers(1, 4)),
        days_between_visits=int(rng.integers(0, 3)),
        repeat_return=float(rng.choice([0.0, 0.5, 0.8])),
        most_duty_difference=int(rng.integers(0, 3)),
    )
    return TpuRequest(
        assessment.as_of,
        n_days,
        teams,
        establishment=Establishment(1, int(rng.integers(2, 4)), 20),
        rules=rules,
        requests=tuple(requests),
        absences=tuple(absences),
    )


@dataclass(frozen=True)
class Answer:
    """The most requests that can be honoured, and the greatest objective with so many."""

    honoured: int
    objective: float


def enumerate_best(assessment: RiskAssessment, request: TpuRequest) -> Answer | None:
    """Return the best roster's figures by looking at every one; None when there is none."""
    best: tuple[int, float] | None = None
    for choice in choices(assessment, request):
        found = (honoured(request, choice), objective(assessment, request, choice))
        if best is None or found > best:
            best = found
    return Answer(best[0], best[1]) if best else None


def choices(assessment: RiskAssessment, request: TpuRequest) -> Iterator[Choice]:
    """Yield every roster that keeps the rules (without those on posts)."""
    codes = [borough.code for borough in assessment.boroughs]
    slots = len(request.teams) * request.n_days
    for choice in itertools.product([None, *codes], repeat=slots):
        if keeps_rules(request, choice):
            yield choice


def keeps_rules(request: TpuRequest, choice: Choice) -> bool:
    n_teams, rules = len(request.teams), request.rules
    days = [choice[d * n_teams : (d + 1) * n_teams] for d in range(request.n_days)]
    for number, day in enumerate(days):
        visited = [code for code in day if code]
        if len(set(visited)) != len(visited) or len(visited) < rules.least_teams_a_day:
            return False
        if not _sergeants_suffice(request, number, day):
            return False
    worked = [sum(day[t] is not None for day in days) for t in range(n_teams)]
    if max(worked) - min(worked) > rules.most_duty_difference:
        return False
    return _spread(request, days) and all(_rested(request, days, t) for t in range(n_teams))


def _sergeants_suffice(request: TpuRequest, number: int, day: tuple[str | None, ...]) -> bool:
    """Teams whose sergeant is away need a floating one; these never tire here."""
    date = request.first_day + number * DAY
    away = {a.team_id for a in request.absences if a.day == date and a.sergeants}
    short = sum(
        code is not None and team.team_id in away
        for code, team in zip(day, request.teams, strict=True)
    )
    return short <= request.floating_sergeants


def _spread(request: TpuRequest, days: list[tuple[str | None, ...]]) -> bool:
    visits: dict[str, list[int]] = {}
    for number, day in enumerate(days):
        for code in day:
            if code:
                visits.setdefault(code, []).append(number)
    apart = request.rules.days_between_visits
    return all(
        len(on) <= request.rules.most_visits
        and all(later - sooner > apart for sooner, later in itertools.pairwise(on))
        for on in visits.values()
    )


def _rested(request: TpuRequest, days: list[tuple[str | None, ...]], t: int) -> bool:
    before = [1] * request.teams[t].days_in_a_row
    duty = [0] * (8 - len(before)) + before + [int(day[t] is not None) for day in days]
    ahead = range(8, len(duty))
    for length, most in (
        (request.rules.most_days_in_a_row + 1, request.rules.most_days_in_a_row),
        (7, 7 - request.rules.days_off),
    ):
        for end in ahead:
            window = duty[end - length + 1 : end + 1]
            known = sum(duty[n] for n in range(end - length + 1, end + 1) if n < 8)
            if sum(window) > max(most, known):
                return False
    return True


def honoured(request: TpuRequest, choice: Choice) -> int:
    n_teams = len(request.teams)
    count = 0
    for one in request.requests:
        number = (one.day - request.first_day).days
        day = choice[number * n_teams : (number + 1) * n_teams]
        count += any(code in one.boroughs for code in day if code)
    return count


def objective(assessment: RiskAssessment, request: TpuRequest, choice: Choice) -> float:
    total = sum(borough.expected_per_week for borough in assessment.boroughs)
    share = {b.code: b.expected_per_week / total for b in assessment.boroughs}
    worth = 0
    for code, rate in share.items():
        for visit in range(sum(one == code for one in choice)):
            worth += round(rate * request.rules.repeat_return**visit * 1_000_000)
    return worth / 1_000_000
