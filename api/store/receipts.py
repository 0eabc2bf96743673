"""Receipts: what came of each file, by whom and when, and what was refused of it and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from api.store.errors import StaleRecordError, UnknownRecordError
from api.store.reasons import check_reason
from api.store.schema import feeds, receipts, rejected_rows
from hotspots.incidents import Coverage, Rejection

#: The layout whose rows carry a handling code.
_CARRIES_CODES = "meeting_feed"


@dataclass(frozen=True)
class Receipt:
    """What came of one file.

    Attributes
    ----------
    receipt_id
        SHA-256 of the file's content and of what it covers: the same file has the same.
    received, received_by
        When (UTC) and by whom.
    n_records, n_counts
        Accepted rows.
    n_rejected, n_expected
        Rows refused as malformed, and rows the format cannot place by its nature.
    n_merged
        Accepted records that say what a stored version says already, kept once.
    n_corrections, n_handling_c
        Accepted records that correct an earlier version, and those under handling code C.
    n_refused_c
        Refused rows that are, or may be, under handling code C.
    newest_known
        When the police knew of the newest record; ``None`` for a file of counts.
    coverage, warnings, dropped_columns
        As the reader found them.
    repeated
        True when the file had been taken in before and nothing was changed now.
    """

    receipt_id: str
    feed_id: str
    file: str
    format: str
    content_sha256: str
    received: datetime
    received_by: str
    n_records: int
    n_counts: int
    n_rejected: int
    n_expected: int
    n_merged: int
    n_corrections: int
    n_handling_c: int
    n_refused_c: int
    newest_known: datetime | None
    coverage: Coverage
    warnings: tuple[str, ...]
    dropped_columns: tuple[str, ...]
    state: str = "active"
    withdrawn_reason: str = ""
    repeated: bool = False

    @property
    def refused_handling(self) -> str:
        """Handling code of the refused rows: ``C`` when any is, or may be, under conditions."""
        return "C" if self.n_refused_c else ""

    @property
    def handling_code(self) -> str:
        """``C`` when any row of the file, accepted or refused, is under code C or may be."""
        return "C" if self.n_handling_c else self.refused_handling

    @property
    def last_day(self) -> date:
        """Return the last day the file speaks about."""
        return self.coverage.last_day


def coverage_document(coverage: Coverage) -> dict[str, Any]:
    """Return a coverage as plain JSON values, sets sorted."""
    return {
        "areas": None if coverage.areas is None else sorted(coverage.areas),
        "first_day": coverage.first_day.isoformat(),
        "last_day": coverage.last_day.isoformat(),
        "months_missing": sorted(one.isoformat() for one in coverage.months_missing),
        "stated": coverage.stated,
        "explanation": coverage.explanation,
    }


def coverage_from(document: Mapping[str, Any]) -> Coverage:
    """Return the coverage of a stored document."""
    areas = document["areas"]
    return Coverage(
        areas=None if areas is None else frozenset(areas),
        first_day=date.fromisoformat(document["first_day"]),
        last_day=date.fromisoformat(document["last_day"]),
        months_missing=frozenset(date.fromisoformat(one) for one in document["months_missing"]),
        stated=document["stated"],
        explanation=document["explanation"],
    )


def find_receipt(tx: Connection, receipt_id: str) -> Receipt | None:
    """Return a receipt, or ``None`` when there is none with the identifier."""
    row = tx.execute(_query().where(receipts.c.receipt_id == receipt_id)).first()
    return None if row is None else _receipt(row)


def list_receipts(
    tx: Connection, *, feed_id: str | None = None, received_by: datetime | None = None
) -> list[Receipt]:
    """Return receipts by the moment they came, earliest first.

    Parameters
    ----------
    feed_id
        Only those of one feed.
    received_by
        Only those received up to this moment: what the store held then.
    """
    query = _query().order_by(receipts.c.received_utc, receipts.c.receipt_id)
    if feed_id is not None:
        query = query.where(receipts.c.feed_id == feed_id)
    if received_by is not None:
        query = query.where(receipts.c.received_utc <= received_by)
    return [_receipt(row) for row in tx.execute(query)]


def latest_receipts(
    tx: Connection, *, before: tuple[datetime, str] | None, limit: int
) -> list[Receipt]:
    """Return receipts by the moment they came, latest first.

    Parameters
    ----------
    before
        Only those that stand after this one in the list: its moment and its identifier.
    limit
        At most so many.
    """
    came, name = receipts.c.received_utc, receipts.c.receipt_id
    query = _query().order_by(came.desc(), name.desc()).limit(limit)
    if before is not None:
        query = query.where(or_(came < before[0], and_(came == before[0], name < before[1])))
    return [_receipt(row) for row in tx.execute(query)]


def rejections(
    tx: Connection, receipt_id: str, *, handling_code: str = ""
) -> tuple[Rejection, ...]:
    """Return the rows of a file that were not accepted, in the order of the file.

    ``handling_code`` is that of all of them, from the receipt: rows of one file stay together.
    """
    query = (
        select(rejected_rows)
        .where(rejected_rows.c.receipt_id == receipt_id)
        .order_by(rejected_rows.c.position)
    )
    return tuple(
        Rejection(
            row.file,
            row.row,
            row.column_name,
            row.value,
            row.reason,
            row.remedy,
            row.expected,
            handling_code,
        )
        for row in tx.execute(query)
    )


def withdraw_receipt(
    tx: Connection, receipt_id: str, *, actor: str, now: datetime, reason: str
) -> Receipt:
    """Take a file out of use: its rows stay stored and count in nothing from now on.

    Raises
    ------
    UnknownRecordError, StaleRecordError, RecordRefusedError
        No such receipt; it is withdrawn already; the reason is empty or too long.
    """
    check_reason(reason)
    found = _existing(tx, receipt_id)
    if found.state != "active":
        raise StaleRecordError(
            f"the file {found.file} is {found.state} already ({found.withdrawn_reason})",
            remedy="nothing is to be done",
        )
    tx.execute(
        receipts.update()
        .where(receipts.c.receipt_id == receipt_id)
        .values(state="withdrawn", withdrawn_utc=now, withdrawn_by=actor, withdrawn_reason=reason)
    )
    return _existing(tx, receipt_id)


def reinstate_receipt(tx: Connection, receipt_id: str, *, reason: str) -> Receipt:
    """Put a withdrawn file into use again; the audit record keeps the reason.

    Raises
    ------
    UnknownRecordError, StaleRecordError, RecordRefusedError
        No such receipt; it is in use, or erased; the reason is empty or too long.
    """
    check_reason(reason)
    found = _existing(tx, receipt_id)
    if found.state != "withdrawn":
        raise StaleRecordError(
            f"the file {found.file} is {'in use' if found.state == 'active' else 'erased'}",
            remedy="only a withdrawn file is put into use again",
        )
    tx.execute(
        receipts.update()
        .where(receipts.c.receipt_id == receipt_id)
        .values(state="active", withdrawn_utc=None, withdrawn_by=None, withdrawn_reason=None)
    )
    return _existing(tx, receipt_id)


@dataclass(frozen=True)
class FeedFreshness:
    """How recent a feed is: the last day any file of it covers, and when the last file came."""

    feed_id: str
    n_files: int
    last_day: date
    newest_known: datetime | None
    last_received: datetime


def freshness(tx: Connection) -> Sequence[FeedFreshness]:
    """Return how recent each feed in use is, by identifier."""
    query = (
        select(
            receipts.c.feed_id,
            func.count().label("n_files"),
            func.max(receipts.c.last_day).label("last_day"),
            func.max(receipts.c.newest_known_utc).label("newest_known"),
            func.max(receipts.c.received_utc).label("last_received"),
        )
        .where(receipts.c.state == "active")
        .group_by(receipts.c.feed_id)
        .order_by(receipts.c.feed_id)
    )
    return [FeedFreshness(**row._mapping) for row in tx.execute(query)]


def _query() -> Any:
    return select(receipts, feeds.c.format).join(feeds)


def _existing(tx: Connection, receipt_id: str) -> Receipt:
    found = find_receipt(tx, receipt_id)
    if found is None:
        raise UnknownRecordError(
            "no file was taken in under this receipt",
            remedy="`arv store receipts` lists them",
            value=receipt_id,
        )
    return found


def _refused_c(row: Row[Any]) -> int:
    """Return how many refused rows may be under code C; of older receipts, all that could be."""
    careful = row.n_rejected + row.n_expected if row.format == _CARRIES_CODES else 0
    return int(row.remarks.get("n_refused_c", careful))


def _receipt(row: Row[Any]) -> Receipt:
    return Receipt(
        receipt_id=row.receipt_id,
        feed_id=row.feed_id,
        file=row.file,
        format=row.format,
        content_sha256=row.content_sha256,
        received=row.received_utc,
        received_by=row.received_by,
        n_records=row.n_records,
        n_counts=row.n_counts,
        n_rejected=row.n_rejected,
        n_expected=row.n_expected,
        n_merged=row.n_merged,
        n_corrections=row.n_corrections,
        n_handling_c=row.n_handling_c,
        n_refused_c=_refused_c(row),
        newest_known=row.newest_known_utc,
        coverage=coverage_from(row.coverage),
        warnings=tuple(row.remarks["warnings"]),
        dropped_columns=tuple(row.remarks["dropped_columns"]),
        state=row.state,
        withdrawn_reason=row.withdrawn_reason or "",
    )
