"""What an account may do: roles, and the boroughs and scopes that belong to them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert

from api.access import HANDLING_C_SCOPE, Role
from api.refusals import AccountRefusedError
from api.store.schema import user_boroughs, user_roles, user_scopes

SCOPES = frozenset({HANDLING_C_SCOPE})
_BOROUGH = re.compile(r"E09[0-9]{6}")


@dataclass(frozen=True)
class Rights:
    """What an account may do: roles, and the boroughs and scopes they need."""

    roles: frozenset[Role]
    boroughs: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()


def checked_rights(
    roles: Iterable[str], boroughs: Iterable[str] = (), scopes: Iterable[str] = ()
) -> Rights:
    """Return rights after checking that they are known and belong together.

    Raises
    ------
    AccountRefusedError
        Naming the role, borough or scope.
    """
    known = {str(role): role for role in Role if role is not Role.ANYONE}
    asked = list(roles)
    odd = next((role for role in asked if role not in known), None)
    if odd is not None or not asked:
        raise _refused("there is no such role", f"choose from {', '.join(sorted(known))}", odd)
    areas, wanted = frozenset(boroughs), frozenset(scopes)
    code = next((one for one in sorted(areas) if not _BOROUGH.fullmatch(one)), None)
    if code is not None:
        raise _refused("the borough code is malformed", "write E09 and six digits", code)
    if (Role.BOROUGH in asked) != bool(areas):
        raise _refused(
            "the role borough and the boroughs it sees belong together",
            "give both, for example --role borough --borough E09000012",
        )
    scope = next((one for one in sorted(wanted - SCOPES)), None)
    if scope is not None:
        raise _refused("there is no such scope", f"choose from {', '.join(sorted(SCOPES))}", scope)
    return Rights(frozenset(known[role] for role in asked), areas, wanted)


def write_rights(tx: Connection, user_id: str, rights: Rights) -> None:
    """Keep the rights of an account in place of those it had."""
    for table, column, values in (
        (user_roles, "role", [str(role) for role in rights.roles]),
        (user_boroughs, "borough_code", list(rights.boroughs)),
        (user_scopes, "scope", list(rights.scopes)),
    ):
        tx.execute(delete(table).where(table.c.user_id == user_id))
        rows = [{"user_id": user_id, column: value} for value in sorted(values)]
        if rows:
            tx.execute(insert(table), rows)


def rights_detail(rights: Rights) -> dict[str, object]:
    """Return rights as the record holds them."""
    return {
        "roles": sorted(rights.roles),
        "boroughs": sorted(rights.boroughs),
        "scopes": sorted(rights.scopes),
    }


def _refused(problem: str, remedy: str, value: str | None = None) -> AccountRefusedError:
    return AccountRefusedError(problem, remedy=remedy, value=value)
