"""Reading the events calendar: TOML in, checked :class:`allocator.event_calendar.Event` out."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from allocator.event_calendar import Event, EventRefusedError
from api.calendar_day import parse_day
from api.files.toml_text import toml_table
from hotspots.errors import AssessmentRefusedError, FeedRefusedError
from hotspots.feeds.whole_file import read_whole_text

MAX_BYTES = 2**20
MAX_EVENTS = 200
FORM = "examples/events.toml shows the form"


DayInFile = StrictStr | Annotated[date, Strict()]


class _EventTable(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: StrictStr = Field(min_length=1, max_length=200)
    date: DayInFile | None = None
    from_: DayInFile | None = Field(default=None, alias="from")
    to: DayInFile | None = None
    boroughs: list[StrictStr] = []
    wards: list[StrictStr] = []
    extra_share: StrictFloat | StrictInt = 0.0
    extra_calls: StrictFloat | StrictInt = 0.0
    units_committed: list[StrictStr] | StrictInt = 0


def read_events(path: Path) -> tuple[Event, ...]:
    """Read and check an events calendar.

    Parameters
    ----------
    path
        TOML with one ``[[events]]`` table an event: ``name``; ``date``, or ``from`` and ``to``
        (both included); ``boroughs`` or ``wards`` (codes) with ``extra_share`` (of their usual
        demand a day; 0.5 is half as much again) or ``extra_calls`` (expected reported incidents
        a day), both labelled assumptions; ``units_committed``, a list of unit_ids or a number.

    Raises
    ------
    EventRefusedError
        The file is absent, not TOML, has unknown or missing keys, or an event contradicts
        itself; one line with the event, the value and the remedy.
    """
    try:
        text = read_whole_text(path, max_bytes=MAX_BYTES)
    except FeedRefusedError as fault:
        raise EventRefusedError(
            f"{path.name}: the events file cannot be read: {fault.problem}",
            remedy=f"{fault.remedy}; {FORM}",
        ) from fault
    try:
        body = toml_table(text)
    except (ValueError, RecursionError) as error:  # endless nesting, numbers of 5,000 digits
        fault_text = (
            "it is nested too deeply"
            if isinstance(error, RecursionError)
            else str(error).partition(";")[0]
        )
        raise EventRefusedError(
            f"{path.name}: not valid TOML: {fault_text}", remedy=f"correct that line; {FORM}"
        ) from error
    unknown = sorted(set(body) - {"events"})
    if unknown:
        raise EventRefusedError(
            f"{path.name}: unknown key {unknown[0]!r}", remedy=f"use [[events]] tables; {FORM}"
        )
    return events_from_tables(body.get("events", []), path.name)


def events_from_tables(tables: Any, name: str = "events") -> tuple[Event, ...]:
    """Check the plain values of events, as a TOML file or a JSON request gives them.

    Raises
    ------
    EventRefusedError
        As :func:`read_events`.
    """
    if not isinstance(tables, list):
        raise EventRefusedError(
            f"{name}: events is not a list of tables", remedy=f"write [[events]]; {FORM}"
        )
    if len(tables) > MAX_EVENTS:
        raise EventRefusedError(
            f"{name}: {len(tables)} events, more than {MAX_EVENTS}", remedy="leave out past ones"
        )
    return tuple(_event(table, f"{name}, event {n}") for n, table in enumerate(tables, start=1))


def _event(table: Any, where: str) -> Event:
    if isinstance(table, dict) and isinstance(table.get("name"), str):
        where += f" ({table['name'][:80]!r})"
    try:
        read = _EventTable.model_validate(table)
    except ValidationError as error:
        raise _schema_refusal(error, where) from error
    first, last = _days(read, where)
    committed = read.units_committed
    try:
        return Event(
            read.name,
            first,
            last,
            tuple(sorted(set(read.boroughs))),
            tuple(sorted(set(read.wards))),
            float(read.extra_share),
            float(read.extra_calls),
            tuple(sorted(set(committed))) if isinstance(committed, list) else (),
            0 if isinstance(committed, list) else committed,
        )
    except EventRefusedError as fault:
        raise EventRefusedError(f"{where}: {fault.problem}", remedy=fault.remedy) from fault
    except OverflowError as fault:
        raise EventRefusedError(
            f"{where}: a number of hundreds of digits", remedy="give an amount that can be"
        ) from fault


def _days(read: _EventTable, where: str) -> tuple[date, date]:
    """First and last day of an event: its date, or from and to."""
    if (read.date is None) == (read.from_ is None and read.to is None):
        raise EventRefusedError(
            f"{where}: gives no day, or both date and from or to",
            remedy="give either date, or from and to",
        )
    if read.date is not None:
        only = _day(read.date, f"{where}: date")
        return only, only
    if read.from_ is None or read.to is None:
        raise EventRefusedError(
            f"{where}: {'from' if read.from_ is None else 'to'} is missing",
            remedy="give both from and to, or date alone",
        )
    return _day(read.from_, f"{where}: from"), _day(read.to, f"{where}: to")


def _day(value: str | date, what: str) -> date:
    if isinstance(value, date):
        return value
    try:
        return parse_day(value, what)
    except AssessmentRefusedError as fault:
        raise EventRefusedError(fault.problem, remedy=fault.remedy) from fault


def _schema_refusal(error: ValidationError, where: str) -> EventRefusedError:
    """Put pydantic's first complaint into one line."""
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0]) if first["loc"] else "the table"
    if first["type"] == "extra_forbidden":
        return EventRefusedError(
            f"{where}: unknown key {key!r}", remedy=f"correct its spelling or remove it; {FORM}"
        )
    if first["type"] == "missing":
        return EventRefusedError(f"{where}: {key} is missing", remedy=f"add {key}")
    value = first.get("input")
    large = isinstance(value, int) and value.bit_length() > 1_000  # too long to be written out
    shown = "a number of hundreds of digits" if large else repr(value)[:200]
    message = str(first["msg"])
    return EventRefusedError(
        f"{where}: {key} is {shown}: {message[:1].lower()}{message[1:]}",
        remedy=f"correct {key}; {FORM}",
    )
