"""How long 100,000 incidents take from a file into each database, and back out again."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from api.store.incidents import readings
from api.store.ingest import take_in
from api.store.store import open_store
from benchmarks.soak.databases import databases
from benchmarks.soak.feeds import feed, write_csv
from benchmarks.soak.figures import Figure, Report, at_most, none_of
from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import ReadOptions, read_rows

N_RECORDS = 100_000
TARGET_S = {"sqlite": 20.0, "postgresql": 15.0}


def run(n_records: int = N_RECORDS) -> Report:
    """Return a table of seconds, wall clock and processor, beside the targets."""
    area = load_bundled()
    lines = [f"{n_records:,} incidents, one file, durable commit; seconds wall (processor)"]
    figures: list[Figure] = []
    with databases() as made:
        path = Path(made.folder) / "feed.csv"
        write_csv(feed(1, n_records, study_area=area), str(path))
        options = ReadOptions(on_rejected="report")
        start, used = time.perf_counter(), time.process_time()
        reading = read_rows(path, area, options=options)
        read_s = time.perf_counter() - start
        lines.append(
            f"reading and checking the file: {read_s:.2f} ({time.process_time() - used:.2f})"
        )
        for kind, target in TARGET_S.items():
            store = open_store(made.empty(kind))
            os.sync()
            start, used = time.perf_counter(), time.process_time()
            with store.write() as tx:
                receipt = take_in(tx, reading, actor="soak", now=datetime.now(UTC), study_area=area)
            stored_s, stored_cpu_s = time.perf_counter() - start, time.process_time() - used
            start = time.perf_counter()
            with store.write() as tx:
                again = take_in(tx, reading, actor="soak", now=datetime.now(UTC))
            again_s = time.perf_counter() - start
            start = time.perf_counter()
            with store.read() as tx:
                [back] = readings(tx)
            back_s = time.perf_counter() - start
            store.close()
            sound = again.repeated and back.records.equals(reading.records)
            lines.append(
                f"{kind}: stored {receipt.n_records:,} in {stored_s:.2f} ({stored_cpu_s:.2f}); "
                f"again {again_s:.2f}; read back {back_s:.2f}"
            )
            what = f"{kind}: {n_records:,} incidents from file to store"
            figures.append(at_most(what, read_s + stored_s, target, "s"))
            figures.append(none_of(f"{kind}: files read back otherwise", not sound))
    return Report(tuple(figures), "\n".join(lines))
