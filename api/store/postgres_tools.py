"""PostgreSQL's own programs for dumping and restoring, found on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL, create_engine, inspect

from api.store.errors import BackupRefusedError
from api.store.faults import own_errors

_INSTALLED = Path("/usr/lib/postgresql")
_OWN_OF_POSTGIS = {"spatial_ref_sys"}
#: Longest time a dump or restore may take, in seconds.
LONGEST_S = 3_600.0


def dump(url: URL, target: Path, *, snapshot: str) -> None:
    """Dump a database in PostgreSQL's custom format, as an exported snapshot sees it.

    Raises
    ------
    BackupRefusedError
        `pg_dump` is missing, older than the server, or fails; its first words are quoted.
    """
    _run(
        "pg_dump",
        url,
        "--format=custom",
        f"--snapshot={snapshot}",
        "--no-owner",
        "--no-privileges",
        f"--file={target}",
    )


def restore(url: URL, source: Path) -> None:
    """Restore a dump into an empty database, in one transaction.

    Raises
    ------
    BackupRefusedError
        As :func:`dump`.
    """
    _run(
        "pg_restore",
        url,
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        "--no-comments",
        str(source),
    )


def tables_of(url: URL) -> list[str]:
    """Return the tables of a database that are not PostGIS's own, sorted."""
    engine = create_engine(url)
    try:
        with own_errors(), engine.connect() as connection:
            return sorted(set(inspect(connection).get_table_names()) - _OWN_OF_POSTGIS)
    finally:
        engine.dispose()


def _run(name: str, url: URL, *arguments: str) -> None:
    program = _program(name)
    database = [f"--dbname={url.database}"] if name == "pg_restore" else [str(url.database)]
    try:
        done = subprocess.run(  # noqa: S603 - a program of PostgreSQL, arguments as a list
            [program, *arguments, *database] if name == "pg_dump" else
            [program, *database, *arguments],
            env=_environment(url), capture_output=True, text=True, timeout=LONGEST_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as fault:
        raise BackupRefusedError(
            f"{name} did not end within {LONGEST_S:,.0f} s",
            remedy="check the server and the network, then try again",
        ) from fault
    if done.returncode:
        said = " ".join(done.stderr.split())[:300]
        raise BackupRefusedError(f"{name} failed ({said})", remedy="mend that and try again")


def _environment(url: URL) -> dict[str, str]:
    """Return what tells the program where to go; a password never stands in its arguments."""
    host = url.host or url.query.get("host")
    port = url.port or url.query.get("port")
    given = {
        "PGHOST": host, "PGPORT": port, "PGUSER": url.username, "PGPASSWORD": url.password,
    }  # fmt: skip
    own = {key: str(value) for key, value in given.items() if value}
    return {**os.environ, **own, "PGCONNECT_TIMEOUT": "10", "PGTZ": "UTC"}


def _program(name: str) -> str:
    """Return the newest of a program: a dump must not be older than its server."""
    installed = sorted(
        _INSTALLED.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]), reverse=True
    )
    found = str(installed[0]) if installed else shutil.which(name)
    if found is None:
        raise BackupRefusedError(
            f"{name} is not installed",
            remedy="install PostgreSQL's client programs (Debian: postgresql-client)",
        )
    return found
