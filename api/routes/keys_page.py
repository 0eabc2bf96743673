"""The pages on which administrators keep the keys of programs; a secret is shown once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access import HANDLING_C_SCOPE, Action
from api.accounts.keys import (
    LONGEST_LIFE,
    LONGEST_OVERLAP,
    ApiKey,
    add_key,
    all_keys,
    replace_key,
    revoke_key,
)
from api.audit.entry import time_text
from api.conventions.once import shown_once
from api.identify import actor_of
from api.pages.people_view import key_choices, key_row
from api.pages.rendering import page
from api.pagination import CursorQuery, moment, page_of, position
from api.refusals import AccountRefusedError
from api.routes.endpoint import Endpoint
from api.routes.forms import REFUSALS, marked_frame, refusal_status, refusal_words
from api.routes.keys import KeyId
from api.routes.stored import record_of
from api.routes.users import read
from api.routes.users_page import Fields, ticked_fields

KEYS_SHOWN = 100
LONGEST_LABEL = 200
Word = Annotated[str, Query(max_length=40)]
DONE: Mapping[str, str] = {"ended": "The key is ended. It opens nothing any more."}


async def show_keys(request: Request, cursor: CursorQuery = "", *, done: Word = "") -> Response:
    """Show the keys without their secrets, and the form that makes one."""
    return await _keys(request, cursor=cursor, done=DONE.get(done, ""))


async def add_program_key(request: Request) -> Response:
    """Make a key and show its secret, once."""
    fields = await ticked_fields(request)

    def make() -> tuple[ApiKey, str]:
        return add_key(
            record_of(request), _text(fields, "owner").strip(), _label(fields),
            fields.get("action", ()), life=timedelta(days=_days(fields)), by=actor_of(request),
            scopes=fields.get("scope", ()),
        )  # fmt: skip

    try:
        made, secret = await asyncio.to_thread(make)
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _keys(request, message=words, status=status, given=fields)
    return await _keys(request, once=secret, made=made)


async def replace_program_key(request: Request, key_id: KeyId) -> Response:
    """Make a key like another, which goes on for a few days, and show the secret, once."""
    fields = await ticked_fields(request)

    def make() -> tuple[ApiKey, ApiKey, str]:
        overlap_days = _days(fields, "overlap_days", LONGEST_OVERLAP.days, least=0)
        return replace_key(
            record_of(request), key_id, life=timedelta(days=_days(fields)),
            overlap=timedelta(days=overlap_days), by=actor_of(request),
        )  # fmt: skip

    try:
        old, made, secret = await asyncio.to_thread(make)
    except REFUSALS as refusal:
        return await _keys(request, message=refusal_words(refusal), status=refusal_status(refusal))
    return await _keys(request, once=secret, made=made, replaced=old)


async def end_program_key(request: Request, key_id: KeyId) -> Response:
    """End a key before its time."""
    fields = await ticked_fields(request)
    reason = " ".join(_text(fields, "reason").split())
    try:
        await asyncio.to_thread(
            lambda: revoke_key(record_of(request), key_id, by=actor_of(request), reason=reason)
        )
    except REFUSALS as refusal:
        return await _keys(request, message=refusal_words(refusal), status=refusal_status(refusal))
    return RedirectResponse("/program-keys?done=ended", 303)


async def _keys(
    request: Request,
    *,
    cursor: str = "",
    done: str = "",
    message: str = "",
    status: int = 200,
    once: str = "",
    made: ApiKey | None = None,
    replaced: ApiKey | None = None,
    given: Fields | None = None,
) -> Response:
    record, key = record_of(request), position(cursor, 2)
    after = (moment(key[0]), key[1]) if key else None

    def look(tx: Connection) -> list[ApiKey]:
        return all_keys(tx, after=after, limit=KEYS_SHOWN + 1)

    found = await read(record, look)
    shown = page_of(request, found, KEYS_SHOWN, lambda one: (time_text(one.created), one.key_id))
    framed, fields, now = await marked_frame(request), given or {}, record.clock()
    values: dict[str, Any] = {
        **framed,
        "keys": [key_row(one, now) for one in shown.rows],
        "more": shown.next_address,
        "later": bool(cursor),
        "done": done,
        "message": message,
        "once": once,
        "made": key_row(made, now) if made else None,
        "replaced": key_row(replaced, now) if replaced else None,
        "action_choices": key_choices(),
        "scope_choices": ((HANDLING_C_SCOPE, "Sees material with handling code C"),),
        "ticks": frozenset((*fields.get("action", ()), *fields.get("scope", ()))),
        "given": {name: _text(fields, name) for name in ("owner", "label")},
        "days": _text(fields, "days") or "90",
        "most_days": LONGEST_LIFE.days,
        "most_overlap_days": LONGEST_OVERLAP.days,
    }
    answer = page("keys.html", values, status=status, headers=framed["headers"])  # type: ignore[arg-type]  # the frame's headers
    if once:
        shown_once(request, page("keys.html", {**values, "once": ""}))
    return answer


def _days(
    fields: Fields, name: str = "days", most: int = LONGEST_LIFE.days, *, least: int = 1
) -> int:
    given = _text(fields, name).strip()
    if not (given.isascii() and given.isdecimal() and len(given) < 5):
        raise AccountRefusedError(
            "the life of a key is no whole number of days",
            remedy=f"give {least} to {most}",
            value=given[:40],
        )
    return int(given)


def _label(fields: Fields) -> str:
    label = " ".join(_text(fields, "label").split())
    if not label.isprintable() or len(label) > LONGEST_LABEL:
        raise AccountRefusedError(
            f"the label has {len(label)} characters, or some that do not print",
            remedy=f"say in at most {LONGEST_LABEL} characters what the key is for",
        )
    return label


def _text(fields: Fields, name: str) -> str:
    return next(iter(fields.get(name, ())), "")


ENDPOINTS = (
    Endpoint(
        "GET",
        "/program-keys",
        Action.MANAGE_KEYS,
        show_keys,
        "The keys of programs, as a page",
        operation="consultation",
        shown=False,
    ),
    Endpoint(
        "POST",
        "/program-keys",
        Action.MANAGE_KEYS,
        add_program_key,
        "Make a key from the page",
        form=True,
        shown=False,
    ),
    Endpoint(
        "POST",
        "/program-keys/{key_id}/replace",
        Action.MANAGE_KEYS,
        replace_program_key,
        "Replace a key from the page",
        form=True,
        shown=False,
    ),
    Endpoint(
        "POST",
        "/program-keys/{key_id}/revoke",
        Action.MANAGE_KEYS,
        end_program_key,
        "End a key from the page",
        form=True,
        shown=False,
    ),
)
