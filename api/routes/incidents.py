"""Incidents over HTTP: what stood on a day, where, and for whose eyes, page by page."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import HANDLING_C_SCOPE, Action, Actor, Resource, own_boroughs
from api.audit.entry import time_text
from api.calendar_day import parse_day
from api.pagination import ROWS, CursorQuery, LimitQuery, no_cursor, page_of, position
from api.problems import ProblemError, request_refused
from api.routes.bodies import BoroughCode
from api.routes.documents import Document
from api.routes.endpoint import Endpoint
from api.routes.permits import require
from api.routes.stored import evidence_marking, record_of
from api.service import service_of
from api.store.incident_list import Incident, IncidentQuery, list_incidents

LARGEST_ID = 2**63 - 1
MOST_METRES = 1e8
Metres = tuple[float, float, float, float]

KnownOn = Annotated[
    str,
    Query(
        max_length=32,
        description="What was known before 00:00 (Europe/London) of this day: 2026-11-23; "
        "by default all that is known now.",
    ),
]
BoxQuery = Annotated[
    str | None,
    Query(
        max_length=120,
        description="Only points inside: west,south,east,north in metres, EPSG:27700.",
        examples=["530000,180000,532000,181000"],
    ),
]
BoroughQuery = Annotated[BoroughCode | None, Query(description="Only of this borough.")]
SourcesQuery = Annotated[
    list[Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]] | None,
    Query(alias="source", max_length=20, description="Only of this source; may be given again."),
]


class IncidentDocument(Document):
    """One standing version of a record: times in UTC, places in metres, EPSG:27700."""

    incident_id: int
    record_id: str
    source: str
    category: str
    basis: str
    occurred_from: str
    occurred_to: str
    known_from: str
    x_m: float | None
    y_m: float | None
    area_code: str | None
    ward_code: str | None
    borough_code: str | None
    source_grade: str | None
    information_grade: str | None
    handling_code: str | None
    correction: str | None
    notice: str | None


class IncidentsDocument(Document):
    """A page of incidents."""

    known_on: date | None
    incidents: list[IncidentDocument]
    links: list[dict[str, str]]


async def show_incidents(
    request: Request,
    *,
    known_on: KnownOn = "",
    bbox: BoxQuery = None,
    borough: BoroughQuery = None,
    sources: SourcesQuery = None,
    limit: LimitQuery = ROWS,
    cursor: CursorQuery = "",
) -> Response:
    """Return the incidents that stood on a day: those the actor may see, in order of arrival."""
    actor: Actor = request.state.actor
    if borough is not None:
        await require(request, Action.READ_INCIDENT, Resource("incidents", borough=borough))
    day = parse_day(known_on, "known_on") if known_on else None
    query = IncidentQuery(
        known_on=day,
        handling_c=HANDLING_C_SCOPE in actor.scopes,
        boroughs=_boroughs(actor, borough),
        bbox_m=_metres(bbox),
        sources=frozenset(sources) if sources else None,
        after=_after(cursor),
        limit=limit + 1,
    )
    store = record_of(request).store

    def look() -> list[Incident]:
        with store.read() as tx:
            return list_incidents(tx, query)

    found = await asyncio.to_thread(look)
    page = page_of(request, found, limit, lambda one: (str(one.incident_id),))
    body = {
        "known_on": day.isoformat() if day else None,
        "incidents": [incident_document(one) for one in page.rows],
        "links": page.links(request),
    }
    headers = {**await evidence_marking(service_of(request)), **page.headers}
    return JSONResponse(body, headers=headers)


def incident_document(one: Incident) -> dict[str, Any]:
    """Return an incident as plain JSON values."""
    plain = dict(vars(one))
    for name in ("occurred_from", "occurred_to", "known_from"):
        plain[name] = time_text(plain.pop(f"{name}_utc"))
    return plain


def _boroughs(actor: Actor, wanted: str | None) -> frozenset[str] | None:
    """Return the boroughs to look in; whether the actor may is decided before."""
    if wanted is not None:
        return frozenset({wanted})
    return own_boroughs(actor, Action.READ_INCIDENT)


def _metres(text: str | None) -> Metres | None:
    """Return the corners of a box, EPSG:27700."""
    if text is None:
        return None
    try:
        west, south, east, north = (float(one) for one in text.split(","))
    except ValueError:
        words = f"{text!r} is not four numbers"
        raise _refused(words, "give west,south,east,north in metres, EPSG:27700") from None
    for (least, most), names in (((west, east), "west, east"), ((south, north), "south, north")):
        if not -MOST_METRES < least <= most < MOST_METRES:
            words = f"{names} are {least:.10g}, {most:.10g}"
            raise _refused(words, f"give the lesser first, in metres up to {MOST_METRES:,.0f}")
    return west, south, east, north


def _after(cursor: str) -> int:
    """Return the identifier that a page follows, 0 for the first page."""
    key = position(cursor, 1)
    if key is None:
        return 0
    if not key[0].isdecimal() or len(key[0]) > 19 or int(key[0]) > LARGEST_ID:
        raise ProblemError(no_cursor())
    return int(key[0])


def _refused(problem: str, remedy: str) -> ProblemError:
    return ProblemError(request_refused(problem, remedy, "bbox"))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/incidents",
        Action.READ_INCIDENT,
        show_incidents,
        "Incidents that stood on a day",
        tag="record",
        operation="consultation",
        own_boroughs=True,
        responses={200: {"model": IncidentsDocument, "description": "A page of incidents."}},
    ),
)
