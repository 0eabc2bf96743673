"""Frozen dataclasses as plain JSON types, and back, strictly.

A field with a default is left out of the document while it holds that default, so that
documents written before the field existed are read, and keep their identity.
"""

from __future__ import annotations

import math
import sys
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from hotspots.errors import AssessmentRefusedError

T = TypeVar("T")
_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
_LARGEST = sys.float_info.max


def rounded(value: float, digits: int = 12) -> float:
    """Return a number as it is published: rounded, and never minus zero.

    Raises
    ------
    AssessmentRefusedError
        When the number is not finite: no output ever holds one.
    """
    if not math.isfinite(value):
        raise AssessmentRefusedError(
            "a score is not a finite number", remedy="report this as a defect", value=value
        )
    return round(float(value), digits) + 0.0


def plain_fields(value: Any, *, leave_out: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a frozen dataclass as a table of plain JSON types, fields in their order."""
    table = {}
    for name, default in _fields_of(value.__class__):
        held = getattr(value, name)
        if name not in leave_out and (default is MISSING or held != default):
            table[name] = _plain(held)
    return table


def _plain(value: object) -> Any:
    kind = type(value)
    if kind is float:
        return rounded(value)  # type: ignore[arg-type]  # its type was just asked for
    if kind in _AS_THEY_ARE:
        return value
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if is_dataclass(value):
        return plain_fields(value)
    if isinstance(value, date):
        return value.isoformat()
    return rounded(value) if isinstance(value, float) else value


def read_fields(kind: type[T], table: dict[str, Any], where: str = "", **given: Any) -> T:
    """Make a dataclass from a table of plain values; ``given`` fields come as they are.

    Raises
    ------
    AssessmentRefusedError
        A field without a default is missing, one is unknown, or a value has another type.
    """
    dataclass: Any = kind
    wanted = [one for one in _fields_of(dataclass) if one[0] not in given]
    for name in sorted(name for name, default in wanted if default is MISSING):
        if name not in table:
            raise malformed(_inside(where, name), None, "is present")
    for name in sorted(set(table) - {name for name, _ in wanted}):
        raise malformed(_inside(where, name), table[name], "is unknown and absent")
    hints = _hints_of(dataclass)
    read = {k: read_value(one, hints[k], _inside(where, k)) for k, one in sorted(table.items())}
    return kind(**read, **given)


def _inside(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def read_value(value: object, hint: Any, where: str) -> Any:
    """Read one JSON value as the type a field declares."""
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise malformed(where, value, "is a list")
        inner = get_args(hint)[0]
        return tuple(read_value(one, inner, f"{where}[{i}]") for i, one in enumerate(value))
    if isinstance(hint, type) and is_dataclass(hint):
        return read_fields(hint, read_object(value, where), where)
    if date in (hint, *get_args(hint)):
        return _read_date(value, where, optional=hint is not date)
    return _read_scalar(value, hint, where)


def _read_date(value: object, where: str, *, optional: bool) -> date | None:
    if value is None and optional:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError as fault:
        raise malformed(where, value, "is a day such as 2026-11-23") from fault


def _read_scalar(value: object, hint: Any, where: str) -> object:
    if type(None) in get_args(hint):
        return None if value is None else _read_scalar(value, get_args(hint)[0], where)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) <= _LARGEST:  # false for NaN; integers may be of any length
            return float(value)
    elif isinstance(value, hint) and isinstance(value, bool) == (hint is bool):
        return value
    raise malformed(where, value, f"is a {'finite number' if hint is float else hint.__name__}")


def read_object(value: object, where: str) -> dict[str, Any]:
    """Return a JSON object, or refuse what is none."""
    if not isinstance(value, dict):
        raise malformed(where or "document", value, "is an object")
    return value


@cache
def _hints_of(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _fields_of(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Return the name and default of every field of a dataclass, in order."""
    return tuple((one.name, one.default) for one in fields(kind))


def malformed(where: str, value: object, rule: str) -> AssessmentRefusedError:
    """Return the refusal of a document: where, what it held, and the rule it breaks."""
    return AssessmentRefusedError(
        f"not an assessment: {where} must hold what {rule}",
        remedy="make the folder again with `arv assess`",
        column=where,
        value=value,
    )
