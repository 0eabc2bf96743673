"""The calendar of events: what a planner announces, as the store keeps it and as a plan uses it.

An event's days are those of Europe/London, so that one of the night in which the clocks change is
as long as that night is.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from allocator.event_calendar import (
    Event,
    EventRefusedError,
    in_force,
    in_week,
    monday_of,
    recorded,
)
from api.audit.entry import time_text
from api.service import LONDON
from api.store import events as store
from hotspots.boundaries.study_area import StudyArea

FIRST_YEAR, LAST_YEAR = 2000, 2199


def kept_event(
    event: Event, event_id: str, *, kind: str, remark: str, actor: str, now: datetime
) -> store.Event:
    """Return an event as the store keeps it.

    Raises
    ------
    EventRefusedError
        One of its days is in a year that no calendar of a meeting reaches.
    """
    for day in (event.first_day, event.last_day):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise EventRefusedError(
                f"event {event.name!r} has the day {day}",
                remedy=f"give a day of the years {FIRST_YEAR} to {LAST_YEAR}",
            )
    starts, ends = span(event.first_day, event.last_day)
    return store.Event(
        event_id=event_id,
        title=event.name,
        kind=kind,
        starts=starts,
        ends=ends,
        area_codes=(*event.boroughs, *event.wards),
        recorded=now,
        recorded_by=actor,
        remark=remark,
        effect=recorded([event])[0],
    )


def span(first_day: date, last_day: date) -> tuple[datetime, datetime]:
    """Return the moments in UTC between which some days in London lie, the last one included.

    Raises
    ------
    EventRefusedError
        The days end after the last day that a calendar has.
    """
    try:
        days = first_day, last_day + timedelta(days=1)
        starts, ends = (datetime.combine(day, time(), LONDON).astimezone(UTC) for day in days)
    except OverflowError as fault:
        raise EventRefusedError(
            f"no calendar goes on after {last_day}",
            remedy=f"give a day of the years {FIRST_YEAR} to {LAST_YEAR}",
        ) from fault
    return starts, ends


def placed_event(kept: store.Event) -> Event | None:
    """Return what a plan takes into account of an event, ``None`` when nothing was said of it."""
    if kept.effect is None:
        return None
    return in_force({"events": [dict(kept.effect)]})[0]


def events_of_week(tx: Connection, week: str) -> tuple[Event, ...]:
    """Return the events of an ISO week that a plan takes into account."""
    monday = monday_of(week)
    starts, ends = span(monday, monday + timedelta(days=6))
    kept = store.list_events(tx, starts=starts, ends=ends)
    return in_week([one for one in map(placed_event, kept) if one is not None], week)


def event_table(event: Event) -> dict[str, Any]:
    """Return an event as a table of an events file has it, in plain JSON values."""
    return {
        "name": event.name,
        "from": event.first_day.isoformat(),
        "to": event.last_day.isoformat(),
        "boroughs": list(event.boroughs),
        "wards": list(event.wards),
        "extra_share": event.extra_share,
        "extra_calls": event.extra_calls,
        "units_committed": list(event.units) or event.n_units,
    }


def check_places(event: Event, area: StudyArea) -> None:
    """Refuse an event at a place that is not patrolled.

    Raises
    ------
    EventRefusedError
        Naming the code.
    """
    for what, given, frame in (
        ("borough", event.boroughs, area.boroughs),
        ("ward", event.wards, area.wards),
    ):
        known = set(frame.loc[frame["policed"], f"{what}_code"])
        unknown = sorted(set(given) - known)
        if unknown:
            raise EventRefusedError(
                f"event {event.name!r} names {what} {unknown[0]!r}, which is not patrolled",
                remedy=f"use a {what} of the study area, for example {min(known)}",
            )


def event_document(kept: store.Event) -> dict[str, Any]:
    """Return an event as plain JSON values, with the keys of an events file."""
    effect = kept.effect or {}
    last_moment = kept.ends - timedelta(microseconds=1) if kept.ends > kept.starts else kept.ends
    return {
        "event_id": kept.event_id,
        "name": kept.title,
        "kind": kept.kind,
        "from": kept.starts.astimezone(LONDON).date().isoformat(),
        "to": last_moment.astimezone(LONDON).date().isoformat(),
        "boroughs": [code for code in kept.area_codes if code.startswith("E09")],
        "wards": [code for code in kept.area_codes if not code.startswith("E09")],
        "extra_share": effect.get("extra_share", 0.0),
        "extra_calls": effect.get("extra_calls", 0.0),
        "units_committed": effect.get("units") or effect.get("n_units", 0),
        "remark": kept.remark,
        "version": kept.version,
        "recorded": time_text(kept.recorded),
        "recorded_by": kept.recorded_by,
        "cancelled_reason": kept.cancelled_reason,
    }
