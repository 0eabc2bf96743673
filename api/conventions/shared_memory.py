"""What the processes of one service remember together until it stops: counts and sessions.

A small SQLite file that is never flushed to disk, because nothing in it is worth more than the
processes that use it; or plain memory when there is one process only. It is emptied at start.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

FILE_NAME = "shared-memory.sqlite3"
LOCK_WAIT_S = 2.0

_TABLES = """
CREATE TABLE IF NOT EXISTS counts (
    key TEXT PRIMARY KEY, number INTEGER NOT NULL, until_s REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
    key TEXT PRIMARY KEY, form_token TEXT NOT NULL, opened_s REAL NOT NULL, seen_s REAL NOT NULL
) WITHOUT ROWID;
"""


class SharedMemory:
    """Counts with an end and signed-in browsers, shared by the processes that open one file.

    Parameters
    ----------
    path
        The file; ``None`` keeps all of it in this process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(
            path or ":memory:",
            timeout=LOCK_WAIT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        for pragma in ("synchronous = OFF", "journal_mode = MEMORY", "trusted_schema = OFF"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.executescript(_TABLES)

    def run(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Run one statement and return its rows."""
        with self._lock:
            return self._database.execute(statement, values).fetchall()

    def count(self, key: str, now_s: float, window_s: float, amount: int = 1) -> tuple[int, float]:
        """Add to a count of a fixed window; return it, and the second the window ends.

        Parameters
        ----------
        key
            What is counted.
        now_s, window_s
            The clock of the caller, and how long a window lasts from its first count.
        """
        row = self.run(
            "INSERT INTO counts (key, number, until_s) VALUES (?1, ?4, ?2 + ?3) "
            "ON CONFLICT (key) DO UPDATE SET "
            "number = CASE WHEN until_s <= ?2 THEN ?4 ELSE number + ?4 END, "
            "until_s = CASE WHEN until_s <= ?2 THEN ?2 + ?3 ELSE until_s END "
            "RETURNING number, until_s",
            key, now_s, window_s, amount,
        )[0]  # fmt: skip
        return int(str(row[0])), float(str(row[1]))

    def forget_counts(self, now_s: float, prefix: str) -> None:
        """Forget the counts of a kind whose window has ended."""
        self.run("DELETE FROM counts WHERE until_s <= ? AND key GLOB ?", now_s, f"{prefix}*")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


def make_shared_file(root: Path) -> Path:
    """Make an empty file for the processes of one service, readable by their owner only."""
    path = root / FILE_NAME
    for leftover in (path, path.with_name(f"{FILE_NAME}-journal")):
        leftover.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    SharedMemory(path).close()
    return path
