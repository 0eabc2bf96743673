"""What a force calls its roles and units: names in a file, duties in the code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from api.access import Role
from api.settings import ServiceRefusedError

FILE_NAME = "organisation.toml"
LONGEST_NAME = 80
MOST_BYTES = 64 * 1024
_KEYS = {"schema_version", "force", "roles", "units"}


@dataclass(frozen=True)
class Organisation:
    """The names a force uses.

    Attributes
    ----------
    roles
        A name for every role an account can hold.
    units
        Names of commands by their short form, for example ``CO19``.
    """

    force: str
    roles: Mapping[Role, str]
    units: Mapping[str, str]


def read_organisation(data_dir: Path) -> Organisation:
    """Return the names in ``organisation.toml`` of the data directory, or the bundled ones.

    A file may leave names out; the bundled ones stand for them.

    Raises
    ------
    ServiceRefusedError
        When the file is not TOML, has an unknown key or role, or a name that does not print.
    """
    bundled = resources.files("api").joinpath(FILE_NAME).read_text("utf-8")
    default = parse_organisation(bundled)
    path = data_dir / FILE_NAME
    if not path.exists():
        return default
    try:
        text = path.read_bytes()[:MOST_BYTES].decode("utf-8")
    except UnicodeDecodeError as fault:
        raise _refused("the file is not UTF-8") from fault
    given = parse_organisation(text)
    return Organisation(
        force=given.force or default.force,
        roles={**default.roles, **given.roles},
        units={**default.units, **given.units},
    )


def parse_organisation(text: str) -> Organisation:
    """Return the names in the text of an organisation file.

    Raises
    ------
    ServiceRefusedError
        As :func:`read_organisation`.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as fault:
        raise _refused(f"the file is not TOML ({str(fault)[:120]})") from fault
    odd = next(iter(sorted(set(values) - _KEYS)), None)
    if odd is not None:
        raise _refused("the file has an unknown key", odd)
    if values.get("schema_version") != 1:
        raise _refused("schema_version is not 1", values.get("schema_version"))
    known = {str(role): role for role in Role if role is not Role.ANYONE}
    roles = _names(values, "roles")
    strange = next(iter(sorted(set(roles) - set(known))), None)
    if strange is not None:
        raise _refused("there is no such role; its name can be changed, its duties cannot", strange)
    return Organisation(
        force=_name(values["force"]) if "force" in values else "",
        roles={known[role]: name for role, name in roles.items()},
        units=_names(values, "units"),
    )


def _names(values: Mapping[str, Any], key: str) -> dict[str, str]:
    table = values.get(key, {})
    if not isinstance(table, dict):
        raise _refused(f"[{key}] is no table", table)
    return {short: _name(name) for short, name in table.items()}


def _name(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_NAME or not value.isprintable():
        raise _refused(f"a name is printable text of 1 to {LONGEST_NAME} characters", value)
    return value


def _refused(problem: str, value: object = None) -> ServiceRefusedError:
    return ServiceRefusedError(
        problem, remedy="start from the file in docs/access.md", file=FILE_NAME, value=value
    )
