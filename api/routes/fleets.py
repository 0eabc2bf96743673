"""Fleets over HTTP: which there are, one with its vehicles, a new version, and the earlier ones.

A fleet is a fleet file. What is put is checked by the reader of `arv allocate` and refused in its
words; a change is a new version, kept with who made it and why, in one transaction with its entry
in the audit record.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import Path as InPath
from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from allocator.errors import FleetRefusedError
from api.access import Action, Actor
from api.audit.entry import entry
from api.conventions.versions import etag, if_match
from api.files.fleet_file import parse_fleet
from api.negotiation import JSON, choose
from api.pagination import ROWS, CursorQuery, LimitQuery, page_of, position
from api.problems import ProblemError, http_problem
from api.routes.bodies import Identifier
from api.routes.documents import Document, problem
from api.routes.endpoint import Endpoint
from api.routes.known_fleets import (
    KnownFleet,
    all_fleets,
    find_fleet,
    fleet_document,
    line_document,
    of_store,
    versions_of,
)
from api.routes.stored import record_of
from api.service import service_of
from api.store.errors import StaleRecordError, UnknownRecordError
from api.store.fleets import keep_fleet
from api.store.types import digest
from api.workspace import Workspace

TOML, TEXT = "application/toml", "text/plain"
FleetId = Annotated[Identifier, InPath(description="`fleet_id` in POST /allocate.")]
VersionQuery = Annotated[
    int | None, Query(ge=0, le=10**9, description="An earlier version; 0 is a file in fleets/.")
]
ReasonQuery = Annotated[str, Query(max_length=2000, description="Why, for the record.")]


class FleetLineDocument(Document):
    """One fleet in the list."""

    fleet_id: str
    version: int = Field(description="Counts the changes; 0 for a file in fleets/.")
    origin: Literal["store", "file"]
    toml_sha256: str
    created: str | None
    created_by: str
    reason: str


class FleetsDocument(Document):
    """A page of fleets, or of the versions of one."""

    fleets: list[FleetLineDocument]
    links: list[dict[str, str]]


class FleetUnitDocument(Document):
    """One vehicle."""

    unit_id: str
    provenance: str
    eligible_boroughs: list[str] = Field(description="Empty means anywhere.")
    on_duty: list[str]


class FleetDocument(FleetLineDocument):
    """A fleet with its vehicles and the labelled assumptions of response."""

    toml: str = Field(description="The file as it was given.")
    label: str
    service_standard_s: int
    turnout_s: int
    calls_per_week: float | None
    service_time_s: float | None
    units: list[FleetUnitDocument]


async def list_every_fleet(
    request: Request, limit: LimitQuery = ROWS, cursor: CursorQuery = ""
) -> Response:
    """Return the fleets that can be planned with, by identifier."""
    after = position(cursor, 1)
    workspace, record = service_of(request).workspace, record_of(request)
    known = await asyncio.to_thread(all_fleets, workspace, record)
    later = [one for one in known if after is None or one.fleet_id > after[0]]
    page = page_of(request, later, limit, lambda one: (one.fleet_id,))
    body = {"fleets": [line_document(one) for one in page.rows], "links": page.links(request)}
    return JSONResponse(body, headers=page.headers)


async def read_one_fleet(
    request: Request, fleet_id: FleetId, version: VersionQuery = None
) -> Response:
    """Return a fleet: JSON by default, its file for Accept: application/toml."""
    workspace, record = service_of(request).workspace, record_of(request)
    media_type = choose(request.headers.get("accept"), (JSON, TOML))

    def look() -> tuple[KnownFleet, dict[str, Any] | None]:
        with record.store.read() as tx:
            known = find_fleet(workspace, tx, fleet_id, version)
        return known, fleet_document(known, known.fleet()) if media_type == JSON else None

    known, body = await asyncio.to_thread(look)
    headers = {**etag(known.version), "Vary": "Accept"}
    if body is None:
        return Response(known.toml, headers=headers, media_type=TOML)
    return JSONResponse(body, headers=headers)


async def list_versions(
    request: Request, fleet_id: FleetId, limit: LimitQuery = ROWS, cursor: CursorQuery = ""
) -> Response:
    """Return the versions of a stored fleet, the newest first."""
    after = position(cursor, 1)
    found = await asyncio.to_thread(versions_of, record_of(request), fleet_id)
    later = [one for one in found if after is None or f"{one.version:010d}" < after[0]]
    page = page_of(request, later, limit, lambda one: (f"{one.version:010d}",))
    body = {"fleets": [line_document(one) for one in page.rows], "links": page.links(request)}
    return JSONResponse(body, headers=page.headers)


async def put_fleet(request: Request, fleet_id: FleetId, reason: ReasonQuery = "") -> Response:
    """Store a fleet file: a new fleet, or the next version of one.

    ``If-None-Match: *`` says that it is a new one, ``If-Match`` which version it replaces.
    """
    actor: Actor = request.state.actor
    workspace, record = service_of(request).workspace, record_of(request)
    given = _replaced(request)
    toml = _text(await request.body())

    def keep() -> tuple[KnownFleet, dict[str, Any], bool]:
        fleet = parse_fleet(toml, fleet_id)
        with record.change() as change:
            held = _held(workspace, change.tx, fleet_id)
            _check_version(held, given)
            kept = keep_fleet(
                change.tx, fleet_id, toml, actor=actor.name, now=change.now, reason=reason
            )
            changed = held is None or kept.version != held.version
            change.note(
                entry(
                    actor.name,
                    Action.KEEP_FLEET,
                    "fleet",
                    fleet_id,
                    reason=reason,
                    object_sha256=digest(toml),
                    operation="alteration",
                    detail={"version": kept.version, "changed": changed},
                )
            )
        known = of_store(kept)
        return known, fleet_document(known, fleet), held is None

    known, body, made = await asyncio.to_thread(keep)
    headers = {**etag(known.version), "Location": f"/fleets/{fleet_id}"}
    return JSONResponse(body, 201 if made else 200, headers)


def _replaced(request: Request) -> int | None:
    """Return the version that a fleet is to replace, ``None`` when it is to be a new one."""
    if request.headers.get("if-none-match", "").strip() == "*":
        return None
    if "if-match" not in request.headers:
        words = "the request does not say whether the fleet is new or replaces one"
        remedy = "send If-None-Match: * for a new one, or the ETag of the one replaced in If-Match"
        raise ProblemError(http_problem(428, f"{words}. Remedy: {remedy}."))
    return if_match(request, "fleet")


def _held(workspace: Workspace, tx: Connection, fleet_id: str) -> KnownFleet | None:
    try:
        return find_fleet(workspace, tx, fleet_id)
    except UnknownRecordError:
        return None


def _check_version(held: KnownFleet | None, given: int | None) -> None:
    """Refuse a change that was decided on another version than the one in use."""
    if given is None and held is not None:
        raise StaleRecordError(
            f"the fleet is there already, as version {held.version}",
            remedy=f'to replace it send If-Match: "{held.version}", or take another identifier',
            value=held.fleet_id,
        )
    if given is not None and held is None:
        raise ProblemError(
            http_problem(
                404,
                "there is no fleet of this identifier. Remedy: send If-None-Match: * to make it.",
            )
        )
    if held is not None and given is not None and held.version != given:
        raise StaleRecordError(
            f"the fleet is version {held.version} now, not {given}",
            remedy="read it again and decide anew",
            value=held.fleet_id,
        )


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise FleetRefusedError(
            f"the fleet file is not UTF-8 at byte {fault.start}",
            remedy="save it as UTF-8; examples/fleet.toml is a fleet file",
        ) from fault


_BODY = {
    "description": "The fleet file (TOML), as `arv allocate --fleet` reads it.",
    "required": True,
    "content": {kind: {"schema": {"type": "string"}} for kind in (TEXT, TOML)},
}
_PRECONDITIONS = [
    {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": 'The version it replaces, as its ETag gave it: "4".',
        "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
    },
    {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "`*` for a new fleet. One of the two must be sent.",
        "schema": {"type": "string", "enum": ["*"]},
    },
]
_FORMS = {TOML: {"schema": {"type": "string"}}}

ENDPOINTS = (
    Endpoint(
        "GET",
        "/fleets",
        Action.READ_FLEET,
        list_every_fleet,
        "The fleets that can be planned with",
        tag="record",
        responses={200: {"model": FleetsDocument, "description": "A page of fleets."}},
    ),
    Endpoint(
        "GET",
        "/fleets/{fleet_id}",
        Action.READ_FLEET,
        read_one_fleet,
        "One fleet with its vehicles: JSON, or its file",
        tag="record",
        responses={
            200: {"model": FleetDocument, "description": "The fleet.", "content": _FORMS},
            404: problem("There is no such fleet or version."),
            406: problem("None of the accepted forms can be given."),
        },
    ),
    Endpoint(
        "GET",
        "/fleets/{fleet_id}/versions",
        Action.READ_FLEET,
        list_versions,
        "The versions of a stored fleet, the newest first",
        tag="record",
        responses={
            200: {"model": FleetsDocument, "description": "A page of versions."},
            404: problem("The store has no such fleet."),
        },
    ),
    Endpoint(
        "PUT",
        "/fleets/{fleet_id}",
        Action.KEEP_FLEET,
        put_fleet,
        "Store a fleet file: a new fleet, or the next version of one",
        tag="record",
        responses={
            200: {"model": FleetDocument, "description": "The fleet as it is now."},
            201: {"model": FleetDocument, "description": "The new fleet."},
            404: problem("There is no such fleet to replace."),
            412: problem("The fleet has another version, or is there already."),
            413: problem("The file is too large."),
            428: problem("Neither If-Match nor If-None-Match is sent."),
        },
        extra={"parameters": _PRECONDITIONS, "requestBody": _BODY},
    ),
)
