"""A backup is a folder: the database as it was at one moment, and a manifest to check it by."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, Connection, func, inspect, select

from api.files.output import json_text
from api.store import postgres_tools, schema_version
from api.store.data_files import copy_files, listed_files
from api.store.database import checked_url, make_engines, sqlite_path
from api.store.errors import BackupRefusedError
from api.store.faults import own_errors
from api.store.schema import metadata
from api.store.store import Store

MANIFEST = "manifest.json"
CONTENT = {"sqlite": "store.sqlite3", "postgresql": "store.dump"}
FORMAT = "arv-store-backup-1"


@dataclass(frozen=True)
class Backup:
    """What a backup folder says of itself.

    Attributes
    ----------
    kind
        ``sqlite`` or ``postgresql``; it is restored to the same kind.
    schema
        Version of the schema.
    taken
        When, UTC, as text.
    sha256, n_bytes
        Of the database file inside.
    rows
        Number of rows of every table.
    n_files, files_sha256
        Files of the data directory inside, and the digest of their list; an older backup has
        none.
    """

    kind: str
    schema: str
    taken: str
    sha256: str
    n_bytes: int
    rows: dict[str, int]
    n_files: int = 0
    files_sha256: str = ""


def take_backup(
    store: Store, folder: Path, *, now: datetime, data_dir: Path | None = None
) -> Backup:
    """Write a backup of the store as it is at one moment; writers go on meanwhile.

    Parameters
    ----------
    folder
        A folder that does not exist yet; it appears whole, or not at all.
    now
        The moment, UTC.
    data_dir
        Where assessments, plans, studies, rosters and fleets lie beside the database; left out,
        the database alone is kept.

    Raises
    ------
    BackupRefusedError
        Something stands where the folder goes, or `pg_dump` is missing or fails.
    StoreRefusedError
        The store cannot be read.
    OSError
        The disk is full or the folder cannot be written.
    """
    folder = folder.absolute()
    if folder.exists():
        raise BackupRefusedError(
            f"{folder} is there already", remedy="give each backup a folder of its own"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".backup-", dir=folder.parent))
    try:
        content = partial / CONTENT[store.kind]
        copy = _copy_sqlite if store.kind == "sqlite" else _copy_postgres
        version, rows = copy(store, content)
        files = copy_files(data_dir, partial) if data_dir is not None else (0, "")
        made = Backup(store.kind, version, now.isoformat(), *_measured(content), rows, *files)
        _write(partial / MANIFEST, json_text({"format": FORMAT, **vars(made)}))
        _flush(content)
        _flush(partial)
        partial.rename(folder)
        _flush(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return made


def read_backup(folder: Path) -> Backup:
    """Read a backup's manifest and check the database file against it.

    Raises
    ------
    BackupRefusedError
        It is no backup, or was altered or cut since it was made.
    """
    try:
        document = json.loads((folder / MANIFEST).read_text("utf-8"))
        if document.pop("format") != FORMAT:
            raise ValueError("another format")
        unknown = sorted(document.keys() - {one.name for one in fields(Backup)})
        if unknown:
            raise ValueError(f"a newer program made it: its manifest has {', '.join(unknown)}")
        made = Backup(**document)
        found = _measured(folder / CONTENT[made.kind])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise BackupRefusedError(
            f"{folder} is no backup of this product ({str(fault)[:80]})",
            remedy="give the folder that `arv store backup` made",
        ) from fault
    if found != (made.sha256, made.n_bytes):
        raise BackupRefusedError(
            f"the database in {folder} is not the one its manifest tells of: it was altered, "
            "or cut short when it was copied",
            remedy="use another copy of this backup, or an earlier backup",
        )
    if made.files_sha256:
        listed_files(folder, made.files_sha256)
    return made


def restore_backup(folder: Path, url: str | URL) -> Backup:
    """Put a backup's database where there is none, and count it against the manifest.

    Parameters
    ----------
    folder
        From :func:`take_backup`.
    url
        A SQLite file that does not exist, or an empty PostgreSQL database.

    Raises
    ------
    BackupRefusedError
        The backup is damaged or of another kind, or something is there already.
    StoreRefusedError
        The database cannot be reached or written.
    """
    made = read_backup(folder)
    address = checked_url(url if isinstance(url, str) else url.render_as_string(False))
    if address.get_backend_name() != made.kind:
        raise BackupRefusedError(
            f"the backup is of {made.kind}, the address of {address.get_backend_name()}",
            remedy="restore to the same kind of database",
        )
    content = folder / CONTENT[made.kind]
    path = sqlite_path(address)
    if path is not None:
        _restore_sqlite(content, path)
    else:
        _restore_postgres(content, address)
    _check_restored(address, made)
    return made


def count_rows(tx: Connection) -> dict[str, int]:
    """Return the number of rows of every table that is there."""
    there = set(inspect(tx).get_table_names())
    return {
        name: int(tx.execute(select(func.count()).select_from(table)).scalar_one())
        for name, table in sorted(metadata.tables.items())
        if name in there
    }


def _copy_sqlite(store: Store, content: Path) -> tuple[str, dict[str, int]]:
    source = str(store.url.database)
    with (
        own_errors(),
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30.0)) as live,
        closing(sqlite3.connect(content)) as copy,
    ):
        live.backup(copy)  # all pages in one step: one moment, and no restart under writers
        copy.execute("PRAGMA journal_mode = DELETE")
    content.chmod(0o600)
    with opened_as_it_is(f"sqlite:///{content}") as copied, copied.read() as tx:
        return str(schema_version.current(tx)), count_rows(tx)


def _copy_postgres(store: Store, content: Path) -> tuple[str, dict[str, int]]:
    with store.read() as tx:
        snapshot = str(tx.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one())
        rows, version = count_rows(tx), str(schema_version.current(tx))
        postgres_tools.dump(store.url, content, snapshot=snapshot)
    content.chmod(0o600)
    return version, rows


def _restore_sqlite(content: Path, path: Path) -> None:
    logs = [path.with_name(path.name + end) for end in ("-journal", "-wal")]
    kept = [one for one in logs if one.exists() and one.stat().st_size]  # an empty one is none
    there = path if path.exists() else next(iter(kept), None)
    if there is not None:
        raise BackupRefusedError(
            f"{there} is there already: nothing is overwritten",
            remedy="stop the service and move the old database and its journal aside",
        )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=".restore-", dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        shutil.copyfile(content, partial)
        _flush(partial)
        partial.rename(path)
        _flush(path.parent)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def _restore_postgres(content: Path, address: URL) -> None:
    tables = postgres_tools.tables_of(address)
    if tables:
        raise BackupRefusedError(
            f"the database holds tables already ({', '.join(tables[:4])})",
            remedy="restore into an empty database: createdb NAME",
        )
    postgres_tools.restore(address, content)


def _check_restored(address: URL, made: Backup) -> None:
    with opened_as_it_is(address) as store, store.read() as tx:
        found = (str(schema_version.current(tx)), count_rows(tx))
    if found != (made.schema, made.rows):
        differ = [name for name in made.rows if found[1].get(name) != made.rows[name]]
        raise BackupRefusedError(
            f"what was restored is not what the manifest counts ({', '.join(differ[:4])})",
            remedy="do not use this database; restore another backup",
        )


@contextmanager
def opened_as_it_is(url: str | URL) -> Iterator[Store]:
    """Yield a store of any version of the schema, as it is."""
    address = checked_url(url if isinstance(url, str) else url.render_as_string(False))
    store = Store(address, *make_engines(address))
    try:
        yield store
    finally:
        store.close()


def _measured(path: Path) -> tuple[str, int]:
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    return found, path.stat().st_size


def _write(path: Path, words: str) -> None:
    path.write_text(words, "utf-8")
    _flush(path)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
