"""What is asked of the Trojan Proactive Unit: its teams, its rules, requests and overrides.

Frozen values only; :mod:`allocator.tpu.checks` refuses what cannot be rostered. Tactics follow
the public committee paper (Metropolitan Police Authority, 9 December 2010): mobile patrol needs
no further authority, tactics 1 to 3 do. Armed foot patrol is no tactic of the unit and has no
value here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, time
from typing import Literal

from allocator.errors import PlanningRefusedError

Tactic = Literal["mobile_patrol", "tactic_1", "tactic_2", "tactic_3"]
#: ``proposed`` is as far as a roster can go: authority is given and recorded elsewhere.
Authority = Literal["not_required", "proposed"]
Requester = Literal["borough", "verano"]
Target = Literal["demand", "harm"]

MOBILE_PATROL: Tactic = "mobile_patrol"
TACTICS: tuple[Tactic, ...] = ("mobile_patrol", "tactic_1", "tactic_2", "tactic_3")
REST = "rest"
DAYS_OFF_WINDOW = 7

_BOUNDS: dict[str, tuple[float, float]] = {
    "shift_hours": (1.0, 16.0),
    "rest_hours": (0.0, 24.0),
    "most_days_in_a_row": (1.0, 28.0),
    "days_off": (0.0, 6.0),
    "least_teams_a_day": (0.0, 6.0),
    "most_duty_difference": (0.0, 28.0),
    "least_constables": (1.0, 100.0),
    "lead_days": (0.0, 7.0),
    "most_visits": (1.0, 28.0),
    "days_between_visits": (0.0, 7.0),
    "repeat_return": (0.0, 1.0),
    "focus_wards": (1.0, 25.0),
}


class TpuRefusedError(PlanningRefusedError):
    """A roster is asked for in a way that cannot be used; one line with the remedy."""


class TpuInfeasibleError(TpuRefusedError):
    """No roster keeps every rule at once; the message names rules that clash, all needed for it."""


@dataclass(frozen=True)
class Team:
    """One team: the officers posted to it and when its shift begins (local time).

    ``days_in_a_row`` is how many days up to the eve of the roster it has worked without a
    break, as far as no published roster says so.
    """

    team_id: str
    sergeants: int
    constables: int
    shift_start: time = time(14)
    days_in_a_row: int = 0


@dataclass(frozen=True)
class Establishment:
    """Officers of the whole unit. Sergeants not posted to a team float between the teams."""

    inspectors: int = 1
    sergeants: int = 3
    constables: int = 20


@dataclass(frozen=True)
class TacticNeed:
    """Officers that one team must have before a tactic can be proposed (an assumption)."""

    tactic: Tactic
    inspectors: int
    sergeants: int
    constables: int


#: The inspector is the unit's firearms team leader, so every set-piece operation needs one. The
#: numbers of other ranks are invented, to be replaced by the unit's own.
DEFAULT_NEEDS = (
    TacticNeed("tactic_1", 1, 1, 8),
    TacticNeed("tactic_2", 1, 1, 6),
    TacticNeed("tactic_3", 1, 1, 8),
)


@dataclass(frozen=True)
class RosterRules:
    """Duty, rest, spread and lead. All are assumptions until the unit gives its own.

    Attributes
    ----------
    shift_hours, rest_hours
        Length of a shift, and the least time between the end of one and the start of the next.
    most_days_in_a_row, days_off
        Most days of duty in a row, and least days off in any seven days in a row.
    least_teams_a_day
        Fewest teams on duty on any day.
    most_duty_difference
        Most by which the teams' days of duty may differ over the roster.
    least_constables
        Fewest constables with whom a team goes out.
    lead_days
        First days of the roster that stay as published (tasking is two days in advance).
    most_visits, days_between_visits
        Most visits to one borough over the roster; days that must pass between two of them.
    repeat_return
        What a further visit is worth as a share of the one before it.
    focus_wards
        Wards named for a team's shift.
    target
        Which score of the assessment counts: demand, or harm where the assessment has it.
    """

    shift_hours: float = 10.0
    rest_hours: float = 11.0
    most_days_in_a_row: int = 5
    days_off: int = 2
    least_teams_a_day: int = 1
    most_duty_difference: int = 1
    least_constables: int = 4
    lead_days: int = 2
    most_visits: int = 3
    days_between_visits: int = 1
    repeat_return: float = 0.5
    focus_wards: int = 5
    target: Target = "demand"

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            value = float(getattr(self, name))
            if math.isnan(value) or not low <= value <= high:
                raise TpuRefusedError(
                    f"the rule {name} is {value:g}, outside {low:g} to {high:g}",
                    remedy=f"give {name} a value from {low:g} to {high:g}",
                )


@dataclass(frozen=True)
class BoroughRequest:
    """A wish for one day: a borough, or an issue that one of several boroughs would answer.

    ``proposed_tactic`` is the borough's own plan for a set-piece operation. A tasking of the
    Verano meeting names a borough or an issue and never a tactic.
    """

    request_id: str
    day: date
    boroughs: tuple[str, ...]
    issue: str
    requested_by: Requester
    proposed_tactic: Tactic | None = None


@dataclass(frozen=True)
class Absence:
    """Officers not available on one day: of a team, or of the unit's floating officers."""

    day: date
    reason: str
    team_id: str | None = None
    inspectors: int = 0
    sergeants: int = 0
    constables: int = 0


@dataclass(frozen=True)
class Override:
    """The chair alters a day inside the lead: a borough code, or ``rest``."""

    day: date
    team_id: str
    tasking: str
    reason: str
    actor: str


@dataclass(frozen=True)
class TpuRequest:
    """Everything a roster is made from besides the assessment and the published roster."""

    first_day: date
    n_days: int
    teams: tuple[Team, ...]
    establishment: Establishment = Establishment()
    rules: RosterRules = RosterRules()
    needs: tuple[TacticNeed, ...] = DEFAULT_NEEDS
    requests: tuple[BoroughRequest, ...] = ()
    absences: tuple[Absence, ...] = ()
    overrides: tuple[Override, ...] = ()
    label: str = ""

    @property
    def floating_sergeants(self) -> int:
        """Sergeants of the establishment that no team has."""
        return self.establishment.sergeants - sum(team.sergeants for team in self.teams)
