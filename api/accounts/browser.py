"""Signed-in browsers in the store, so that a restart signs nobody out."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update

from api.accounts.directory import User, user_by_id
from api.audit.log import Change
from api.sessions import IDLE_S, LIFETIME_S
from api.store.errors import StoreUnavailableError
from api.store.schema import browser_sessions
from api.store.store import Store
from api.tokens import digest

#: "Seen" is written at most this often: reading a page is no reason to write to disk.
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class BrowserSession:
    """An open session: whose it is, and the form token its changes must carry."""

    session_sha256: str
    user: User
    form_token: str


def open_session(change: Change, user: User) -> str:
    """Open a session in a change and return its identifier, kept only as a digest."""
    identifier = secrets.token_urlsafe(32)
    change.tx.execute(
        insert(browser_sessions),
        {
            "session_sha256": digest(identifier),
            "user_id": user.user_id,
            "actor": user.name,
            "form_token": secrets.token_urlsafe(32),
            "opened_utc": change.now,
            "seen_utc": change.now,
            "expires_utc": change.now + timedelta(seconds=LIFETIME_S),
        },
    )
    return identifier


def find_session(store: Store, identifier: str, now: datetime) -> BrowserSession | None:
    """Return the open session with an identifier, and note now and then that it was seen."""
    key = digest(identifier)
    with store.read() as tx:
        row = tx.execute(
            select(browser_sessions).where(
                browser_sessions.c.session_sha256 == key, browser_sessions.c.ended_utc.is_(None)
            )
        ).first()
        user = user_by_id(tx, row.user_id) if row is not None else None
    if row is None or user is None or not user.active or now >= row.expires_utc:
        return None
    idle = now - row.seen_utc
    if idle > timedelta(seconds=IDLE_S):
        return None
    if idle >= SEEN_EVERY:
        _note_seen(store, key, now)
    return BrowserSession(key, user, row.form_token)


def _note_seen(store: Store, key: str, now: datetime) -> None:
    """Note that a session was seen; a page can be read while nothing can be written."""
    with suppress(StoreUnavailableError), store.write() as tx:
        tx.execute(
            update(browser_sessions)
            .where(browser_sessions.c.session_sha256 == key)
            .values(seen_utc=now)
        )


def close_session(change: Change, session: BrowserSession) -> None:
    """End a session."""
    change.tx.execute(
        update(browser_sessions)
        .where(browser_sessions.c.session_sha256 == session.session_sha256)
        .values(ended_utc=change.now)
    )
