"""Reading the fleet file: TOML in, a checked :class:`allocator.plan.Fleet` out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from allocator.errors import FleetRefusedError
from allocator.plan import Fleet, Unit
from api.files.toml_text import toml_table
from hotspots.errors import FeedRefusedError
from hotspots.feeds.whole_file import read_whole_text

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
UNIT_ID = re.compile(r"[A-Z0-9-]+")
BOROUGH_CODE = re.compile(r"E09[0-9]{6}")
MAX_UNITS = 32
MAX_BYTES = 2**20
#: A day: no service standard is longer.
MAX_TIME_S = 86_400
MAX_CALLS = 100_000


class _UnitTable(BaseModel):
    model_config = ConfigDict(extra="forbid")

    unit_id: StrictStr
    provenance: StrictStr = Field(min_length=1)
    eligible_boroughs: list[StrictStr] = []
    on_duty: StrictBool | list[StrictStr] = True


class _FleetTable(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: StrictStr = ""
    service_standard_s: StrictInt = Field(gt=0, le=MAX_TIME_S)
    turnout_s: StrictInt = Field(ge=0, le=MAX_TIME_S)
    calls_per_week: StrictFloat | StrictInt | None = Field(default=None, gt=0, le=MAX_CALLS)
    service_time_s: StrictFloat | StrictInt | None = Field(default=None, gt=0, le=MAX_TIME_S)
    units: list[_UnitTable] = []


def read_fleet(path: Path) -> Fleet:
    """Read and check a fleet file.

    Parameters
    ----------
    path
        TOML with ``service_standard_s`` and ``turnout_s`` (whole seconds), an optional
        ``label`` and one ``[[units]]`` table a vehicle: ``unit_id``, ``provenance``,
        ``eligible_boroughs`` (codes; empty means anywhere) and ``on_duty`` (true, or a list
        of weekdays). Optional assumptions about the work: ``calls_per_week``, from which busy
        fractions are worked out unit by unit, and ``service_time_s`` from arrival until free
        (3,600 when left out).

    Returns
    -------
    Fleet
        Units in the order of the file; eligible boroughs sorted, weekdays 0 to 6.

    Raises
    ------
    FleetRefusedError
        The file is absent, not TOML, has unknown or missing keys, or describes vehicles that
        contradict each other; one line with the unit, the value and the remedy.
    """
    try:
        text = read_whole_text(path, max_bytes=MAX_BYTES)
    except FeedRefusedError as fault:
        raise FleetRefusedError(
            f"{path.name}: the fleet file cannot be read: {fault.problem}",
            remedy=f"{fault.remedy}; examples/fleet.toml is a fleet file",
        ) from fault
    return parse_fleet(text, path.name)


def parse_fleet(text: str, name: str = "fleet") -> Fleet:
    """Check the text of a fleet file; ``name`` is what messages call it.

    Raises
    ------
    FleetRefusedError
        As :func:`read_fleet`.
    """
    try:
        body = toml_table(text)
    except (ValueError, RecursionError) as error:  # endless nesting, numbers of 5,000 digits
        raise FleetRefusedError(
            f"{name}: not valid TOML: {_toml_fault(error)}",
            remedy="correct that line; examples/fleet.toml shows the form",
        ) from error
    return fleet_from_table(body, name)


def _toml_fault(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error).partition(";")[0]


def fleet_from_table(body: dict[str, Any], name: str = "fleet") -> Fleet:
    """Check the plain values of a fleet, as a TOML file or a JSON request gives them.

    Raises
    ------
    FleetRefusedError
        As :func:`read_fleet`.
    """
    try:
        table = _FleetTable.model_validate(body)
    except ValidationError as error:
        raise _schema_refusal(error, body, name) from error
    if table.service_standard_s <= table.turnout_s:
        raise FleetRefusedError(
            f"{name}: service_standard_s {table.service_standard_s} leaves no time to drive "
            f"after turnout_s {table.turnout_s}",
            remedy="set service_standard_s above turnout_s",
        )
    _check_size(len(table.units), name)
    units = tuple(_unit(unit, number, name) for number, unit in enumerate(table.units, start=1))
    _check_duplicates(units, name)
    if table.service_time_s is not None and table.calls_per_week is None:
        raise FleetRefusedError(
            f"{name}: service_time_s is given without calls_per_week",
            remedy="give both, or neither to assume one busy fraction for all units",
        )
    return Fleet(
        units,
        table.service_standard_s,
        table.turnout_s,
        table.label,
        None if table.calls_per_week is None else float(table.calls_per_week),
        None if table.service_time_s is None else float(table.service_time_s),
    )


def _unit(table: _UnitTable, number: int, name: str) -> Unit:
    where = f"{name}, unit {number} ({table.unit_id!r})"
    if not UNIT_ID.fullmatch(table.unit_id):
        raise FleetRefusedError(
            f"{where}: unit_id may hold only capital letters A-Z, digits and hyphens",
            remedy="rename the unit, for example 'ARV-01'",
        )
    for code in table.eligible_boroughs:
        if not BOROUGH_CODE.fullmatch(code):
            raise FleetRefusedError(
                f"{where}: eligible_boroughs holds {code!r}, which is not a borough code",
                remedy="use GSS codes such as 'E09000033' (Westminster)",
            )
        if table.eligible_boroughs.count(code) > 1:
            raise FleetRefusedError(
                f"{where}: eligible_boroughs names {code} twice", remedy="name it once"
            )
    return Unit(
        table.unit_id,
        table.provenance,
        tuple(sorted(table.eligible_boroughs)),
        _weekdays(table.on_duty, where),
    )


def _weekdays(on_duty: bool | list[str], where: str) -> tuple[int, ...]:
    if on_duty is True:
        return tuple(range(7))
    names = [] if on_duty is False else [day.strip().lower() for day in on_duty]
    if not names:
        raise FleetRefusedError(
            f"{where}: on_duty gives no day, so the unit cannot be placed",
            remedy="write on_duty = true or a list of weekdays, or leave the unit out",
        )
    days = [_weekday(day, where) for day in names]
    for day in days:
        if days.count(day) > 1:
            raise FleetRefusedError(
                f"{where}: on_duty names {WEEKDAYS[day]} twice", remedy="name it once"
            )
    return tuple(sorted(days))


def _weekday(day: str, where: str) -> int:
    for number, weekday in enumerate(WEEKDAYS):
        if day in (weekday, weekday[:3]):
            return number
    raise FleetRefusedError(
        f"{where}: on_duty holds {day!r}, which is not a weekday",
        remedy=f"use {', '.join(WEEKDAYS)}",
    )


def _check_size(n_units: int, name: str) -> None:
    if n_units == 0:
        raise FleetRefusedError(
            f"{name}: the fleet has 0 units",
            remedy="describe at least one vehicle in a [[units]] table",
        )
    if n_units > MAX_UNITS:
        raise FleetRefusedError(
            f"{name}: the fleet has {n_units} units, more than the {MAX_UNITS} patrolled boroughs",
            remedy=f"leave out at least {n_units - MAX_UNITS} units: each needs a borough",
        )


def _check_duplicates(units: tuple[Unit, ...], name: str) -> None:
    first: dict[str, int] = {}
    for number, unit in enumerate(units, start=1):
        if unit.unit_id in first:
            raise FleetRefusedError(
                f"{name}, unit {number}: unit_id {unit.unit_id!r} was already given to unit "
                f"{first[unit.unit_id]}",
                remedy="give every vehicle its own unit_id",
            )
        first[unit.unit_id] = number


def _schema_refusal(error: ValidationError, body: dict[str, Any], name: str) -> FleetRefusedError:
    """Put pydantic's first complaint into one line with the unit it concerns."""
    first = error.errors(include_url=False)[0]
    location = list(first["loc"])
    where = name
    if len(location) > 1 and location[0] == "units" and isinstance(location[1], int):
        where += f", unit {location[1] + 1}{_unit_label(body, location[1])}"
        location = location[2:]
    key = str(location[0]) if location else "the file"
    if first["type"] == "extra_forbidden":
        return FleetRefusedError(
            f"{where}: unknown key {key!r}",
            remedy="correct its spelling or remove it; examples/fleet.toml lists the keys",
        )
    if first["type"] == "missing":
        return FleetRefusedError(f"{where}: {key} is missing", remedy=f"add {key}")
    message = str(first["msg"])
    return FleetRefusedError(
        f"{where}: {key} is {_shown(first.get('input'))}: {message[:1].lower()}{message[1:]}",
        remedy=f"correct {key}; examples/fleet.toml shows the form",
    )


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 1_000:  # too long to be written out
        return f"an integer of {value.bit_length():,} bits"
    return repr(value)[:200]


def _unit_label(body: dict[str, Any], position: int) -> str:
    units = body.get("units")
    unit = units[position] if isinstance(units, list) and position < len(units) else None
    unit_id = unit.get("unit_id") if isinstance(unit, dict) else None
    return f" ({unit_id!r})" if isinstance(unit_id, str) else ""
