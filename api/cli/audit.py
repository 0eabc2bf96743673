"""`arv audit`: check the record, read its end, and hand its signature out to be kept elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from api.access import Action
from api.audit.anchor import read_anchor, write_anchor
from api.audit.entries import signed_end
from api.audit.entry import entry, time_text
from api.audit.handing_out import hand_out
from api.audit.key_files import CHANGES_FILE, kept_way, old_public_file
from api.audit.rotation import Rotation, rotate_again, rotate_key
from api.audit.signing import KEY_FILE, Head, Verifier, open_signer, read_public_key
from api.audit.verify import Verification, verify
from api.cli.app import arv, say
from api.cli.operator import Database, DataDir, operator
from api.cli.options import Json
from api.cli.progress import progress_bars
from api.files.output import write_json
from api.record_folder import kept_head, open_record, open_restored
from api.refusals import AuditRefusedError
from api.settings import data_directory
from api.store.database import database_url
from api.store.schema import audit
from api.store.store import open_store

commands = typer.Typer(
    no_args_is_help=True,
    help="Who did what, when and why: check that the record is whole, read its end, and keep "
    "its signature elsewhere.\n\nEvery row seals the one before it, and the end is signed with a "
    "key in the data directory. A record that was cut short together with its signatures shows "
    "only against an anchor kept elsewhere: make one after every meeting.",
)
arv.add_typer(commands, name="audit")


@commands.command("verify")
def verify_record(
    *,
    anchor: Annotated[
        list[Path] | None,
        typer.Option(help="A file written by `arv audit anchor`; repeat for more."),
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(help="Public key (PEM), where the signing key is not at hand.")
    ] = None,
    data: DataDir = None,
    database: Database = None,
    json_file: Json = None,
) -> None:
    """Check every row, every link and every signature; exit code 1 when anything is wrong.

    Finds edits, deletions, rows in another order, a tail cut off, and a chain written anew.

    Example: `arv audit verify --anchor /media/safe/anchor-2026-W48.json`
    """
    folder = data_directory(data)
    heads = [read_anchor(path) for path in anchor or ()]
    kept = kept_head(folder)
    verifier = _verifier(folder, public_key)
    store = open_store(database_url(database, folder), create=False)
    try:
        with progress_bars() as progress, store.read() as tx:
            end = signed_end(tx)
            result = verify(tx, verifier, [*heads, *([kept] if kept else [])], progress)
    finally:
        store.close()
    write_json(json_file, _document(result))
    _tell(result, quiet=json_file == "-")
    if not result.sound:
        first = result.findings[0]
        raise AuditRefusedError(
            f"the audit record is not sound: {result.n_findings:,} findings, the first "
            f"({first.kind}) at row {first.position:,}: {first.words}",
            remedy=_remedy(folder, end, result),
        )


@commands.command("anchor")
def make_anchor(
    *,
    out: Annotated[Path, typer.Option(help="File to write; keep it on another machine.")],
    data: DataDir = None,
    database: Database = None,
) -> None:
    """Write the signed end of the record to a file that vouches for everything before it.

    Example: `arv audit anchor --out anchor-2026-W48.json`
    """
    folder = data_directory(data)
    with open_record(folder, database, create=False) as record:
        head = hand_out(record, operator().name, lambda made: write_anchor(out, made))
    say(f"{out} vouches for {head.position:,} rows. Keep it where nobody can alter both.")


@commands.command("rotate-key")
def change_key(
    *,
    reason: Annotated[str, typer.Option(help="Why, in a sentence; recorded.")],
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Enter a change anew, after a backup from before it was restored."
        ),
    ] = False,
    data: DataDir = None,
    database: Database = None,
    json_file: Json = None,
) -> None:
    """Sign the record with a new key from now on; services that run take it by themselves.

    The old key signs the entry that names the new one, then its private part is destroyed.
    Anchors made with it still count. Only whoever holds the data directory can do this.

    Example: `arv audit rotate-key --reason "yearly"`
    """
    folder, by = data_directory(data), operator().name
    if again:
        with open_restored(folder, database) as restored:
            done = rotate_again(restored, by=by, reason=reason)
    else:
        with open_record(folder, database, create=False) as record:
            done = rotate_key(record, by=by, reason=reason)
    write_json(json_file, _rotation(done))
    say(
        f"From row {done.position:,} on the record is signed with key {done.new_key_id}, which "
        f"follows {done.old_key_id}. Keep {KEY_FILE} and {CHANGES_FILE} apart from the backups, "
        "destroy copies of the old key, and make an anchor and a backup now."
    )


@commands.command("show")
def show(
    *,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows, latest last.")] = 20,
    data: DataDir = None,
    database: Database = None,
    json_file: Json = None,
) -> None:
    """Print the latest rows: time, actor, action, outcome, object and reason.

    Reading the record is itself recorded.
    """
    with open_record(data_directory(data), database, create=False) as record:
        record.note(
            entry(operator().name, Action.READ_AUDIT, "audit", reason=f"the last {last} rows",
                  operation="consultation")
        )  # fmt: skip
        with record.store.read() as tx:
            latest = tx.execute(select(audit).order_by(audit.c.position.desc()).limit(last)).all()
    rows = list(reversed(latest))
    write_json(json_file, [_row(row) for row in rows])
    if json_file != "-":
        _print_rows(rows)


def _verifier(folder: Path, public_key: Path | None) -> Verifier:
    if public_key is not None:
        return read_public_key(public_key)
    return open_signer(folder, create=False).verifier


def _remedy(folder: Path, end: Head | None, result: Verification) -> str:
    """Return what to do about a record that is not sound, or that is from before a change."""
    if end is not None and kept_way(folder, end.key_id, result.keys[-1]):
        return (
            "if this is a backup from before the key was changed, check it with "
            f"--public-key {old_public_file(end.key_id)}, then enter the change anew with "
            "`arv audit rotate-key --again`; if not, keep the database as it is and compare it "
            "with a backup"
        )
    return "keep the database as it is, restore a backup beside it, and compare"


def _document(result: Verification) -> dict[str, Any]:
    return {
        "sound": result.sound,
        "rows": result.rows,
        "last_sha256": result.last_sha256,
        "anchors": result.anchors,
        "n_findings": result.n_findings,
        "findings": [vars(one) for one in result.findings],
        "clock_moved_back": list(result.clock_moved_back),
        "keys": list(result.keys),
    }


def _rotation(done: Rotation) -> dict[str, object]:
    return {
        "position": done.position,
        "old_key_id": done.old_key_id,
        "new_key_id": done.new_key_id,
        "changes": [one.plain() for one in done.changes],
    }


def _tell(result: Verification, *, quiet: bool) -> None:
    if quiet:
        return
    verdict = "sound" if result.sound else f"NOT SOUND: {result.n_findings:,} findings"
    say(f"{result.rows:,} rows, {result.anchors} heads from outside the database: {verdict}.")
    if len(result.keys) > 1:
        say(f"  signed with {len(result.keys)} keys, each named by the one before it: "
            f"{', '.join(result.keys)}")  # fmt: skip
    for one in result.findings[:20]:
        say(f"  row {one.position:,}: {one.kind}: {one.words}")
    if result.clock_moved_back:
        say(f"  the clock moved back before {len(result.clock_moved_back):,} rows (recorded)")


def _row(row: Any) -> dict[str, object]:
    return {
        "position": row.position,
        "at_utc": time_text(row.at_utc),
        "actor": row.actor,
        "action": row.action,
        "outcome": row.outcome,
        "object_kind": row.object_kind,
        "object_id": row.object_id,
        "object_sha256": row.object_sha256,
        "reason": row.reason,
        "detail": row.detail,
        "row_sha256": row.row_sha256,
    }


def _print_rows(rows: list[Any]) -> None:
    table = Table("row", "time (UTC)", "actor", "action", "outcome", "object", "reason")
    for row in rows:
        what = f"{row.object_kind} {row.object_id}".strip()
        moment = f"{row.at_utc:%Y-%m-%d %H:%M:%S}"
        cells = (str(row.position), moment, row.actor, row.action, row.outcome, what, row.reason)
        table.add_row(*(cell.replace("[", "\\[") for cell in cells))
    Console().print(table)
