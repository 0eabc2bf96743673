"""The audit record at size: durable appends a second, a check of a million rows of two keys."""

from __future__ import annotations

import time
from pathlib import Path

import sqlalchemy as sa

from api.audit.entry import entry
from api.audit.log import Record, append
from api.audit.rotation import rotate_key
from api.audit.verify import verify
from api.record_folder import kept_head, open_record
from api.store.store import Store
from benchmarks.soak.databases import databases
from benchmarks.soak.figures import Report, at_least, at_most, joined, none_of

ROWS = 1_000_000
APPENDS = 500
_BATCH = 20_000
LEAST_APPENDS_S = 100
MOST_VERIFY_S = 10


def run(rows: int = ROWS, appends: int = APPENDS) -> Report:
    """Return the figures of both databases."""
    with databases() as made:
        return joined(
            [
                measure(kind, made.empty(kind), made.folder / f"keys-{kind}", rows, appends)
                for kind in ("sqlite", "postgresql")
            ]
        )


def measure(kind: str, url: str, data_dir: Path, rows: int, appends: int) -> Report:
    """Return appends a second, one transaction each, and the time to verify all rows."""
    with open_record(data_dir, url) as record:
        start = time.perf_counter()
        for number in range(appends):
            record.note(entry("ann", "plan.read", "plan", f"p{number}", operation="consultation"))
        rate = appends / (time.perf_counter() - start)
        bare = _bare_commits(record.store, appends)
        _fill(record, rows - appends - 2)  # and two rows for the change of key
        rotate_key(record, by="operator:soak", reason="the check goes over two keys")
        wall, used = time.perf_counter(), time.process_time()
        with record.store.read() as tx:
            head = kept_head(data_dir)
            result = verify(tx, record.signer.verifier, [head] if head else [])
        wall, used = time.perf_counter() - wall, time.process_time() - used
    figures = (
        at_least(f"{kind}: durable appends to the audit record", rate, LEAST_APPENDS_S, "/s"),
        at_most(f"{kind}: {result.rows:,} audit rows verified", wall, MOST_VERIFY_S, "s"),
        none_of(f"{kind}: faults found in the audit record", result.n_findings),
    )
    words = (
        f"{kind}: verified in {used:.1f} s of processor time; {bare:.0f} bare commits/s of one "
        f"row just then, {bare / rate:.1f} of them for one append"
    )
    return Report(figures, words)


def _bare_commits(store: Store, commits: int) -> float:
    """Return how many transactions of one plain row the same database commits in a second."""
    own = sa.MetaData()
    plain = sa.Table("soak_plain", own, sa.Column("value", sa.Text))
    with store.write() as tx:
        own.create_all(tx)
    connection = store.writer.raw_connection()
    try:
        cursor = connection.cursor()
        start = time.perf_counter()
        for _ in range(commits):
            if store.kind == "sqlite":  # the other driver begins by itself
                cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("INSERT INTO soak_plain VALUES ('plain')")
            connection.commit()
        rate = commits / (time.perf_counter() - start)
    finally:
        connection.close()
    with store.write() as tx:
        plain.drop(tx)
    return rate


def _fill(record: Record, rows: int) -> None:
    for first in range(0, rows, _BATCH):
        batch = [
            entry("ann", "plan.read", "plan", f"p{number}", reason="weekly meeting",
                  operation="consultation", detail={"n": number})
            for number in range(first, min(first + _BATCH, rows))
        ]  # fmt: skip
        with record.store.write() as tx:
            append(tx, batch, record.clock(), record.signer)
