"""`arv store retention`: which records are due for review, and what is decided of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from api.audit.entry import entry
from api.calendar_day import parse_day
from api.cli.app import say
from api.cli.options import Json
from api.cli.store import store_app
from api.cli.store_access import (
    ActorName,
    Database,
    DataDir,
    Reason,
    actor_name,
    opened_record,
)
from api.files.output import write_json
from api.store.retention import KINDS, Rule, due_reviews, rules, set_rule
from api.store.retention import erase as erase_record
from api.store.retention import keep as keep_record

retention_app = typer.Typer(
    name="retention",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Which records are due for review, and what is decided of them. Nothing is erased by "
    "itself; every decision has a reason and stays in the record.",
)
store_app.add_typer(retention_app)

Kind = Annotated[str, typer.Argument(help=f"Kind of record: {', '.join(KINDS)}.")]
RecordId = Annotated[str, typer.Argument(help="Its identifier, as `due` shows it.")]


@retention_app.command()
def rule(
    kind: Kind,
    *,
    days: Annotated[int, typer.Option(help="Days until a record of this kind is reviewed.")],
    basis: Annotated[str, typer.Option(help="On what ground, for example the force's schedule.")],
    database: Database = None,
    data: DataDir = None,
    actor: ActorName = None,
) -> None:
    """Set after how many days a kind of record is reviewed.

    Example: `arv store retention rule receipt --days 2190 --basis "Retention schedule 4.2"`
    """
    who = actor_name(actor)
    with opened_record(database, data) as record, record.change() as change:
        set_rule(change.tx, Rule(kind, days, basis), actor=who, now=change.now)
        change.note(
            entry(who, "retention.rule", "record kind", kind, reason=basis, detail={"days": days})
        )
    say(f"{kind}: reviewed after {days:,} days ({basis})")


@retention_app.command()
def due(
    *,
    on: Annotated[str | None, typer.Option(help="Day; default: today.")] = None,
    database: Database = None,
    data: DataDir = None,
    json_file: Json = None,
) -> None:
    """List the records whose review is due.

    Example: `arv store retention due --json due.json`
    """
    day = parse_day(on, "--on") if on else datetime.now(UTC).date()
    with opened_record(database, data) as record, record.store.read() as tx:
        found, kept = due_reviews(tx, on=day), rules(tx)
    write_json(
        json_file,
        [
            {"record_kind": one.record_kind, "record_id": one.record_id,
             "due_on": one.due_on.isoformat(), "created": one.created.isoformat()}
            for one in found
        ],
    )  # fmt: skip
    for one in found:
        say(f"{one.due_on}  {one.record_kind}  {one.record_id}")
    if not kept:
        say("no kind of record has a rule yet; set one with `arv store retention rule`")
    elif not found:
        say("no review is due")


@retention_app.command()
def keep(
    kind: Kind,
    record_id: RecordId,
    *,
    until: Annotated[str, typer.Option(help="Day of the next review.")],
    reason: Reason,
    database: Database = None,
    data: DataDir = None,
    actor: ActorName = None,
) -> None:
    """Keep a record until another review.

    Example: `arv store retention keep receipt 3f9c… --until 2028-01-01 --reason "live inquiry"`
    """
    who, day = actor_name(actor), parse_day(until, "--until")
    with opened_record(database, data) as record, record.change() as change:
        keep_record(change.tx, kind, record_id, until=day, reason=reason, actor=who, now=change.now)
        change.note(entry(who, "retention.keep", kind, record_id, reason=reason))
    say(f"{kind} {record_id}: kept until {day}")


@retention_app.command()
def erase(
    kind: Kind,
    record_id: RecordId,
    *,
    reason: Reason,
    database: Database = None,
    data: DataDir = None,
    actor: ActorName = None,
) -> None:
    """Erase a record for good; its identifier, the reason and who decided stay.

    Example: `arv store retention erase receipt 3f9c… --reason "term over, no inquiry open"`
    """
    who = actor_name(actor)
    with opened_record(database, data) as record, record.change() as change:
        erase_record(change.tx, kind, record_id, reason=reason, actor=who, now=change.now)
        change.note(
            entry(who, "retention.erase", kind, record_id, reason=reason, operation="erasure")
        )
    say(f"{kind} {record_id}: erased")
