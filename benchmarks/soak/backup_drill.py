"""A backup while writers write, restored elsewhere: how long, and is it one sound moment."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from api.audit.entry import entry
from api.audit.log import Record
from api.audit.signing import open_signer
from api.audit.verify import verify
from api.store.backup import restore_backup, take_backup
from api.store.check import check_store
from api.store.ingest import take_in
from api.store.store import open_store
from benchmarks.soak.databases import Databases, databases
from benchmarks.soak.feeds import feed
from benchmarks.soak.figures import Report, at_most, joined, none_of

TARGET_S = 60.0


def run(n_records: int = 100_000, n_audit: int = 20_000) -> Report:
    """Return the seconds of backup and restore on both databases."""
    with databases() as made:
        kinds = ("sqlite", "postgresql")
        return joined([drill(made, kind, n_records, n_audit) for kind in kinds])


def drill(made: Databases, kind: str, n_records: int, n_audit: int) -> Report:
    """Fill a store, back it up while a writer goes on, restore it, check it and its record."""
    store = open_store(made.empty(kind))
    home = Path(made.folder) / f"home-{kind}"
    record = Record(store, open_signer(home), home)
    with record.change() as change:
        take_in(change.tx, feed(0, n_records), actor="soak", now=change.now)
        for number in range(n_audit):
            change.note(entry("soak", "record.read", "incident", str(number)))
    stop, written = threading.Event(), list[int]()

    def write() -> None:
        while not stop.is_set():
            number = len(written) + 1
            with record.change() as change:
                one = feed(number, 50)
                receipt = take_in(change.tx, one, actor="soak", now=change.now)
                change.note(entry("soak", "feed.ingest", "receipt", receipt.receipt_id))
            written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    folder, target = Path(made.folder) / f"backup-{kind}", made.empty(kind)
    start = time.perf_counter()
    backup = take_backup(store, folder, now=datetime.now(UTC))
    taken_s = time.perf_counter() - start
    stop.set()
    writer.join()
    store.close()
    start = time.perf_counter()
    restore_backup(folder, target)
    restored = open_store(target, create=False)
    with restored.read() as tx:
        faults = len(check_store(tx))
        chain = verify(tx, record.signer.verifier)
    drill_s = time.perf_counter() - start
    restored.close()
    missing = backup.rows["audit"] - chain.rows
    words = (
        f"{kind}: {sum(backup.rows.values()):,} rows, {backup.n_bytes / 2**20:.0f} MiB, backup "
        f"{taken_s:.1f} s while {len(written)} files were written; chain of {chain.rows:,} rows"
    )
    figures = (
        at_most(f"{kind}: restore, check and verify", drill_s, TARGET_S, "s"),
        none_of(f"{kind}: faults after the restore", faults + chain.n_findings + abs(missing)),
    )
    return Report(figures, words)
