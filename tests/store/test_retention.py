"""Retention: who is due when, what a review does, and that nothing goes by itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from api.store import schema
from api.store.check import check_store
from api.store.errors import RecordRefusedError, UnknownRecordError
from api.store.incidents import readings
from api.store.ingest import take_in
from api.store.receipts import find_receipt
from api.store.retention import KINDS, Rule, due_reviews, erase, keep, rules, set_rule
from api.store.store import Store
from tests.store.rows import AT, ROWS, fill
from tests.unit import small_town as town

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
RULE = Rule("receipt", 365, "Schedule 4 of the force's policy")
BY = {"reason": "No longer needed for a policing purpose", "actor": "auditor", "now": NOW}


def files(store: Store) -> list[str]:
    rows = [town.record(n, n) for n in range(4)]
    found = []
    with store.write() as tx:
        for name, part in (("a.csv", rows[:3]), ("b.csv", rows[2:])):
            found.append(take_in(tx, town.reading(part, file=name), actor="x", now=NOW).receipt_id)
    return found


def number(store: Store, table: str) -> int:
    with store.read() as tx:
        count = select(func.count()).select_from(schema.metadata.tables[table])
        return int(tx.execute(count).scalar_one())


def test_a_record_is_due_after_its_term_and_again_after_its_review(store: Store) -> None:
    first, second = files(store)
    day = NOW.date() + timedelta(days=365)
    with store.write() as tx:
        assert due_reviews(tx, on=date.max) == []
        set_rule(tx, Rule("receipt", 1, "draft"), actor="a", now=NOW)
        set_rule(tx, RULE, actor="auditor", now=NOW)
        assert rules(tx) == [RULE]
        assert due_reviews(tx, on=day - timedelta(days=1)) == []
        assert {(one.record_id, one.due_on) for one in due_reviews(tx, on=day)} == {
            (first, day), (second, day),
        }  # fmt: skip
        keep(tx, "receipt", first, until=day + timedelta(days=30), **BY)
        assert [one.record_id for one in due_reviews(tx, on=day)] == [second]
        again = due_reviews(tx, on=day + timedelta(days=30))
        assert [one.record_id for one in again] == [second, first]
    assert number(store, "receipts") == 2


def test_erasing_a_file_keeps_what_another_file_told(store: Store) -> None:
    first, second = files(store)
    with store.write() as tx:
        erase(tx, "receipt", first, **BY)
    assert number(store, "incidents") == 2
    with store.read() as tx:
        [left] = readings(tx)
        assert left.records["record_id"].tolist() == ["R2", "R3"]
        stone = find_receipt(tx, first)
        assert stone is not None
        assert (stone.state, stone.withdrawn_reason) == ("erased", BY["reason"])
        assert check_store(tx) == []
    with pytest.raises(RecordRefusedError, match="not taken in again"), store.write() as tx:
        take_in(tx, town.reading([town.record(n, n) for n in range(3)], file="a.csv"),
                actor="x", now=NOW)  # fmt: skip
    with store.write() as tx:
        erase(tx, "receipt", second, **BY)
        set_rule(tx, RULE, actor="auditor", now=NOW)
        assert due_reviews(tx, on=date.max) == []
    assert number(store, "incidents") == number(store, "receipt_rows") == 0
    assert number(store, "retention_reviews") == 2


def test_what_a_plan_was_made_from_is_kept_with_it(store: Store) -> None:
    with store.write() as tx:
        fill(tx)
    with pytest.raises(RecordRefusedError, match="plan P1"), store.write() as tx:
        erase(tx, "assessment", "A1", **BY)
    with store.write() as tx:
        spare = ROWS["assessments"] | {"assessment_id": "A2"}
        tx.execute(schema.assessments.insert().values(**spare))
        erase(tx, "assessment", "A2", **BY)
        erase(tx, "activity", "AV1", **BY)
        erase(tx, "job", "J1", **BY)
    assert number(store, "assessments") == number(store, "stored_files") == 1
    assert number(store, "activity") == number(store, "jobs") == 0


def test_nothing_goes_without_a_known_kind_record_and_reason(store: Store) -> None:
    with store.write() as tx:
        fill(tx)
    wrong = [
        (RecordRefusedError, "kept for good", ("plan", "P1"), BY),
        (RecordRefusedError, "kept for good", ("audit", "1"), BY),
        (UnknownRecordError, "identifier", ("job", "J404'; DELETE FROM jobs;--"), BY),
        (RecordRefusedError, "0 characters", ("job", "J1"), BY | {"reason": " "}),
        (RecordRefusedError, "characters", ("job", "J1"), BY | {"reason": "x" * 2_001}),
    ]
    for kind, words, record, by in wrong:
        with pytest.raises(kind, match=words), store.write() as tx:
            erase(tx, *record, **by)
    with pytest.raises(RecordRefusedError, match="not after today"), store.write() as tx:
        keep(tx, "job", "J1", until=NOW.date(), **BY)
    for days in (0, 36_501):
        with pytest.raises(RecordRefusedError, match="36,500"), store.write() as tx:
            set_rule(tx, Rule("job", days, "x"), actor="a", now=NOW)
    assert number(store, "jobs") == number(store, "retention_reviews") == 1


def test_every_kind_can_be_due(store: Store) -> None:
    with store.write() as tx:
        fill(tx, set(schema.metadata.tables) - {"retention_reviews", "retention_rules"})
        for kind in KINDS:
            set_rule(tx, Rule(kind, 30, "x"), actor="a", now=NOW)
        found = due_reviews(tx, on=AT.date() + timedelta(days=30))
    assert sorted(one.record_kind for one in found) == sorted(KINDS)
