"""Recognise the columns of a boundary file by the names publishers use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hotspots.errors import BoundaryRefusedError

#: Patterns of column names (whole, case ignored) for each field, the most telling first.
PATTERNS: dict[str, tuple[str, ...]] = {
    "ward_code": (r"ward_code", r"wd\d\dcd", r"wardcode|ward_cd", r"gss_code", r"code"),
    "ward_name": (r"ward_name", r"wd\d\dnm", r"wardname|ward_nm", r"ward|name"),
    "borough_code": (
        r"borough_code",
        r"lad\d\dcd",
        r"lb_gss_cd|lad_code|district_code|gss_code_borough",
    ),
    "borough_name": (r"borough_name", r"lad\d\dnm", r"borough|lad_name|district"),
}
#: In a file of boroughs the general names mean the borough.
BOROUGH_FILE_PATTERNS: dict[str, tuple[str, ...]] = {
    "borough_code": (*PATTERNS["borough_code"], r"gss_code", r"code"),
    "borough_name": (*PATTERNS["borough_name"], r"name"),
}
WARD_FIELDS = ("ward_code", "ward_name", "borough_code", "borough_name")
BOROUGH_FIELDS = ("borough_code", "borough_name")
_NEEDED = {WARD_FIELDS: ("ward_code", "ward_name"), BOROUGH_FIELDS: ("borough_code",)}


def choose_columns(
    columns: Sequence[str],
    fields: Sequence[str],
    mapping: Mapping[str, str] | None,
    file: str,
) -> dict[str, str]:
    """Return for each field the column of the file that holds it; absent fields are left out.

    Parameters
    ----------
    columns
        Names in the file.
    fields
        ``WARD_FIELDS`` or ``BOROUGH_FIELDS``.
    mapping
        Field to column, where the caller knows better.
    file
        Name for messages.

    Raises
    ------
    BoundaryRefusedError
        When a needed field has no column or several equally good ones, or the mapping names
        an unknown field or column.
    """
    mapping = dict(mapping or {})
    _refuse_mapping(columns, fields, mapping, file)
    patterns = PATTERNS if tuple(fields) == WARD_FIELDS else BOROUGH_FILE_PATTERNS
    chosen: dict[str, str] = {}
    for field in fields:
        column = mapping.get(field) or _match(columns, patterns[field], field, file)
        if column is not None:
            chosen[field] = column
    for field in _NEEDED[tuple(fields)]:
        if field not in chosen:
            raise BoundaryRefusedError(
                f"no column holds the {field.replace('_', ' ')} (the file has "
                f"{', '.join(map(str, columns)) or 'no columns'})",
                file=file,
                column=field,
                remedy=f"rename the column to {field!r}, or say which column it is",
            )
    return chosen


def _match(columns: Sequence[str], patterns: Sequence[str], field: str, file: str) -> str | None:
    for pattern in patterns:
        found = [name for name in columns if re.fullmatch(pattern, name, re.IGNORECASE)]
        if len(found) > 1:
            raise BoundaryRefusedError(
                f"the columns {', '.join(found)} could each be the {field.replace('_', ' ')}",
                file=file,
                column=found[0],
                remedy="say which column it is, or remove the others",
            )
        if found:
            return found[0]
    return None


def _refuse_mapping(
    columns: Sequence[str], fields: Sequence[str], mapping: Mapping[str, str], file: str
) -> None:
    for field, column in mapping.items():
        if field not in fields:
            raise BoundaryRefusedError(
                f"{field!r} is not a field of this file",
                file=file,
                value=field,
                remedy=f"map one of {', '.join(fields)}",
            )
        if column not in columns:
            raise BoundaryRefusedError(
                f"there is no column {column!r} (the file has {', '.join(map(str, columns))})",
                file=file,
                column=column,
                remedy=f"name the column that holds the {field.replace('_', ' ')}",
            )
