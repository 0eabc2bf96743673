"""Whether the store is as it was written: the file whole, documents unaltered, rows complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select, text

from api.store.incidents import reading_of
from api.store.receipts import list_receipts
from api.store.record_rows import version_digests
from api.store.schema import (
    area_counts,
    assessments,
    fleets,
    incidents,
    plan_attachments,
    plan_versions,
    receipt_rows,
    rejected_rows,
    stored_files,
    tpu_rosters,
)
from api.store.types import digest
from api.working.progress import Progress, silent

#: Tables whose content has a digest beside it: the columns of both, and of the identifier.
_SEALED: tuple[tuple[Table, str, str, str], ...] = (
    (assessments, "assessment_id", "document", "document_sha256"),
    (plan_versions, "plan_key", "document", "document_sha256"),
    (plan_attachments, "plan_key", "document", "document_sha256"),
    (tpu_rosters, "roster_id", "document", "document_sha256"),
    (fleets, "fleet_id", "toml", "toml_sha256"),
    (stored_files, "content_sha256", "content", "content_sha256"),
)


@dataclass(frozen=True)
class Fault:
    """Something that is not as it was written."""

    table: str
    record: str
    words: str


def check_store(tx: Connection, progress: Progress = silent) -> list[Fault]:
    """Return what is wrong with a store; nothing when it is sound.

    Parameters
    ----------
    tx
        A reading transaction of the store.
    progress
        Told the share done.
    """
    steps: tuple[Callable[[Connection], Iterator[Fault]], ...] = (
        _file_faults, _sealed_faults, _receipt_faults, _version_faults,
    )  # fmt: skip
    found: list[Fault] = []
    for number, step in enumerate(steps):
        progress("Checking the store", number / len(steps))
        found.extend(step(tx))
    progress("Checking the store", 1.0)
    return found


def _file_faults(tx: Connection) -> Iterator[Fault]:
    """Yield what SQLite's own check finds; PostgreSQL checks its pages as it reads them."""
    if tx.dialect.name != "sqlite":
        return
    for (words,) in tx.exec_driver_sql("PRAGMA integrity_check(20)"):
        if words != "ok":
            yield Fault("the file", "", str(words))
    for row in tx.exec_driver_sql("PRAGMA foreign_key_check"):
        yield Fault(str(row[0]), str(row[1]), f"refers to a row of {row[2]} that is not there")


def _sealed_faults(tx: Connection) -> Iterator[Fault]:
    for table, key, content, sealed in _SEALED:
        query = text(f"SELECT {key}, {content}, {sealed} FROM {table.name} ORDER BY {key}")  # noqa: S608 - names of the schema
        for identifier, value, wanted in tx.execute(query):
            raw = value if isinstance(value, str) else bytes(value)
            if digest(raw) != wanted:
                yield Fault(table.name, str(identifier), "does not have the digest it was given")


def _receipt_faults(tx: Connection) -> Iterator[Fault]:
    numbers = {
        table.name: dict(
            tuple(row)
            for row in tx.execute(
                select(table.c.receipt_id, func.count()).group_by(table.c.receipt_id)
            )
        )
        for table in (receipt_rows, area_counts, rejected_rows)
    }
    for one in list_receipts(tx):
        if one.state == "erased":
            continue
        wanted = (one.n_records, one.n_counts, one.n_rejected + one.n_expected)
        found = tuple(by_receipt.get(one.receipt_id, 0) for by_receipt in numbers.values())
        if wanted != found:
            yield Fault(
                "receipts", one.receipt_id, f"tells of {wanted} rows, but {found} are there"
            )


def _version_faults(tx: Connection) -> Iterator[Fault]:
    """Compute the digest of every stored version anew, file by file."""
    query = (
        select(incidents.c.version_sha256)
        .join(receipt_rows, receipt_rows.c.incident_id == incidents.c.incident_id)
        .order_by(receipt_rows.c.position)
    )
    for one in list_receipts(tx):
        if not one.n_records or one.state == "erased":
            continue
        kept = tx.execute(query.where(receipt_rows.c.receipt_id == one.receipt_id)).scalars()
        records = reading_of(tx, one).records
        names = records["record_id"].tolist()
        for name, wanted, found in zip(names, kept, version_digests(records), strict=True):
            if wanted != found:
                yield Fault("incidents", str(name), "does not have the digest it was given")
