"""Closing an account and opening it again: nothing it held before comes back by itself."""

from __future__ import annotations

from sqlalchemy import update

from api.access import Action, Actor
from api.accounts.directory import User, required_user
from api.accounts.users import (
    bump,
    end_sessions,
    refuse_closed,
    refuse_last_administrator,
    user_to_change,
)
from api.audit.entry import entry
from api.audit.log import Change, Record
from api.refusals import AccountConflictError, AccountRefusedError
from api.store.schema import api_keys


def end_user(
    record: Record, name: str, *, by: Actor, reason: str, version: int | None = None
) -> User:
    """Close an account; what it did stays in the record under its name.

    Raises
    ------
    AccountRefusedError
        When there is no such account, it is the actor's own, the last administrator's or closed
        already, or no reason is given.
    AccessDeniedError
        When the actor is no administrator.
    StaleRecordError
        When somebody changed the account since the version.
    """
    _need_reason("closing an account", reason)
    with record.change() as change:
        user = user_to_change(change, name, by, version=version)
        refuse_closed(user)
        refuse_last_administrator(change.tx, user, frozenset())
        bump(change, user, active=False, ended_utc=change.now, ended_reason=reason)
        end_sessions(change, user.user_id)
        change.note(entry(by.name, Action.MANAGE_USERS, "account", user.name, reason=reason))
        return required_user(change.tx, user.name)


def reopen_user(
    record: Record,
    name: str,
    password_hash: str,
    *,
    by: Actor,
    reason: str,
    version: int | None = None,
) -> User:
    """Open a closed account again with the rights it had and a one-time password.

    Its keys stay ended and a linked identity is unlinked: whoever held them before gets nothing
    back unasked.

    Raises
    ------
    AccountRefusedError, AccessDeniedError, StaleRecordError
        As :func:`end_user`; also when the account is open.
    """
    _need_reason("reopening an account", reason)
    with record.change() as change:
        user = user_to_change(change, name, by, version=version)
        if user.active:
            raise AccountConflictError(
                "the account is open", remedy="reset its password instead", value=user.name
            )
        bump(
            change,
            user,
            active=True,
            ended_utc=None,
            ended_reason=None,
            password_hash=password_hash,
            must_change_password=True,
            password_changed_utc=change.now,
            oidc_issuer=None,
            oidc_subject=None,
        )
        _end_keys(change, user, by)
        change.note(entry(by.name, Action.MANAGE_USERS, "account", user.name, reason=reason))
        return required_user(change.tx, user.name)


def _end_keys(change: Change, user: User, by: Actor) -> None:
    change.tx.execute(
        update(api_keys)
        .where(api_keys.c.user_id == user.user_id, api_keys.c.revoked_utc.is_(None))
        .values(
            revoked_utc=change.now,
            revoked_by=by.name,
            revoked_reason="its account was closed and opened again",
        )
    )


def _need_reason(step: str, reason: str) -> None:
    if not reason.strip():
        raise AccountRefusedError(f"{step} needs a reason", remedy="say in a sentence why")
