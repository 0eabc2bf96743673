"""The audit record on both databases: whole, durable, and every kind of tampering found."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text

from api.audit.anchor import HEAD_FILE, read_anchor, write_anchor
from api.audit.entries import EntryQuery, find_entry, list_entries, signed_end
from api.audit.entry import GENESIS, clipped, entry, row_digest
from api.audit.log import Record, append, keep_head
from api.audit.signing import Head, open_signer
from api.audit.verify import Verification, verify
from api.record_folder import kept_head as folder_head
from api.refusals import AuditRefusedError
from api.store.schema import audit, audit_heads, settings
from api.store.store import Store

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Ticking:
    """A clock that moves a second at every look, and back when told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def record(store: Store, tmp_path: Path) -> Record:
    return Record(store, open_signer(tmp_path / "keys"), tmp_path / "keys", Ticking())


def fill(record: Record, rows: int) -> None:
    for number in range(1, rows + 1):
        record.note(
            entry("ann", "plan.read", "plan", f"p{number}", reason=f"look {number}",
                  operation="consultation", detail={"n": number})
        )  # fmt: skip


def checked(record: Record, *anchors: Head) -> Verification:
    with record.store.read() as connection:
        return verify(connection, record.signer.verifier, anchors)


def kept_head(record: Record) -> Head:
    return read_anchor(record.data_dir / HEAD_FILE)


def test_entries_are_found_by_who_what_and_when(record: Record) -> None:
    fill(record, 6)
    record.note(entry("bob", "plan.make", "plan", "p3", outcome="failed"))
    with record.store.read() as tx:
        rows = list_entries(tx, EntryQuery(limit=100))
        assert [one.position for one in rows] == list(range(7, 0, -1))
        half = rows[3].at_utc
        for query, wanted in (
            (EntryQuery(actor="bob"), [7]),
            (EntryQuery(object_kind="plan", object_id="p3"), [7, 3]),
            (EntryQuery(outcome="done", limit=2), [6, 5]),
            (EntryQuery(before=3), [2, 1]),
            (EntryQuery(at_from=half), [7, 6, 5, 4]),
            (EntryQuery(at_before=half, action="plan.read"), [3, 2, 1]),
        ):
            assert [one.position for one in list_entries(tx, query)] == wanted, query
        assert find_entry(tx, 8) is None
        end = signed_end(tx)
    assert end is not None
    assert end == kept_head(record)


def tamper(store: Store, *statements: str) -> None:
    """Alter the record as somebody would who owns the database and its triggers."""
    with store.writer.begin() as connection:
        if store.kind == "sqlite":
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type='trigger'"))
            for (name,) in names.all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            for table in ("audit", "audit_heads"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        for statement in statements:
            connection.execute(text(statement))


def kinds(result: Verification) -> set[str]:
    return {one.kind for one in result.findings}


def test_a_whole_record_is_sound_and_its_rows_say_who_what_when_and_why(record: Record) -> None:
    fill(record, 7)
    result = checked(record, kept_head(record))
    assert result.sound
    assert (result.rows, result.anchors) == (7, 1)
    assert result.last_sha256 == kept_head(record).row_sha256
    with record.store.read() as connection:
        first, second = connection.execute(select(audit).order_by(audit.c.position).limit(2))
    assert (first.actor, first.action, first.object_id) == ("ann", "plan.read", "p1")
    assert (first.reason, first.outcome) == ("look 1", "done")
    assert first.detail == {"n": 1, "operation": "consultation"}
    assert first.at_utc == START + timedelta(seconds=1)
    assert first.previous_sha256 == GENESIS
    assert second.previous_sha256 == first.row_sha256


def test_an_empty_record_is_sound(record: Record) -> None:
    result = checked(record)
    assert (result.sound, result.rows, result.last_sha256) == (True, 0, GENESIS)


def test_a_change_and_its_entry_are_one(record: Record) -> None:
    def change(key: str, *, fail: bool, noted: bool = True) -> None:
        with record.change() as one:
            one.tx.execute(
                insert(settings),
                {"key": key, "value": 1, "version": 1, "changed_utc": one.now, "changed_by": "ann"},
            )
            if noted:
                one.note(entry("ann", "settings.change", "setting", key))
            if fail:
                raise RuntimeError("in the middle")

    change("kept", fail=False)
    with pytest.raises(RuntimeError):
        change("lost", fail=True)
    with pytest.raises(AuditRefusedError, match="without an audit entry"):
        change("silent", fail=False, noted=False)
    with record.store.read() as connection:
        assert connection.execute(select(settings.c.key)).scalars().all() == ["kept"]
        assert connection.execute(select(func.count()).select_from(audit)).scalar_one() == 1
    assert checked(record).sound


@pytest.mark.parametrize("statement", ["UPDATE audit SET reason = 'x'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_change_a_row(record: Record, statement: str) -> None:
    fill(record, 2)
    with pytest.raises(Exception, match="never altered"), record.store.writer.begin() as one:
        one.execute(text(statement))
    assert checked(record).sound


EDITS = [
    f"UPDATE audit SET {column} = {value} WHERE position = 4"
    for column, value in {
        "actor": "'bob'",
        "action": "'plan.make'",
        "object_kind": "'fleet'",
        "object_id": "'p9'",
        "object_sha256": f"'{'a' * 64}'",
        "outcome": "'denied'",
        "reason": "''",
        "detail": "NULL",
        "previous_sha256": f"'{'b' * 64}'",
        "row_sha256": f"'{'c' * 64}'",
        "at_utc": "'2026-11-23 10:00:00.000000'",
    }.items()
]


@pytest.mark.parametrize("statement", EDITS)
def test_an_edit_of_any_column_is_found(record: Record, statement: str) -> None:
    fill(record, 8)
    tamper(record.store, statement)
    result = checked(record)
    assert "edited" in kinds(result)
    assert min(one.position for one in result.findings) == 4


def test_text_moved_from_one_column_to_the_next_is_found(record: Record) -> None:
    fill(record, 3)
    tamper(
        record.store,
        "UPDATE audit SET object_kind = 'pl', object_id = 'anp2' WHERE position = 2",
    )
    assert "edited" in kinds(checked(record))


@pytest.mark.parametrize("position", [1, 4, 7])
def test_a_deleted_row_is_found(record: Record, position: int) -> None:
    fill(record, 8)
    tamper(record.store, f"DELETE FROM audit WHERE position = {position}")
    assert "deleted" in kinds(checked(record))


def test_a_row_taken_out_and_the_rest_renumbered_is_found(record: Record) -> None:
    fill(record, 6)
    tamper(
        record.store,
        "DELETE FROM audit WHERE position = 3",
        "UPDATE audit SET position = position + 100 WHERE position > 3",
        "UPDATE audit SET position = position - 101 WHERE position > 100",
        "DELETE FROM audit_heads WHERE position = 6",
    )
    result = checked(record)
    assert "out of order" in kinds(result)
    assert min(one.position for one in result.findings) == 3


def test_rows_that_changed_places_are_found(record: Record) -> None:
    fill(record, 6)
    tamper(
        record.store,
        "UPDATE audit SET position = 100 WHERE position = 3",
        "UPDATE audit SET position = 3 WHERE position = 4",
        "UPDATE audit SET position = 4 WHERE position = 100",
    )
    assert "out of order" in kinds(checked(record))


def test_a_tail_that_was_cut_off_is_found_by_the_signed_end(record: Record) -> None:
    fill(record, 8)
    tamper(record.store, "DELETE FROM audit WHERE position > 5")
    assert kinds(checked(record)) == {"truncated"}


def test_a_tail_cut_off_with_its_signatures_is_found_by_what_was_kept_elsewhere(
    record: Record, tmp_path: Path
) -> None:
    fill(record, 8)
    write_anchor(tmp_path / "anchor.json", kept_head(record))
    tamper(
        record.store,
        "DELETE FROM audit WHERE position > 5",
        "DELETE FROM audit_heads WHERE position > 5",
    )
    assert checked(record).sound, "an earlier state of the whole database looks like this"
    assert kinds(checked(record, read_anchor(tmp_path / "anchor.json"))) == {"truncated"}


def rewrite(record: Record, change: Callable[[int, list[str]], None]) -> None:
    """Alter rows and seal the whole chain again, as a forger without the key can."""
    time = {"sqlite": "replace(at_utc, ' ', 'T') || 'Z'"}.get(
        record.store.kind,
        "to_char(at_utc AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    )
    with record.store.read() as connection:
        rows = connection.exec_driver_sql(
            f"SELECT position, {time}, actor, action, object_kind, object_id, "
            "coalesce(object_sha256, ''), outcome, reason, coalesce(detail, '') "
            "FROM audit ORDER BY position"
        ).all()
    previous, statements = GENESIS, []
    for position, *fields in rows:
        values = [str(one) for one in fields]
        change(position, values)
        digest = row_digest((previous, *values))
        statements.append(
            f"UPDATE audit SET actor = '{values[1]}', previous_sha256 = '{previous}', "
            f"row_sha256 = '{digest}' WHERE position = {position}"
        )
        previous = str(digest)
    tamper(record.store, *statements)


def somebody_else(position: int, values: list[str]) -> None:
    if position == 2:
        values[1] = "mallory"


def test_a_chain_sealed_anew_is_found_by_its_signatures(record: Record) -> None:
    fill(record, 6)
    rewrite(record, somebody_else)
    assert kinds(checked(record)) == {"rewritten"}


def test_a_chain_and_its_heads_forged_with_another_key_are_found(
    record: Record, tmp_path: Path
) -> None:
    fill(record, 6)
    anchor = kept_head(record)
    rewrite(record, somebody_else)
    with record.store.read() as connection:
        last = connection.execute(select(audit).order_by(audit.c.position.desc()).limit(1)).one()
    forged = open_signer(tmp_path / "forger").sign(6, last.row_sha256, anchor.signed_utc)
    tamper(
        record.store,
        "DELETE FROM audit_heads WHERE position < 6",
        f"UPDATE audit_heads SET row_sha256 = '{forged.row_sha256}'",
    )
    assert kinds(checked(record)) == {"wrong signature"}
    assert kinds(checked(record, anchor)) == {"wrong signature", "rewritten"}


def test_rows_added_without_the_key_are_found(record: Record, tmp_path: Path) -> None:
    fill(record, 2)
    with record.store.write() as tx:
        append(tx, [entry("mallory", "plan.approve", "plan")], START, open_signer(tmp_path / "f"))
    assert "wrong signature" in kinds(checked(record))
    tamper(record.store, "DELETE FROM audit_heads WHERE position = 3")
    assert kinds(checked(record)) == {"no signature"}


def test_an_anchor_of_another_record_or_altered_is_refused(record: Record, tmp_path: Path) -> None:
    fill(record, 3)
    head = kept_head(record)
    other = open_signer(tmp_path / "other").sign(3, head.row_sha256, head.signed_utc)
    assert kinds(checked(record, other)) == {"wrong signature"}
    assert kinds(checked(record, replace(head, position=2))) == {"wrong signature"}


def test_a_clock_that_moved_back_is_recorded_and_no_fault(record: Record) -> None:
    fill(record, 2)
    clock = record.clock
    assert isinstance(clock, Ticking)
    clock.now -= timedelta(hours=2)
    record.note(entry("ann", "plan.read", "plan"))
    result = checked(record)
    assert result.sound
    assert result.clock_moved_back == (3,)
    with record.store.read() as connection:
        last = connection.execute(select(audit.c.detail).where(audit.c.position == 3)).scalar_one()
    assert last["clock_moved_back_s"] == pytest.approx(7199)


def test_many_at_once_make_one_chain(record: Record) -> None:
    def work(name: str) -> None:
        for number in range(5):
            record.note(entry(name, "plan.read", "plan", str(number)))

    threads = [threading.Thread(target=work, args=(f"user-{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = checked(record, kept_head(record))
    assert result.sound
    assert result.rows == 30
    assert kept_head(record).position == 30


HOSTILE = "'); DROP TABLE audit; --"


def test_sql_and_control_characters_in_every_text_are_inert(record: Record) -> None:
    for text_ in (HOSTILE, 'a"b\\c', "\x1f\x00\u202e", "naïve 東京", "{}[]%s:x$1?"):
        record.note(entry(text_, text_[:120], text_, text_, reason=text_, detail={"said": text_}))
    assert checked(record).sound
    with record.store.read() as connection:
        rows = connection.execute(select(audit.c.actor).order_by(audit.c.position)).scalars().all()
    assert rows[0] == HOSTILE
    assert rows[2] == "\\x1f\\x00\\u202e"


def test_oversized_and_missing_texts_are_refused_and_change_nothing(record: Record) -> None:
    for faulty in (
        {"reason": "x" * 2001},
        {"object_id": "x" * 401},
        {"actor": "x" * 201},
        {"actor": ""},
        {"action": ""},
    ):
        given_texts = {"actor": "ann", "action": "a", "object_id": "", "reason": "", **faulty}
        with pytest.raises(AuditRefusedError, match="characters"):
            entry(given_texts["actor"], given_texts["action"], "plan", given_texts["object_id"],
                  reason=given_texts["reason"])  # fmt: skip
    assert clipped("x" * 500)[-1] == "…"
    assert len(clipped("x" * 500)) == 400
    assert checked(record).rows == 0


@given(
    fields=st.tuples(*[st.text(max_size=12)] * 10), other=st.tuples(*[st.text(max_size=12)] * 10)
)
def test_two_rows_have_one_digest_only_when_they_are_equal(
    fields: tuple[str, ...], other: tuple[str, ...]
) -> None:
    first, second = row_digest(fields), row_digest(other)
    if first is not None and second is not None:
        assert (first == second) is (fields == other)
    assert (first is None) is any("\x1f" in one for one in fields)


@pytest.mark.parametrize("content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_damaged_key_is_refused_with_a_remedy(tmp_path: Path, content: bytes) -> None:
    open_signer(tmp_path)
    (tmp_path / "audit-key.pem").write_bytes(content)
    with pytest.raises(AuditRefusedError, match="restore"):
        open_signer(tmp_path)


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    signer = open_signer(tmp_path)
    path = tmp_path / "audit-key.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_signer(tmp_path).verifier.key_id == signer.verifier.key_id
    path.chmod(0o644)
    with pytest.raises(AuditRefusedError, match="chmod 600"):
        open_signer(tmp_path)
    with pytest.raises(AuditRefusedError, match="no signing key"):
        open_signer(tmp_path / "empty", create=False)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"schema_version": "1"}'])
def test_a_damaged_anchor_is_refused_with_a_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "anchor.json").write_bytes(content)
    with pytest.raises(AuditRefusedError, match="arv audit anchor"):
        read_anchor(tmp_path / "anchor.json")


def test_every_head_is_kept_with_its_change(record: Record) -> None:
    fill(record, 3)
    with record.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(audit_heads)).scalar_one() == 3


def test_the_head_beside_the_database_is_whole_whenever_it_is_read(record: Record) -> None:
    """A reader meets one head or the next while a writer overwrites it, and never goes back."""
    fill(record, 1)
    path, done = record.data_dir / HEAD_FILE, threading.Event()
    length = path.stat().st_size

    def write() -> None:
        fill(record, 40)
        done.set()

    writer, seen = threading.Thread(target=write), []
    writer.start()
    while not done.is_set():
        found = folder_head(record.data_dir)
        assert found is not None
        seen.append(found.position)
    writer.join()
    assert seen == sorted(seen)
    assert kept_head(record).position == 41
    assert path.stat().st_size == length
    earlier = record.signer.sign(7, "0" * 64, "2026-11-23T09:00:00.000000Z")
    keep_head(path, earlier)
    assert kept_head(record).position == 41
    path.write_text("{}")  # damaged: the next change mends it
    fill(record, 1)
    assert kept_head(record).position == 42
