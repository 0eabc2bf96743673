"""Random roster requests of every kind, and a roster in force before them, for property tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import numpy as np

from allocator.tpu.request import (
    REST,
    Absence,
    BoroughRequest,
    Establishment,
    Override,
    RosterRules,
    Tactic,
    Team,
    TpuRequest,
)
from allocator.tpu.roster import TpuRoster
from allocator.tpu.tasking import roster_week
from hotspots.assessment import RiskAssessment

DAY = timedelta(days=1)
TACTICS: tuple[Tactic | None, ...] = (None, None, "mobile_patrol", "tactic_1", "tactic_2")


def random_request(
    assessment: RiskAssessment, rng: np.random.Generator
) -> tuple[TpuRequest, TpuRoster | None]:
    """Return a request over one to ten days and, for a third of them, a published roster."""
    teams = _teams(rng)
    request = TpuRequest(
        first_day=assessment.as_of + int(rng.integers(3, 60)) * DAY,
        n_days=int(rng.integers(1, 11)),
        teams=teams,
        establishment=Establishment(
            inspectors=int(rng.integers(0, 3)),
            sergeants=sum(team.sergeants for team in teams) + int(rng.integers(0, 3)),
            constables=sum(team.constables for team in teams),
        ),
        rules=_rules(rng, len(teams)),
    )
    published = None
    if rng.random() < 0.35:
        published = _published(assessment, request, rng)
        request = replace(request, overrides=_overrides(assessment, request, rng))
    return replace(
        request,
        requests=_requests(assessment, request, rng),
        absences=_absences(request, rng),
    ), published


def _teams(rng: np.random.Generator) -> tuple[Team, ...]:
    hours = rng.choice([7, 14, 14, 22], size=int(rng.choice([1, 2, 2, 2, 3]))).tolist()
    return tuple(
        Team(
            f"TPU-{number + 1}",
            sergeants=int(rng.integers(1, 3)),
            constables=int(rng.integers(5, 12)),
            shift_start=time(hour),
            days_in_a_row=int(rng.integers(0, 4)),
        )
        for number, hour in enumerate(hours)
    )


def _rules(rng: np.random.Generator, n_teams: int) -> RosterRules:
    return RosterRules(
        shift_hours=float(rng.choice([8, 10, 12])),
        rest_hours=float(rng.choice([8, 11, 12])),
        most_days_in_a_row=int(rng.integers(1, 8)),
        days_off=int(rng.integers(0, 4)),
        least_teams_a_day=int(rng.integers(0, n_teams + 1)) if rng.random() < 0.3 else 0,
        most_duty_difference=int(rng.integers(0, 4)),
        least_constables=int(rng.integers(1, 6)),
        lead_days=int(rng.integers(0, 4)),
        most_visits=int(rng.integers(1, 4)),
        days_between_visits=int(rng.integers(0, 4)),
        repeat_return=float(rng.choice([0.0, 0.3, 0.5, 1.0])),
    )


def _published(
    assessment: RiskAssessment, request: TpuRequest, rng: np.random.Generator
) -> TpuRoster:
    """Roster some days from before the request's first on, with no fewest teams a day."""
    ahead = int(rng.integers(0, 4))
    earlier = replace(
        request,
        first_day=request.first_day - ahead * DAY,
        n_days=ahead + max(1, request.rules.lead_days),
        rules=replace(request.rules, least_teams_a_day=0),
    )
    return roster_week(assessment, earlier, seed=int(rng.integers(1000)))


def _overrides(
    assessment: RiskAssessment, request: TpuRequest, rng: np.random.Generator
) -> tuple[Override, ...]:
    codes = [REST, *(borough.code for borough in assessment.boroughs)]
    lead = min(request.rules.lead_days, request.n_days)
    return tuple(
        Override(
            request.first_day + number * DAY,
            team.team_id,
            str(rng.choice(codes)),
            "a shooting in the night",
            "Superintendent",
        )
        for number in range(lead)
        for team in request.teams
        if rng.random() < 0.15
    )


def _requests(
    assessment: RiskAssessment, request: TpuRequest, rng: np.random.Generator
) -> tuple[BoroughRequest, ...]:
    codes = [borough.code for borough in assessment.boroughs]
    found: list[BoroughRequest] = []
    asked: set[tuple[date, str]] = set()
    for number in range(int(rng.integers(0, 9))):
        day = _day(request, rng)
        chosen = rng.choice(codes, size=int(rng.integers(1, 3)), replace=False).tolist()
        if any((day, code) in asked for code in chosen):
            continue
        asked |= {(day, code) for code in chosen}
        name, where = f"R{number}", tuple(chosen)
        if rng.random() < 0.5:
            found.append(BoroughRequest(name, day, where, "an issue", "verano"))
        else:
            tactic = TACTICS[int(rng.integers(len(TACTICS)))]
            found.append(BoroughRequest(name, day, where, "an issue", "borough", tactic))
    return tuple(found)


def _absences(request: TpuRequest, rng: np.random.Generator) -> tuple[Absence, ...]:
    found = []
    for number in range(request.n_days):
        day = request.first_day + number * DAY
        for team in request.teams:
            if rng.random() < 0.1:
                sergeants = int(rng.integers(0, team.sergeants + 1))
                constables = int(rng.integers(0, team.constables + 1))
                found.append(
                    Absence(
                        day, "training", team.team_id, sergeants=sergeants, constables=constables
                    )
                )
        if rng.random() < 0.1:
            inspectors = int(rng.integers(0, request.establishment.inspectors + 1))
            found.append(Absence(day, "training", inspectors=inspectors))
    return tuple(found)


def _day(request: TpuRequest, rng: np.random.Generator) -> date:
    return request.first_day + int(rng.integers(request.n_days)) * DAY
