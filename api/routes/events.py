"""The calendar of events over HTTP: what is announced, for which days, and what it may change."""

from __future__ import annotations

import asyncio
import secrets
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Path as InPath
from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from allocator.event_calendar import EventRefusedError, monday_of
from api.access import Action, Actor
from api.audit.entry import entry, time_text
from api.calendar_day import parse_day
from api.conventions.versions import etag, if_match
from api.event_calendar import check_places, event_document, kept_event, span
from api.files.events_file import events_from_tables
from api.ogc.ground import study_area
from api.pagination import ROWS, CursorQuery, LimitQuery, moment, page_of, position
from api.problems import ProblemError, http_problem
from api.routes.bodies import EventBody, Label, Text, Week
from api.routes.completion import IF_MATCH
from api.routes.documents import Document, problem
from api.routes.endpoint import Endpoint
from api.routes.stored import evidence_marking, record_of
from api.service import service_of
from api.store.events import Event, add_event, cancel_event, find_event, list_events

EventId = Annotated[str, InPath(pattern=r"^ev-[0-9a-f]{16}$", description="From the list.")]
WeekQuery = Annotated[Week | None, Query(description="Only those with a day in this ISO week.")]
FromQuery = Annotated[
    str, Query(alias="from", max_length=32, description="Only those on or after this day.")
]
ToQuery = Annotated[
    str, Query(alias="to", max_length=32, description="Only those on or before this day.")
]
CancelledQuery = Annotated[bool, Query(description="True lists those cancelled, too.")]
ReasonQuery = Annotated[str, Query(max_length=2000, description="Why; it is needed.")]
Span = tuple[datetime | None, datetime | None]


class CalendarEventBody(EventBody):
    """An event of the calendar, with the keys and rules of an events file."""

    kind: Text = Field(default="event", min_length=1, description="For people: sport, carnival.")
    remark: Label = ""


class EventDocument(Document):
    """An event of the calendar; its days are those of Europe/London."""

    event_id: str
    name: str
    kind: str
    from_: date = Field(alias="from")
    to: date
    boroughs: list[str]
    wards: list[str]
    extra_share: float = Field(description="Assumption: of the usual demand of its places.")
    extra_calls: float = Field(description="Assumption: expected reported incidents a day.")
    units_committed: list[str] | int
    remark: str
    version: int
    recorded: str
    recorded_by: str
    cancelled_reason: str


class EventsDocument(Document):
    """A page of events, the earliest first."""

    events: list[EventDocument]
    links: list[dict[str, str]]


async def show_events(
    request: Request,
    *,
    week: WeekQuery = None,
    first_day: FromQuery = "",
    last_day: ToQuery = "",
    cancelled: CancelledQuery = False,
    limit: LimitQuery = ROWS,
    cursor: CursorQuery = "",
) -> Response:
    """Return the events of a week, of a span of days, or all of them, the earliest first."""
    key = position(cursor, 2)
    after = (moment(key[0]), key[1]) if key else None
    starts, ends = _span(week, first_day, last_day)
    store = record_of(request).store

    def look() -> list[Event]:
        with store.read() as tx:
            return list_events(
                tx, starts=starts, ends=ends, cancelled=cancelled, after=after, limit=limit + 1
            )

    found = await asyncio.to_thread(look)
    page = page_of(request, found, limit, lambda one: (time_text(one.starts), one.event_id))
    body = {"events": [event_document(one) for one in page.rows], "links": page.links(request)}
    headers = {**await evidence_marking(service_of(request)), **page.headers}
    return JSONResponse(body, headers=headers)


async def show_event(request: Request, event_id: EventId) -> Response:
    """Return one event, also a cancelled one."""
    store = record_of(request).store

    def look() -> Event:
        with store.read() as tx:
            return find_event(tx, event_id)

    return await _answer(request, await asyncio.to_thread(look))


async def announce_event(request: Request, body: CalendarEventBody) -> Response:
    """Put an event into the calendar."""
    actor: Actor = request.state.actor
    record, area = record_of(request), await study_area(service_of(request))
    plain = body.model_dump(by_alias=True, exclude_none=True, exclude={"kind", "remark"})

    def keep() -> Event:
        (event,) = events_from_tables([plain])
        check_places(event, area)
        with record.change() as change:
            made = kept_event(
                event,
                f"ev-{secrets.token_hex(8)}",
                kind=body.kind,
                remark=body.remark,
                actor=actor.name,
                now=change.now,
            )
            add_event(change.tx, made)
            change.note(
                entry(actor.name, Action.KEEP_EVENT, "event", made.event_id,
                      operation="collection", detail={"version": made.version})
            )  # fmt: skip
        return made

    made = await asyncio.to_thread(keep)
    return await _answer(request, made, status=201, Location=f"/events/{made.event_id}")


async def withdraw_event(request: Request, event_id: EventId, reason: ReasonQuery = "") -> Response:
    """Cancel an event; it stays in the record with the reason."""
    actor: Actor = request.state.actor
    record, version = record_of(request), if_match(request, "event")

    def cancel() -> Event:
        with record.change() as change:
            cancel_event(change.tx, event_id, version, reason=reason, now=change.now)
            change.note(
                entry(actor.name, Action.KEEP_EVENT, "event", event_id, reason=reason,
                      operation="alteration", detail={"cancelled": True, "version": version + 1})
            )  # fmt: skip
            return find_event(change.tx, event_id)

    return await _answer(request, await asyncio.to_thread(cancel))


def _span(week: str | None, first_day: str, last_day: str) -> Span:
    """Return the moments between which events are asked for."""
    if week is not None:
        if first_day or last_day:
            words = "week excludes from and to. Remedy: give the week, or the days."
            raise ProblemError(http_problem(422, words))
        try:
            monday = monday_of(week)
            sunday = monday + timedelta(days=6)
        except (ValueError, OverflowError) as fault:
            raise EventRefusedError(
                f"the year of {week} has no such week", remedy="give a week the year has"
            ) from fault
        return span(monday, sunday)
    days = [parse_day(text, name) if text else None
            for text, name in ((first_day, "from"), (last_day, "to"))]  # fmt: skip
    starts = span(days[0], days[0])[0] if days[0] else None
    within = days[1] if days[1] and days[1] < date.max else None
    return starts, span(within, within)[1] if within else None


async def _answer(request: Request, one: Event, status: int = 200, **headers: str) -> Response:
    marked = await evidence_marking(service_of(request))
    return JSONResponse(event_document(one), status, {**marked, **etag(one.version), **headers})


ENDPOINTS = (
    Endpoint(
        "GET",
        "/events",
        Action.READ_EVENT,
        show_events,
        "Events of the calendar, the earliest first",
        tag="record",
        responses={200: {"model": EventsDocument, "description": "A page of events."}},
    ),
    Endpoint(
        "POST",
        "/events",
        Action.KEEP_EVENT,
        announce_event,
        "Put an event into the calendar",
        tag="record",
        status=201,
        responses={201: {"model": EventDocument, "description": "The event."}},
    ),
    Endpoint(
        "GET",
        "/events/{event_id}",
        Action.READ_EVENT,
        show_event,
        "One event of the calendar",
        tag="record",
        responses={
            200: {"model": EventDocument, "description": "The event."},
            404: problem("There is no such event."),
        },
    ),
    Endpoint(
        "DELETE",
        "/events/{event_id}",
        Action.KEEP_EVENT,
        withdraw_event,
        "Cancel an event; it stays in the record",
        tag="record",
        responses={
            200: {"model": EventDocument, "description": "The event, cancelled."},
            404: problem("There is no such event."),
            412: problem("Somebody changed it since, or it is cancelled already."),
            428: problem("If-Match is missing."),
        },
        extra={"parameters": [IF_MATCH]},
    ),
)
