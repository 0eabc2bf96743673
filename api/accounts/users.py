"""Accounts in the store: made, changed and ended by administrators, every step in the record."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, insert, select, update

from api.access import Action, Actor, Resource, Role, decide
from api.accounts.directory import User, required_user, user_by_identity
from api.accounts.names import checked_display_name, checked_name, skeleton
from api.accounts.oidc import Identity
from api.accounts.rights import Rights, rights_detail, write_rights
from api.audit.entry import entry
from api.audit.log import Change, Record
from api.refusals import (
    AccessDeniedError,
    AccountConflictError,
    AccountRefusedError,
)
from api.store.errors import StaleRecordError
from api.store.schema import browser_sessions, user_roles, users


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


def _conflict(problem: str, remedy: str, value: str) -> AccountConflictError:
    return AccountConflictError(problem, remedy=remedy, value=value)


def _refused(problem: str, remedy: str, value: str | None = None) -> AccountRefusedError:
    return AccountRefusedError(problem, remedy=remedy, value=value)
