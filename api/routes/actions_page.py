"""The page of the actions arising: what was agreed, who answers for it, and how it ended."""

from __future__ import annotations

import asyncio
from typing import Literal, get_args

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access import Action, Resource, decide
from api.calendar_day import parse_day
from api.identify import actor_of
from api.pages.actions_view import MEETINGS, action_rows
from api.pages.rendering import page
from api.routes.actions import ActionId, Arising, change_action, ending, keep_arising
from api.routes.endpoint import Endpoint
from api.routes.forms import (
    REFUSALS,
    Fields,
    framed_headers,
    marked_frame,
    own_fields,
    refusal_status,
    refusal_words,
)
from api.routes.stored import record_of
from api.service import service_of
from api.store import actions as store
from api.store.decisions import Meeting
from api.store.errors import RecordRefusedError

HERE = "/actions-arising"
MOST_OPEN, MOST_ENDED = 200, 20
LONGEST_TASK, LONGEST_OWNER = 2000, 128
KEPT = ("task", "owner", "due_on", "held_on", "meeting")


async def show_actions(request: Request) -> Response:
    """Show the actions: the open ones by the day they are due, then those that ended last."""
    return await _shown(request)


async def add_action(request: Request) -> Response:
    """Record an action from the page."""
    fields, record = await own_fields(request), record_of(request)
    try:
        asked = _asked(fields)
        await asyncio.to_thread(keep_arising, record, asked, actor_of(request).name)
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _shown(request, message=words, status=status, fields=fields)
    return RedirectResponse(HERE, 303)


async def end_action(request: Request, action_id: ActionId) -> Response:
    """End an action from the page, as done or as cancelled."""
    fields, record, name = await own_fields(request), record_of(request), actor_of(request).name
    state: Literal["done", "cancelled"] = (
        "cancelled" if fields.get("end") == "cancelled" else "done"
    )
    version = fields.get("version", "")
    read_at = int(version) if version.isascii() and version.isdecimal() else 0
    try:
        outcome = _given(_line(fields, "outcome", LONGEST_TASK), "how it ended")
        step = ending(action_id, state, outcome, name)
        await asyncio.to_thread(change_action, record, step, read_at, name, outcome)
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _shown(request, message=words, status=status)
    return RedirectResponse(HERE, 303)


async def _shown(
    request: Request, *, message: str = "", status: int = 200, fields: Fields | None = None
) -> Response:
    record, today, actor = record_of(request), service_of(request).today(), actor_of(request)

    def look() -> tuple[list[store.Action], list[store.Action]]:
        with record.store.read() as tx:
            waiting = store.list_actions(tx, state="open", limit=MOST_OPEN + 1)
            return waiting, store.latest_ended(tx, MOST_ENDED)

    waiting, ended = await asyncio.to_thread(look)
    framed, given = await marked_frame(request), fields or {}
    values = {
        **framed,
        "open": action_rows(waiting[:MOST_OPEN], today),
        "more_open": len(waiting) > MOST_OPEN,
        "ended": action_rows(ended, today),
        "may_keep": decide(actor, Action.KEEP_ACTION, Resource("page")).allowed,
        "meetings": MEETINGS,
        "given": {
            **dict.fromkeys(KEPT, ""),
            "held_on": f"{today:%d/%m/%Y}",
            "owner": actor.name,
            **{name: given[name] for name in KEPT if name in given},
        },
        "message": message,
    }
    return page("actions.html", values, status=status, headers=framed_headers(framed))


def _asked(fields: Fields) -> Arising:
    """Return the action a form describes.

    Raises
    ------
    InputRefusedError
        A day is none, a text is empty or too long, or the meeting is not known.
    """
    meetings: dict[str, Meeting] = {name: name for name in get_args(Meeting)}
    meeting = meetings.get(fields.get("meeting", ""))
    if meeting is None:
        raise RecordRefusedError("the meeting is not known", remedy="choose one of those listed")
    return Arising(
        task=_given(_line(fields, "task", LONGEST_TASK), "the action"),
        owner=_given(_line(fields, "owner", LONGEST_OWNER), "its owner"),
        due_on=parse_day(fields.get("due_on", ""), "the day it is due"),
        held_on=parse_day(fields.get("held_on", ""), "the day of the meeting"),
        meeting=meeting,
    )


def _line(fields: Fields, name: str, longest: int) -> str:
    """Return a text of a form on one line, without what does not print."""
    tidy = " ".join(fields.get(name, "").split())
    if len(tidy) > longest:
        raise RecordRefusedError(
            f"the text has {len(tidy):,} characters, more than {longest:,}",
            remedy="say it in a sentence or two",
        )
    return "".join(sign for sign in tidy if sign.isprintable())


def _given(text: str, what: str) -> str:
    if not text:
        raise RecordRefusedError(f"{what} is empty", remedy="say it in a sentence")
    return text


ENDPOINTS = (
    Endpoint(
        "GET", HERE, Action.READ_ACTION, show_actions, "Actions arising, as a page", shown=False
    ),
    Endpoint(
        "POST",
        HERE,
        Action.KEEP_ACTION,
        add_action,
        "Record an action from the page",
        form=True,
        shown=False,
    ),
    Endpoint(
        "POST",
        f"{HERE}/{{action_id}}/end",
        Action.KEEP_ACTION,
        end_action,
        "End an action from the page",
        form=True,
        shown=False,
    ),
)
