"""Taking a file in: one transaction, a receipt, and the same state however often it is tried."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, func, select, text

from api.store.bulk import insert_rows
from api.store.errors import RecordRefusedError
from api.store.receipts import Receipt, coverage_document, find_receipt
from api.store.record_rows import (
    COUNT_COLUMNS,
    INCIDENT_COLUMNS,
    count_rows,
    incident_rows,
    version_digests,
)
from api.store.schema import area_counts, feeds, incidents, receipt_rows, receipts, rejected_rows
from api.store.types import canonical_text, digest
from hotspots.boundaries.study_area import StudyArea
from hotspots.incidents import FeedReading

_REJECTED_COLUMNS = (
    "receipt_id", "position", "file", "row", "column_name", "value", "reason", "remedy", "expected",
)  # fmt: skip
_HELD_IN_SQLITE = text(
    "SELECT version_sha256, incident_id FROM incidents "
    "WHERE record_id IN (SELECT value FROM json_each(:ids))"
)
_HELD_IN_POSTGRES = text(
    "SELECT version_sha256, incident_id FROM incidents "
    "WHERE record_id IN (SELECT json_array_elements_text(CAST(:ids AS json)))"
)
_CHUNK = 20_000


def receipt_id_of(reading: FeedReading) -> str:
    """Return the identifier of a file's receipt: a digest of its content and its coverage."""
    covered = canonical_text(coverage_document(reading.coverage))
    return digest(f"{reading.sha256}\n{covered}")


def take_in(
    tx: Connection,
    reading: FeedReading,
    *,
    actor: str,
    now: datetime,
    study_area: StudyArea | None = None,
) -> Receipt:
    """Store what a file gave, within a transaction of the caller.

    Parameters
    ----------
    tx
        A transaction of :meth:`api.store.store.Store.write`; all of the file is committed with
        it, or nothing.
    reading
        From :func:`hotspots.feeds.reader.read_rows`: corrections of records in other files are
        kept, and count once the record they name is there.
    actor, now
        Who takes it in, and the moment (UTC).
    study_area
        Where the ward and borough of each incident are looked up; without it they stay
        unknown, and no borough user sees them.

    Returns
    -------
    Receipt
        Marked ``repeated``, with nothing changed, when the file had been taken in before.

    Raises
    ------
    RecordRefusedError
        The file was taken in and withdrawn, or erased.
    """
    receipt_id = receipt_id_of(reading)
    earlier = find_receipt(tx, receipt_id)
    if earlier is not None:
        if earlier.state != "active":
            raise RecordRefusedError(
                f"the file {reading.file} was taken in before and {earlier.state} "
                f"({earlier.withdrawn_reason})",
                remedy="put it into use again with `arv store reinstate`, giving the reason"
                if earlier.state == "withdrawn"
                else "what was erased is not taken in again",
            )
        return replace(earlier, repeated=True)
    _keep_feed(tx, reading, now)
    digests = version_digests(reading.records)
    ids, new = _places(tx, reading, digests)
    receipt = _receipt(reading, receipt_id, actor, now, n_merged=len(digests) - len(new))
    _keep_receipt(tx, receipt)
    _keep_rejected(tx, receipt_id, reading)
    fresh = reading.records.iloc[new]
    fresh_rows = incident_rows(
        tx, fresh, ids[new].tolist(), [digests[at] for at in new], study_area
    )
    insert_rows(tx, incidents, INCIDENT_COLUMNS, fresh_rows)
    _keep_rows(tx, receipt, reading, ids.tolist())
    insert_rows(tx, area_counts, COUNT_COLUMNS, count_rows(receipt_id, reading.counts))
    return receipt


def feed_of(reading: FeedReading) -> str:
    """Return the feed a file belongs to: its one source, or its layout when it has several."""
    frame = reading.records if len(reading.records) else reading.counts
    sources = frame["source"].unique()
    single = reading.format == "meeting_feed" and len(sources) == 1
    return str(sources[0]) if single else reading.format


def _keep_feed(tx: Connection, reading: FeedReading, now: datetime) -> None:
    feed_id = feed_of(reading)
    if tx.execute(select(feeds.c.feed_id).where(feeds.c.feed_id == feed_id)).first() is None:
        tx.execute(
            feeds.insert().values(feed_id=feed_id, format=reading.format, first_received_utc=now)
        )


def _places(
    tx: Connection, reading: FeedReading, digests: Sequence[str]
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], list[int]]:
    """Return the incident of each record, and the positions of versions not yet stored."""
    known = _held(tx, reading.records["record_id"].tolist()) if digests else {}
    following = 1 + int(
        tx.execute(select(func.coalesce(func.max(incidents.c.incident_id), 0))).scalar_one()
    )
    ids = np.zeros(len(digests), dtype=np.int64)
    new = []
    for at, version in enumerate(digests):
        if version not in known:
            known[version] = following
            following += 1
            new.append(at)
        ids[at] = known[version]
    return ids, new


def _held(tx: Connection, record_ids: Sequence[str]) -> dict[str, int]:
    """Return the versions stored of some records, with their incidents."""
    if tx.execute(select(incidents.c.incident_id).limit(1)).first() is None:
        return {}
    query = _HELD_IN_SQLITE if tx.dialect.name == "sqlite" else _HELD_IN_POSTGRES
    found: dict[str, int] = {}
    for start in range(0, len(record_ids), _CHUNK):
        ids = json.dumps(record_ids[start : start + _CHUNK])
        found.update((version, number) for version, number in tx.execute(query, {"ids": ids}))
    return found


def _receipt(
    reading: FeedReading, receipt_id: str, actor: str, now: datetime, *, n_merged: int
) -> Receipt:
    records = reading.records
    newest = records["known_from"].max() if len(records) else None
    expected = sum(one.expected for one in reading.rejected)
    return Receipt(
        receipt_id=receipt_id,
        feed_id=feed_of(reading),
        file=reading.file,
        format=reading.format,
        content_sha256=reading.sha256,
        received=now,
        received_by=actor,
        n_records=len(records),
        n_counts=len(reading.counts),
        n_rejected=len(reading.rejected) - expected,
        n_expected=expected,
        n_merged=n_merged,
        n_corrections=int(records["corrects"].notna().sum()),
        n_handling_c=int((records["handling_code"] == "C").sum()),
        n_refused_c=sum(one.handling_code == "C" for one in reading.rejected),
        newest_known=None if newest is None else newest.to_pydatetime(),
        coverage=reading.coverage,
        warnings=reading.warnings,
        dropped_columns=reading.dropped_columns,
    )


def _keep_receipt(tx: Connection, one: Receipt) -> None:
    tx.execute(
        receipts.insert().values(
            receipt_id=one.receipt_id,
            feed_id=one.feed_id,
            file=one.file,
            content_sha256=one.content_sha256,
            received_utc=one.received,
            received_by=one.received_by,
            n_records=one.n_records,
            n_counts=one.n_counts,
            n_rejected=one.n_rejected,
            n_expected=one.n_expected,
            n_merged=one.n_merged,
            n_corrections=one.n_corrections,
            n_handling_c=one.n_handling_c,
            first_day=one.coverage.first_day,
            last_day=one.coverage.last_day,
            newest_known_utc=one.newest_known,
            coverage=coverage_document(one.coverage),
            remarks={
                "warnings": list(one.warnings),
                "dropped_columns": list(one.dropped_columns),
                "n_refused_c": one.n_refused_c,
            },
            state="active",
        )
    )


def _keep_rejected(tx: Connection, receipt_id: str, reading: FeedReading) -> None:
    sqlite = tx.dialect.name == "sqlite"
    rows = [
        (receipt_id, at, one.file, one.row, one.column, _storable(one.value), one.reason,
         one.remedy, int(one.expected) if sqlite else one.expected)
        for at, one in enumerate(reading.rejected)
    ]  # fmt: skip
    insert_rows(tx, rejected_rows, _REJECTED_COLUMNS, rows)


def _keep_rows(tx: Connection, receipt: Receipt, reading: FeedReading, ids: list[int]) -> None:
    files = reading.records["file"].tolist()
    members = [None if file == receipt.file else file for file in files]
    rows = zip(
        [receipt.receipt_id] * len(ids),
        range(len(ids)),
        ids,
        members,
        reading.records["row"].tolist(),
        strict=True,
    )
    insert_rows(tx, receipt_rows, ("receipt_id", "position", "incident_id", "file", "row"), rows)


def _storable(value: str) -> str:
    """Return a refused value as a text that every database takes: no NUL, no lone surrogate."""
    return value.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
