"""Known events that bear on a week, such as a match or a carnival: places and times only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shapely.geometry import Point
from sqlalchemy import Connection, Row, select

from api.store.changes import change_one
from api.store.errors import RecordRefusedError, StaleRecordError, UnknownRecordError
from api.store.reasons import check_reason
from api.store.schema import events


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes
    ----------
    x_m, y_m
        EPSG:27700, where it has one place.
    effect
        What a plan assumes it changes, as plain JSON values; ``None`` when nothing was said.
    """

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
    effect: Mapping[str, Any] | None = None


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
            effect=None if one.effect is None else dict(one.effect),
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
    if find_event(tx, event_id).cancelled_reason:
        raise StaleRecordError("the event is cancelled already", remedy="add another event")
    change_one(tx, events, event_id, version, {"cancelled_utc": now, "cancelled_reason": reason})


def find_event(tx: Connection, event_id: str) -> Event:
    """Return an event, also one that was cancelled.

    Raises
    ------
    UnknownRecordError
        There is none.
    """
    row = tx.execute(select(events).where(events.c.event_id == event_id)).first()
    if row is None:
        raise UnknownRecordError(
            "there is no event of this identifier", remedy="use one listed", value=event_id
        )
    return _event(row)


def list_events(
    tx: Connection,
    *,
    starts: datetime | None = None,
    ends: datetime | None = None,
    cancelled: bool = False,
    after: tuple[datetime, str] | None = None,
    limit: int | None = None,
) -> list[Event]:
    """Return the events that touch a span of time, earliest first.

    Parameters
    ----------
    starts, ends
        Moments, ``None`` for no bound; an event that ends at ``starts`` or starts at ``ends``
        does not touch it.
    cancelled
        True includes those cancelled.
    after, limit
        The page: at most ``limit`` behind this start and identifier.
    """
    query = select(events).order_by(events.c.starts_utc, events.c.event_id).limit(limit)
    if ends is not None:
        query = query.where(events.c.starts_utc < ends)
    if starts is not None:
        query = query.where(events.c.ends_utc > starts)
    if not cancelled:
        query = query.where(events.c.cancelled_utc.is_(None))
    if after is not None:
        begun, name = after
        later = (events.c.starts_utc == begun) & (events.c.event_id > name)
        query = query.where((events.c.starts_utc > begun) | later)
    return [_event(row) for row in tx.execute(query)]


def _event(row: Row[Any]) -> Event:
    return Event(
        row.event_id, row.title, row.kind, row.starts_utc, row.ends_utc, tuple(row.area_codes),
        row.recorded_utc, row.recorded_by, None if row.geom is None else row.geom.x,
        None if row.geom is None else row.geom.y, row.remark or "", row.version,
        row.cancelled_reason or "", row.effect,
    )  # fmt: skip
