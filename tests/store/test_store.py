"""Opening, reading and writing: what is acknowledged is there, what fails leaves nothing."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import stat
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event

from api.store import schema, schema_version
from api.store.database import DATABASE_VARIABLE, checked_url, database_url
from api.store.errors import (
    CorruptStoreError,
    NewerSchemaError,
    OlderSchemaError,
    RecordRefusedError,
    StorageFullError,
    StoreLockedError,
    StoreUnavailableError,
    UnknownDatabaseError,
)
from api.store.faults import error_of
from api.store.store import Store, open_store
from tests.store.rows import AT, ROWS, fill, held


def test_first_use_makes_the_schema_and_the_next_finds_it(empty_url: str) -> None:
    first = open_store(empty_url)
    with first.write() as tx:
        fill(tx)
    first.close()
    second = open_store(empty_url)
    with second.read() as tx:
        assert schema_version.current(tx) == schema_version.head()
        assert held(tx) == ROWS
    second.close()


def test_a_store_that_must_exist_is_not_made(empty_url: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownDatabaseError, match="arv store init"):
        open_store(empty_url, create=False)
    assert not list(tmp_path.iterdir())


def test_a_fault_in_the_block_undoes_all_of_it(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        fill(tx)
        raise ZeroDivisionError
    with store.read() as tx:
        assert tx.execute(schema.plans.select()).all() == []


def test_writers_come_one_by_one(store: Store) -> None:
    """32 threads each read a counter and write it back one higher: none is lost."""
    with store.write() as tx:
        tx.execute(schema.settings.insert().values(**(ROWS["settings"] | {"value": 0})))
    faults: list[BaseException] = []

    def add_one() -> None:
        try:
            with store.write() as tx:
                value = tx.execute(schema.settings.select()).one().value
                tx.execute(schema.settings.update().values(value=value + 1))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=add_one) for _ in range(32)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert faults == []
    with store.read() as tx:
        assert tx.execute(schema.settings.select()).one().value == 32


def test_a_reader_sees_one_moment(store: Store) -> None:
    """What a reader has begun to see does not change under it, and it blocks no later reader."""
    with store.write() as tx:
        tx.execute(schema.feeds.insert().values(**ROWS["feeds"]))
    with store.read() as early:
        assert len(early.execute(schema.feeds.select()).all()) == 1
        if store.kind == "postgresql":  # SQLite makes the writer wait instead
            with store.write() as tx:
                tx.execute(schema.feeds.insert().values(**(ROWS["feeds"] | {"feed_id": "crimint"})))
        assert len(early.execute(schema.feeds.select()).all()) == 1


def test_a_writer_that_waits_too_long_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.store.database.LOCK_WAIT_S", 0.2)
    impatient = open_store(store.url)
    with store.write() as tx:
        fill(tx, {"feeds"})
        with pytest.raises(StoreLockedError, match="try again"), impatient.write():
            pytest.fail("two writers at once")
    impatient.close()


@pytest.mark.parametrize(
    "text",
    [
        "mysql://root@localhost/arv", "sqlite://", "sqlite:///:memory:", "postgresql://", "", "x",
        "sqlite:///arv.sqlite3?mode=memory", "http://localhost/", "postgresql://h:port/arv",
    ],
)  # fmt: skip
def test_an_unknown_kind_of_database_is_refused(text: str) -> None:
    with pytest.raises(UnknownDatabaseError, match="sqlite:////path"):
        checked_url(text)


def test_no_message_shows_a_password() -> None:
    for text in ("mysql://u:secret@h/arv", "postgresql://u:secret@h:port/arv"):
        with pytest.raises(UnknownDatabaseError) as caught:
            checked_url(text)
        assert "secret" not in str(caught.value)
    with pytest.raises(StoreUnavailableError) as refused:
        open_store("postgresql://u:secret@127.0.0.1:9/arv")
    assert "secret" not in str(refused.value)


def test_the_address_comes_from_option_environment_or_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    assert database_url(None, tmp_path).database == str(tmp_path / "arv.sqlite3")
    monkeypatch.setenv(DATABASE_VARIABLE, "postgresql://arv@db/arv")
    assert database_url(None, tmp_path).drivername == "postgresql+psycopg"
    assert database_url("sqlite:////other/arv.db", tmp_path).database == "/other/arv.db"


def test_a_newer_schema_is_refused(store: Store) -> None:
    with store.write() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerSchemaError, match="9999, newer than"):
        open_store(store.url, upgrade=True)


def test_an_older_schema_is_upgraded_only_when_asked(store: Store) -> None:
    schema_version.move(store, "0003")
    with pytest.raises(OlderSchemaError, match="arv store upgrade"):
        open_store(store.url)
    upgraded = open_store(store.url, upgrade=True)
    with upgraded.read() as tx:
        assert schema_version.current(tx) == schema_version.head()
    upgraded.close()


def test_a_database_of_something_else_is_left_alone(empty_url: str) -> None:
    other = open_store(empty_url)
    schema_version.move(other, "base")
    with other.write() as tx:
        tx.exec_driver_sql("CREATE TABLE invoices (number integer)")
    other.close()
    with pytest.raises(UnknownDatabaseError, match="invoices"):
        open_store(empty_url)


def test_a_database_that_is_not_there_is_said_so(cluster: object, tmp_path: Path) -> None:
    url = cluster.url("no_such_database")  # type: ignore[attr-defined]  # the fixture's own class
    with pytest.raises(StoreUnavailableError, match="no_such_database"):
        open_store(url)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreUnavailableError, match="cannot be opened"):
        open_store(f"sqlite:///{tmp_path}/file/arv.sqlite3")


def test_the_file_is_private_and_safe(tmp_path: Path) -> None:
    path = tmp_path / "new" / "arv.sqlite3"
    store = open_store(f"sqlite:///{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with store.write() as tx:
        wanted = {"journal_mode": "truncate", "synchronous": 2, "foreign_keys": 1}
        found = {name: tx.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    assert found == wanted
    store.close()


def test_a_file_in_write_ahead_mode_is_taken_out_of_it(template_file: Path, tmp_path: Path) -> None:
    """SQLite's write-ahead log of this version can lose a commit; other programs turn it on."""
    path = tmp_path / "arv.sqlite3"
    shutil.copyfile(template_file, path)
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    store = open_store(f"sqlite:///{path}")
    with store.write() as tx:
        fill(tx)
        assert tx.exec_driver_sql("PRAGMA journal_mode").scalar() == "truncate"
    store.close()
    assert not list(tmp_path.glob("*-wal"))


@pytest.mark.parametrize("damage", ["words", "header", "middle", "cut"])
def test_a_damaged_file_is_said_so_and_not_touched(
    damage: str, template_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "arv.sqlite3"
    content = bytearray(template_file.read_bytes())
    if damage == "words":
        content = bytearray(b"This is a letter, not a database. " * 40)
    elif damage == "header":
        content[20:60] = bytes(range(100, 140))
    elif damage == "middle":
        content[4096:] = b"\x5a" * (len(content) - 4096)
    else:
        del content[4096 * 3 + 7 :]
    path.write_bytes(content)
    with pytest.raises(CorruptStoreError, match="arv store restore"):
        store = open_store(f"sqlite:///{path}")
        with store.write() as tx:
            fill(tx)
    assert path.read_bytes() == content


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_full_disk_is_never_a_success(store: Store) -> None:
    """The database's own limit stands for the disk's: the first write over it is refused."""
    with store.write() as tx:
        fill(tx)
    small = open_store(store.url)

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(small.writer, "connect", limit)
    with pytest.raises(StorageFullError, match="free space"), small.write() as tx:
        for number in range(2_000):
            tx.execute(schema.jobs.insert().values(**(ROWS["jobs"] | {"job_id": f"J{number + 2}"})))
    small.close()
    with store.read() as tx:
        assert held(tx) == ROWS


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_connection_that_breaks_is_unavailable_and_mends(store: Store) -> None:
    with pytest.raises(StoreUnavailableError), store.write() as tx:
        fill(tx)
        tx.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    with store.write() as tx:
        assert tx.execute(schema.plans.select()).all() == []
        tx.execute(schema.feeds.insert().values(**(ROWS["feeds"] | {"first_received_utc": AT})))


def test_a_text_that_cannot_be_sent_is_the_texts_fault() -> None:
    fault = psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    assert isinstance(error_of(fault), RecordRefusedError)
