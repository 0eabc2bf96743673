"""The soaks at a small size: kills, full and read-only disks, a backup under a writer."""

from __future__ import annotations

import os

import pytest

from benchmarks.soak import backup_drill, full_disk, kill_ingest
from benchmarks.soak.databases import Databases
from tests.store.private_cluster import private_cluster


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_random_kills_lose_and_halve_nothing(kind: str, tmp_path: object) -> None:
    """The tenth kill on PostgreSQL takes the server itself."""
    with private_cluster() as cluster:
        made = Databases(tmp_path, cluster)
        tally = kill_ingest.kill_often(made, kind, kills=10, seed=3, n_records=60, n_feeds=80)
    assert (tally.kills, tally.lost, tally.halves) == (10, 0, 0)
    assert tally.acknowledged > 0
    assert tally.servers == (kind == "postgresql")


@pytest.mark.parametrize("disk", [full_disk.full_sqlite, full_disk.read_only_sqlite])
def test_a_full_or_read_only_disk_is_said_so_and_mends(disk: object) -> None:
    outcome = disk()
    assert outcome.sound, outcome.line()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk for the cluster")
def test_a_full_disk_under_postgres_is_said_so_and_mends() -> None:
    outcome = full_disk.full_postgres()
    assert outcome.sound, outcome.line()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_under_a_writer_is_sound(kind: str, tmp_path: object, cluster: object) -> None:
    report = backup_drill.drill(Databases(tmp_path, cluster), kind, 300, 50)
    assert all(one.met for one in report.figures), report.text()
