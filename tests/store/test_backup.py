"""Backups under writers, restored elsewhere, checked row by row; damage is found."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.store import schema, schema_version
from api.store.backup import MANIFEST, count_rows, read_backup, restore_backup, take_backup
from api.store.check import check_store
from api.store.errors import BackupRefusedError
from api.store.ingest import take_in
from api.store.store import Store, open_store
from tests.store.private_cluster import Cluster
from tests.store.rows import ROWS, fill, held
from tests.unit import small_town as town

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture
def other_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield an address where nothing is yet."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path}/restored/arv.sqlite3"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    yield cluster.make_database("restored")
    cluster.drop_database("restored")


def test_a_backup_brings_everything_back(store: Store, other_url: str, tmp_path: Path) -> None:
    with store.write() as tx:
        fill(tx)
    made = take_backup(store, tmp_path / "backup", now=NOW)
    assert made.rows == dict.fromkeys(sorted(ROWS), 1)
    assert read_backup(tmp_path / "backup") == made
    assert restore_backup(tmp_path / "backup", other_url) == made
    restored = open_store(other_url, create=False)
    with restored.read() as tx:
        assert held(tx) == ROWS
    with restored.write() as tx:  # it goes on: triggers and numbering came along
        tx.execute(schema.plan_adjustments.insert().values(**ROWS["plan_adjustments"]))
    with pytest.raises(Exception, match="never altered"), restored.write() as tx:
        tx.execute(schema.audit.delete())
    restored.close()


def test_a_backup_under_writers_is_one_moment(store: Store, other_url: str, tmp_path: Path) -> None:
    """A writer adds a feed and its receipt together; a backup never holds one without the other."""
    stop, faults, written = threading.Event(), [], []

    def write() -> None:
        try:
            while not stop.is_set():
                number = len(written)
                one = town.reading([town.record(number, 0)], file=f"{number}.csv")
                with store.write() as tx:
                    take_in(tx, one, actor="x", now=NOW + timedelta(seconds=number))
                written.append(number)
        except BaseException as fault:
            faults.append(fault)

    writer = threading.Thread(target=write)
    writer.start()
    while len(written) < 3 and not faults:
        pass
    before = len(written)
    made = take_backup(store, tmp_path / "backup", now=NOW)
    after = len(written)
    stop.set()
    writer.join()
    assert faults == []
    restore_backup(tmp_path / "backup", other_url)
    restored = open_store(other_url, create=False)
    with restored.read() as tx:
        assert check_store(tx) == []
        assert count_rows(tx) == made.rows
    restored.close()
    numbers = {made.rows[name] for name in ("receipts", "incidents", "receipt_rows")}
    assert len(numbers) == 1
    assert before <= numbers.pop() <= after + 1


def test_an_older_backup_is_restored_and_then_upgraded(
    store: Store, other_url: str, tmp_path: Path
) -> None:
    schema_version.move(store, "0003")
    made = take_backup(store, tmp_path / "backup", now=NOW)
    assert made.schema == "0003"
    restore_backup(tmp_path / "backup", other_url)
    with pytest.raises(Exception, match="arv store upgrade"):
        open_store(other_url)
    open_store(other_url, upgrade=True).close()


def test_nothing_is_overwritten(store: Store, tmp_path: Path) -> None:
    take_backup(store, tmp_path / "backup", now=NOW)
    with pytest.raises(BackupRefusedError, match="there already"):
        take_backup(store, tmp_path / "backup", now=NOW)
    with pytest.raises(BackupRefusedError, match="already"):
        restore_backup(tmp_path / "backup", store.url)
    with store.read() as tx:
        assert schema_version.current(tx) == schema_version.head()


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "no manifest", "no folder", "other", "lies"])
def test_a_damaged_backup_is_refused(
    damage: str, store: Store, other_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    take_backup(store, folder, now=NOW)
    content, manifest = folder / "store.sqlite3", folder / MANIFEST
    document = json.loads(manifest.read_text())
    if damage == "cut":
        content.write_bytes(content.read_bytes()[:-4096])
    elif damage == "flipped":
        changed = bytearray(content.read_bytes())
        changed[5000] ^= 1
        content.write_bytes(changed)
    elif damage == "no manifest":
        manifest.unlink()
    elif damage == "no folder":
        shutil.rmtree(folder)
    elif damage == "other":
        manifest.write_text("[1]")
    else:
        document["rows"]["plans"] = 1
        manifest.write_text(json.dumps(document))
    with pytest.raises(BackupRefusedError, match=r"[Rr]emedy"):
        restore_backup(folder, other_url)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_backup_of_a_newer_program_is_refused_as_one(store: Store, tmp_path: Path) -> None:
    take_backup(store, tmp_path / "backup", now=NOW)
    manifest = tmp_path / "backup" / MANIFEST
    document = {**json.loads(manifest.read_text()), "seals": "x"}
    manifest.write_text(json.dumps(document))
    with pytest.raises(BackupRefusedError, match="newer program made it: its manifest has seals"):
        read_backup(tmp_path / "backup")


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_backup_goes_back_to_its_own_kind(store: Store, tmp_path: Path) -> None:
    take_backup(store, tmp_path / "backup", now=NOW)
    with pytest.raises(BackupRefusedError, match="same kind"):
        restore_backup(tmp_path / "backup", "postgresql://nobody@127.0.0.1:9/arv")


def test_a_failed_backup_leaves_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.store.backup._measured", lambda _: 1 / 0)
    out = tmp_path / "out"
    with pytest.raises(ZeroDivisionError):
        take_backup(store, out / "backup", now=NOW)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_missing_or_failing_program_is_said_so(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.store.postgres_tools._INSTALLED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupRefusedError, match="postgresql-client"):
        take_backup(store, tmp_path / "backup", now=NOW)
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\necho 'no such server' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(BackupRefusedError, match="no such server"):
        take_backup(store, tmp_path / "backup", now=NOW)
    assert not (tmp_path / "backup").exists()


ALTERATIONS = {
    "assessments": "UPDATE assessments SET document = '{}'",
    "plan_versions": "UPDATE plan_versions SET document = replace(document, 'quote', 'quite')",
    "fleets": "UPDATE fleets SET toml = 'turnout_s = 61'",
    "incidents": "UPDATE incidents SET x_m = x_m + 1",
    "receipts": "DELETE FROM rejected_rows",
}


def test_the_check_finds_what_was_altered_behind_the_programs_back(store: Store) -> None:
    sealed = {"document": ROWS["assessments"]["document"], "toml": "turnout_s = 60"}
    from api.store.types import canonical_text, digest

    document_sha = digest(canonical_text(sealed["document"]))
    with store.write() as tx:
        one = town.reading([town.record(1, 0), town.record(2, 1)])
        receipt = take_in(tx, one, actor="x", now=NOW)
        tx.execute(
            schema.assessments.insert().values(
                **(ROWS["assessments"] | {"document_sha256": document_sha})
            )
        )
        tx.execute(
            schema.fleets.insert().values(
                **(ROWS["fleets"] | {"toml_sha256": digest(sealed["toml"])})
            )
        )
        tx.execute(schema.plans.insert().values(**ROWS["plans"]))
        tx.execute(
            schema.plan_versions.insert().values(
                **(ROWS["plan_versions"] | {"document_sha256": document_sha})
            )
        )
        tx.execute(
            schema.rejected_rows.insert().values(
                **(ROWS["rejected_rows"] | {"receipt_id": receipt.receipt_id})
            )
        )
        tx.execute(schema.receipts.update().values(n_rejected=1))
    with store.read() as tx:
        assert check_store(tx) == []
    for table, statement in ALTERATIONS.items():
        with store.write() as tx:
            if table != "receipts":
                on = f" ON {table}" if store.kind == "postgresql" else ""
                tx.exec_driver_sql(f"DROP TRIGGER {table}_no_update{on}")
            tx.exec_driver_sql(statement)
        with store.read() as tx:
            assert table in {fault.table for fault in check_store(tx)}, table
