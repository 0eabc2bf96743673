"""A file that was read, taken into the store with its word in the audit record."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from api.audit.entry import entry
from api.audit.log import Record
from api.store.ingest import take_in
from api.store.receipts import Receipt, coverage_document
from hotspots.boundaries.study_area import StudyArea
from hotspots.incidents import FeedReading


def ingest_reading(
    record: Record, reading: FeedReading, actor: str, study_area: StudyArea
) -> Receipt:
    """Take one file in, with its entry in the audit record, in one transaction.

    Raises
    ------
    StoreRefusedError
        Nothing of the file was stored.
    """
    with record.change() as change:
        receipt = take_in(change.tx, reading, actor=actor, now=change.now, study_area=study_area)
        change.note(
            entry(
                actor, "feed.ingest", "receipt", receipt.receipt_id,
                object_sha256=receipt.content_sha256, operation="collection",
                detail={"file": receipt.file, "repeated": receipt.repeated},
            )
        )  # fmt: skip
    return receipt


def receipt_document(one: Receipt) -> dict[str, Any]:
    """Return a receipt as plain JSON values."""
    plain = asdict(one)
    plain["received"] = one.received.isoformat()
    plain["newest_known"] = one.newest_known.isoformat() if one.newest_known else None
    plain["coverage"] = coverage_document(one.coverage)
    plain["warnings"] = list(one.warnings)
    plain["dropped_columns"] = list(one.dropped_columns)
    return plain
