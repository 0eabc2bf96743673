"""Counts of callers for the ``limits`` library, shared by the processes of one service."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from limits.storage import Storage

from api.conventions.shared_memory import SharedMemory

#: With this begins every key that the library counts for us.
PREFIX = "rate"
TIDY_EVERY = 10_000


class SharedCounts(Storage):
    """The counts of the ``limits`` library in the shared memory of the service."""

    STORAGE_SCHEME = ["arv"]  # noqa: RUF012  (the library declares it as a list)

    def __init__(self, memory: SharedMemory, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._memory = memory
        self._clock = clock
        self._added = 0

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return what the storage raises."""
        return sqlite3.Error

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count and return it."""
        now_s, self._added = self._clock(), self._added + 1
        if self._added % TIDY_EVERY == 0:
            self._memory.forget_counts(now_s, PREFIX)
        return self._memory.count(key, now_s, expiry, amount)[0]

    def get(self, key: str) -> int:
        """Return a count."""
        statement = "SELECT number FROM counts WHERE key = ? AND until_s > ?"
        rows = self._memory.run(statement, key, self._clock())
        return int(str(rows[0][0])) if rows else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window of a count ends."""
        rows = self._memory.run("SELECT until_s FROM counts WHERE key = ?", key)
        return float(str(rows[0][0])) if rows else self._clock()

    def check(self) -> bool:
        """Return whether the storage answers."""
        return self._memory.run("SELECT 1") == [(1,)]

    def reset(self) -> int:
        """Forget every count of the library; return how many there were."""
        statement = "DELETE FROM counts WHERE key GLOB ? RETURNING key"
        return len(self._memory.run(statement, f"{PREFIX}*"))

    def clear(self, key: str) -> None:
        """Forget one count."""
        self._memory.run("DELETE FROM counts WHERE key = ?", key)
