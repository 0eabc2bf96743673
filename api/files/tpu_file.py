"""Reading the request file of the Trojan Proactive Unit, and a published roster."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from allocator.tpu.request import (
    DEFAULT_NEEDS,
    Absence,
    BoroughRequest,
    Establishment,
    Override,
    Requester,
    RosterRules,
    Tactic,
    TacticNeed,
    Target,
    Team,
    TpuRefusedError,
    TpuRequest,
)
from allocator.tpu.roster import TpuRoster, content_id, from_document
from api.event_calendar import FIRST_YEAR, LAST_YEAR
from api.files.toml_text import toml_table
from hotspots.errors import FeedRefusedError
from hotspots.feeds.whole_file import read_whole_text

EXAMPLE = "examples/tpu.toml shows the form"
ROSTER_REMEDY = "pass the tpu_roster.json that `arv tpu` wrote"
MAX_BYTES = 2**20
MAX_ROSTER_BYTES = 16 * 2**20
MAX_TEXT = 300


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that cannot be printed")
    return text


def _named(text: str) -> str:
    if not re.fullmatch(r"[A-Z0-9-]{1,32}", text):
        raise ValueError("may hold only capital letters A-Z, digits and hyphens, at most 32")
    return text


def _local(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("is a local time, without an offset from UTC")
    return value


Text = Annotated[StrictStr, Field(max_length=MAX_TEXT), AfterValidator(_printable)]
Name = Annotated[StrictStr, AfterValidator(_named)]
Number = StrictInt | StrictFloat


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Establishment(_Table):
    inspectors: StrictInt = 1
    sergeants: StrictInt = 3
    constables: StrictInt = 20


class _Rules(_Table):
    shift_hours: Number = 10
    rest_hours: Number = 11
    most_days_in_a_row: StrictInt = 5
    days_off: StrictInt = 2
    least_teams_a_day: StrictInt = 1
    most_duty_difference: StrictInt = 1
    least_constables: StrictInt = 4
    lead_days: StrictInt = 2
    most_visits: StrictInt = 3
    days_between_visits: StrictInt = 1
    repeat_return: Number = 0.5
    focus_wards: StrictInt = 5
    target: Target = "demand"


class _Team(_Table):
    team_id: Name
    sergeants: StrictInt
    constables: StrictInt
    shift_start: Annotated[time, AfterValidator(_local)] = time(14)
    days_in_a_row: StrictInt = 0


class _Tactic(_Table):
    tactic: Literal["tactic_1", "tactic_2", "tactic_3"]
    inspectors: StrictInt
    sergeants: StrictInt
    constables: StrictInt


class _Request(_Table):
    request_id: Name | None = None
    date: date
    borough: StrictStr | None = None
    boroughs: list[StrictStr] = []
    issue: Text
    requested_by: Requester
    tactic: StrictStr | None = None


class _Absence(_Table):
    date: date
    reason: Text
    team_id: StrictStr | None = None
    inspectors: StrictInt = 0
    sergeants: StrictInt = 0
    constables: StrictInt = 0


class _Override(_Table):
    date: date
    team_id: StrictStr
    tasking: StrictStr
    reason: Text = ""
    actor: Text = ""


class _File(_Table):
    label: Text = ""
    establishment: _Establishment = _Establishment()
    rules: _Rules = _Rules()
    teams: list[_Team] = []
    tactics: list[_Tactic] | None = None
    requests: list[_Request] = []
    absences: list[_Absence] = []
    overrides: list[_Override] = []


def read_requests(path: Path, *, first_day: date, n_days: int) -> TpuRequest:
    """Read a request file.

    Parameters
    ----------
    path
        TOML: ``label``, ``[establishment]``, ``[rules]``, ``[[teams]]``, ``[[tactics]]``,
        ``[[requests]]``, ``[[absences]]`` and ``[[overrides]]``.
    first_day, n_days
        Days of the roster.

    Raises
    ------
    TpuRefusedError
        The file is absent, not TOML, has unknown or missing keys, or a value cannot be used; one
        line with the table, the value and the remedy.
    """
    try:
        text = read_whole_text(path, max_bytes=MAX_BYTES)
    except FeedRefusedError as fault:
        raise TpuRefusedError(
            f"{path.name}: the request file cannot be read: {fault.problem}",
            remedy=f"{fault.remedy}; {EXAMPLE}",
        ) from fault
    body = table_of_text(text, path.name)
    return requests_from_table(body, path.name, first_day=first_day, n_days=n_days)


def table_of_text(text: str, name: str) -> dict[str, Any]:
    """Return the plain values of the text of a request file.

    Raises
    ------
    TpuRefusedError
        It is not TOML; ``name`` says which file.
    """
    try:
        return toml_table(text)
    except (ValueError, RecursionError) as fault:  # endless nesting, numbers of 5,000 digits
        why = "nested too deeply" if isinstance(fault, RecursionError) else str(fault)
        raise TpuRefusedError(
            f"{name}: not valid TOML: {why.partition(';')[0]}",
            remedy=f"correct that line; {EXAMPLE}",
        ) from fault


def requests_from_table(
    body: dict[str, Any], name: str = "requests", *, first_day: date, n_days: int
) -> TpuRequest:
    """Check the plain values of a request file, as TOML or a JSON request gives them.

    Raises
    ------
    TpuRefusedError
        As :func:`read_requests`.
    """
    if not FIRST_YEAR <= first_day.year <= LAST_YEAR:
        raise TpuRefusedError(
            f"the roster starts on {first_day}",
            remedy=f"give a day of the years {FIRST_YEAR} to {LAST_YEAR}",
        )
    try:
        file = _File.model_validate(body)
    except ValidationError as error:
        raise _schema_refusal(error, name) from error
    needs: tuple[TacticNeed, ...] = DEFAULT_NEEDS
    if file.tactics is not None:
        needs = tuple(TacticNeed(**one.model_dump()) for one in file.tactics)
    return TpuRequest(
        first_day=first_day,
        n_days=n_days,
        teams=tuple(Team(**one.model_dump()) for one in file.teams),
        establishment=Establishment(**file.establishment.model_dump()),
        rules=RosterRules(**file.rules.model_dump()),
        needs=needs,
        requests=tuple(_request(one, n, name) for n, one in enumerate(file.requests, start=1)),
        absences=tuple(
            Absence(day=one.date, **one.model_dump(exclude={"date"})) for one in file.absences
        ),
        overrides=tuple(
            Override(day=one.date, **one.model_dump(exclude={"date"})) for one in file.overrides
        ),
        label=file.label,
    )


def read_roster(path: Path) -> TpuRoster:
    """Return the roster in a file, for example the published one.

    Raises
    ------
    TpuRefusedError
        The file is missing, too large, not JSON, not a roster, or was altered.
    """
    try:
        text = read_whole_text(path, max_bytes=MAX_ROSTER_BYTES)
    except FeedRefusedError as fault:
        raise TpuRefusedError(
            f"the roster {path.name} cannot be read: {fault.problem}",
            remedy=f"{fault.remedy}; {ROSTER_REMEDY}",
        ) from fault
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise TpuRefusedError(
            f"{path.name} is not a JSON document ({str(fault)[:120]})", remedy=ROSTER_REMEDY
        ) from fault
    roster = from_document(body)
    if roster.roster_id != content_id(roster):
        raise TpuRefusedError(
            f"{path.name}: roster_id {roster.roster_id!r} is not that of its content: the file "
            "was altered",
            remedy=ROSTER_REMEDY,
        )
    return roster


def with_overrides(request: TpuRequest, more: tuple[Override, ...]) -> TpuRequest:
    """Return the request with further overrides."""
    return replace(request, overrides=(*request.overrides, *more))


def _request(table: _Request, number: int, name: str) -> BoroughRequest:
    where = f"{name}, request {table.request_id or number}"
    if (table.borough is None) == (not table.boroughs):
        both = "both borough and" if table.borough else "neither borough nor"
        raise TpuRefusedError(
            f"{where}: it gives {both} boroughs",
            remedy="name one borough, or in boroughs those of which any would answer the issue",
        )
    return BoroughRequest(
        request_id=table.request_id or f"R{number}",
        day=table.date,
        boroughs=tuple(table.boroughs) or (str(table.borough),),
        issue=table.issue,
        requested_by=table.requested_by,
        proposed_tactic=_tactic(table.tactic, where),
    )


def _tactic(text: str | None, where: str) -> Tactic | None:
    known: dict[str | None, Tactic] = {
        "mobile_patrol": "mobile_patrol",
        "tactic_1": "tactic_1",
        "tactic_2": "tactic_2",
        "tactic_3": "tactic_3",
    }
    if text is None or text in known:
        return known.get(text)
    foot = "the unit does not patrol on foot with arms" if "foot" in text.lower() else "it is none"
    raise TpuRefusedError(
        f"{where}: the tactic {text[:40]!r} is not on the unit's menu: {foot}",
        remedy=f"leave the tactic out, or propose one of {', '.join(str(one) for one in known)}",
    )


def _schema_refusal(error: ValidationError, name: str) -> TpuRefusedError:
    """Put pydantic's first complaint into one line with the table it concerns."""
    first = error.errors(include_url=False)[0]
    location = list(first["loc"])
    where = name
    if len(location) > 1 and isinstance(location[1], int):
        where += f", {location[0]} {location[1] + 1}"
        location = location[2:]
    elif len(location) > 1:
        where += f", [{location[0]}]"
        location = location[1:]
    key = str(location[0]) if location else "the table"
    if first["type"] == "extra_forbidden":
        return TpuRefusedError(
            f"{where}: unknown key {key!r}", remedy=f"correct its spelling or remove it; {EXAMPLE}"
        )
    if first["type"] == "missing":
        return TpuRefusedError(f"{where}: {key} is missing", remedy=f"add {key}; {EXAMPLE}")
    message = str(first["msg"]).removeprefix("Value error, ")
    shown = _shown(first.get("input"))
    return TpuRefusedError(
        f"{where}: {key} is {shown}: {message[:1].lower()}{message[1:]}",
        remedy=f"correct {key}; {EXAMPLE}",
    )


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 1_000:  # too long to be written out
        return f"an integer of {value.bit_length():,} bits"
    return repr(value)[:120]
