"""Accounts as they are kept: found by name, identifier or proven identity, and listed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, select

from api.access import Actor, Role
from api.accounts.oidc import Identity
from api.refusals import UnknownAccountError
from api.store.schema import user_boroughs, user_roles, user_scopes, users

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
    query = select(users).where(users.c.name > after).order_by(users.c.name).limit(limit)
    return _users(tx, tx.execute(query).mappings().all())


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


def _one(tx: Connection, condition: ColumnElement[bool]) -> User | None:
    rows = tx.execute(select(users).where(condition).limit(1)).mappings().all()
    return next(iter(_users(tx, rows)), None)


def _users(tx: Connection, rows: Sequence[RowMapping]) -> list[User]:
    """Return the accounts of some rows, with what each holds read for all of them at once."""
    ids = [row["user_id"] for row in rows]
    roles = _held(tx, user_roles.c.role, ids)
    scopes = _held(tx, user_scopes.c.scope, ids)
    boroughs = _held(tx, user_boroughs.c.borough_code, ids)
    return [
        User(
            user_id=row["user_id"],
            name=row["name"],
            display_name=row["display_name"],
            roles=frozenset(Role(one) for one in roles[row["user_id"]]),
            scopes=frozenset(scopes[row["user_id"]]),
            boroughs=frozenset(boroughs[row["user_id"]]),
            active=row["active"],
            must_change_password=row["must_change_password"],
            version=row["version"],
            password_hash=row["password_hash"],
            password_set=row["password_changed_utc"],
            identity=_identity(row),
            created=row["created_utc"],
            last_seen=row["last_seen_utc"],
            ended=row["ended_utc"],
            ended_reason=row["ended_reason"] or "",
        )
        for row in rows
    ]


def _identity(row: RowMapping) -> Identity | None:
    issuer, subject = row["oidc_issuer"], row["oidc_subject"]
    return Identity(issuer, subject) if issuer else None


def _held(tx: Connection, column: Column[Any], ids: Sequence[str]) -> dict[str, list[str]]:
    owner = column.table.c.user_id
    held: dict[str, list[str]] = defaultdict(list)
    if ids:
        for user_id, value in tx.execute(select(owner, column).where(owner.in_(ids))):
            held[user_id].append(value)
    return held
