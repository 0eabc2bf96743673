"""Accounts in the store: made, changed and ended by administrators, every step in the record."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from api.access import Action, Actor, Resource, Role, decide
from api.accounts.names import checked_display_name, checked_name, skeleton
from api.accounts.oidc import Identity
from api.accounts.rights import Rights, rights_detail, write_rights
from api.audit.entry import entry
from api.audit.log import Change, Record
from api.refusals import (
    AccessDeniedError,
    AccountConflictError,
    AccountRefusedError,
    UnknownAccountError,
)
from api.store.errors import StaleRecordError
from api.store.schema import browser_sessions, user_boroughs, user_roles, user_scopes, users

#: A one-time password that nobody used in this time is worth nothing.
ONE_TIME_LIFE = timedelta(days=7)


@dataclass(frozen=True)
class User:
    """A person with an account.

    ``version`` counts its changes; ``password_set`` is when the password was last set, and
    ``last_seen`` when the person last signed in. A closed account has ``ended`` and the reason.
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
    created: datetime | None = None
    last_seen: datetime | None = None
    ended: datetime | None = None
    ended_reason: str = ""

    @property
    def one_time_until(self) -> datetime | None:
        """Return when the one-time password runs out, ``None`` when none is waiting."""
        waiting = self.active and self.must_change_password and self.password_set is not None
        return self.password_set + ONE_TIME_LIFE if waiting and self.password_set else None

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


def all_users(tx: Connection, *, after: str = "", limit: int | None = None) -> list[User]:
    """Return the accounts in the order of their names: all, or at most ``limit`` after a name."""
    query = select(users.c.user_id).where(users.c.name > after).order_by(users.c.name)
    ids = tx.execute(query.limit(limit)).scalars().all()
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
        write_rights(change.tx, user_id, rights)
        change.note(
            entry(by.name, Action.MANAGE_USERS, "account", name, reason="added",
                  detail=rights_detail(rights))
        )  # fmt: skip
        return required_user(change.tx, name)


def change_rights(
    record: Record, name: str, rights: Rights, *, by: Actor, reason: str, version: int | None = None
) -> User:
    """Give an account other roles, boroughs and scopes; its sessions end.

    Parameters
    ----------
    version
        The version it was decided on; ``None`` takes the account as it is.

    Raises
    ------
    AccountRefusedError
        When there is no such account, it is the actor's own or closed, or no administrator
        would be left.
    AccessDeniedError
        When the actor is no administrator.
    StaleRecordError
        When somebody changed the account since that version.
    """
    with record.change() as change:
        user = user_to_change(change, name, by, version=version)
        refuse_closed(user)
        refuse_last_administrator(change.tx, user, rights.roles)
        write_rights(change.tx, user.user_id, rights)
        bump(change, user)
        end_sessions(change, user.user_id)
        change.note(
            entry(by.name, Action.MANAGE_USERS, "account", user.name, reason=reason or "rights",
                  detail=rights_detail(rights))
        )  # fmt: skip
        return required_user(change.tx, user.name)


def reset_password(
    record: Record,
    name: str,
    password_hash: str,
    *,
    by: Actor,
    reason: str = "one-time password",
    version: int | None = None,
) -> User:
    """Give an account a one-time password in place of the old one; its sessions end.

    Raises
    ------
    AccountRefusedError, AccessDeniedError, StaleRecordError
        When there is no such account or it is closed, the actor is no administrator, or
        somebody changed the account since the version.
    """
    with record.change() as change:
        user = user_to_change(change, name, by, own_allowed=True, version=version)
        refuse_closed(user)
        bump(
            change,
            user,
            password_hash=password_hash,
            must_change_password=True,
            password_changed_utc=change.now,
        )
        end_sessions(change, user.user_id)
        change.note(entry(by.name, Action.MANAGE_USERS, "account", user.name, reason=reason))
        return required_user(change.tx, user.name)


def link_identity(record: Record, name: str, identity: Identity, *, by: Actor) -> User:
    """Let a subject of an identity issuer sign in to an account.

    Raises
    ------
    AccountRefusedError, AccessDeniedError
        When there is no such account, the subject is another's, or the actor may not.
    """
    with record.change() as change:
        user = user_to_change(change, name, by)
        other = user_by_identity(change.tx, identity)
        if other is not None and other.user_id != user.user_id:
            raise _refused(
                f"the subject is linked to {other.name} already", "unlink it there first",
                identity.subject,
            )  # fmt: skip
        bump(change, user, oidc_issuer=identity.issuer, oidc_subject=identity.subject)
        change.note(
            entry(by.name, Action.MANAGE_USERS, "account", user.name, reason="identity linked")
        )
        return required_user(change.tx, user.name)


def set_own_password(change: Change, user: User, password_hash: str) -> None:
    """Keep a password its owner chose; every session of the account ends."""
    bump(
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


def user_to_change(
    change: Change,
    name: str,
    by: Actor,
    *,
    own_allowed: bool = False,
    version: int | None = None,
) -> User:
    """Return the account that an administrator is about to change.

    Raises
    ------
    AccountRefusedError, AccessDeniedError, StaleRecordError
        As :func:`change_rights`.
    """
    require(by, Action.MANAGE_USERS, Resource("account", name))
    user = required_user(change.tx, checked_name(name))
    if version is not None and version != user.version:
        raise StaleRecordError(
            f"account {user.name} was changed by somebody else: it is at version {user.version}, "
            f"not {version}",
            remedy="read it again and decide again",
        )
    if user.name == by.name and not own_allowed:
        raise _refused(
            "administrators do not change their own rights", "ask another administrator", by.name
        )
    return user


def required_user(tx: Connection, name: str) -> User:
    """Return the account with a name.

    Raises
    ------
    UnknownAccountError
        When there is none.
    """
    user = find_user(tx, name)
    if user is None:
        raise UnknownAccountError(
            "there is no such account",
            remedy="`arv users list` and GET /users name them",
            value=name,
        )
    return user


def _refuse_alike(tx: Connection, name: str) -> None:
    looks = skeleton(name)
    for other in tx.execute(select(users.c.name)).scalars():
        if other == name:
            raise _conflict("the name is taken", "choose another", name)
        if skeleton(other) == looks:
            raise _conflict(
                f"the name looks like {other!r}, which is another account",
                "choose a name nobody can mistake for it",
                name,
            )


def refuse_closed(user: User) -> None:
    """Refuse to change an account that is closed.

    Raises
    ------
    AccountConflictError
        Naming it.
    """
    if not user.active:
        raise _conflict("the account is closed", "reopen it first", user.name)


def refuse_last_administrator(tx: Connection, user: User, roles: frozenset[Role]) -> None:
    """Refuse a change after which no open account could administer.

    Raises
    ------
    AccountConflictError
        Naming the last administrator.
    """
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
        raise _conflict(
            f"{user.name} is the last administrator", "make another one first", user.name
        )


def bump(change: Change, user: User, **values: object) -> None:
    """Set columns of an account as its next version."""
    change.tx.execute(
        update(users)
        .where(users.c.user_id == user.user_id)
        .values(version=user.version + 1, **values)
    )


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
        created=row["created_utc"],
        last_seen=row["last_seen_utc"],
        ended=row["ended_utc"],
        ended_reason=row["ended_reason"] or "",
    )


def _values(tx: Connection, column: object, user_id: str) -> Sequence[str]:
    table = column.table  # type: ignore[attr-defined]  # a column of one of the three tables
    return tx.execute(select(column).where(table.c.user_id == user_id)).scalars().all()  # type: ignore[call-overload]  # as above


def _conflict(problem: str, remedy: str, value: str) -> AccountConflictError:
    return AccountConflictError(problem, remedy=remedy, value=value)


def _refused(problem: str, remedy: str, value: str | None = None) -> AccountRefusedError:
    return AccountRefusedError(problem, remedy=remedy, value=value)
