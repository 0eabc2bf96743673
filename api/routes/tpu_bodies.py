"""The shapes of a roster's request and of what is said of rosters and taskings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path as InPath
from pydantic import ConfigDict, Field, StringConstraints

from api.routes.bodies import BoroughCode, Identifier, Label, Strict, Text, UnitId
from api.routes.documents import Document

ROSTER_KEY = r"^tpu-[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]{16}$"
#: Instead of a published roster: the new one starts afresh.
NONE = "none"
RosterId = Annotated[str, InPath(pattern=ROSTER_KEY, description="Identifier of the roster.")]
TaskingId = Annotated[str, StringConstraints(pattern=r"^tasking-[0-9a-f]{16}$")]
Issue = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=300)]
Few = Annotated[int, Field(ge=0, le=1_000)]
Tactic = Literal["mobile_patrol", "tactic_1", "tactic_2", "tactic_3"]


class EstablishmentBody(Strict):
    """Officers of the unit, as a request file's `[establishment]`."""

    inspectors: Few = 1
    sergeants: Few = 3
    constables: Few = 20


class RulesBody(Strict):
    """Rules of duty and visits, as a request file's `[rules]`."""

    shift_hours: float = 10
    rest_hours: float = 11
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
    target: Literal["demand", "harm"] = "demand"


class TeamBody(Strict):
    """A team, as a request file's `[[teams]]`."""

    team_id: UnitId
    sergeants: Few
    constables: Few
    shift_start: Text = Field(default="14:00:00", description="Local time.")
    days_in_a_row: Few = 0


class TacticBody(Strict):
    """Officers a team needs before a tactic can be proposed."""

    tactic: Literal["tactic_1", "tactic_2", "tactic_3"]
    inspectors: Few
    sergeants: Few
    constables: Few


class RequestBody(Strict):
    """A wish for a day; a Verano tasking names no tactic, and no issue names anybody."""

    request_id: UnitId | None = None
    date: Text
    borough: BoroughCode | None = None
    boroughs: Annotated[list[BoroughCode], Field(max_length=40)] = Field(
        default=[], description="Instead of borough: any of these would answer the issue."
    )
    issue: Issue
    requested_by: Literal["borough", "verano"]
    tactic: Tactic | None = Field(default=None, description="The borough's own proposal.")


class AbsenceBody(Strict):
    """Officers who are not available on a day."""

    date: Text
    reason: Issue
    team_id: UnitId | None = None
    inspectors: Few = 0
    sergeants: Few = 0
    constables: Few = 0


class OverrideBody(Strict):
    """A published day altered inside the lead; who asks is recorded with the reason."""

    date: Text
    team_id: UnitId
    tasking: Annotated[str, StringConstraints(pattern=r"^(E09[0-9]{6}|rest)$")] = Field(
        description="Code of a borough, or rest."
    )
    reason: Issue


class RosterBody(Strict):
    """What is asked of a roster: days, teams, requests; the keys of a request file."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "example": {
                "from": "2026-11-23",
                "teams": [
                    {"team_id": "TPU-A", "sergeants": 1, "constables": 10},
                    {"team_id": "TPU-B", "sergeants": 1, "constables": 10},
                ],
                "requests": [
                    {
                        "request_id": "R1",
                        "date": "2026-11-25",
                        "borough": "E09000012",
                        "issue": "tension after a shooting",
                        "requested_by": "borough",
                        "tactic": "tactic_2",
                    }
                ],
            }
        },
    )

    from_: Text | None = Field(
        default=None, alias="from", description="First day; by default the assessment's date."
    )
    days: int = Field(default=7, ge=1, le=28, description="Days of the roster.")
    assessment_id: Identifier | None = Field(
        default=None, description="By default the current assessment."
    )
    published_roster_id: (
        Annotated[str, StringConstraints(pattern=f"{ROSTER_KEY[:-1]}$|^{NONE}$")] | None
    ) = Field(
        default=None,
        description="The roster in force, whose days inside the lead stay; by default the one "
        "made last whose taskings stand and that covers the lead; `none` starts afresh.",
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=2**53 - 1,
        description="Of the draw; by default one that nobody chose. It is in the JSON alone.",
    )
    epsilon: float = Field(
        default=0.01, ge=0, le=0.5, description="Share of the best to give up for surprise."
    )
    time_limit_s: float = Field(default=20.0, gt=0, le=120, description="Seconds of each solve.")
    label: Label = ""
    establishment: EstablishmentBody = EstablishmentBody()
    rules: RulesBody = RulesBody()
    teams: Annotated[list[TeamBody], Field(max_length=16)]
    tactics: Annotated[list[TacticBody], Field(max_length=16)] | None = None
    requests: Annotated[list[RequestBody], Field(max_length=200)] = Field(default=[])
    absences: Annotated[list[AbsenceBody], Field(max_length=500)] = Field(default=[])
    overrides: Annotated[list[OverrideBody], Field(max_length=100)] = Field(default=[])

    def table(self, actor: str) -> dict[str, Any]:
        """Return it as the plain values of a request file; overrides are the actor's."""
        own = {"from_", "days", "assessment_id", "published_roster_id", "seed", "epsilon",
               "time_limit_s"}  # fmt: skip
        body = self.model_dump(exclude=own, exclude_none=True)
        body["overrides"] = [{**one, "actor": actor} for one in body["overrides"]]
        return body


class DecisionLine(Strict):
    """A proposed tactic and the version of it that was decided on."""

    tasking_id: TaskingId
    version: int = Field(ge=1, le=10**9)


class AuthorityBody(Strict):
    """A commander's decision on proposed tactics."""

    reference: Annotated[str, StringConstraints(pattern=r"^[!-~][ -~]{0,127}$")] = Field(
        description="Reference of the authority, for example of the FA1 form."
    )
    verdict: Literal["authorised", "refused"] = "authorised"
    taskings: Annotated[list[DecisionLine], Field(min_length=1, max_length=200)]


class RosterDocument(Document):
    """A roster; every field is in docs/tpu.md."""

    model_config = ConfigDict(strict=True, extra="allow")

    schema_version: str
    roster_id: str
    first_day: str
    n_days: int
    classification: str
    notice: str
    status: Literal["optimal", "feasible"]
    objective: float
    bound: float
    gap: float
    tasks: list[dict[str, Any]]
    requests: list[dict[str, Any]]


class RosterLineDocument(Document):
    """One roster in the list."""

    roster_id: str
    first_day: str
    last_day: str
    created: str
    created_by: str
    assessment_id: str
    handling_code: str
    classification: str
    notice: str
    href: str


class RostersDocument(Document):
    """One page of rosters, the latest first day first."""

    rosters: list[RosterLineDocument]
    links: list[dict[str, str]]


class TaskingDocument(Document):
    """A team tasked to a borough on a day."""

    tasking_id: str
    version: int = Field(description="Counts every change; a decision names it.")
    team: str
    day: str
    borough_code: str
    issue: str
    tactic: Tactic
    authority: Literal["not_required", "proposed", "authorised", "refused"]
    authority_reference: str
    in_force: Tactic = Field(description="mobile_patrol until a tactic is authorised.")
    roster_id: str
    tasked: str
    tasked_by: str


class TaskingsDocument(Document):
    """What stands on the days of a roster, by day and team."""

    roster_id: str
    taskings: list[TaskingDocument]
