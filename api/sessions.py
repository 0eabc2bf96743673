"""Signed-in browsers: random identifiers kept on the server, with an end, and a form token."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

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
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[str, Session] = {}

    def open(self) -> str:
        """Open a session and return its identifier, which is kept only as a digest."""
        self._forget_ended()
        while len(self._open) >= MOST_SESSIONS:
            del self._open[min(self._open, key=lambda key: self._open[key].seen_s)]
        identifier, now = secrets.token_urlsafe(32), self._clock()
        self._open[digest(identifier)] = Session(secrets.token_urlsafe(32), now, now)
        return identifier

    def find(self, identifier: str) -> Session | None:
        """Return the open session with an identifier and note that it was seen."""
        key, now = digest(identifier), self._clock()
        session = self._open.get(key)
        if session is None or session.ended(now):
            self._open.pop(key, None)
            return None
        self._open[key] = Session(session.form_token, session.opened_s, now)
        return session

    def close(self, identifier: str) -> None:
        """End a session; an unknown one is already over."""
        self._open.pop(digest(identifier), None)

    def _forget_ended(self) -> None:
        now = self._clock()
        self._open = {key: one for key, one in self._open.items() if not one.ended(now)}


def same_text(given: str, kept: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), kept.encode("utf-8"))
