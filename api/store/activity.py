"""What ARVs and the TPU did, by place and time. It is shown, and never evidence for a score."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select

from api.store.errors import RecordRefusedError
from api.store.schema import activity


@dataclass(frozen=True)
class Activity:
    """A stretch of activity: a patrol, stops made, weapons recovered; a count, never a name."""

    activity_id: str
    unit_kind: Literal["arv", "tpu"]
    unit_id: str
    started: datetime
    ended: datetime
    borough_code: str
    category: str
    number: int
    recorded: datetime
    recorded_by: str
    ward_code: str = ""


def record_activity(tx: Connection, one: Activity) -> None:
    """Store a stretch of activity, always as discovered.

    Raises
    ------
    RecordRefusedError
        It ends before it started, or counts fewer than none.
    """
    if one.ended < one.started or one.number < 0:
        raise RecordRefusedError(
            "the activity ends before it started, or counts fewer than none",
            remedy="correct the times or the number",
            value=one.activity_id,
        )
    tx.execute(
        activity.insert().values(
            activity_id=one.activity_id,
            unit_kind=one.unit_kind,
            unit_id=one.unit_id,
            started_utc=one.started,
            ended_utc=one.ended,
            borough_code=one.borough_code,
            ward_code=one.ward_code or None,
            category=one.category,
            number=one.number,
            basis="discovered",
            recorded_utc=one.recorded,
            recorded_by=one.recorded_by,
        )
    )


def list_activity(
    tx: Connection, *, started: datetime, ended: datetime, borough_code: str | None = None
) -> list[Activity]:
    """Return what began in a span of time, end excluded, earliest first.

    Parameters
    ----------
    borough_code
        Only what was done in one borough.
    """
    query = (
        select(activity)
        .where(activity.c.started_utc >= started, activity.c.started_utc < ended)
        .order_by(activity.c.started_utc, activity.c.activity_id)
    )
    if borough_code is not None:
        query = query.where(activity.c.borough_code == borough_code)
    return [
        Activity(
            row.activity_id, row.unit_kind, row.unit_id, row.started_utc, row.ended_utc,
            row.borough_code, row.category, row.number, row.recorded_utc, row.recorded_by,
            row.ward_code or "",
        )
        for row in tx.execute(query)
    ]  # fmt: skip
