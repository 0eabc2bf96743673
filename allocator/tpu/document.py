"""Frozen dataclasses of the roster as plain JSON types, and back, strictly."""

from __future__ import annotations

import math
import types
from dataclasses import fields, is_dataclass
from datetime import date, time
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from allocator.plan import DECIMALS
from allocator.tpu.request import TpuRefusedError

T = TypeVar("T")


def plain(value: object) -> Any:
    """Return a value as plain JSON types: dataclasses as tables, days as ISO dates."""
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # no negative zero
    return value


def read(kind: type[T], body: object, where: str, remedy: str) -> T:
    """Make a dataclass from a table of plain values.

    Raises
    ------
    TpuRefusedError
        A field is missing or unknown, or a value has another type; ``where`` names it.
    """
    if not isinstance(body, dict):
        raise _refusal(where, f"is {type(body).__name__}, not an object", remedy)
    hints = get_type_hints(kind)
    missing, unknown = sorted(hints.keys() - body.keys()), sorted(body.keys() - hints.keys())
    if missing:
        raise _refusal(where, f"lacks {', '.join(missing)}", remedy)
    if unknown:
        raise _refusal(where, f"has unknown keys {', '.join(map(str, unknown))}", remedy)
    values = {
        name: _value(hint, body[name], f"{where}: {name}", remedy) for name, hint in hints.items()
    }
    return kind(**values)


def _value(hint: Any, value: object, where: str, remedy: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _value(get_args(hint)[0], value, where, remedy)
    if origin is Literal:
        if value not in get_args(hint):
            raise _refusal(where, f"is {value!r}, not one of {get_args(hint)}", remedy)
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _refusal(where, f"is {type(value).__name__}, not a list", remedy)
        inner = get_args(hint)[0]
        return tuple(_value(inner, one, where, remedy) for one in value)
    if is_dataclass(hint):
        return read(hint, value, where, remedy)  # type: ignore[arg-type]  # a class, not a value
    return _scalar(hint, value, where, remedy)


def _scalar(hint: Any, value: object, where: str, remedy: str) -> Any:
    if hint is date:
        return _day(value, where, remedy)
    if hint is float and type(value) in (int, float):
        try:
            number = float(value)  # type: ignore[arg-type]  # its type was just looked at
        except OverflowError:  # an integer of hundreds of digits
            number = math.inf
        if math.isfinite(number):
            return number
        raise _refusal(where, "is not a finite number", remedy)
    if type(value) is not hint:
        shown = repr(value)[:80]
        raise _refusal(where, f"is {shown}, not of type {hint.__name__}", remedy)
    return value


def _day(value: object, where: str, remedy: str) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError as fault:
        shown = repr(value)[:80]
        raise _refusal(where, f"is {shown}, not a date such as 2026-11-23", remedy) from fault


def _refusal(where: str, problem: str, remedy: str) -> TpuRefusedError:
    return TpuRefusedError(f"{where} {problem}", remedy=remedy)
