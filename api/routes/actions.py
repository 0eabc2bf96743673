"""Actions arising over HTTP: what was agreed, who answers for it, by when, and how it ended."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import Path as InPath
from fastapi import Query
from pydantic import Field, StringConstraints
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action
from api.audit.entry import entry, time_text
from api.audit.log import Change, Record
from api.calendar_day import parse_day
from api.conventions.versions import etag, if_match
from api.identify import actor_of
from api.pagination import ROWS, CursorQuery, LimitQuery, no_cursor, page_of, position
from api.problems import ProblemError, http_problem
from api.routes.bodies import Strict, Text
from api.routes.completion import IF_MATCH
from api.routes.documents import Document, problem
from api.routes.endpoint import Endpoint
from api.routes.stored import evidence_marking, record_of
from api.service import service_of
from api.store import actions as store
from api.store.decisions import Meeting

KEY = r"^[0-9]{4}-W[0-9]{2}-[0-9a-f]{12}$"
LINE = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
ActionId = Annotated[str, InPath(pattern=r"^ac-[0-9a-f]{16}$", description="From the list.")]
Line = Annotated[str, StringConstraints(pattern=LINE, max_length=2000)]
Owner = Annotated[str, StringConstraints(pattern=LINE, max_length=128)]
StateQuery = Annotated[
    Literal["open", "done", "cancelled"] | None, Query(description="Only in this state.")
]
OwnerQuery = Annotated[Owner | None, Query(description="Only of this owner.")]
PlanQuery = Annotated[
    str | None, Query(pattern=KEY, description="Only those that arose from this plan.")
]
OverdueQuery = Annotated[bool, Query(description="Only open ones that were due before today.")]
Step = Callable[[Change, int], store.Action]


class ArisingBody(Strict):
    """What was agreed."""

    task: Line
    owner: Owner = Field(description="The post or account that answers for it.")
    due_on: Text = Field(description="2026-11-30 or 30/11/2026.")
    meeting: Meeting = "weekly_arv_tasking"
    held_on: Text | None = Field(default=None, description="Day of the meeting; today if left out.")
    plan_key: Annotated[str, StringConstraints(pattern=KEY)] | None = Field(
        default=None, description="Key of the plan it arises from."
    )


class EndBody(Strict):
    """How an action ended."""

    outcome: Line


class MoveBody(Strict):
    """Another owner, another day, or both."""

    owner: Owner | None = None
    due_on: Text | None = None


class ActionDocument(Document):
    """An action arising."""

    action_id: str
    meeting: Meeting
    held_on: date
    task: str
    owner: str
    due_on: date
    overdue: bool
    state: Literal["open", "done", "cancelled"]
    version: int = Field(description="Counts every change; send it in If-Match.")
    plan_key: str
    decision_id: str
    outcome: str
    recorded: str
    recorded_by: str
    closed: str | None
    closed_by: str


class ActionsDocument(Document):
    """A page of actions by the day they are due."""

    actions: list[ActionDocument]
    links: list[dict[str, str]]


async def show_actions(
    request: Request,
    *,
    state: StateQuery = None,
    owner: OwnerQuery = None,
    plan_key: PlanQuery = None,
    overdue: OverdueQuery = False,
    limit: LimitQuery = ROWS,
    cursor: CursorQuery = "",
) -> Response:
    """Return the actions by the day they are due."""
    today = service_of(request).today()
    if overdue and state not in (None, "open"):
        words = f"overdue: an action that is {state} is not overdue. Remedy: ask for open ones."
        raise ProblemError(http_problem(422, words))
    after, record = _after(cursor), record_of(request)

    def look() -> list[store.Action]:
        with record.store.read() as tx:
            return store.list_actions(
                tx,
                state="open" if overdue else state,
                due_by=today - timedelta(days=1) if overdue else None,
                owner=owner or "",
                plan_key=plan_key or "",
                after=after,
                limit=limit + 1,
            )

    found = await asyncio.to_thread(look)
    page = page_of(request, found, limit, lambda one: (one.due_on.isoformat(), one.action_id))
    rows = [_document(one, today) for one in page.rows]
    headers = {**await evidence_marking(service_of(request)), **page.headers}
    return JSONResponse({"actions": rows, "links": page.links(request)}, headers=headers)


async def show_action(request: Request, action_id: ActionId) -> Response:
    """Return one action."""
    record = record_of(request)

    def look() -> store.Action:
        with record.store.read() as tx:
            return store.find_action(tx, action_id)

    return await _answer(request, await asyncio.to_thread(look))


async def add_one(request: Request, body: ArisingBody) -> Response:
    """Record an action that arose in a meeting."""
    record, today = record_of(request), service_of(request).today()
    asked = Arising(
        task=body.task,
        owner=body.owner,
        due_on=parse_day(body.due_on, "due_on"),
        held_on=parse_day(body.held_on, "held_on") if body.held_on else today,
        meeting=body.meeting,
        plan_key=body.plan_key or "",
    )
    made = await asyncio.to_thread(keep_arising, record, asked, actor_of(request).name)
    return await _answer(request, made, status=201, Location=f"/actions/{made.action_id}")


@dataclass(frozen=True)
class Arising:
    """An action as it was agreed in a meeting."""

    task: str
    owner: str
    due_on: date
    held_on: date
    meeting: Meeting = "weekly_arv_tasking"
    plan_key: str = ""


def keep_arising(record: Record, asked: Arising, actor: str) -> store.Action:
    """Record an action with its entry in the audit record, in one transaction.

    Raises
    ------
    StoreRefusedError
        What :func:`api.store.actions.add_action` refuses; nothing was changed.
    """
    with record.change() as change:
        made = store.Action(
            f"ac-{secrets.token_hex(8)}", asked.meeting, asked.held_on, asked.task, asked.owner,
            asked.due_on, change.now, actor, plan_key=asked.plan_key,
        )  # fmt: skip
        store.add_action(change.tx, made)
        change.note(
            entry(actor, Action.KEEP_ACTION, "action", made.action_id,
                  operation="collection", detail={"state": made.state, "version": 1})
        )  # fmt: skip
    return made


async def end_as_done(request: Request, action_id: ActionId, body: EndBody) -> Response:
    """End an action that was done."""
    return await _end(request, action_id, "done", body.outcome)


async def end_as_cancelled(request: Request, action_id: ActionId, body: EndBody) -> Response:
    """End an action that is not to be done any more."""
    return await _end(request, action_id, "cancelled", body.outcome)


async def move_one(request: Request, action_id: ActionId, body: MoveBody) -> Response:
    """Give an open action another owner or another day."""
    due_on = parse_day(body.due_on, "due_on") if body.due_on else None

    def move(change: Change, version: int) -> store.Action:
        now = _moved(change.tx, action_id, body.owner, due_on)
        return store.move_action(change.tx, action_id, version, owner=now.owner, due_on=now.due_on)

    return await _change(request, move, "moved")


def _moved(tx: Connection, action_id: str, owner: str | None, due_on: date | None) -> store.Action:
    held = store.find_action(tx, action_id)
    return replace(held, owner=owner or held.owner, due_on=due_on or held.due_on)


async def _end(
    request: Request, action_id: str, state: Literal["done", "cancelled"], outcome: str
) -> Response:
    return await _change(
        request, ending(action_id, state, outcome, actor_of(request).name), outcome
    )


def ending(action_id: str, state: Literal["done", "cancelled"], outcome: str, actor: str) -> Step:
    """Return the step that ends an action, for :func:`change_action`."""

    def end(change: Change, version: int) -> store.Action:
        return store.close_action(
            change.tx, action_id, version, state, outcome=outcome, actor=actor, now=change.now
        )

    return end


async def _change(request: Request, step: Step, reason: str) -> Response:
    name, record, version = actor_of(request).name, record_of(request), if_match(request, "action")
    made = await asyncio.to_thread(change_action, record, step, version, name, reason)
    return await _answer(request, made)


def change_action(
    record: Record, step: Step, version: int, actor: str, reason: str
) -> store.Action:
    """Take a step on an action in one transaction with its entry in the audit record.

    Raises
    ------
    StoreRefusedError
        What the step refuses; nothing was changed.
    """
    with record.change() as change:
        made = step(change, version)
        change.note(
            entry(actor, Action.KEEP_ACTION, "action", made.action_id, reason=reason,
                  operation="alteration",
                  detail={"state": made.state, "version": made.version})
        )  # fmt: skip
    return made


def _after(cursor: str) -> tuple[date, str] | None:
    key = position(cursor, 2)
    if key is None:
        return None
    try:
        return date.fromisoformat(key[0]), key[1]
    except ValueError as fault:
        raise ProblemError(no_cursor()) from fault


def _document(one: store.Action, today: date) -> dict[str, Any]:
    plain = {name: getattr(one, name, None) for name in ActionDocument.model_fields}
    plain["held_on"], plain["due_on"] = one.held_on.isoformat(), one.due_on.isoformat()
    plain["overdue"] = one.state == "open" and one.due_on < today
    plain["recorded"] = time_text(one.recorded)
    plain["closed"] = time_text(one.closed) if one.closed else None
    return plain


async def _answer(
    request: Request, one: store.Action, status: int = 200, **headers: str
) -> Response:
    service = service_of(request)
    sent = {**await evidence_marking(service), **etag(one.version), **headers}
    return JSONResponse(_document(one, service.today()), status, sent)


CHANGED: dict[int | str, dict[str, Any]] = {
    200: {"model": ActionDocument, "description": "The action as it is now."},
    404: problem("There is no such action."),
    412: problem("Somebody changed it since it was read, or it has ended."),
    428: problem("If-Match is missing."),
}


def _step(name: str, handler: Any, summary: str) -> Endpoint:
    return Endpoint(
        "POST", f"/actions/{{action_id}}/{name}", Action.KEEP_ACTION, handler, summary,
        tag="record", responses=CHANGED, extra={"parameters": [IF_MATCH]},
    )  # fmt: skip


ENDPOINTS = (
    Endpoint(
        "GET",
        "/actions",
        Action.READ_ACTION,
        show_actions,
        "Actions arising, by the day they are due",
        tag="record",
        responses={200: {"model": ActionsDocument, "description": "A page of actions."}},
    ),
    Endpoint(
        "POST",
        "/actions",
        Action.KEEP_ACTION,
        add_one,
        "Record an action that arose in a meeting",
        tag="record",
        status=201,
        responses={
            201: {"model": ActionDocument, "description": "The action."},
            404: problem("There is no plan of its key."),
        },
    ),
    Endpoint(
        "GET",
        "/actions/{action_id}",
        Action.READ_ACTION,
        show_action,
        "One action arising",
        tag="record",
        responses={
            200: {"model": ActionDocument, "description": "The action."},
            404: problem("There is no such action."),
        },
    ),
    _step("done", end_as_done, "End an action that was done"),
    _step("cancel", end_as_cancelled, "End an action that is not to be done"),
    _step("move", move_one, "Give an action another owner or another day"),
)
