"""`arv store ingest`, `receipts`, `withdraw`, `reinstate` and `assess`: evidence in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.audit.entry import entry
from api.audit.log import Record
from api.calendar_day import parse_day
from api.cli.app import say
from api.cli.arguments import parse_classification
from api.cli.options import AsOf, Classification, Json, Out, Policy, Seed
from api.cli.progress import progress_bars
from api.cli.store import store_app
from api.cli.store_access import (
    ActorName,
    Database,
    DataDir,
    Reason,
    actor_name,
    opened_record,
)
from api.feed_intake import ingest_reading, receipt_document
from api.files.output import Output, json_outputs, print_json, write_json, write_outputs
from api.files.policy_file import read_policy
from api.store.assessments import keep_assessment
from api.store.incidents import readings
from api.store.receipts import (
    Receipt,
    list_receipts,
    reinstate_receipt,
    withdraw_receipt,
)
from hotspots.assessment import document as assessment_document
from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import ReadOptions, read_rows

#: The end of the name of a file that states what the feed beside it covers.
SIDECAR = ".coverage.csv"
ReceiptId = Annotated[str, typer.Argument(help="Receipt, as `arv store receipts` shows it.")]


@store_app.command()
def ingest(
    files: Annotated[list[Path], typer.Argument(help="Feeds in any layout `arv assess` reads.")],
    *,
    report_rejected: Annotated[
        bool,
        typer.Option(
            "--report-rejected", help="Take the sound rows of a file and keep why others were not."
        ),
    ] = False,
    drop_personal_columns: Annotated[
        bool,
        typer.Option("--drop-personal-columns", help="Drop columns of personal data unread."),
    ] = False,
    database: Database = None,
    data: DataDir = None,
    actor: ActorName = None,
    json_file: Json = None,
) -> None:
    """Take files into the store, each in one transaction with its receipt.

    Example: `arv store ingest week.csv dashboard.csv`

    All files are read before the first is stored: a refused file leaves the store as it was. A
    file given again changes nothing. A correction may come before the record it names.
    """
    options = ReadOptions(
        on_rejected="report" if report_rejected else "refuse",
        drop_personal_columns=drop_personal_columns,
    )
    with opened_record(database, data) as record, progress_bars() as progress:
        given = []
        area = load_bundled()
        feeds = [path for path in files if not path.name.endswith(SIDECAR)]
        for number, path in enumerate(feeds, start=1):
            given.append(read_rows(path, area, options=options))
            progress("Reading feeds", number / len(feeds))
        who = actor_name(actor)
        taken = []
        for number, one in enumerate(given, start=1):
            taken.append(ingest_reading(record, one, who, area))
            progress("Storing", number / len(given))
    write_json(json_file, [receipt_document(receipt) for receipt in taken])
    for path in sorted(set(files) - set(feeds)):
        say(f"{path.name}: states what a feed covers, and goes with it")
    for receipt in taken:
        say(_line(receipt))


@store_app.command()
def receipts(*, database: Database = None, data: DataDir = None, json_file: Json = None) -> None:
    """List the files taken in: what was accepted, refused and merged, and what they cover.

    Example: `arv store receipts --json receipts.json`
    """
    with opened_record(database, data) as record, record.store.read() as tx:
        found = list_receipts(tx)
    write_json(json_file, [receipt_document(one) for one in found])
    for one in found:
        say(f"{one.receipt_id[:12]}  {_line(one)}")
    if not found:
        say("no file has been taken in yet; start with `arv store ingest FILE`")


@store_app.command()
def withdraw(
    receipt_id: ReceiptId,
    *,
    reason: Reason,
    database: Database = None,
    data: DataDir = None,
    actor: ActorName = None,
) -> None:
    """Take a file out of use: it stays in the store and counts in nothing.

    Example: `arv store withdraw 3f9c… --reason "exported from the training system"`
    """
    with opened_record(database, data) as record:
        _change_receipt(record, "feed.withdraw", receipt_id, reason, actor_name(actor))


@store_app.command()
def reinstate(
    receipt_id: ReceiptId,
    *,
    reason: Reason,
    database: Database = None,
    data: DataDir = None,
    actor: ActorName = None,
) -> None:
    """Put a withdrawn file into use again.

    Example: `arv store reinstate 3f9c… --reason "it was the right file after all"`
    """
    with opened_record(database, data) as record:
        _change_receipt(record, "feed.reinstate", receipt_id, reason, actor_name(actor))


@store_app.command()
def assess(
    *,
    as_of: AsOf,
    out: Out,
    policy: Policy = None,
    seed: Seed = 0,
    classification: Classification = "OFFICIAL-SENSITIVE",
    sanitised: Annotated[
        bool, typer.Option("--sanitised", help="Leave out all material with handling code C.")
    ] = False,
    database: Database = None,
    data: DataDir = None,
    actor: ActorName = None,
    json_file: Json = None,
) -> None:
    """Score every ward and borough from the files in the store, and keep the assessment there.

    Example: `arv store assess --as-of 2026-11-23 --out out/week`

    The result is that of `arv assess` on the same files, byte for byte.
    """
    from api import week as weekly  # noqa: PLC0415 - the engines load slowly

    day, marking = parse_day(as_of, "--as-of"), parse_classification(classification)
    area, rules = load_bundled(), read_policy(policy)
    who = actor_name(actor)
    with opened_record(database, data) as record, progress_bars() as progress:
        with record.store.read() as tx:
            given = readings(tx)
        assessed = weekly.assess(
            given, area, as_of=day, policy=rules, seed=seed, classification=marking,
            sanitised=sanitised, progress=progress,
        )  # fmt: skip
        files = weekly.assessment_writers(assessed, given, area, rules, progress)
        with record.change() as change:
            kept = keep_assessment(
                change.tx, assessed.assessment, area, given, actor=who, now=change.now
            )
            change.note(
                entry(
                    who, "assessment.make", "assessment", kept.assessment_id,
                    object_sha256=kept.document_sha256, operation="combination",
                )
            )  # fmt: skip
        document = assessment_document(assessed.assessment)
        write_outputs([Output(out, files), *json_outputs(json_file, document)])
    print_json(json_file, document)
    say(f"{out}: assessment {kept.assessment_id}, kept in the store")


def _change_receipt(record: Record, action: str, given: str, reason: str, who: str) -> None:
    with record.change() as change:
        whole = _whole_id(list_receipts(change.tx), given)
        if action == "feed.withdraw":
            one = withdraw_receipt(change.tx, whole, actor=who, now=change.now, reason=reason)
        else:
            one = reinstate_receipt(change.tx, whole, reason=reason)
        change.note(entry(who, action, "receipt", whole, reason=reason, operation="alteration"))
    say(f"{one.receipt_id[:12]}  {_line(one)}")


def _whole_id(found: list[Receipt], given: str) -> str:
    """Return the identifier that begins as given, when just one does."""
    fitting = [one.receipt_id for one in found if given and one.receipt_id.startswith(given)]
    return fitting[0] if len(fitting) == 1 else given


def _line(one: Receipt) -> str:
    parts = [f"{one.n_records + one.n_counts:,} accepted"]
    for number, word in (
        (one.n_rejected, "refused"),
        (one.n_expected, "not placeable"),
        (one.n_merged, "known already"),
        (one.n_corrections, "corrections"),
    ):
        if number:
            parts.append(f"{number:,} {word}")
    state = "taken in before" if one.repeated else one.state
    days = f"{one.coverage.first_day} to {one.coverage.last_day}"
    return f"{one.file}: {', '.join(parts)}; covers {days}; {state}"
