"""One engine a database: how connections are opened, made safe, and begin a transaction."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from api.store.errors import UnknownDatabaseError
from api.store.faults import own_errors

DATABASE_VARIABLE = "ARV_DATABASE_URL"
FILE_NAME = "arv.sqlite3"
#: How long a writer waits for another one, in seconds.
LOCK_WAIT_S = 30.0
#: Marks a SQLite file as this product's ("ARVT").
APPLICATION_ID = 0x41525654
#: The advisory lock that makes PostgreSQL's writers come one by one, as SQLite's do.
WRITER_LOCK = 0x41525654

_FORMS = "write sqlite:////path/to/arv.sqlite3 or postgresql://user@host:5432/arv"
_HEADER = b"SQLite format 3\x00"


def database_url(given: str | None, data_dir: Path) -> URL:
    """Return the address of the store.

    Parameters
    ----------
    given
        What the user asked for; ``None`` means ``ARV_DATABASE_URL``, and without it the file
        ``arv.sqlite3`` in the data directory.
    data_dir
        The data directory of the service.

    Raises
    ------
    UnknownDatabaseError
        The address is not one of SQLite or PostgreSQL. Its password is never shown.
    """
    text = given or os.environ.get(DATABASE_VARIABLE) or ""
    if not text:
        return URL.create("sqlite", database=str(data_dir / FILE_NAME))
    return checked_url(text)


def checked_url(text: str) -> URL:
    """Return an address that this product can use, with its driver named."""
    try:
        url = make_url(text)
        kind = url.get_backend_name()
    except (ArgumentError, ValueError) as fault:
        raise UnknownDatabaseError(
            "the database address cannot be read", remedy=_FORMS, value=_without_password(text)
        ) from fault
    if kind == "sqlite" and url.database and url.database != ":memory:" and not url.query:
        return url.set(drivername="sqlite", database=str(Path(url.database).absolute()))
    if kind in ("postgresql", "postgres") and url.database:
        return url.set(drivername="postgresql+psycopg")
    raise UnknownDatabaseError(
        "the database is neither a SQLite file nor a PostgreSQL database",
        remedy=_FORMS,
        value=url.render_as_string(hide_password=True),
    )


def make_engines(url: URL) -> tuple[Engine, Engine]:
    """Return the engine of writers and the engine of readers, which cannot write."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, writes=True), _sqlite_engine(url, writes=False)
    return _postgres_engine(url, writes=True), _postgres_engine(url, writes=False)


def sqlite_path(url: URL) -> Path | None:
    """Return the file of a SQLite address."""
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def make_private_file(path: Path) -> None:
    """Make an empty database file, and its folder, that only their owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def has_database_header(path: Path) -> bool:
    """Return whether a file begins as SQLite databases do."""
    with path.open("rb") as handle:
        return handle.read(len(_HEADER)) == _HEADER


def leave_write_ahead_mode(path: Path) -> None:
    """Give a database file its rollback journal back, if another program took it away.

    The write-ahead log of SQLite before 3.51.3 can lose a commit when it is reset.

    Raises
    ------
    StoreLockedError
        Another program has the file open in that mode.
    """
    with path.open("rb") as handle:
        versions = handle.read(20)[18:20]
    if versions != b"\x02\x02":
        return
    with own_errors(), closing(sqlite3.connect(path, timeout=LOCK_WAIT_S)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _sqlite_engine(url: URL, *, writes: bool) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": LOCK_WAIT_S, "isolation_level": None},
        pool_size=4,
        max_overflow=60,
        pool_timeout=LOCK_WAIT_S,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in _pragmas(writes=writes):
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _pragmas(*, writes: bool) -> tuple[str, ...]:
    return (
        "PRAGMA foreign_keys = ON",
        # The end of a commit is the journal's: emptied and flushed. Deleted, as SQLite does by
        # itself, it may come back after a power cut, and with it what was before the commit.
        "PRAGMA journal_mode = TRUNCATE",
        "PRAGMA synchronous = FULL",
        "PRAGMA recursive_triggers = ON",
        "PRAGMA trusted_schema = OFF",
        "PRAGMA cell_size_check = ON",
        f"PRAGMA query_only = {'OFF' if writes else 'ON'}",
    )


def _postgres_engine(url: URL, *, writes: bool) -> Engine:
    options = "-c timezone=UTC -c synchronous_commit=on"
    if writes:  # said once a connection, not once a transaction
        options += f" -c lock_timeout={int(LOCK_WAIT_S * 1000)}"
    engine = create_engine(
        url,
        connect_args={"options": options, "connect_timeout": 10},
        isolation_level="READ COMMITTED" if writes else "REPEATABLE READ",
        pool_size=4,
        max_overflow=28,
        pool_timeout=LOCK_WAIT_S,
        pool_pre_ping=True,
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if writes:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
        else:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    return engine


def _without_password(text: str) -> str:
    return re.sub(r"(//[^:/@]*):.*@", r"\1:***@", text)
