"""Kill -9 at random moments while files are taken in: nothing acknowledged is lost or half there.

A child process opens the store, from nothing the first time, and takes in one file after another;
it says so on a pipe after each commit. The parent kills it at a random moment, opens the store,
and compares. On PostgreSQL every tenth kill takes the whole server instead, which then recovers.
"""

from __future__ import annotations

import os
import random
import select
import signal
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import select as sql_select

from api.store import schema
from api.store.check import check_store
from api.store.errors import StoreRefusedError
from api.store.ingest import take_in
from api.store.store import Store, open_store
from benchmarks.soak.databases import Databases, databases
from benchmarks.soak.feeds import feed
from benchmarks.soak.figures import Report, at_most, joined, none_of
from hotspots.incidents import FeedReading
from tests.store.private_cluster import start_server

KILLS = 200
READY_S = 5.0
N_FEEDS = 80
N_RECORDS = 400
_SERVER_EVERY = 10


@dataclass
class Tally:
    """What the kills came to."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    halves: int = 0
    unacknowledged_kept: int = 0
    servers: int = 0
    ready_s: list[float] = field(default_factory=list)

    def report(self, kind: str) -> Report:
        """Return the figures of one database."""
        words = (
            f"{kind}: {self.kills} kills ({self.servers} of the server), {self.acknowledged} "
            f"acknowledged, {self.lost} lost, {self.halves} half-written, "
            f"{self.unacknowledged_kept} committed but not yet acknowledged; ready again in at "
            f"most {max(self.ready_s, default=0.0):.2f} s"
        )
        acknowledged = f"{kind}: acknowledged files taken in"
        figures = (
            none_of(f"{acknowledged} lost in {self.kills} kills", self.lost),
            none_of(f"{acknowledged} half there in {self.kills} kills", self.halves),
            at_most(f"{kind}: ready again after a kill", max(self.ready_s), READY_S, "s"),
        )
        return Report(figures, words)


def run(kills: int = KILLS, seed: int = 7) -> Report:
    """Return the figures of both databases."""
    with databases() as made:
        return joined(
            [
                kill_often(made, kind, kills=kills, seed=seed).report(kind)
                for kind in ("sqlite", "postgresql")
            ]
        )


def kill_often(
    made: Databases,
    kind: str,
    *,
    kills: int,
    seed: int,
    n_records: int = N_RECORDS,
    n_feeds: int = N_FEEDS,
) -> Tally:
    """Kill a writer again and again on one database, checking after each time."""
    rng = random.Random(seed)
    feeds = [feed(number, n_records, n_rejected=3) for number in range(n_feeds)]
    url, tally, acknowledged = made.empty(kind), Tally(), set[str]()
    while tally.kills < kills:
        takes_server = kind == "postgresql" and tally.kills % _SERVER_EVERY == _SERVER_EVERY - 1
        acknowledged |= _one_kill(made, url, feeds, rng, takes_server=takes_server)
        tally.kills += 1
        tally.servers += takes_server
        start = time.perf_counter()
        store = _reopened(made, url, restart=takes_server)
        tally.ready_s.append(time.perf_counter() - start)
        _compare(store, acknowledged, tally)
        if len(acknowledged) > n_feeds // 2:  # start again with an empty database
            tally.acknowledged += len(acknowledged)
            acknowledged, url = set(), made.empty(kind)
        store.close()
    tally.acknowledged += len(acknowledged)
    return tally


def _one_kill(
    made: Databases,
    url: str,
    feeds: list[FeedReading],
    rng: random.Random,
    *,
    takes_server: bool,
) -> set[str]:
    """Fork a writer, kill it or its server at a random moment, return what it acknowledged."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # the writer: it never returns
        os.close(reader)
        _write_until_killed(url, feeds, writer)
    os.close(writer)
    deadline = time.monotonic() + rng.expovariate(1 / 0.35)
    heard = b""
    while (left := deadline - time.monotonic()) > 0:
        if select.select([reader], [], [], left)[0]:
            part = os.read(reader, 65_536)
            if not part:
                break
            heard += part
    if takes_server and made.cluster is not None:
        made.cluster.process.kill()
        made.cluster.process.wait()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while part := os.read(reader, 65_536):
        heard += part
    os.close(reader)
    return {line.decode() for line in heard.split(b"\n")[:-1]}


def _write_until_killed(url: str, feeds: list[FeedReading], writer: int) -> None:
    try:
        store = open_store(url)
        for one in feeds:
            with store.write() as tx:
                receipt = take_in(tx, one, actor="soak", now=datetime.now(UTC))
            os.write(writer, f"{receipt.receipt_id}\n".encode())
    except StoreRefusedError:
        pass  # the server was taken away: nothing more is acknowledged
    finally:
        os._exit(0)


def _reopened(made: Databases, url: str, *, restart: bool) -> Store:
    """Return the store, open and able to write, after its server was started again."""
    if restart and made.cluster is not None:
        object.__setattr__(made.cluster, "process", start_server(made.cluster.folder))
    store = open_store(url)
    with store.write() as tx:
        tx.execute(schema.settings.delete())
    return store


def _compare(store: Store, acknowledged: set[str], tally: Tally) -> None:
    with store.read() as tx:
        there = set(tx.execute(sql_select(schema.receipts.c.receipt_id)).scalars())
        tally.lost += len(acknowledged - there)
        tally.unacknowledged_kept += len(there - acknowledged)
        acknowledged |= there
        tally.halves += len(check_store(tx))
