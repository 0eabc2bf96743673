"""The page of the evidence: how recent it is, files taken in with a receipt, and assessed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import File, Form, Query, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access import Action, Resource, decide
from api.audit.entry import time_text
from api.calendar_day import parse_day
from api.identify import actor_of
from api.jobs.door import run_or_accept
from api.pages.evidence_view import feed_rows, receipt_details, receipt_rows
from api.pages.rendering import page
from api.pagination import CursorQuery, moment, page_of, position
from api.problems import ProblemError, http_problem
from api.routes.assessment import ASSESSING, assessment_asked
from api.routes.endpoint import Endpoint
from api.routes.evidence import evidence_now
from api.routes.feeds import FeedOptions, ReceiptId, taken_in
from api.routes.forms import (
    REFUSALS,
    check_form_token,
    framed_headers,
    marked_frame,
    own_fields,
    refusal_status,
    refusal_words,
)
from api.routes.stored import record_of
from api.service import service_of
from api.store.receipts import FeedFreshness, Receipt, find_receipt, freshness, latest_receipts

RECEIPTS_SHOWN = 20
TICKED = "yes"
Word = Annotated[str, Query(max_length=40)]
Tick = Annotated[str, Form(max_length=8)]
#: What a receipt's page says after a file was sent.
DONE: Mapping[str, str] = {
    "taken": "The file is in the record.",
    "repeated": "The file was in the record already. Nothing was changed.",
}


async def show_evidence(request: Request, cursor: CursorQuery = "") -> Response:
    """Show how recent each feed is, the receipts, and the forms open to the person."""
    return await _shown(request, cursor=cursor)


async def send_file(
    request: Request,
    *,
    file: Annotated[UploadFile | None, File()] = None,
    coverage: Annotated[UploadFile | None, File()] = None,
    report_rejected: Tick = "",
    drop_personal_columns: Tick = "",
    form_token: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Take a file in and lead to its receipt; a refusal stays on the page."""
    check_form_token(request, form_token)
    given = {"report_rejected": report_rejected, "drop_personal_columns": drop_personal_columns}
    ticks = frozenset(name for name, value in given.items() if value == TICKED)
    if file is None or not file.filename:
        return await _shown(request, message=_no_file(), status=422, ticks=ticks)
    options = FeedOptions("", "report_rejected" in ticks, "drop_personal_columns" in ticks)
    stated = coverage if coverage is not None and coverage.filename else None
    try:
        receipt = await taken_in(request, file, stated, options)
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _shown(request, message=words, status=status, ticks=ticks)
    done = "repeated" if receipt.repeated else "taken"
    return RedirectResponse(f"/evidence/{receipt.receipt_id}?done={done}", 303)


async def show_receipt(request: Request, receipt_id: ReceiptId, *, done: Word = "") -> Response:
    """Show what came of one file."""
    record, actor = record_of(request), actor_of(request)

    def look() -> Receipt | None:
        with record.store.read() as tx:
            return find_receipt(tx, receipt_id)

    receipt = await asyncio.to_thread(look)
    if receipt is None:
        words = "no file was taken in under this receipt. Remedy: /evidence lists them."
        raise ProblemError(http_problem(404, words))
    about = Resource("file", receipt_id, handling_code=receipt.handling_code)
    framed = await marked_frame(request)
    values = {**framed, "receipt": receipt_details(receipt, actor, about), "done": DONE.get(done)}
    return page("receipt.html", values, headers=framed_headers(framed))


async def assess(request: Request) -> Response:
    """Have the evidence of the store assessed, as work to be followed on its own page."""
    fields = await own_fields(request)
    try:
        day = parse_day(fields.get("as_of", ""), "as_of")
        asked = assessment_asked(day, evidence_now(request, ()))
        with service_of(request).workspace.staging() as folder:
            sent = folder / "sent"
            sent.mkdir()
            accepted = await run_or_accept(request, ASSESSING, asked, files=sent, long=True)
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _shown(request, message=words, status=status, as_of=fields.get("as_of", ""))
    job_id = accepted.headers["location"].rpartition("/")[2]
    return RedirectResponse(f"/under-way/{job_id}", 303)


async def _shown(
    request: Request,
    *,
    cursor: str = "",
    message: str = "",
    status: int = 200,
    ticks: frozenset[str] = frozenset({"report_rejected"}),
    as_of: str = "",
) -> Response:
    service, actor = service_of(request), actor_of(request)
    fresh, found = await _listed(request, cursor)
    shown = page_of(
        request, found, RECEIPTS_SHOWN, lambda one: (time_text(one.received), one.receipt_id)
    )
    framed = await marked_frame(request)
    values: dict[str, Any] = {
        **framed,
        "feeds": feed_rows(fresh, service.today()),
        "receipts": receipt_rows(shown.rows),
        "earlier": shown.next_address,
        "later": bool(cursor),
        "may_send": decide(actor, Action.INGEST_FEED, Resource("page")).allowed,
        "may_assess": decide(actor, Action.MAKE_ASSESSMENT, Resource("page")).allowed,
        "message": message,
        "ticks": ticks,
        "as_of": as_of or f"{service.today():%d/%m/%Y}",
    }
    return page("evidence.html", values, status=status, headers=framed_headers(framed))


async def _listed(request: Request, cursor: str) -> tuple[list[FeedFreshness], list[Receipt]]:
    record, key = record_of(request), position(cursor, 2)
    before = (moment(key[0]), key[1]) if key else None

    def look() -> tuple[list[FeedFreshness], list[Receipt]]:
        with record.store.read() as tx:
            found = latest_receipts(tx, before=before, limit=RECEIPTS_SHOWN + 1)
            return list(freshness(tx)), found

    return await asyncio.to_thread(look)


def _no_file() -> str:
    return "Nothing was changed. No file was chosen. What to do: choose the file of a feed."


ENDPOINTS = (
    Endpoint(
        "GET",
        "/evidence",
        Action.READ_FEED,
        show_evidence,
        "The evidence: feeds, files and their receipts",
        operation="consultation",
        shown=False,
    ),
    Endpoint(
        "POST",
        "/evidence",
        Action.INGEST_FEED,
        send_file,
        "Take a file of evidence in from the page",
        upload=True,
        form=True,
        shown=False,
    ),
    Endpoint(
        "POST",
        "/evidence/assessment",
        Action.MAKE_ASSESSMENT,
        assess,
        "Have the evidence of the store assessed from the page",
        form=True,
        operation="combination",
        shown=False,
    ),
    Endpoint(
        "GET",
        "/evidence/{receipt_id}",
        Action.READ_FEED,
        show_receipt,
        "What came of a file, as a page",
        operation="consultation",
        shown=False,
    ),
)
