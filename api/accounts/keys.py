"""API keys of programs: 256 random bits, kept as a digest, for named actions and a time."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from api.access import KEYLESS, PERSONAL, Action, Actor, Resource
from api.accounts.directory import User, find_user, user_by_id
from api.accounts.key_uses import KeyUse
from api.accounts.rights import SCOPES
from api.accounts.users import require
from api.audit.entry import entry
from api.audit.log import Change, Record
from api.refusals import (
    AccountConflictError,
    AccountRefusedError,
    CredentialRefusedError,
    UnknownAccountError,
)
from api.store.schema import api_keys
from api.tokens import digest

PREFIX = "arvk_"
LONGEST_LIFE = timedelta(days=366)
#: How long a key that was replaced may go on beside the new one.
LONGEST_OVERLAP = timedelta(days=30)
#: What a key may open; the rest takes a person, or the holder of the machine.
KEY_ACTIONS = tuple(sorted(str(one) for one in Action if one not in PERSONAL | KEYLESS))
_FORM = re.compile(r"arvk_(k[0-9a-f]{12})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class ApiKey:
    """A key as people see it: everything but the secret.

    ``last_used`` is right to ten minutes; ``None`` is a key that was never used.
    """

    key_id: str
    owner: str
    label: str
    actions: tuple[str, ...]
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime
    revoked: datetime | None
    last_used: datetime | None = None


def looks_like_key(text: str) -> bool:
    """Return whether a bearer token claims to be an API key."""
    return text.startswith(PREFIX)


def add_key(
    record: Record,
    owner: str,
    label: str,
    actions: Iterable[str],
    *,
    life: timedelta,
    by: Actor,
    scopes: Iterable[str] = (),
) -> tuple[ApiKey, str]:
    """Make a key that acts for an account, and return it with its secret, shown only now.

    Its rights are those of the account at the time it is used, and of those only the named
    actions; material with handling code C only with its scope, which the account must hold.

    Raises
    ------
    AccountRefusedError
        When there is no such account, an action is unknown or takes a person, or the life is
        not within a year.
    AccessDeniedError
        When the actor is no administrator.
    """
    wanted = _new_key(label, _checked_actions(actions), _checked_scopes(scopes), life)
    with record.change() as change:
        require(by, Action.MANAGE_KEYS, Resource("key", wanted.key_id))
        user = find_user(change.tx, owner)
        if user is None or not user.active:
            raise UnknownAccountError(
                "there is no such open account",
                remedy="`arv users list` and GET /users name them",
                value=owner,
            )
        made = _make(change, wanted, user, by, f"made for {user.name}")
    return made, wanted.secret


def replace_key(
    record: Record, key_id: str, *, life: timedelta, overlap: timedelta, by: Actor
) -> tuple[ApiKey, ApiKey, str]:
    """Make a key like another, which goes on for a while; return old, new and the new secret.

    Account, label, actions and scopes stay; the rights of the account are those it has now.

    Parameters
    ----------
    life
        Of the new key, within a year.
    overlap
        How long the old key goes on; with none it ends at once, and never later than it would
        have ended by itself.

    Raises
    ------
    AccountRefusedError
        When there is no such key, its account lacks one of its scopes by now, or a time is out
        of bounds.
    AccountConflictError
        When the key has ended or expired, or its account was closed.
    AccessDeniedError
        When the actor is no administrator.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise AccountRefusedError(
            f"the old key goes on for {overlap.days} days, not 0 to {LONGEST_OVERLAP.days}",
            remedy="give a shorter time, and the program its new key within it",
        )
    with record.change() as change:
        require(by, Action.MANAGE_KEYS, Resource("key", key_id))
        old = required_key(change.tx, key_id)
        user = _user_of_open_key(change, old)
        wanted = _new_key(
            old.label, _checked_actions(old.actions), _checked_scopes(old.scopes), life
        )
        made = _make(change, wanted, user, by, f"replaces {key_id}")
        _end_old(change, old, made, min(old.expires, change.now + overlap), by)
        ended = required_key(change.tx, key_id)
    return ended, made, wanted.secret


def revoke_key(record: Record, key_id: str, *, by: Actor, reason: str) -> ApiKey:
    """End a key before its time.

    Raises
    ------
    AccountRefusedError
        When there is no such key, it was ended already, or no reason is given.
    AccessDeniedError
        When the actor is no administrator.
    """
    if not reason.strip():
        raise AccountRefusedError("ending a key needs a reason", remedy="say in a sentence why")
    with record.change() as change:
        require(by, Action.MANAGE_KEYS, Resource("key", key_id))
        found = required_key(change.tx, key_id)
        if found.revoked is not None:
            raise AccountConflictError(
                f"the key was ended already, on {found.revoked:%d %B %Y}",
                remedy="nothing is left to do",
                value=key_id,
            )
        change.tx.execute(
            update(api_keys)
            .where(api_keys.c.key_id == key_id)
            .values(revoked_utc=change.now, revoked_by=by.name, revoked_reason=reason)
        )
        change.note(entry(by.name, Action.MANAGE_KEYS, "key", key_id, reason=reason))
        return required_key(change.tx, key_id)


def all_keys(
    tx: Connection, *, after: tuple[datetime, str] | None = None, limit: int | None = None
) -> list[ApiKey]:
    """Return the keys, oldest first: all, or at most ``limit`` behind one's start and name."""
    query = select(api_keys).order_by(api_keys.c.created_utc, api_keys.c.key_id)
    if after is not None:
        created, key_id = after
        same = (api_keys.c.created_utc == created) & (api_keys.c.key_id > key_id)
        query = query.where((api_keys.c.created_utc > created) | same)
    return [_key(tx, row) for row in tx.execute(query.limit(limit)).all()]


def find_key(tx: Connection, key_id: str) -> ApiKey | None:
    """Return the key with an identifier."""
    row = tx.execute(select(api_keys).where(api_keys.c.key_id == key_id)).first()
    return _key(tx, row) if row is not None else None


def required_key(tx: Connection, key_id: str) -> ApiKey:
    """Return the key with an identifier.

    Raises
    ------
    UnknownAccountError
        When there is none.
    """
    found = find_key(tx, key_id)
    if found is None:
        raise UnknownAccountError(
            "there is no such key", remedy="`arv users keys` and GET /keys list them", value=key_id
        )
    return found


def use_of_key(tx: Connection, secret: str, now: datetime) -> KeyUse:
    """Return who asks with a key, and when the key was used before.

    Raises
    ------
    CredentialRefusedError
        When the key is wrong, has expired, was ended, or its account was closed. The words
        about a key's end are for those alone who hold the whole key.
    """
    row = tx.execute(select(api_keys).where(api_keys.c.key_sha256 == digest(secret))).first()
    if row is None or not _FORM.fullmatch(secret):
        raise _refused("is not known")
    user = user_by_id(tx, row.user_id)
    if row.revoked_utc is not None:
        raise _refused(f"{row.key_id} was ended on {row.revoked_utc:%d %B %Y}")
    if now >= row.expires_utc:
        raise _refused(f"{row.key_id} expired on {row.expires_utc:%d %B %Y}")
    if user is None or not user.active:
        raise _refused(f"{row.key_id} acts for an account that was closed")
    named = frozenset(row.scopes)
    actor = Actor(
        user.name,
        user.roles & frozenset(row.roles),
        "key",
        boroughs=user.boroughs & frozenset(row.boroughs),
        scopes=user.scopes & named,
        only=frozenset(Action(one) for one in named - SCOPES),
    )
    return KeyUse(actor, row.key_id, row.last_used_utc)


@dataclass(frozen=True)
class _NewKey:
    """A key that is about to be made."""

    key_id: str
    secret: str
    label: str
    actions: frozenset[str]
    scopes: frozenset[str]
    life: timedelta


def _new_key(
    label: str, actions: frozenset[str], scopes: frozenset[str], life: timedelta
) -> _NewKey:
    if not timedelta(0) < life <= LONGEST_LIFE:
        raise AccountRefusedError(
            f"a key lives for {life.days} days, not 1 to {LONGEST_LIFE.days}",
            remedy="give a shorter life; a key can be replaced before it ends",
        )
    key_id = "k" + secrets.token_hex(6)
    secret = f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
    return _NewKey(key_id, secret, label.strip() or key_id, actions, scopes, life)


def _make(change: Change, key: _NewKey, user: User, by: Actor, why: str) -> ApiKey:
    actions, scopes = sorted(key.actions), sorted(key.scopes)
    if not key.scopes <= user.scopes:
        raise AccountRefusedError(
            f"{user.name} does not hold the scope {sorted(key.scopes - user.scopes)[0]}",
            remedy="give it to the account first, or leave it out",
        )
    change.tx.execute(
        insert(api_keys),
        {
            "key_id": key.key_id,
            "key_sha256": digest(key.secret),
            "user_id": user.user_id,
            "label": key.label,
            "roles": sorted(user.roles),
            "scopes": [*actions, *scopes],
            "boroughs": sorted(user.boroughs),
            "created_utc": change.now,
            "created_by": by.name,
            "expires_utc": change.now + key.life,
        },
    )
    detail = {"actions": actions, "scopes": scopes, "days": key.life.days}
    change.note(entry(by.name, Action.MANAGE_KEYS, "key", key.key_id, reason=why, detail=detail))
    return required_key(change.tx, key.key_id)


def _user_of_open_key(change: Change, key: ApiKey) -> User:
    """Return the account of a key that still opens something."""
    user = find_user(change.tx, key.owner)
    if key.revoked is not None or change.now >= key.expires:
        words = "was ended already" if key.revoked is not None else "has expired"
    elif user is None or not user.active:
        words = "acts for an account that was closed"
    else:
        return user
    raise AccountConflictError(
        f"the key {words}", remedy="make a new one for an open account", value=key.key_id
    )


def _end_old(change: Change, old: ApiKey, new: ApiKey, ends: datetime, by: Actor) -> None:
    """Let a key that was replaced end at a moment, or at once."""
    at_once = ends <= change.now
    words = f"replaced by {new.key_id}" + ("" if at_once else f", goes on until {ends:%d %B %Y}")
    values: dict[str, object] = {"expires_utc": ends}
    if at_once:
        values = {"revoked_utc": change.now, "revoked_by": by.name, "revoked_reason": words}
    change.tx.execute(update(api_keys).where(api_keys.c.key_id == old.key_id).values(values))
    change.note(entry(by.name, Action.MANAGE_KEYS, "key", old.key_id, reason=words))


def _key(tx: Connection, row: Row[Any]) -> ApiKey:
    user = user_by_id(tx, row.user_id)
    return ApiKey(
        key_id=row.key_id,
        owner=user.name if user else "",
        label=row.label,
        actions=tuple(one for one in row.scopes if one not in SCOPES),
        scopes=tuple(one for one in row.scopes if one in SCOPES),
        created=row.created_utc,
        expires=row.expires_utc,
        revoked=row.revoked_utc,
        last_used=row.last_used_utc,
    )


def _checked_actions(actions: Iterable[str]) -> frozenset[str]:
    known = set(KEY_ACTIONS)
    wanted = frozenset(actions)
    odd = next(iter(sorted(wanted - known)), None)
    if odd is not None or not wanted:
        personal = odd in set(Action)
        raise AccountRefusedError(
            "the action takes a person who signed in" if personal else "there is no such action",
            remedy=f"choose from {', '.join(sorted(known))}",
            value=odd,
        )
    return wanted


def _checked_scopes(scopes: Iterable[str]) -> frozenset[str]:
    wanted = frozenset(scopes)
    odd = next(iter(sorted(wanted - SCOPES)), None)
    if odd is not None:
        raise AccountRefusedError(
            "there is no such scope", remedy=f"choose from {', '.join(sorted(SCOPES))}", value=odd
        )
    return wanted


def _refused(problem: str) -> CredentialRefusedError:
    return CredentialRefusedError(
        f"the key {problem}", remedy="ask an administrator for a new key (`arv users key`)"
    )
