"""The page of the papers beside a plan, and the form that brings its equality statement."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import File, Form, Query, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access import Action, Actor, decide
from api.identify import actor_of
from api.pages.papers_view import card_view, equality_view, verdict_picture
from api.pages.rendering import page
from api.plans.equality import equality_statement
from api.plans.equality_table import COLUMNS as AREA_COLUMNS
from api.plans.equality_table import MOST_BYTES, read_area_table
from api.plans.record import PlanRecord, State
from api.plans.rules import as_resource as plan_resource
from api.plans.shelf import PlanShelf
from api.plans.verdict_file import VERDICT
from api.plans.verdict_view import COLUMNS, VerdictView
from api.routes.endpoint import Endpoint
from api.routes.forms import (
    REFUSALS,
    check_form_token,
    frame,
    refusal_status,
    refusal_words,
)
from api.routes.permits import as_resource, require, shown_plan
from api.routes.plan_content import content_of_record
from api.routes.plan_of_week import required_plan
from api.routes.plans import BACKTEST, PlanKey, shelf_of
from api.routes.stored import StoredPlan, marking, stored_verdict
from api.service import service_of

DONE: Mapping[str, str] = {"equality": "The equality statement is kept with the plan."}
Word = Annotated[str, Query(max_length=40)]
WeekText = Annotated[str, Query(max_length=16)]


@dataclass(frozen=True)
class _Papers:
    """The papers of a plan as they may be seen; without a record, those beside its files."""

    stored: StoredPlan
    record: PlanRecord | None
    verdict: VerdictView | None
    picture: Mapping[str, Any]
    card: Mapping[str, Any] | None
    equality: Mapping[str, Any] | None


async def show_papers_of_week(request: Request, week: WeekText = "") -> Response:
    """Show the papers beside the plan made last for a week."""
    stored = await shown_plan(request, await required_plan(service_of(request), week))
    return await _page(request, await _beside(request, stored, None))


async def show_papers(request: Request, key: PlanKey, done: Word = "") -> Response:
    """Show the papers kept with a plan of the record."""
    return await _page(request, await _kept(request, key), done=DONE.get(done, ""))


async def state_equality(
    request: Request,
    key: PlanKey,
    *,
    table: Annotated[UploadFile | None, File()] = None,
    version: Annotated[str, Form(max_length=9)] = "",
    form_token: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Make the equality statement of a plan from a table, and keep it with the plan."""
    check_form_token(request, form_token)
    shelf, actor = shelf_of(request), actor_of(request)
    record = await asyncio.to_thread(shelf.plan, key)
    made = await content_of_record(request, shelf, record)
    await require(request, Action.ALTER_PLAN, as_resource(made.source))
    if table is None or not table.filename:
        words = "Nothing was changed. No file was chosen. What to do: choose the table of areas."
        return await _page(request, await _kept(request, key), message=words, status=422)
    content, name = await table.read(MOST_BYTES + 1), table.filename[-80:]
    read_at = int(version) if version.isascii() and version.isdecimal() else 0

    def keep() -> None:
        assessment = made.source.assessment
        statement = equality_statement(
            made.plan, assessment, read_area_table(content, name, assessment)
        )
        shelf.attach(key, "equality_statement", statement, actor, version=read_at)

    try:
        await asyncio.to_thread(keep)
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _page(request, await _kept(request, key), message=words, status=status)
    return RedirectResponse(f"/papers/{key}?done=equality#equality-title", 303)


async def _kept(request: Request, key: str) -> _Papers:
    """Return the papers kept with a plan, or what stands for them where it is sanitised."""
    shelf = shelf_of(request)
    record = await asyncio.to_thread(shelf.plan, key)
    made = await content_of_record(request, shelf, record)
    shown = await shown_plan(request, made)
    if shown is not made:
        return await _beside(request, shown, record)
    kept = await asyncio.to_thread(PlanShelf(shelf.record).papers, key)
    beside = await _beside(request, made, record)
    return _Papers(
        made,
        record,
        beside.verdict if "verdict" in kept else None,
        kept.get("verdict", {}),
        kept.get("backtest_card"),
        kept.get("equality_statement"),
    )


async def _beside(request: Request, stored: StoredPlan, record: PlanRecord | None) -> _Papers:
    """Return the papers that lie beside a plan's own files; its equality is not stated there."""
    verdict = await stored_verdict(service_of(request), stored)
    picture = await asyncio.to_thread(_document, stored.folder / VERDICT)
    card = await asyncio.to_thread(_document, stored.source.folder / BACKTEST)
    return _Papers(stored, record, verdict, picture or {}, card, None)


def _document(path: Path) -> dict[str, Any] | None:
    """Return a document that the service itself stored, ``None`` when there is none."""
    if not path.is_file():
        return None
    body: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return body


async def _page(
    request: Request, papers: _Papers, *, message: str = "", status: int = 200, done: str = ""
) -> Response:
    stored, record = papers.stored, papers.record
    assessment = stored.source.assessment
    values = {
        **frame(request),
        "classification": assessment.classification,
        "notice": assessment.notice,
        "week": record.week if record else stored.plan.week,
        "plan_id": stored.recorded_id,
        "key": record.key if record else "",
        "version": record.version if record else 0,
        "verdict": papers.verdict,
        "verdict_columns": COLUMNS,
        "picture": verdict_picture(papers.picture),
        "card": card_view(papers.card) if papers.card else None,
        "has_card": papers.card is not None,
        "equality": equality_view(papers.equality) if papers.equality else None,
        "no_equality_reason": record.no_equality_reason if record else "",
        "may_state": _may_state(record, actor_of(request)),
        "columns": AREA_COLUMNS,
        "message": message,
        "done": done,
    }
    sent = marking(assessment, stored.plan)
    return page("papers.html", values, status=status, headers=sent)


def _may_state(record: PlanRecord | None, actor: Actor) -> bool:
    if record is None or record.papers.equality_statement:
        return False
    open_to_papers = record.state in {State.DRAFT, State.PROPOSED}
    return open_to_papers and decide(actor, Action.ALTER_PLAN, plan_resource(record)).allowed


ENDPOINTS = (
    Endpoint(
        "GET",
        "/papers",
        Action.READ_PLAN,
        show_papers_of_week,
        "The papers beside the plan of a week",
        operation="consultation",
        shown=False,
    ),
    Endpoint(
        "GET",
        "/papers/{key}",
        Action.READ_PLAN,
        show_papers,
        "The papers kept with a plan",
        operation="consultation",
        shown=False,
    ),
    Endpoint(
        "POST",
        "/papers/{key}/equality",
        Action.ALTER_PLAN,
        state_equality,
        "Keep an equality statement with a plan, from the page",
        upload=True,
        form=True,
        operation="alteration",
        shown=False,
    ),
)
