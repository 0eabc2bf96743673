"""Signed-in browsers: random identifiers kept on the server, with an end, and a form token."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from api.conventions.shared_memory import SharedMemory
from api.tokens import digest

LIFETIME_S = 12 * 3600.0
IDLE_S = 2 * 3600.0
MOST_SESSIONS = 256


@dataclass(frozen=True)
class Session:
    """One signed-in browser. Times are seconds of the service's monotonic clock."""

    form_token: str
    opened_s: float
    seen_s: float

    def ended(self, now_s: float) -> bool:
        """Return whether the session is over at a time."""
        return now_s - self.opened_s > LIFETIME_S or now_s - self.seen_s > IDLE_S


class Sessions:
    """The open sessions, found by the digest of their identifier.

    Parameters
    ----------
    clock
        Monotonic seconds, the same for all processes of the service.
    memory
        Where they are kept; by default in this process alone.
    """

    def __init__(self, clock: Callable[[], float], memory: SharedMemory | None = None) -> None:
        self._clock = clock
        self._memory = memory or SharedMemory()

    def open(self) -> str:
        """Open a session and return its identifier, which is kept only as a digest."""
        identifier, now = secrets.token_urlsafe(32), self._clock()
        self._memory.run(
            "DELETE FROM sessions WHERE opened_s < ? OR seen_s < ?", now - LIFETIME_S, now - IDLE_S
        )
        self._memory.run(
            "INSERT INTO sessions VALUES (?, ?, ?, ?)",
            digest(identifier), secrets.token_urlsafe(32), now, now,
        )  # fmt: skip
        self._memory.run(
            "DELETE FROM sessions WHERE key NOT IN "
            "(SELECT key FROM sessions ORDER BY seen_s DESC, opened_s DESC LIMIT ?)",
            MOST_SESSIONS,
        )
        return identifier

    def find(self, identifier: str) -> Session | None:
        """Return the open session with an identifier and note that it was seen."""
        key, now = digest(identifier), self._clock()
        rows = self._memory.run(
            "SELECT form_token, opened_s, seen_s FROM sessions WHERE key = ?", key
        )
        if not rows:
            return None
        form_token, opened, seen = rows[0]
        session = Session(str(form_token), float(str(opened)), float(str(seen)))
        if session.ended(now):
            self._memory.run("DELETE FROM sessions WHERE key = ?", key)
            return None
        self._memory.run("UPDATE sessions SET seen_s = ? WHERE key = ?", now, key)
        return Session(session.form_token, session.opened_s, now)

    def close(self, identifier: str) -> None:
        """End a session; an unknown one is already over."""
        self._memory.run("DELETE FROM sessions WHERE key = ?", digest(identifier))


def same_text(given: str, kept: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), kept.encode("utf-8"))
