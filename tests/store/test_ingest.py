"""Taking files in: the same state in any order, however often; what comes back is what came."""

from __future__ import annotations

import gzip
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from api.store import schema
from api.store.errors import RecordRefusedError, StaleRecordError, UnknownRecordError
from api.store.incidents import readings, settled
from api.store.ingest import receipt_id_of, take_in
from api.store.receipts import (
    Receipt,
    find_receipt,
    freshness,
    list_receipts,
    reinstate_receipt,
    rejections,
    withdraw_receipt,
)
from api.store.store import Store
from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import ReadOptions, read_feeds, read_rows
from hotspots.incidents import FeedReading
from hotspots.known import known_records
from hotspots.pipeline import assess_week
from hotspots.sources import load_default_policy
from tests.unit import small_town as town
from tests.unit.feed_files import meeting_file, meeting_line

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SAMPLE = Path("data/sample/feeds")


def take(store: Store, one: FeedReading, *, now: datetime = NOW) -> Receipt:
    with store.write() as tx:
        return take_in(tx, one, actor="analyst", now=now)


def held(store: Store, received_by: datetime | None = None) -> tuple[FeedReading, ...]:
    with store.read() as tx:
        return readings(tx, received_by=received_by)


def assert_same(found: Sequence[FeedReading], wanted: Sequence[FeedReading]) -> None:
    assert [one.file for one in found] == [one.file for one in wanted]
    for one, other in zip(found, wanted, strict=True):
        pd.testing.assert_frame_equal(one.records, other.records)
        pd.testing.assert_frame_equal(one.counts, other.counts)
        plain = [replace(r, records=None, counts=None) for r in (one, other)]
        assert plain[0] == plain[1]


def versions(store: Store) -> set[tuple[str, str]]:
    with store.read() as tx:
        query = select(schema.incidents.c.record_id, schema.incidents.c.version_sha256)
        return {(row[0], row[1]) for row in tx.execute(query)}


@pytest.fixture(scope="module")
def sample(repository: Path) -> tuple[list[FeedReading], tuple[FeedReading, ...]]:
    """Return four feeds of the sample, read one by one and read together."""
    names = ("co19_handover", "crimint", "reported_shooting", "scd8")
    paths = [repository / SAMPLE / f"{name}.csv" for name in names]
    area = load_bundled()
    return [read_rows(path, area) for path in paths], read_feeds(paths, area)


def test_the_sample_comes_back_value_for_value(
    store: Store, sample: tuple[list[FeedReading], tuple[FeedReading, ...]]
) -> None:
    one_by_one, together = sample
    for one in random.Random(7).sample(one_by_one, len(one_by_one)):
        take(store, one)
    assert sum(one.records["corrects"].notna().sum() for one in together) > 0
    assert_same(held(store), together)


def test_public_files_come_back_value_for_value(
    store: Store, shared_data: Path, tmp_path: Path
) -> None:
    """Street files with rows that cannot be placed, and counts by ward, as the public has them."""
    area = load_bundled()
    whole = gzip.decompress((shared_data / "crime/2017-06-metropolitan-street.csv.gz").read_bytes())
    path = tmp_path / "2017-06-metropolitan-street.csv"
    path.write_bytes(b"\n".join(whole.splitlines()[:3_000]) + b"\n")
    one = read_rows(path, area)
    assert one.rejected
    receipt = take(store, one)
    assert receipt.n_records == len(one.records)
    assert receipt.n_expected == sum(r.expected for r in one.rejected)
    counts = read_rows(
        shared_data / "crime/mps_gun_knife_ward_monthly_2021-08_2023-07.parquet", area
    )
    take(store, counts)
    assert_same(held(store), [one, counts])


def counts_reading(file: str = "counts.csv") -> FeedReading:
    rows = [
        {"source": "recorded_gun_crime", "category": "gun_crime", "area_type": "ward",
         "area_code": town.ward(n), "month": pd.Timestamp(2025, m, 1), "count": n * m,
         "basis": "reported", "notice": None, "file": file}
        for n in range(3) for m in (9, 10)
    ]  # fmt: skip
    return town.reading(counts=rows, file=file, areas=frozenset({town.ward(0), town.borough(0)}))


def test_counts_and_coverage_come_back(store: Store) -> None:
    one = counts_reading()
    receipt = take(store, one)
    assert (receipt.n_records, receipt.n_counts, receipt.newest_known) == (0, 6, None)
    assert_same(held(store), [one])


def test_a_file_given_again_changes_nothing(store: Store) -> None:
    one = town.reading([town.record(1, 0), town.record(2, 1, handling_code="C")])
    first = take(store, one)
    again = take(store, replace(one), now=NOW + timedelta(days=1))
    assert again.repeated
    assert not first.repeated
    assert replace(again, repeated=False) == first
    assert first.n_handling_c == 1
    with store.read() as tx:
        assert list_receipts(tx) == [first]


def test_an_export_that_repeats_last_weeks_rows_stores_them_once(store: Store) -> None:
    rows = [town.record(n, n % 9) for n in range(6)]
    take(store, town.reading(rows[:4], file="week47.csv"))
    later = take(store, town.reading(rows, file="week48.csv"), now=NOW + timedelta(days=7))
    assert (later.n_records, later.n_merged) == (6, 4)
    assert len(versions(store)) == 6
    found = held(store)
    assert [len(one.records) for one in found] == [4, 2]
    assert [len(one.rejected) for one in found] == [0, 4]
    assert all(row.expected for row in found[1].rejected)
    assert_same(held(store, received_by=NOW), [town.reading(rows[:4], file="week47.csv")])


def test_a_correction_waits_for_the_record_it_names(store: Store) -> None:
    base = town.record(1, 0)
    change = town.record(
        2, 1, corrects="R1", correction="moved", known_from=pd.Timestamp("2025-07-01", tz="UTC")
    )
    take(store, town.reading([change, town.record(3, 2)], file="b.csv"))
    [alone] = held(store)
    assert alone.records["record_id"].tolist() == ["R3"]
    assert "is not" in alone.rejected[0].reason
    take(store, town.reading([base], file="a.csv"))
    both = held(store)
    assert [one.records["record_id"].tolist() for one in both] == [["R1"], ["R2", "R3"]]
    before = known_records(both, as_of=date(2025, 6, 15)).records
    after = known_records(both, as_of=date(2025, 8, 1)).records
    assert set(before["record_id"]) == {"R1", "R3"}
    assert set(after["record_id"]) == {"R2", "R3"}


def test_an_assessment_from_the_store_is_the_one_from_the_files(store: Store) -> None:
    rng = random.Random(3)
    files = []
    for part in range(3):
        rows = [
            town.record(
                100 * part + n, rng.randrange(18),
                occurred_from=pd.Timestamp("2025-01-01", tz="UTC")
                + pd.Timedelta(hours=rng.randrange(24 * 360)),
            )
            for n in range(60)
        ]  # fmt: skip
        files.append(town.reading(rows, file=f"part{part}.csv"))
    for one in reversed(files):
        take(store, one)
    documents = []
    for source in (files, held(store)):
        week = assess_week(
            source, town.town(), as_of=town.AS_OF, policy=load_default_policy(), seed=11
        )
        documents.append((week.assessment.assessment_id, week.cells.to_csv()))
    assert documents[0] == documents[1]


def test_a_receipt_says_what_was_refused_and_why(store: Store, tmp_path: Path) -> None:
    path = meeting_file(
        tmp_path,
        meeting_line("A1"),
        meeting_line("A2", source="rumour'); DROP TABLE incidents;--"),
        meeting_line("A3", category="firearm_threat"),
    )
    one = read_rows(path, load_bundled(), options=ReadOptions(on_rejected="report"))
    receipt = take(store, one)
    assert (receipt.n_records, receipt.n_rejected, receipt.feed_id) == (2, 1, "reported_shooting")
    with store.read() as tx:
        assert find_receipt(tx, receipt.receipt_id) == receipt
        [row] = rejections(tx, receipt.receipt_id)
        assert (row.row, row.column) == (2, "source")
        assert row.value.startswith("rumour'); DROP TABLE")
        [feed] = freshness(tx)
    assert (feed.n_files, feed.last_day) == (1, date(2026, 11, 20))


def test_a_withdrawn_file_counts_in_nothing_until_it_is_put_back(store: Store) -> None:
    one = town.reading([town.record(1, 0)])
    receipt = take(store, one)
    words = {"actor": "chair", "now": NOW, "reason": "exported from the wrong system"}
    with pytest.raises(RecordRefusedError, match="0 characters"), store.write() as tx:
        withdraw_receipt(tx, receipt.receipt_id, **(words | {"reason": "  "}))
    with pytest.raises(UnknownRecordError), store.write() as tx:
        withdraw_receipt(tx, "f" * 64, **words)
    with store.write() as tx:
        gone = withdraw_receipt(tx, receipt.receipt_id, **words)
    assert (gone.state, gone.withdrawn_reason) == ("withdrawn", words["reason"])
    assert held(store) == ()
    with pytest.raises(StaleRecordError, match="wrong system"), store.write() as tx:
        withdraw_receipt(tx, receipt.receipt_id, **words)
    with pytest.raises(RecordRefusedError, match="arv store reinstate"):
        take(store, one)
    with store.write() as tx:
        assert reinstate_receipt(tx, receipt.receipt_id, reason="it was right").state == "active"
    assert_same(held(store), [one])


def test_a_new_statement_of_coverage_replaces_the_old(store: Store) -> None:
    one = town.reading([town.record(1, 0)], areas=None)
    other = replace(one, coverage=replace(one.coverage, areas=frozenset({town.borough(0)})))
    assert receipt_id_of(one) != receipt_id_of(other)
    take(store, one)
    take(store, other, now=NOW + timedelta(hours=1))
    assert_same(held(store), [other])
    assert_same(held(store, received_by=NOW), [one])


def test_an_interrupted_file_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    one = town.reading([town.record(1, 0)])
    with monkeypatch.context() as broken:
        broken.setattr("api.store.ingest.count_rows", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            take(store, one)
    with store.read() as tx:
        for table in (schema.feeds, schema.receipts, schema.incidents, schema.receipt_rows):
            assert tx.execute(select(func.count()).select_from(table)).scalar_one() == 0
    assert not take(store, one).repeated


AT = pd.Timestamp("2025-06-01", tz="UTC")
PLACES = st.integers(0, 8)
ROW = st.tuples(st.integers(1, 8), PLACES, st.integers(0, 3), st.none() | st.integers(1, 8))
FILES = st.lists(st.lists(ROW, min_size=1, max_size=5), min_size=1, max_size=4)


def made(files: list[list[tuple[int, int, int, int | None]]]) -> list[FeedReading]:
    """Return files in which ids repeat, contents differ and corrections name anything."""
    found = []
    for at, rows in enumerate(files):
        ids: dict[int, dict[str, object]] = {}
        for number, place, day, target in rows:
            change = {"corrects": f"R{target}", "correction": "moved"} if target else {}
            known = AT + pd.Timedelta(days=day)
            ids[number] = town.record(number, place, known_from=known, **change)
        found.append(town.reading(list(ids.values()), file=f"{at}.csv"))
    return found


def plain_settled(files: Sequence[FeedReading]) -> set[tuple[str, str, int]]:
    """The slow oracle: which (file, record, place) stand, by loops and plain dictionaries."""
    first: dict[str, tuple[pd.Timestamp, int, dict[str, object]]] = {}
    for at, one in enumerate(files):
        for row in one.records.to_dict("records"):
            name = str(row["record_id"])
            if name not in first or row["known_from"] < first[name][0]:
                first[name] = (row["known_from"], at, row)
    sound: set[str] = set()
    changed = True
    while changed:
        changed = False
        for name, (known, _, row) in first.items():
            aim = row["corrects"]
            base = aim if isinstance(aim, str) else None
            ok = base is None or (base in sound and first[base][0] <= known)
            if ok and name not in sound:
                sound.add(name)
                changed = True
    return {(files[first[name][1]].file, name, int(first[name][2]["x_m"])) for name in sound}


@settings(max_examples=50, deadline=None)
@given(files=FILES)
def test_settling_agrees_with_plain_loops(
    files: list[list[tuple[int, int, int, int | None]]],
) -> None:
    given_files = made(files)
    found = settled(given_files)
    standing = {
        (one.file, str(row["record_id"]), int(row["x_m"]))
        for one in found
        for row in one.records.to_dict("records")
    }
    assert standing == plain_settled(given_files)
    for one, whole in zip(found, given_files, strict=True):
        assert len(one.records) + len(one.rejected) == len(whole.records)


@settings(
    max_examples=7, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=FILES, seed=st.integers(0, 2**32))
def test_any_order_repeated_and_interrupted_gives_the_same_state(
    store: Store, files: list[list[tuple[int, int, int, int | None]]], seed: int
) -> None:
    given_files = made(files)
    rng = random.Random(seed)
    states = []
    for _ in range(2):
        order = [one for one in given_files for _ in range(rng.choice((1, 2)))]
        rng.shuffle(order)
        for table in reversed(schema.metadata.sorted_tables):
            if table.name in EVIDENCE:
                with store.write() as tx:
                    tx.execute(table.delete())
        for one in order:
            if rng.random() < 0.3:
                with pytest.raises(KeyboardInterrupt), store.write() as tx:
                    take_in(tx, one, actor="analyst", now=NOW)
                    raise KeyboardInterrupt
            take(store, one)
        states.append((held(store), versions(store)))
    assert_same(states[0][0], states[1][0])
    assert states[0][1] == states[1][1]
    assert_same(states[0][0], settled(given_files))


EVIDENCE = {"feeds", "receipts", "receipt_rows", "rejected_rows", "incidents", "area_counts"}
