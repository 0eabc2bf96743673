"""`arv store`: make, look at, check, back up and restore the system of record."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api.audit.anchor import HEAD_FILE
from api.audit.entry import entry
from api.audit.signing import KEY_FILE
from api.cli.app import arv, say
from api.cli.options import Json
from api.cli.progress import progress_bars
from api.cli.store_access import (
    ActorName,
    Database,
    DataDir,
    actor_name,
    address,
    opened_record,
)
from api.files.output import write_json
from api.record_folder import EarlierRecordError, kept_head, open_record
from api.refusals import AuditRefusedError
from api.settings import data_directory
from api.store import schema_version
from api.store.backup import (
    count_rows,
    opened_as_it_is,
    read_backup,
    restore_backup,
    take_backup,
)
from api.store.check import check_store
from api.store.data_files import file_faults, listed_files, missing_files, put_back
from api.store.errors import CorruptStoreError, OlderSchemaError
from api.store.receipts import freshness
from api.store.store import Store, open_store

store_app = typer.Typer(
    name="store",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="The system of record: make it, fill it, check it, back it up and restore it.\n\n"
    "Start with `arv store init`, then `arv store ingest FILE…`. docs/operations.md leads "
    "through all of it.",
)
arv.add_typer(store_app)


@store_app.command()
def init(*, database: Database = None, data: DataDir = None, actor: ActorName = None) -> None:
    """Make the store and its signing key; a store that is there is left as it is.

    Example: `arv store init`
    """
    with open_record(data_directory(data), database) as record:
        store = record.store
        if _rows(store)["audit"] == 0:
            record.note(entry(actor_name(actor), "store.init", "store", store.kind))
            say(f"{store.name}: made, schema {schema_version.head()}")
        else:
            say(f"{store.name}: there already, schema {schema_version.head()}")


@store_app.command()
def upgrade(*, database: Database = None, data: DataDir = None, actor: ActorName = None) -> None:
    """Bring an older schema up to date, in one transaction. Make a backup first.

    Example: `arv store backup before && arv store upgrade`
    """
    url, _ = address(database, data)
    open_store(url, upgrade=True, create=False).close()
    with opened_record(database, data) as record:
        record.note(entry(actor_name(actor), "store.upgrade", "store", schema_version.head()))
        say(f"{record.store.name}: schema {schema_version.head()}")


@store_app.command()
def status(*, database: Database = None, data: DataDir = None, json_file: Json = None) -> None:
    """Say where the store lies, what it holds and how recent each feed is.

    Example: `arv store status --json -`
    """
    url, _ = address(database, data)
    store = open_store(url, create=False)
    try:
        result = _status(store)
    finally:
        store.close()
    write_json(json_file, result)
    say(f"{result['database']}: schema {result['schema']}")
    for name, number in result["rows"].items():
        if number:
            say(f"  {name:<20} {number:>12,}")
    for feed in result["feeds"]:
        say(f"  feed {feed['feed_id']}: {feed['n_files']} files, covered to {feed['last_day']}")


@store_app.command()
def check(*, database: Database = None, data: DataDir = None, json_file: Json = None) -> None:
    """Check that the store is as it was written: the file, every document, every row.

    Every plan of the record must have its folder, and that of its assessment, in the data
    directory, and every roster its own. `arv audit verify` checks the record of who did what.

    Example: `arv store check`
    """
    url, folder = address(database, data)
    store = open_store(url, create=False)
    try:
        with progress_bars() as progress, store.read() as tx:
            faults = [*check_store(tx, progress), *file_faults(tx, folder)]
    finally:
        store.close()
    write_json(json_file, [vars(fault) for fault in faults])
    if faults:
        first = faults[0]
        raise CorruptStoreError(
            f"{len(faults):,} records are not as they were written; the first: {first.table} "
            f"{first.record} {first.words}",
            remedy="put missing folders back with `arv store restore BACKUP --files`; where the "
            "database is at fault, keep it for inquiry and restore the last sound backup",
        )
    say("sound: the file, the documents and the rows are as they were written")


@store_app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="Folder to make; it must not exist yet.")],
    *,
    database: Database = None,
    data: DataDir = None,
    actor: ActorName = None,
    json_file: Json = None,
) -> None:
    """Write a backup while the service goes on: the store as it is at one moment.

    Example: `arv store backup /srv/backups/2026-11-23`

    The folder holds the database, the assessments, plans, studies, rosters and fleets that lie
    beside it, and a manifest to check them by. It holds no signing key: keep
    `audit-key.pem` of the data directory elsewhere, apart from the backups.
    """
    try:
        with opened_record(database, data) as record:
            made = take_backup(
                record.store, folder, now=datetime.now(UTC), data_dir=record.data_dir
            )
            record.note(
                entry(
                    actor_name(actor), "store.backup", "backup", made.sha256,
                    object_sha256=made.sha256, operation="disclosure",
                )
            )  # fmt: skip
    except OlderSchemaError:
        url, data_dir = address(database, data)
        with opened_as_it_is(url) as store:
            made = take_backup(store, folder, now=datetime.now(UTC), data_dir=data_dir)
        say("the schema is older than this program's: the backup is not in the audit record")
    write_json(json_file, vars(made))
    say(
        f"{folder}: {sum(made.rows.values()):,} rows, {made.n_bytes:,} bytes, schema "
        f"{made.schema}, {made.n_files:,} files"
    )


@store_app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="Folder that `arv store backup` made.")],
    *,
    database: Database = None,
    data: DataDir = None,
    actor: ActorName = None,
    files: Annotated[
        bool, typer.Option("--files", help="Put back missing files alone; the database stays.")
    ] = False,
    json_file: Json = None,
) -> None:
    """Put a backup where there is no store yet, and count it against its manifest.

    Example: `arv store restore /srv/backups/2026-11-23 --data /srv/arv`

    Files of assessments, plans, studies, rosters and fleets that are missing are put back with it.

    Nothing is overwritten: stop the service and move a damaged database aside first. For
    PostgreSQL give an empty database that has, or may make, the PostGIS extension.
    """
    url, data_dir = address(database, data)
    _refuse_without_key(folder, data_dir)
    made = read_backup(folder)
    listed = listed_files(folder, made.files_sha256) if made.files_sha256 else {}
    missing = missing_files(listed, data_dir)
    if not files:
        restore_backup(folder, url)
    put_back(folder, missing, data_dir)
    if not files:
        _set_head_aside(data_dir, made.rows.get("audit", 0))
    try:
        with opened_record(database, data) as record:
            record.note(
                entry(
                    actor_name(actor), "store.restore", "backup", made.sha256,
                    object_sha256=made.sha256, detail={"taken": made.taken},
                )
            )  # fmt: skip
    except (OlderSchemaError, EarlierRecordError) as fault:
        say(str(fault))
    write_json(json_file, vars(made))
    rows = "" if files else f"{sum(made.rows.values()):,} rows and "
    say(f"restored {rows}{len(missing):,} files as of {made.taken}")


def _refuse_without_key(folder: Path, data_dir: Path) -> None:
    """Refuse to restore a signed record where its signing key is not."""
    signed = read_backup(folder).rows.get("audit_heads", 0)
    if signed and not (data_dir / KEY_FILE).exists():
        raise AuditRefusedError(
            f"the record in this backup is signed, and its key is not in {data_dir}",
            remedy=f"put {KEY_FILE} there from where you keep it apart from the backups",
            file=KEY_FILE,
        )


def _set_head_aside(data_dir: Path, n_audit: int) -> None:
    """Keep, under another name, the signed end of a record longer than the one restored."""
    head = kept_head(data_dir)
    if head is None or head.position <= n_audit:
        return
    aside = data_dir / f"audit-head.row-{head.position}.json"
    (data_dir / HEAD_FILE).rename(aside)
    say(
        f"the record ended at row {head.position:,}; this backup ends at row {n_audit:,}. The "
        f"signed end is kept in {aside.name}: what came after the backup is not in it"
    )


def _status(store: Store) -> dict[str, Any]:
    with store.read() as tx:
        feeds = [
            {
                "feed_id": one.feed_id,
                "n_files": one.n_files,
                "last_day": one.last_day.isoformat(),
                "last_received": one.last_received.isoformat(),
            }
            for one in freshness(tx)
        ]
        return {
            "database": store.name,
            "schema": schema_version.current(tx),
            "rows": count_rows(tx),
            "feeds": feeds,
        }


def _rows(store: Store) -> dict[str, int]:
    with store.read() as tx:
        return count_rows(tx)


from api.cli import store_feeds, store_retention  # noqa: E402, F401 - their commands join this group
