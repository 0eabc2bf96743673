"""Evidence read back as the readers gave it, as the store held it at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, text

from api.store.receipts import Receipt, list_receipts, rejections
from api.store.record_rows import TEXTS, TIMES, counts_from, records_from
from hotspots.feeds.corrections import broken_corrections
from hotspots.feeds.refused_handling import with_codes_of
from hotspots.incidents import FeedReading, Rejection

_NAMES = ("file", "row", *TEXTS, *TIMES, "x_m", "y_m")
_TIME = {
    "sqlite": "i.{}_utc",
    "postgresql": "to_char(i.{}_utc AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
}
_RECORDS = {
    kind: "SELECT coalesce(r.file, :file), r.row, "  # noqa: S608 - names of the schema
    + ", ".join(f"i.{name}" for name in TEXTS)
    + ", "
    + ", ".join(moment.format(name) for name in TIMES)
    + ", i.x_m, i.y_m FROM receipt_rows r JOIN incidents i ON i.incident_id = r.incident_id "
    "WHERE r.receipt_id = :receipt ORDER BY r.position"
    for kind, moment in _TIME.items()
}
_COUNT_NAMES = (
    "source", "category", "area_type", "area_code", "month", "count", "basis", "notice", "file",
)  # fmt: skip
_COUNTS = (
    "SELECT source, category, area_type, area_code, month, number, basis, notice, :file "
    "FROM area_counts WHERE receipt_id = :receipt ORDER BY position"
)


def readings(tx: Connection, *, received_by: datetime | None = None) -> tuple[FeedReading, ...]:
    """Return every file in use as the reader gave it, settled against one another.

    The result depends on which files are in use, not on the order in which they came. Of one
    file given with several statements of coverage the one that came last counts. A record id
    used by several versions in several files keeps the version known first; corrections that
    cannot be honoured (their target is not there, known later, or part of a circle) count in
    nothing. Both are in ``rejected`` with the reason.

    Parameters
    ----------
    received_by
        Only files received up to this moment: what the store held then.

    Returns
    -------
    tuple of FeedReading
        By file name and content; what :func:`hotspots.pipeline.assess_week` takes.
    """
    latest: dict[str, Receipt] = {}
    for one in list_receipts(tx, received_by=received_by):
        if one.state == "active":
            latest[one.content_sha256] = one
    chosen = sorted(latest.values(), key=lambda one: (one.file, one.content_sha256))
    return settled([reading_of(tx, one) for one in chosen])


def reading_of(tx: Connection, receipt: Receipt) -> FeedReading:
    """Return one file as the reader gave it, by itself."""
    given = {"receipt": receipt.receipt_id, "file": receipt.file}
    return FeedReading(
        file=receipt.file,
        format=receipt.format,
        sha256=receipt.content_sha256,
        records=records_from(_rows(tx, _RECORDS[tx.dialect.name], given), _NAMES),
        counts=counts_from(_rows(tx, _COUNTS, given), _COUNT_NAMES),
        rejected=rejections(tx, receipt.receipt_id, handling_code=receipt.refused_handling),
        dropped_columns=receipt.dropped_columns,
        coverage=receipt.coverage,
        warnings=receipt.warnings,
    )


def settled(given: Sequence[FeedReading]) -> tuple[FeedReading, ...]:
    """Take out records that another file tells first, and corrections that cannot be honoured.

    Parameters
    ----------
    given
        Readings of single files, in an order that does not depend on when they came.
    """
    frames = [one.records.assign(_reading=at) for at, one in enumerate(given) if len(one.records)]
    if not frames:
        return tuple(given)
    every = pd.concat(frames, ignore_index=True)
    repeated = _repeated(every)
    standing = every[~repeated]
    broken = _broken(standing)
    if not repeated.any() and not broken:
        return tuple(given)
    out = repeated.copy()
    reasons: dict[int, tuple[str, str]] = dict.fromkeys(np.flatnonzero(repeated).tolist(), _AGAIN)
    for at, fault in broken.items():
        out[at] = True
        reasons[at] = (fault.reason, fault.remedy)
    return tuple(
        _without(one, every, every["_reading"].to_numpy() == at, out, reasons)
        for at, one in enumerate(given)
    )


_AGAIN = (
    "the record id is used in several files; the version known first counts",
    "give each version its own id and let the later name the earlier in corrects",
)


def _repeated(every: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell which rows come after the first of their record id, by when they were known."""
    order = np.lexsort((np.arange(len(every)), every["known_from"].to_numpy()))
    later = every["record_id"].iloc[order].duplicated(keep="first").to_numpy(dtype=bool)
    repeated = np.zeros(len(every), dtype=bool)
    repeated[order] = later
    return repeated


def _broken(standing: pd.DataFrame) -> dict[int, Rejection]:
    """Return the row number of every correction that cannot be honoured, and why."""
    if not standing["corrects"].notna().any():
        return {}
    numbered = standing.assign(file="", row=standing.index)
    return {fault.row: fault for fault in broken_corrections(numbered)}


def _without(
    reading: FeedReading,
    every: pd.DataFrame,
    mine: np.ndarray[Any, np.dtype[np.bool_]],
    out: np.ndarray[Any, np.dtype[np.bool_]],
    reasons: dict[int, tuple[str, str]],
) -> FeedReading:
    leaving = np.flatnonzero(mine & out).tolist()
    if not leaving:
        return reading
    places = every.loc[leaving, ["file", "row", "record_id"]]
    more = [
        Rejection(
            file=str(file),
            row=int(row),
            column="record_id" if reasons[at] is _AGAIN else "corrects",
            value=str(record_id)[:80],
            reason=reasons[at][0],
            remedy=reasons[at][1],
            expected=reasons[at] is _AGAIN,
        )
        for at, file, row, record_id in zip(
            leaving, *(places[name].tolist() for name in places.columns), strict=True
        )
    ]
    coded = with_codes_of(more, every)
    rejected = sorted((*reading.rejected, *coded), key=lambda one: (one.file, one.row, one.column))
    kept = reading.records[~out[np.flatnonzero(mine)]].reset_index(drop=True)
    return replace(reading, records=kept, rejected=tuple(rejected))


def _rows(tx: Connection, query: str, given: dict[str, str]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in tx.execute(text(query), given)]
