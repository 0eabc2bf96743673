"""The shapes of what programs send: strict, and nothing unknown passes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from allocator.event_calendar import Event
from allocator.plan import Fleet
from api.files.events_file import MAX_EVENTS, events_from_tables
from api.files.fleet_file import fleet_from_table

UnitId = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9-]{1,40}$")]
BoroughCode = Annotated[str, StringConstraints(pattern=r"^E09[0-9]{6}$")]
Week = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-W(0[1-9]|[1-4][0-9]|5[0-3])$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
#: Text for people: one line, without control characters.
Label = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]
Text = Annotated[str, StringConstraints(max_length=64)]
Boroughs = Annotated[list[BoroughCode], Field(max_length=40)]
ByUnit = Annotated[
    dict[UnitId, Boroughs],
    Field(max_length=64, json_schema_extra={"additionalProperties": False}),
]


#: As many as an events file may have.
MOST_EVENTS = MAX_EVENTS


class Strict(BaseModel):
    """A body in which a wrong type or an unknown name is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def whole(cls, value: object) -> object:
        """Read 8.0 as 8: JSON has one kind of number, and JSON Schema calls both integers."""
        return int(value) if isinstance(value, float) and value.is_integer() else value


class UnitBody(Strict):
    """One vehicle, with the keys and rules of a fleet file."""

    unit_id: Text = Field(description="Capital letters, digits and hyphens.")
    provenance: Label
    eligible_boroughs: Annotated[list[Text], Field(max_length=64)] = Field(
        default=[], description="The area must lie inside these; empty means anywhere."
    )
    on_duty: bool | Annotated[list[Text], Field(max_length=14)] = Field(
        default=True, description="true, or a list of weekdays."
    )


class FleetBody(Strict):
    """The vehicles of the week and the two labelled assumptions of response."""

    service_standard_s: int = Field(description="Seconds from call to arrival.")
    turnout_s: int = Field(description="Seconds from call to moving.")
    label: Label = ""
    calls_per_week: float | None = Field(
        default=None,
        description="Assumption: calls of all London; busy fractions then follow from the plan.",
    )
    service_time_s: float | None = Field(
        default=None, description="Assumption: seconds from arrival until free."
    )
    units: Annotated[list[UnitBody], Field(max_length=256)]

    def fleet(self) -> Fleet:
        """Return the fleet of the planner.

        Raises
        ------
        FleetRefusedError
            What a fleet file is refused for, in the same words.
        """
        return fleet_from_table(self.model_dump())


class EventBody(Strict):
    """One event, with the keys and rules of an events file."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "example": {
                "name": "Carnival",
                "from": "2026-08-30",
                "to": "2026-08-31",
                "boroughs": ["E09000020"],
                "extra_share": 1.5,
                "units_committed": 2,
            }
        },
    )

    name: Label
    date: Text | None = Field(default=None, description="Its day; or give from and to.")
    from_: Text | None = Field(default=None, alias="from")
    to: Text | None = None
    boroughs: Boroughs = []
    wards: Annotated[list[Text], Field(max_length=1_000)] = []
    extra_share: float = Field(
        default=0.0, description="Assumption: 0.5 is half as much demand a day again."
    )
    extra_calls: float = Field(
        default=0.0, description="Assumption: expected reported incidents a day."
    )
    units_committed: Annotated[list[Text], Field(max_length=64)] | int = 0


class PlacementBody(Strict):
    """What a planner asks of a week's placement. Give ``fleet`` or ``fleet_id``, not both."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "week": "2026-W48",
                "fleet_id": "example",
                "locks": {"ARV-04": ["E09000012"]},
            }
        }
    )

    week: Week | None = Field(
        default=None, description="ISO week; by default the first that starts on or after as-of."
    )
    fleet: FleetBody | None = None
    fleet_id: Identifier | None = Field(
        default=None, description="A fleet of GET /fleets: of the store, or a file in fleets/."
    )
    fleet_version: int | None = Field(
        default=None, ge=0, le=10**9, description="By default the version in use."
    )
    assessment_id: Identifier | None = Field(
        default=None, description="By default the current assessment."
    )
    locks: ByUnit = Field(default={}, description="The unit's area contains these boroughs.")
    excludes: ByUnit = Field(default={}, description="Boroughs the unit must not patrol.")
    support: ByUnit = Field(default={}, description="Boroughs the unit deliberately also covers.")
    max_changes: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="At most this many units may change from the plan in force: the week's own, "
        "or else that of the latest earlier week.",
    )
    coverage_floor: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Least coverage of every borough: the share of its demand expected to be "
        "reached within the standard.",
    )
    robust: Literal["mean", "cvar"] = Field(
        default="mean",
        description="mean: greatest expected coverage; cvar: greatest mean coverage over the "
        "worst tenth of the posterior draws.",
    )
    events: Annotated[list[EventBody], Field(max_length=MOST_EVENTS)] = Field(
        default=[], description="What changes demand or takes units on some days of the week."
    )
    stored_events: bool = Field(
        default=False,
        description="True adds the events of the calendar (GET /events) for the week, which must "
        "then be named.",
    )
    time_limit_s: float = Field(default=60.0, gt=0, le=600, description="Seconds of solving.")

    def calendar(self) -> tuple[Event, ...]:
        """Return the events of the planner.

        Raises
        ------
        EventRefusedError
            What an events file is refused for, in the same words.
        """
        return events_from_tables(
            [event.model_dump(by_alias=True, exclude_none=True) for event in self.events]
        )
