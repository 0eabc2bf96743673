"""Disks that fill and disks that cannot be written: refused in plain words, nothing lost.

As root a file system in memory of a few megabytes stands for the disk; it is filled, enlarged,
and made read-only under the open store. Otherwise the limit on the size of a file does, which
the kernel enforces in the same place.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from api.problems import problem_of
from api.store import schema
from api.store.check import check_store
from api.store.errors import StoreRefusedError
from api.store.ingest import take_in
from api.store.receipts import list_receipts
from api.store.store import Store, open_store
from benchmarks.soak.feeds import feed
from benchmarks.soak.figures import Report, none_of
from tests.store.private_cluster import private_cluster, start_server

SQLITE_MB, POSTGRES_MB = 6, 160
N_RECORDS = 1_500
MOST_FILES = 400


@dataclass(frozen=True)
class Outcome:
    """What came of one disk.

    Attributes
    ----------
    acknowledged, kept
        Files acknowledged until the disk refused, and of those the ones there afterwards.
    faults
        What `check_store` finds afterwards.
    refusal, status
        The class of the refusal and its HTTP status.
    went_on
        True when the same store took the refused file once there was room, or it was writable.
    """

    disk: str
    acknowledged: int
    kept: int
    faults: int
    refusal: str
    status: int
    went_on: bool

    @property
    def sound(self) -> bool:
        """True when nothing was lost, halved or falsely acknowledged."""
        return (
            self.acknowledged == self.kept
            and not self.faults
            and self.status == 503
            and self.went_on
        )

    def line(self) -> str:
        """Return the outcome in words."""
        return (
            f"{self.disk}: {self.refusal} ({self.status}) after {self.acknowledged} files; "
            f"{self.kept} kept, {self.faults} faults, "
            f"{'went on afterwards' if self.went_on else 'DID NOT GO ON'}"
        )


def run() -> Report:
    """Return what came of a full and a read-only disk on both databases."""
    outcomes = [full_sqlite(), read_only_sqlite(), read_only_postgres()]
    words = ""
    if os.getuid() == 0:
        outcomes.append(full_postgres())
    else:
        words = "PostgreSQL, full disk: not tried, only root can mount a small disk\n"
    lines = "\n".join(one.line() for one in outcomes)
    figures = [none_of(f"{one.disk}: not refused cleanly", not one.sound) for one in outcomes]
    return Report(tuple(figures), words + lines)


def full_sqlite() -> Outcome:
    """Fill the disk under a SQLite store, then make room."""
    if os.getuid() == 0:
        with _small_disk(SQLITE_MB) as folder:
            store = open_store(f"sqlite:///{folder}/arv.sqlite3")
            return _fill(store, "SQLite, full disk", lambda: _resize(folder, 64))
    with tempfile.TemporaryDirectory() as limited:
        store = open_store(f"sqlite:///{limited}/arv.sqlite3")
        with _limited_files(SQLITE_MB * 2**20) as lift:
            return _fill(store, "SQLite, files limited in size", lift)


def read_only_sqlite() -> Outcome:
    """Make the disk read-only under a SQLite store, then writable again."""
    if os.getuid() == 0:
        with _small_disk(64) as folder:
            store = open_store(f"sqlite:///{folder}/arv.sqlite3")
            _take(store, 0)
            store.close()
            _mount(folder, "remount,ro")
            return _fill(
                store, "SQLite, read-only disk", lambda: _mount(folder, "remount,rw"), first=1
            )
    with tempfile.TemporaryDirectory() as locked:
        path = Path(locked) / "arv.sqlite3"
        store = open_store(f"sqlite:///{path}")
        _take(store, 0)
        store.close()
        path.chmod(0o400)
        Path(locked).chmod(0o500)

        def mend() -> None:
            Path(locked).chmod(0o700)
            path.chmod(0o600)
            store.close()

        return _fill(store, "SQLite, read-only folder", mend, first=1)


def full_postgres() -> Outcome:
    """Fill the disk under a PostgreSQL cluster, then make room; root only."""
    with _small_disk(POSTGRES_MB) as folder, private_cluster(folder) as cluster:
        store = open_store(cluster.make_database("small"))
        _leave_room(folder, 3 * 2**20)

        def mend() -> None:
            (folder / "ballast").unlink()
            _resize(folder, 4 * POSTGRES_MB)
            if cluster.process.poll() is not None:
                object.__setattr__(cluster, "process", start_server(cluster.folder))

        return _fill(store, "PostgreSQL, full disk", mend)


def read_only_postgres() -> Outcome:
    """Make a PostgreSQL database read-only, as a standby is, then writable again."""
    with private_cluster() as cluster:
        store = open_store(cluster.make_database("standby"))
        _take(store, 0)

        def set_read_only(value: str) -> None:
            with cluster.connect() as connection:
                connection.execute(
                    f"ALTER DATABASE standby SET default_transaction_read_only = {value}"
                )
            store.close()

        set_read_only("on")
        return _fill(store, "PostgreSQL, read-only", lambda: set_read_only("off"), first=1)


def _fill(store: Store, disk: str, mend: Callable[[], None], *, first: int = 0) -> Outcome:
    """Take files in until one is refused, mend the disk, and compare."""
    acknowledged = [f"soak-{number}.csv" for number in range(first)]
    refusal: StoreRefusedError | None = None
    for number in range(first, MOST_FILES):
        try:
            acknowledged.append(_take(store, number))
        except StoreRefusedError as fault:
            refusal = fault
            break
    mend()
    went_on = _take(store, len(acknowledged)) == f"soak-{len(acknowledged)}.csv"
    with store.read() as tx:
        there = {one.file for one in list_receipts(tx)}
        faults = len(check_store(tx))
        went_on = went_on and len(there) == len(acknowledged) + 1
    store.close()
    return Outcome(
        disk,
        len(acknowledged),
        sum(one in there for one in acknowledged),
        faults,
        type(refusal).__name__ if refusal else "never refused",
        problem_of(refusal).status if refusal else 0,
        went_on,
    )


def _take(store: Store, number: int) -> str:
    with store.write() as tx:
        tx.execute(schema.settings.delete())
        one = feed(number, N_RECORDS, n_rejected=2)
        return take_in(tx, one, actor="soak", now=datetime.now(UTC)).file


@contextmanager
def _small_disk(megabytes: int) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="arv-disk-"))
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", folder], check=True
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def _resize(folder: Path, megabytes: int) -> None:
    _mount(folder, f"remount,size={megabytes}m")


def _mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", options, folder], check=True)


def _leave_room(folder: Path, n_bytes: int) -> None:
    room = os.statvfs(folder)
    with (folder / "ballast").open("wb") as handle:
        handle.write(b"\0" * max(room.f_bavail * room.f_frsize - n_bytes, 0))


@contextmanager
def _limited_files(n_bytes: int) -> Iterator[Callable[[], None]]:
    """Limit the size of any file this process writes; yield what lifts the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))

    def lift() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    try:
        yield lift
    finally:
        lift()
        signal.signal(signal.SIGXFSZ, before)
