"""Accounts in the store: made, changed and ended by administrators, every step in the record."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from api.access import HANDLING_C_SCOPE, Action, Actor, Resource, Role, decide
from api.accounts.names import checked_display_name, checked_name, skeleton
from api.accounts.oidc import Identity
from api.audit.entry import entry
from api.audit.log import Change, Record
from api.refusals import AccessDeniedError, AccountRefusedError
from api.store.schema import browser_sessions, user_boroughs, user_roles, user_scopes, users

SCOPES = frozenset({HANDLING_C_SCOPE})
#: A one-time password that nobody used in this time is worth nothing.
ONE_TIME_LIFE = timedelta(days=7)
_BOROUGH = re.compile(r"E09[0-9]{6}")


@dataclass(frozen=True)
class User:
    """A person with an account.

    ``version`` counts its changes; ``password_set`` is when the password was last set.
    """

    user_id: str
    name: str
    display_name: str
    roles: frozenset[Role]
    scopes: frozenset[str]
    boroughs: frozenset[str]
    active: bool
    must_change_password: bool
    version: int
    password_hash: str | None = field(repr=False)
    password_set: datetime | None = None
    identity: Identity | None = None

    def actor(self, proof: str) -> Actor:
        """Return the account as somebody who asks, with how they proved it."""
        return Actor(
            self.name,
            self.roles,
            proof,
            boroughs=self.boroughs,
            scopes=self.scopes,
            must_change_password=self.must_change_password and proof == "session",
        )


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


def find_user(tx: Connection, name: str) -> User | None:
    """Return the account with a name as it is kept, active or not."""
    return _one(tx, users.c.name == name)


def user_by_id(tx: Connection, user_id: str) -> User | None:
    """Return the account with an identifier."""
    return _one(tx, users.c.user_id == user_id)


def user_by_identity(tx: Connection, identity: Identity) -> User | None:
    """Return the account that is linked to a subject of an issuer."""
    return _one(
        tx,
        (users.c.oidc_issuer == identity.issuer) & (users.c.oidc_subject == identity.subject),
    )


def all_users(tx: Connection) -> list[User]:
    """Return every account, by name."""
    ids = tx.execute(select(users.c.user_id).order_by(users.c.name)).scalars().all()
    return [found for found in (user_by_id(tx, one) for one in ids) if found is not None]


def add_user(
    record: Record,
    given_name: str,
    display_name: str,
    rights: Rights,
    *,
    by: Actor,
    password_hash: str | None,
) -> User:
    """Add an account whose password must be changed at the first sign-in.

    Raises
    ------
    AccountRefusedError
        When the name will not do, is taken, or looks like another account's.
    AccessDeniedError
        When the actor is no administrator.
    """
    name, shown = checked_name(given_name), checked_display_name(display_name)
    with record.change() as change:
        require(by, Action.MANAGE_USERS, Resource("account", name))
        _refuse_alike(change.tx, name)
        user_id = "u-" + secrets.token_hex(12)
        change.tx.execute(
            insert(users),
            {
                "user_id": user_id,
                "name": name,
                "display_name": shown,
                "password_hash": password_hash,
                "must_change_password": password_hash is not None,
                "password_changed_utc": change.now if password_hash else None,
                "active": True,
                "version": 1,
                "created_utc": change.now,
                "created_by": by.name,
            },
        )
        _write_rights(change.tx, user_id, rights)
        change.note(
            entry(by.name, Action.MANAGE_USERS, "account", name, reason="added",
                  detail=_rights_detail(rights))
        )  # fmt: skip
        return _required(change.tx, name)


def change_rights(record: Record, name: str, rights: Rights, *, by: Actor, reason: str) -> User:
    """Give an account other roles, boroughs and scopes; its sessions end.

    Raises
    ------
    AccountRefusedError
        When there is no such account, it is the actor's own, or no administrator would be left.
    AccessDeniedError
        When the actor is no administrator.
    """
    with record.change() as change:
        user = _to_change(change, name, by)
        _refuse_last_administrator(change.tx, user, rights.roles)
        for table in (user_roles, user_boroughs, user_scopes):
            change.tx.execute(delete(table).where(table.c.user_id == user.user_id))
        _write_rights(change.tx, user.user_id, rights)
        _bump(change, user)
        end_sessions(change, user.user_id)
        change.note(
            entry(by.name, Action.MANAGE_USERS, "account", user.name, reason=reason or "rights",
                  detail=_rights_detail(rights))
        )  # fmt: skip
        return _required(change.tx, user.name)


def end_user(record: Record, name: str, *, by: Actor, reason: str) -> User:
    """Close an account for good; what it did stays in the record under its name.

    Raises
    ------
    AccountRefusedError, AccessDeniedError
        As :func:`change_rights`; also when no reason is given.
    """
    if not reason.strip():
        raise _refused("closing an account needs a reason", "say in a sentence why")
    with record.change() as change:
        user = _to_change(change, name, by)
        _refuse_last_administrator(change.tx, user, frozenset())
        _bump(change, user, active=False, ended_utc=change.now, ended_reason=reason)
        end_sessions(change, user.user_id)
        change.note(entry(by.name, Action.MANAGE_USERS, "account", user.name, reason=reason))
        return _required(change.tx, user.name)


def reset_password(record: Record, name: str, password_hash: str, *, by: Actor) -> User:
    """Give an account a one-time password in place of the old one; its sessions end.

    Raises
    ------
    AccountRefusedError, AccessDeniedError
        When there is no such account, or the actor is no administrator.
    """
    with record.change() as change:
        user = _to_change(change, name, by, own_allowed=True)
        _bump(
            change,
            user,
            password_hash=password_hash,
            must_change_password=True,
            password_changed_utc=change.now,
        )
        end_sessions(change, user.user_id)
        change.note(
            entry(by.name, Action.MANAGE_USERS, "account", user.name, reason="one-time password")
        )
        return _required(change.tx, user.name)


def link_identity(record: Record, name: str, identity: Identity, *, by: Actor) -> User:
    """Let a subject of an identity issuer sign in to an account.

    Raises
    ------
    AccountRefusedError, AccessDeniedError
        When there is no such account, the subject is another's, or the actor may not.
    """
    with record.change() as change:
        user = _to_change(change, name, by)
        other = user_by_identity(change.tx, identity)
        if other is not None and other.user_id != user.user_id:
            raise _refused(
                f"the subject is linked to {other.name} already", "unlink it there first",
                identity.subject,
            )  # fmt: skip
        _bump(change, user, oidc_issuer=identity.issuer, oidc_subject=identity.subject)
        change.note(
            entry(by.name, Action.MANAGE_USERS, "account", user.name, reason="identity linked")
        )
        return _required(change.tx, user.name)


def set_own_password(change: Change, user: User, password_hash: str) -> None:
    """Keep a password its owner chose; every session of the account ends."""
    _bump(
        change,
        user,
        password_hash=password_hash,
        must_change_password=False,
        password_changed_utc=change.now,
    )
    end_sessions(change, user.user_id)
    change.note(
        entry(user.name, Action.CHANGE_PASSWORD, "account", user.name, reason="own password")
    )


def end_sessions(change: Change, user_id: str) -> None:
    """End every open session of an account."""
    open_ones = browser_sessions.c.ended_utc.is_(None)
    change.tx.execute(
        update(browser_sessions)
        .where(browser_sessions.c.user_id == user_id, open_ones)
        .values(ended_utc=change.now)
    )


def require(actor: Actor, action: Action, resource: Resource) -> None:
    """Raise :class:`AccessDeniedError` unless the rules allow it."""
    verdict = decide(actor, action, resource)
    if not verdict.allowed:
        raise AccessDeniedError(verdict.reason, remedy="ask a person whose role it is")


def _to_change(change: Change, name: str, by: Actor, *, own_allowed: bool = False) -> User:
    require(by, Action.MANAGE_USERS, Resource("account", name))
    user = _required(change.tx, checked_name(name))
    if user.name == by.name and not own_allowed:
        raise _refused(
            "administrators do not change their own rights", "ask another administrator", by.name
        )
    return user


def _required(tx: Connection, name: str) -> User:
    user = find_user(tx, name)
    if user is None:
        raise _refused("there is no such account", "`arv users list` names them", name)
    return user


def _refuse_alike(tx: Connection, name: str) -> None:
    looks = skeleton(name)
    for other in tx.execute(select(users.c.name)).scalars():
        if other == name:
            raise _refused("the name is taken", "choose another", name)
        if skeleton(other) == looks:
            raise _refused(
                f"the name looks like {other!r}, which is another account",
                "choose a name nobody can mistake for it",
                name,
            )


def _refuse_last_administrator(tx: Connection, user: User, roles: frozenset[Role]) -> None:
    if Role.ADMINISTRATOR in roles or Role.ADMINISTRATOR not in user.roles or not user.active:
        return
    others = tx.execute(
        select(users.c.user_id)
        .join(user_roles, user_roles.c.user_id == users.c.user_id)
        .where(users.c.active, user_roles.c.role == str(Role.ADMINISTRATOR))
        .where(users.c.user_id != user.user_id)
        .limit(1)
    ).first()
    if others is None:
        raise _refused(
            f"{user.name} is the last administrator", "make another one first", user.name
        )


def _bump(change: Change, user: User, **values: object) -> None:
    change.tx.execute(
        update(users)
        .where(users.c.user_id == user.user_id)
        .values(version=user.version + 1, **values)
    )


def _write_rights(tx: Connection, user_id: str, rights: Rights) -> None:
    for table, column, values in (
        (user_roles, "role", [str(role) for role in rights.roles]),
        (user_boroughs, "borough_code", list(rights.boroughs)),
        (user_scopes, "scope", list(rights.scopes)),
    ):
        rows = [{"user_id": user_id, column: value} for value in sorted(values)]
        if rows:
            tx.execute(insert(table), rows)


def _one(tx: Connection, condition: object) -> User | None:
    row = tx.execute(select(users).where(condition)).mappings().first()  # type: ignore[arg-type]  # a column expression
    if row is None:
        return None
    user_id = row["user_id"]
    issuer, subject = row["oidc_issuer"], row["oidc_subject"]
    return User(
        user_id=user_id,
        name=row["name"],
        display_name=row["display_name"],
        roles=frozenset(Role(one) for one in _values(tx, user_roles.c.role, user_id)),
        scopes=frozenset(_values(tx, user_scopes.c.scope, user_id)),
        boroughs=frozenset(_values(tx, user_boroughs.c.borough_code, user_id)),
        active=row["active"],
        must_change_password=row["must_change_password"],
        version=row["version"],
        password_hash=row["password_hash"],
        password_set=row["password_changed_utc"],
        identity=Identity(issuer, subject) if issuer else None,
    )


def _values(tx: Connection, column: object, user_id: str) -> Sequence[str]:
    table = column.table  # type: ignore[attr-defined]  # a column of one of the three tables
    return tx.execute(select(column).where(table.c.user_id == user_id)).scalars().all()  # type: ignore[call-overload]  # as above


def _rights_detail(rights: Rights) -> dict[str, object]:
    return {
        "roles": sorted(rights.roles),
        "boroughs": sorted(rights.boroughs),
        "scopes": sorted(rights.scopes),
    }


def _refused(problem: str, remedy: str, value: str | None = None) -> AccountRefusedError:
    return AccountRefusedError(problem, remedy=remedy, value=value)
