"""What a database reports, as the store's own errors: full, read-only, locked, damaged, refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from api.store.errors import (
    CorruptStoreError,
    RecordRefusedError,
    StorageFullError,
    StorageReadOnlyError,
    StoreLockedError,
    StoreRefusedError,
    StoreUnavailableError,
)

_SQLITE: tuple[tuple[tuple[str, ...], type[StoreRefusedError]], ...] = (
    (("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC"), StorageFullError),
    (("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM"), StorageReadOnlyError),
    (("SQLITE_BUSY", "SQLITE_LOCKED"), StoreLockedError),
    (("SQLITE_CORRUPT", "SQLITE_NOTADB"), CorruptStoreError),
    (("SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOOBIG"), RecordRefusedError),
)
_POSTGRES: tuple[tuple[tuple[str, ...], type[StoreRefusedError]], ...] = (
    (("53100", "53200", "58030"), StorageFullError),
    (("25006", "42501"), StorageReadOnlyError),
    (("55P03", "40001", "40P01", "57014"), StoreLockedError),
    (("XX001", "XX002"), CorruptStoreError),
    (("23", "22"), RecordRefusedError),
)
_WORDS: dict[type[StoreRefusedError], tuple[str, str]] = {
    StorageFullError: (
        "the database has no room to write; nothing was changed",
        "free space on its disk, then try again",
    ),
    StorageReadOnlyError: (
        "the database cannot be written; nothing was changed",
        "mend the permissions or the mount of its folder, or the rights of its account",
    ),
    StoreLockedError: (
        "another writer holds the database; nothing was changed",
        "try again in a moment",
    ),
    CorruptStoreError: (
        "the database is damaged, or is no database",
        "restore the last backup with `arv store restore`",
    ),
    RecordRefusedError: (
        "a record breaks a rule of the schema; nothing was changed",
        "correct the value the rule names",
    ),
    StoreUnavailableError: (
        "the database does not answer; nothing was changed",
        "check that it runs and that its address and account are right, then try again",
    ),
}


@contextmanager
def own_errors() -> Iterator[None]:
    """Raise the store's own error for what a database reports in the block.

    Raises
    ------
    StoreRefusedError
        The subclass that fits, with the database's first words.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, psycopg.Error) as fault:
        known = error_of(fault)
        if known is None:
            raise
        raise known from fault


def error_of(fault: Exception) -> StoreRefusedError | None:
    """Return the store's error for a database's, or ``None`` for a defect of the program."""
    original = fault.orig if isinstance(fault, DBAPIError) else fault
    kind = _kind(original, fault)
    if kind is None:
        return None
    problem, remedy = _WORDS[kind]
    return kind(f"{problem} ({_said(original)})", remedy=remedy)


def _said(original: object) -> str:
    """Return the database's own words, without the values of a row it may quote."""
    words = str(original)
    if isinstance(original, psycopg.Error):
        words = original.diag.message_primary or words
    return " ".join(words.split())[:160]


def _kind(original: object, fault: Exception) -> type[StoreRefusedError] | None:
    if isinstance(original, sqlite3.Error):
        return _of_sqlite(original)
    if isinstance(original, psycopg.Error):
        return _of_postgres(original)
    if isinstance(fault, PoolTimeoutError):
        return StoreLockedError
    return None


def _of_sqlite(fault: sqlite3.Error) -> type[StoreRefusedError] | None:
    name = getattr(fault, "sqlite_errorname", "") or ""
    for starts, kind in _SQLITE:
        if name.startswith(starts):
            return kind
    return StoreUnavailableError if name.startswith("SQLITE_IOERR") else None


def _of_postgres(fault: psycopg.Error) -> type[StoreRefusedError] | None:
    state = fault.sqlstate or ""
    for starts, kind in _POSTGRES:
        if state.startswith(starts):
            return kind
    if not state and isinstance(fault, psycopg.DataError):  # a text the driver cannot send
        return RecordRefusedError
    broken = state[:2] in ("08", "28", "3D", "53", "57", "58") or not state
    if broken and isinstance(fault, psycopg.OperationalError):
        return StoreUnavailableError
    return None
