"""The roster of the Trojan Proactive Unit: frozen values with a stable JSON form."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from allocator.plan import RunnerUp
from allocator.tpu.document import plain, read
from allocator.tpu.request import (
    Authority,
    Establishment,
    Requester,
    RosterRules,
    Tactic,
    TpuRefusedError,
)

SCHEMA_VERSION = "1"
REMEDY = "use a tpu_roster.json written by `arv tpu`, unaltered"

RosterStatus = Literal["optimal", "feasible"]
Outcome = Literal["honoured", "not_honoured"]
Proposal = Literal["none", "staffed", "not_staffed"]

__all__ = [
    "BoroughVisits",
    "OverrideRecord",
    "PastTask",
    "RequestOutcome",
    "RestDay",
    "RosterTask",
    "RunnerUp",
    "TpuRoster",
    "Unpredictability",
    "document",
    "from_document",
    "sealed",
]


@dataclass(frozen=True)
class RosterTask:
    """One team's shift on one day.

    Attributes
    ----------
    day, team_id, borough, borough_name
        Who goes where on which day.
    shift_start, shift_end
        Local times with their offset from UTC, ISO 8601.
    tactic, authority, fallback
        Mobile patrol needs no authority. A set-piece tactic is only ever ``proposed`` and names
        what the team does while it is not authorised.
    inspectors, floating_sergeants
        Numbers of the officers who are not posted to one team and go with this one.
    sergeants, constables
        Officers in all, floating sergeants included.
    frozen
        True when the day lies inside the lead and is as published.
    requests
        Requests that the visit answers.
    focus_wards
        Wards of the borough with the highest expected rate, further down the list on a repeat
        visit.
    visit_number
        1 for the first visit to the borough, counting those of the week before.
    risk_share, value
        The borough's share of expected incidents, and what this visit adds to the objective.
    reason, runner_up
        Why, in a sentence; the best other borough for this shift with all else unchanged
        (a negative loss means it is worth more and was given up: for a request, a frozen day, or
        to be unpredictable).
    """

    day: date
    team_id: str
    borough: str
    borough_name: str
    shift_start: str
    shift_end: str
    tactic: Tactic
    authority: Authority
    fallback: Tactic | None
    inspectors: tuple[int, ...]
    sergeants: int
    floating_sergeants: tuple[int, ...]
    constables: int
    frozen: bool
    requests: tuple[str, ...]
    focus_wards: tuple[str, ...]
    visit_number: int
    risk_share: float
    value: float
    reason: str
    runner_up: RunnerUp | None


@dataclass(frozen=True)
class RestDay:
    """A day on which a team is off duty."""

    day: date
    team_id: str
    frozen: bool


@dataclass(frozen=True)
class PastTask:
    """A shift before the first day: it counts for rest and for repeat visits.

    ``borough`` is empty where only the duty is known.
    """

    day: date
    team_id: str
    borough: str
    inspectors: tuple[int, ...]
    floating_sergeants: tuple[int, ...]


@dataclass(frozen=True)
class RequestOutcome:
    """What became of a request.

    ``cost`` is the objective that the best roster gains when the request is dropped and every
    other answer stays; null when it is not honoured. ``proposal`` says whether the team has the
    officers that the borough's proposed tactic needs.
    """

    request_id: str
    day: date
    boroughs: tuple[str, ...]
    issue: str
    requested_by: Requester
    proposed_tactic: Tactic | None
    outcome: Outcome
    team_id: str | None
    borough: str | None
    proposal: Proposal
    cost: float | None
    reason: str


@dataclass(frozen=True)
class OverrideRecord:
    """A published tasking that the chair altered inside the lead, by whom and why."""

    day: date
    team_id: str
    before: str
    after: str
    reason: str
    actor: str


@dataclass(frozen=True)
class BoroughVisits:
    """A borough's share of expected incidents and the days on which it is visited."""

    code: str
    name: str
    risk_share: float
    days: tuple[date, ...]
    value: float


@dataclass(frozen=True)
class Unpredictability:
    """How the roster was drawn among those nearly as good as the best.

    Attributes
    ----------
    seed, epsilon
        The logged seed; the share of the best objective that may be given up.
    floor, price
        Least objective of the pool; what this roster gives up of the best.
    free_shifts
        Shifts that the draw could alter: not frozen, overridden or answering a request.
    steps, samples, distinct_rosters
        Steps of the random walk, rosters looked at on the way, and how many of these differ: at
        least so many are in the pool.
    entropy_bits
        Mean over the teams' days that are not fixed of the entropy of what the team does: the
        borough it visits, or a day off.
    effective_choices
        2 to that power: so many choices an observer has to reckon with for a team and day.
    highest_chance
        Highest chance of any one borough being visited on any one day by a shift that is not
        fixed: how often somebody who knows everything but the seed guesses right at best.
    """

    seed: int
    epsilon: float
    floor: float
    price: float
    free_shifts: int
    steps: int
    samples: int
    distinct_rosters: int
    entropy_bits: float
    effective_choices: float
    highest_chance: float


@dataclass(frozen=True)
class TpuRoster:
    """The tasking of the Trojan Proactive Unit over some days, with its proof.

    ``objective`` is the sum of the visits' values; ``best_objective`` that of the best roster
    found, ``bound`` the solver's proven upper limit, ``gap`` (bound - best) / best (1 when the
    best is nothing), and ``status`` optimal when the gap is zero. ``objective`` differs from the
    best by ``unpredictability.price``.
    """

    roster_id: str
    first_day: date
    n_days: int
    timezone: str
    classification: str
    notice: str
    handling_code: str
    status: RosterStatus
    objective: float
    best_objective: float
    bound: float
    gap: float
    unpredictability: Unpredictability
    tasks: tuple[RosterTask, ...]
    rest_days: tuple[RestDay, ...]
    past: tuple[PastTask, ...]
    requests: tuple[RequestOutcome, ...]
    overrides: tuple[OverrideRecord, ...]
    boroughs: tuple[BoroughVisits, ...]
    notes: tuple[str, ...]
    team_ids: tuple[str, ...]
    establishment: Establishment
    rules: RosterRules
    label: str
    assessment_id: str
    published_roster_id: str | None
    inputs_sha256: str


def document(roster: TpuRoster) -> dict[str, Any]:
    """Return the roster as plain JSON types with the keys of ``tpu_roster.json``.

    Figures are rounded to nine decimals; equal inputs and seed give equal bytes.
    """
    return {"schema_version": SCHEMA_VERSION, **plain(roster)}


def sealed(roster: TpuRoster) -> TpuRoster:
    """Return the roster with its figures rounded and its identifier set from its content."""
    blank = from_document(document(replace(roster, roster_id="")))
    return replace(blank, roster_id=content_id(blank))


def content_id(roster: TpuRoster) -> str:
    """Return the identity of a roster: a digest of everything it says but its own id."""
    body = document(replace(roster, roster_id=""))
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"tpu-{roster.first_day}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def from_document(body: object) -> TpuRoster:
    """Read a roster back from the plain JSON types of :func:`document`.

    Raises
    ------
    TpuRefusedError
        The schema is another, a key is missing or unknown, or a value has the wrong type.
    """
    if not isinstance(body, dict):
        raise TpuRefusedError(f"the roster is {type(body).__name__}, not an object", remedy=REMEDY)
    version = body.get("schema_version")
    if version != SCHEMA_VERSION:
        raise TpuRefusedError(
            f"the roster has schema_version {version!r}, this program reads {SCHEMA_VERSION!r}",
            remedy=REMEDY,
        )
    rest = {key: value for key, value in body.items() if key != "schema_version"}
    return read(TpuRoster, rest, "the roster", REMEDY)
