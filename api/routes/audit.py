"""The audit record over HTTP: its entries with filters, its signed end, a check of all of it."""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal

from fastapi import Path as InPath
from fastapi import Query
from pydantic import Field
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action, Actor
from api.audit.anchor import anchor_document, read_head
from api.audit.entries import EntryQuery, find_entry, list_entries, signed_end
from api.audit.entry import MOST_ACTOR, MOST_OBJECT, MOST_WORD, time_text
from api.audit.handing_out import hand_out
from api.audit.signing import Head
from api.audit.verify import Verification, verify
from api.calendar_day import parse_day
from api.pagination import ROWS, CursorQuery, LimitQuery, no_cursor, page_of, position
from api.problems import ProblemError, http_problem
from api.record_folder import kept_head
from api.routes.bodies import Strict
from api.routes.documents import Document, problem
from api.routes.endpoint import Endpoint
from api.routes.stored import record_of
from api.service import LONDON, service_of

#: Reasons are written by people who have the whole picture before them.
CLASSIFICATION = "OFFICIAL-SENSITIVE"
MOST_ANCHORS = 100
MARKED = {"X-Classification": CLASSIFICATION}
Position = Annotated[int, InPath(ge=1, le=2**62, description="Its position in the record.")]
FromQuery = Annotated[
    str, Query(alias="from", max_length=32, description="First day, in London: 2026-11-23.")
]
ToQuery = Annotated[str, Query(alias="to", max_length=32, description="Last day, in London.")]


def _word(most: int, description: str) -> Any:
    """Return a query parameter of printable text."""
    return Query(max_length=most, pattern=r"^[^\x00-\x1f\x7f]*$", description=description)


class EntryDocument(Document):
    """One row of the record."""

    position: int
    at_utc: str
    actor: str
    action: str
    outcome: Literal["done", "denied", "failed"]
    object_kind: str
    object_id: str
    object_sha256: str | None
    reason: str
    detail: dict[str, Any] | None
    previous_sha256: str
    row_sha256: str


class EntriesDocument(Document):
    """A page of the record, the latest first."""

    entries: list[EntryDocument]
    links: list[dict[str, str]]


class AnchorDocument(Document):
    """The signed end of the record: keep it where nobody can alter both."""

    schema_version: str
    position: int
    row_sha256: str
    signed_utc: str
    key_id: str
    signature: str = Field(description="Ed25519, base64.")


class AnchorsBody(Strict):
    """Anchors that were kept elsewhere, to check the record against."""

    anchors: Annotated[list[dict[str, Any]], Field(max_length=MOST_ANCHORS)] = Field(
        default=[], description="Documents of POST /audit/anchors or `arv audit anchor`."
    )


class FindingDocument(Document):
    """Something wrong with the record, and where."""

    kind: str
    position: int
    words: str


class CheckDocument(Document):
    """What a check of the whole record came to."""

    sound: bool
    rows: int
    last_sha256: str
    anchors: int = Field(description="Signed ends from outside the database that were compared.")
    n_findings: int
    findings: list[FindingDocument]
    clock_moved_back: list[int]
    keys: list[str] = Field(description="Keys that signed the record, the first first.")


async def show_entries(
    request: Request,
    *,
    actor: Annotated[str, _word(MOST_ACTOR, "Only by this actor.")] = "",
    action: Annotated[str, _word(MOST_WORD, "Only this action: plan.approve.")] = "",
    outcome: Annotated[Literal["done", "denied", "failed"] | None, Query()] = None,
    object_kind: Annotated[str, _word(MOST_WORD, "Only of this kind: plan.")] = "",
    object_id: Annotated[str, _word(MOST_OBJECT, "Only of this object.")] = "",
    first_day: FromQuery = "",
    last_day: ToQuery = "",
    limit: LimitQuery = ROWS,
    cursor: CursorQuery = "",
) -> Response:
    """Return the entries that match, the latest first."""
    wanted = EntryQuery(
        actor=actor,
        action=action,
        outcome=outcome or "",
        object_kind=object_kind,
        object_id=object_id,
        at_from=_midnight(first_day, "from", 0),
        at_before=_midnight(last_day, "to", 1),
        before=_before(cursor),
        limit=limit + 1,
    )
    store = record_of(request).store

    def look() -> list[Row[Any]]:
        with store.read() as tx:
            return list_entries(tx, wanted)

    found = await asyncio.to_thread(look)
    page = page_of(request, found, limit, lambda row: (str(row.position),))
    body = {"entries": [_document(row) for row in page.rows], "links": page.links(request)}
    return JSONResponse(body, headers={**MARKED, **page.headers})


async def show_entry(request: Request, at: Position) -> Response:
    """Return one entry."""
    store = record_of(request).store

    def look() -> Row[Any] | None:
        with store.read() as tx:
            return find_entry(tx, at)

    row = await asyncio.to_thread(look)
    if row is None:
        words = f"the record has no row {at}. Remedy: GET /audit has the latest first."
        raise ProblemError(http_problem(404, words))
    return JSONResponse(_document(row), headers=MARKED)


async def show_head(request: Request) -> Response:
    """Return the signed end of the record as it stands."""
    store = record_of(request).store

    def look() -> Head | None:
        with store.read() as tx:
            return signed_end(tx)

    head = await asyncio.to_thread(look)
    if head is None:
        raise ProblemError(http_problem(404, "the record has no entry yet."))
    return JSONResponse(anchor_document(head), headers=MARKED)


async def make_anchor(request: Request) -> Response:
    """Give out the signed end of the record, to be kept elsewhere; that is recorded, too."""
    actor: Actor = request.state.actor
    head = await asyncio.to_thread(hand_out, record_of(request), actor.name)
    name = f'attachment; filename="anchor-{head.position}.json"'
    return JSONResponse(anchor_document(head), 201, headers={**MARKED, "Content-Disposition": name})


async def check_record(request: Request, body: AnchorsBody) -> Response:
    """Check every row, link and signature, also against anchors that were kept elsewhere."""
    record, data_dir = record_of(request), service_of(request).settings.data_dir
    given = [read_head(one, f"anchor {n}") for n, one in enumerate(body.anchors, start=1)]

    def check() -> Verification:
        kept = kept_head(data_dir)
        heads = [*given, *([kept] if kept else [])]
        with record.store.read() as tx:
            return verify(tx, record.signer.verifier, heads)

    done = await asyncio.to_thread(check)
    plain = {
        **{name: value for name, value in vars(done).items() if name != "findings"},
        "sound": done.sound,
        "findings": [vars(one) for one in done.findings],
        "clock_moved_back": list(done.clock_moved_back),
        "keys": list(done.keys),
    }
    return JSONResponse(plain, headers=MARKED)


def _midnight(text: str, name: str, days_after: int) -> datetime | None:
    """Return the start of a day in London, or of one some days after it."""
    if not text:
        return None
    day = parse_day(text, name)
    try:
        day += timedelta(days=days_after)
    except OverflowError:
        return None  # nothing comes after the last day of the calendar
    return datetime.combine(day, time(), LONDON)


def _before(cursor: str) -> int | None:
    """Return the position that a page comes before, ``None`` for the first page."""
    key = position(cursor, 1)
    if key is None:
        return None
    if not key[0].isdecimal() or len(key[0]) > 18:
        raise ProblemError(no_cursor())
    return int(key[0])


def _document(row: Row[Any]) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in EntryDocument.model_fields}
    plain["at_utc"] = time_text(row.at_utc)
    return plain


ENDPOINTS = (
    Endpoint(
        "GET",
        "/audit",
        Action.READ_AUDIT,
        show_entries,
        "Entries of the audit record, the latest first",
        tag="audit",
        operation="consultation",
        responses={200: {"model": EntriesDocument, "description": "A page of entries."}},
    ),
    Endpoint(
        "GET",
        "/audit/head",
        Action.READ_AUDIT,
        show_head,
        "The signed end of the audit record",
        tag="audit",
        operation="consultation",
        responses={
            200: {"model": AnchorDocument, "description": "The signed end."},
            404: problem("The record has no entry yet."),
        },
    ),
    Endpoint(
        "GET",
        "/audit/{at:int}",
        Action.READ_AUDIT,
        show_entry,
        "One entry of the audit record",
        tag="audit",
        operation="consultation",
        responses={
            200: {"model": EntryDocument, "description": "The entry."},
            404: problem("The record has no such row."),
        },
    ),
    Endpoint(
        "POST",
        "/audit/anchors",
        Action.ANCHOR_AUDIT,
        make_anchor,
        "Give out the signed end of the record, to be kept elsewhere",
        tag="audit",
        status=201,
        responses={201: {"model": AnchorDocument, "description": "The anchor, as a file."}},
    ),
    Endpoint(
        "POST",
        "/audit/check",
        Action.READ_AUDIT,
        check_record,
        "Check the whole audit record, also against anchors",
        tag="audit",
        operation="consultation",
        responses={200: {"model": CheckDocument, "description": "What the check came to."}},
    ),
)
