"""A PostgreSQL cluster of one's own: made in a temporary folder, reached by its socket alone."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

BIN = Path("/usr/lib/postgresql/15/bin")
EXTENSION = Path("/usr/share/postgresql/15/extension/postgis.control")
HOW = "apt-get install -y --no-install-recommends postgresql-15 postgresql-15-postgis-3"
START_S = 60.0
ORPHANS = "pre-existing shared memory block"
_PR_SET_PDEATHSIG = 1


class ClusterError(RuntimeError):
    """The cluster cannot be made: PostgreSQL or PostGIS is missing, or would not start."""


@dataclass(frozen=True)
class Cluster:
    """A running cluster. Only who can enter its folder can reach it."""

    folder: Path
    process: subprocess.Popen[bytes]

    def url(self, database: str) -> str:
        """Return the address of one of its databases."""
        return f"postgresql://arv@/{database}?host={self.folder}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Return a connection that commits each statement."""
        return psycopg.connect(
            f"host={self.folder} user=arv dbname={database}", autocommit=True, connect_timeout=5
        )

    def make_database(self, name: str, template: str = "template0") -> str:
        """Make a database, as a copy of another, and return its address."""
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever uses it."""
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def private_cluster(parent: Path | None = None) -> Iterator[Cluster]:
    """Yield a running cluster with durable commits; it ends with the block or with this process."""
    if not (BIN / "initdb").exists() or not EXTENSION.exists():
        raise ClusterError(f"the tests need PostgreSQL 15 with PostGIS; run: {HOW}")
    folder = Path(tempfile.mkdtemp(prefix="arv-pg-", dir=parent))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        make_data(folder)
        process = start_server(folder)
        try:
            yield Cluster(folder, process)
        finally:
            stop_server(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_data(folder: Path) -> None:
    """Make the cluster's files."""
    command = [
        BIN / "initdb", "--pgdata", folder / "data", "--username", "arv", "--encoding", "UTF8",
        "--locale", "C.UTF-8", "--auth", "trust", "--no-instructions", "--data-checksums",
    ]  # fmt: skip
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, **_account()
    )
    if done.returncode:
        raise ClusterError(f"initdb failed: {done.stderr.strip()[-400:]}")


def start_server(folder: Path) -> subprocess.Popen[bytes]:
    """Start the server as a child that ends with this process, and wait until it answers.

    After a `kill -9` the killed server's children still hold its memory for a moment: a server
    refuses to start until they have gone, and is started again.
    """
    deadline = time.monotonic() + START_S
    process = _spawned(folder)
    while time.monotonic() < deadline:
        if process.poll() is not None:
            if ORPHANS not in _end_of_log(folder):
                break
            process = _spawned(folder)
        with suppress(psycopg.OperationalError), Cluster(folder, process).connect():
            return process
        time.sleep(0.05)
    stop_server(process)
    raise ClusterError(f"the server did not start: {_end_of_log(folder)}")


def _end_of_log(folder: Path) -> str:
    return (folder / "log").read_text()[-1000:]


def _spawned(folder: Path) -> subprocess.Popen[bytes]:
    command = [
        BIN / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses=",
        "-c", "fsync=on", "-c", "shared_buffers=64MB", "-c", "max_connections=120",
        "-c", "jit=off", "-c", "recovery_init_sync_method=syncfs", "-c", "log_min_messages=fatal",
    ]  # fmt: skip
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            cwd=folder,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - started before any thread of ours
            **_account(),
        )


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End the server at once: its data are thrown away, or prove their recovery."""
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _account() -> dict[str, object]:
    """Return under which account the server runs: it refuses to be root's."""
    if os.getuid() != 0:
        return {}
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
