"""Evidence over HTTP: a file taken into the store, its receipt, and the rows it refused."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import File, Form, UploadFile
from fastapi import Path as InPath
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action, Actor, Resource
from api.audit.entry import time_text
from api.audit.log import Record
from api.feed_intake import ingest_reading, receipt_document
from api.files.tables import csv_text
from api.negotiation import CSV
from api.ogc.ground import study_area
from api.pagination import ROWS, CursorQuery, LimitQuery, moment, page_of, position
from api.problems import ProblemError, http_problem
from api.routes.documents import Document, problem
from api.routes.endpoint import Endpoint
from api.routes.permits import require
from api.routes.stored import evidence_marking, record_of
from api.routes.uploads import COVERAGE_SUFFIX, keep_upload, safe_name
from api.routes.work import while_connected
from api.service import service_of
from api.store.receipts import (
    FeedFreshness,
    Receipt,
    find_receipt,
    freshness,
    latest_receipts,
    rejections,
)
from api.working.orders import READ, ReadingOrder
from hotspots.errors import FeedRefusedError
from hotspots.feeds.sidecar import sidecar_path

ReceiptId = Annotated[
    str, InPath(pattern=r"^[0-9a-f]{64}$", description="Receipt of a file taken in.")
]
_REJECTED = ("file", "row", "column", "value", "reason", "remedy", "expected")


class CoverageDocument(Document):
    """What a file speaks about; ``areas`` is null for the whole study area."""

    areas: list[str] | None
    first_day: date
    last_day: date
    months_missing: list[date]
    stated: bool
    explanation: str


class ReceiptDocument(Document):
    """What came of one file."""

    receipt_id: str = Field(description="SHA-256 of the content and of what it covers.")
    feed_id: str
    file: str
    format: str
    content_sha256: str
    received: str
    received_by: str
    n_records: int = Field(description="Accepted records.")
    n_counts: int = Field(description="Accepted counts of areas.")
    n_rejected: int = Field(description="Rows refused as malformed.")
    n_expected: int = Field(description="Rows the format cannot place by its nature.")
    n_merged: int = Field(description="Records that were known already, kept once.")
    n_corrections: int
    n_handling_c: int = Field(description="Accepted records under handling code C.")
    n_refused_c: int = Field(
        description="Refused rows under handling code C, or whose code cannot be read."
    )
    newest_known: str | None
    coverage: CoverageDocument
    warnings: list[str]
    dropped_columns: list[str]
    state: Literal["active", "withdrawn", "erased"]
    withdrawn_reason: str
    repeated: bool = Field(description="True when nothing was changed: it was there already.")


class FreshnessDocument(Document):
    """How recent a feed is."""

    feed_id: str
    n_files: int
    last_day: date
    newest_known: str | None
    last_received: str


class FeedsDocument(Document):
    """How recent each feed in use is, and the receipts, latest first."""

    feeds: list[FreshnessDocument]
    receipts: list[ReceiptDocument]
    links: list[dict[str, str]]


async def take_feed(
    request: Request,
    *,
    file: Annotated[UploadFile, File(description="A feed in any layout `arv assess` reads.")],
    name: Annotated[
        str, Form(max_length=120, description="Name of the file; by default its own.")
    ] = "",
    coverage: Annotated[
        UploadFile | None, File(description="CSV that states what the feed covers.")
    ] = None,
    report_rejected: Annotated[
        bool, Form(description="Take the sound rows and keep why others were not.")
    ] = False,
    drop_personal_columns: Annotated[
        bool, Form(description="Drop columns of personal data unread, instead of refusing.")
    ] = False,
) -> Response:
    """Take a file into the store and return its receipt; a file given again changes nothing."""
    options = FeedOptions(name, report_rejected, drop_personal_columns)
    receipt = await taken_in(request, file, coverage, options)
    marked = await evidence_marking(service_of(request))
    headers = {**marked, "Location": f"/feeds/{receipt.receipt_id}"}
    status = 200 if receipt.repeated else 201
    return JSONResponse(receipt_document(receipt), status, headers)


@dataclass(frozen=True)
class FeedOptions:
    """How a file is to be read; without a name it keeps its own."""

    name: str = ""
    report_rejected: bool = False
    drop_personal_columns: bool = False


async def taken_in(
    request: Request, file: UploadFile, coverage: UploadFile | None, options: FeedOptions
) -> Receipt:
    """Read a file that was sent and take it into the store.

    Raises
    ------
    InputRefusedError
        The file cannot be used, or the store cannot take it; nothing was changed.
    ProblemError
        503 when the service is busy or still starting.
    """
    service, record = service_of(request), record_of(request)
    actor: Actor = request.state.actor
    _refuse_sidecar(safe_name(options.name or file.filename))
    with service.workspace.staging() as folder:
        path = await keep_upload(file, folder / "sent", options.name)
        if coverage is not None:
            await keep_upload(coverage, folder / "sent", sidecar_path(path).name)
        order = ReadingOrder(path, options.report_rejected, options.drop_personal_columns)
        work = service.pool.run(READ, order, deadline_s=service.settings.limits.assess_s)
        reading = await while_connected(request, work)
    area = await study_area(service)
    return await asyncio.to_thread(ingest_reading, record, reading, actor.name, area)


async def list_feeds(
    request: Request, limit: LimitQuery = ROWS, cursor: CursorQuery = ""
) -> Response:
    """Return how recent each feed is, and the receipts of the files, the latest first."""
    record, key = record_of(request), position(cursor, 2)
    before = (moment(key[0]), key[1]) if key else None

    def look() -> tuple[list[FeedFreshness], list[Receipt]]:
        with record.store.read() as tx:
            return list(freshness(tx)), latest_receipts(tx, before=before, limit=limit + 1)

    fresh, found = await asyncio.to_thread(look)
    page = page_of(request, found, limit, lambda one: (time_text(one.received), one.receipt_id))
    body = {
        "feeds": [_fresh(one) for one in fresh],
        "receipts": [receipt_document(one) for one in page.rows],
        "links": page.links(request),
    }
    headers = {**await evidence_marking(service_of(request)), **page.headers}
    return JSONResponse(body, headers=headers)


async def read_receipt(request: Request, receipt_id: ReceiptId) -> Response:
    """Return the receipt of a file."""
    receipt = await asyncio.to_thread(_receipt, record_of(request), receipt_id)
    headers = await evidence_marking(service_of(request))
    return JSONResponse(receipt_document(receipt), headers=headers)


async def read_rejected(request: Request, receipt_id: ReceiptId) -> Response:
    """Return the rows of a file that were not accepted, each with the reason and the remedy."""
    record = record_of(request)
    receipt = await asyncio.to_thread(_receipt, record, receipt_id)
    about = Resource("file", receipt_id, handling_code=receipt.handling_code)
    await require(request, Action.READ_REJECTED, about)
    marked = await evidence_marking(service_of(request))
    text = await asyncio.to_thread(_rejected_csv, record, receipt_id, marked["X-Classification"])
    name = f'attachment; filename="rejected-{receipt_id[:12]}.csv"'
    return Response(text, headers={**marked, "Content-Disposition": name}, media_type=CSV)


def _receipt(record: Record, receipt_id: str) -> Receipt:
    with record.store.read() as tx:
        found = find_receipt(tx, receipt_id)
    if found is None:
        words = "no file was taken in under this receipt. Remedy: GET /feeds lists them."
        raise ProblemError(http_problem(404, words))
    return found


def _rejected_csv(record: Record, receipt_id: str, classification: str) -> str:
    with record.store.read() as tx:
        rows = rejections(tx, receipt_id)
    table = pd.DataFrame(
        [[*(getattr(one, name) for name in _REJECTED), classification] for one in rows],
        columns=[*_REJECTED, "classification"],
    )
    return csv_text(table)


def _fresh(one: FeedFreshness) -> dict[str, Any]:
    return {
        "feed_id": one.feed_id,
        "n_files": one.n_files,
        "last_day": one.last_day.isoformat(),
        "newest_known": one.newest_known.isoformat() if one.newest_known else None,
        "last_received": one.last_received.isoformat(),
    }


def _refuse_sidecar(name: str) -> None:
    if name.endswith(COVERAGE_SUFFIX):
        raise FeedRefusedError(
            "this file states what a feed covers and is no feed",
            remedy="send the feed as `file` and this one as `coverage`",
            file=name,
        )


ENDPOINTS = (
    Endpoint(
        "POST",
        "/feeds",
        Action.INGEST_FEED,
        take_feed,
        "Take a file of evidence into the store",
        tag="record",
        status=201,
        upload=True,
        responses={
            200: {"model": ReceiptDocument, "description": "It was there already."},
            201: {"model": ReceiptDocument, "description": "It was taken in; its receipt."},
            413: problem("The upload is too large."),
            503: problem("Busy, or the record cannot be written; nothing was changed."),
        },
    ),
    Endpoint(
        "GET",
        "/feeds",
        Action.READ_FEED,
        list_feeds,
        "How recent each feed is, and the receipts of the files taken in",
        tag="record",
        operation="consultation",
        responses={200: {"model": FeedsDocument, "description": "Feeds and receipts."}},
    ),
    Endpoint(
        "GET",
        "/feeds/{receipt_id}",
        Action.READ_FEED,
        read_receipt,
        "The receipt of a file",
        tag="record",
        operation="consultation",
        responses={
            200: {"model": ReceiptDocument, "description": "The receipt."},
            404: problem("There is no such receipt."),
        },
    ),
    Endpoint(
        "GET",
        "/feeds/{receipt_id}/rejected",
        Action.READ_REJECTED,
        read_rejected,
        "The rows of a file that were not accepted, as CSV",
        tag="record",
        operation="disclosure",
        responses={
            200: {"description": "A table.", "content": {CSV: {}}},
            404: problem("There is no such receipt."),
        },
    ),
)
