"""Known events that bear on a week, such as a match or a carnival: places and times only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shapely.geometry import Point
from sqlalchemy import Connection, select

from api.store.changes import change_one
from api.store.errors import RecordRefusedError, UnknownRecordError
from api.store.reasons import check_reason
from api.store.schema import events


@dataclass(frozen=True)
class Event:
    """One event; ``x_m`` and ``y_m`` (EPSG:27700) where it has one place."""

    event_id: str
    title: str
    kind: str
    starts: datetime
    ends: datetime
    area_codes: tuple[str, ...]
    recorded: datetime
    recorded_by: str
    x_m: float | None = None
    y_m: float | None = None
    remark: str = ""
    version: int = 1
    cancelled_reason: str = ""


def add_event(tx: Connection, one: Event) -> None:
    """Store an event.

    Raises
    ------
    RecordRefusedError
        It ends before it starts, or has half a place.
    """
    if one.ends < one.starts:
        raise RecordRefusedError(
            "the event ends before it starts", remedy="correct one of the times"
        )
    if (one.x_m is None) != (one.y_m is None):
        raise RecordRefusedError("the event has half a place", remedy="give both x_m and y_m")
    place = None if one.x_m is None or one.y_m is None else Point(one.x_m, one.y_m)
    tx.execute(
        events.insert().values(
            event_id=one.event_id,
            title=one.title,
            kind=one.kind,
            starts_utc=one.starts,
            ends_utc=one.ends,
            area_codes=list(one.area_codes),
            geom=place,
            remark=one.remark or None,
            version=1,
            recorded_utc=one.recorded,
            recorded_by=one.recorded_by,
        )
    )


def cancel_event(
    tx: Connection, event_id: str, version: int, *, reason: str, now: datetime
) -> None:
    """Mark an event as cancelled; it stays in the record.

    Raises
    ------
    UnknownRecordError, StaleRecordError, RecordRefusedError
        No such event; changed since; no reason given.
    """
    check_reason(reason)
    known = select(events.c.event_id).where(events.c.event_id == event_id)
    if tx.execute(known).first() is None:
        raise UnknownRecordError(
            "there is no event of this identifier", remedy="use one listed", value=event_id
        )
    change_one(tx, events, event_id, version, {"cancelled_utc": now, "cancelled_reason": reason})


def list_events(
    tx: Connection, *, starts: datetime, ends: datetime, cancelled: bool = False
) -> list[Event]:
    """Return the events that touch a span of time, earliest first.

    Parameters
    ----------
    starts, ends
        Moments; an event that ends at ``starts`` or starts at ``ends`` does not touch it.
    cancelled
        True includes those cancelled.
    """
    query = (
        select(events)
        .where(events.c.starts_utc < ends, events.c.ends_utc > starts)
        .order_by(events.c.starts_utc, events.c.event_id)
    )
    if not cancelled:
        query = query.where(events.c.cancelled_utc.is_(None))
    return [
        Event(
            row.event_id, row.title, row.kind, row.starts_utc, row.ends_utc,
            tuple(row.area_codes), row.recorded_utc, row.recorded_by,
            None if row.geom is None else row.geom.x, None if row.geom is None else row.geom.y,
            row.remark or "", row.version, row.cancelled_reason or "",
        )
        for row in tx.execute(query)
    ]  # fmt: skip
