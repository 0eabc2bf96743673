"""API keys over HTTP, for administrators: listed without their secrets, made, ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import Path as InPath
from pydantic import Field, StringConstraints
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action
from api.accounts.keys import (
    KEY_ACTIONS,
    LONGEST_LIFE,
    LONGEST_OVERLAP,
    ApiKey,
    add_key,
    all_keys,
    replace_key,
    required_key,
    revoke_key,
)
from api.audit.entry import time_text
from api.conventions.once import shown_once
from api.identify import actor_of
from api.pagination import ROWS, CursorQuery, LimitQuery, moment, page_of, position
from api.routes.bodies import Label, Strict
from api.routes.documents import Document, problem
from api.routes.endpoint import Endpoint
from api.routes.stored import record_of
from api.routes.users import MARKING, Reason, ScopeName, read

KeyId = Annotated[
    str, InPath(pattern=r"^k[0-9a-f]{12}$", description="Identifier of a key, not its secret.")
]
ActionName = Annotated[str, Field(max_length=64, json_schema_extra={"enum": list(KEY_ACTIONS)})]


class NewKeyBody(Strict):
    """A new key of a program."""

    owner: Annotated[str, StringConstraints(min_length=2, max_length=64)] = Field(
        description="The account it acts for; it never has more rights than that one."
    )
    label: Label = Field(description="What it is for.")
    actions: Annotated[list[ActionName], Field(min_length=1, max_length=64)] = Field(
        description="What it opens. Approving and the like take a person: no key does them."
    )
    scopes: Annotated[list[ScopeName], Field(max_length=4)] = Field(
        default=[], description="Scopes of the account that the key may use."
    )
    days: int = Field(default=90, ge=1, le=LONGEST_LIFE.days, description="When it ends.")


class ReplaceKeyBody(Strict):
    """A new key in place of another."""

    days: int = Field(default=90, ge=1, le=LONGEST_LIFE.days, description="When the new key ends.")
    overlap_days: int = Field(
        default=7,
        ge=0,
        le=LONGEST_OVERLAP.days,
        description="How long the old key goes on beside the new one; 0 ends it at once.",
    )


class EndKeyBody(Strict):
    """Why a key is ended before its time."""

    reason: Reason


class KeyDocument(Document):
    """A key without its secret."""

    key_id: str
    owner: str
    label: str
    actions: list[str]
    scopes: list[str]
    created: str
    expires: str
    ended: str | None
    last_used: str | None = Field(
        description="When it was last used, to ten minutes; null for a key never used."
    )
    state: Literal["in use", "expired", "ended"]


class NewKeyDocument(KeyDocument):
    """A key, with the secret a program sends as its bearer token."""

    secret: str | None = Field(
        description="In the first answer alone; null when the request is sent again."
    )


class ReplacedKeyDocument(NewKeyDocument):
    """The new key with its secret, and the old one with its new end."""

    replaces: KeyDocument


class KeysDocument(Document):
    """A page of keys."""

    keys: list[KeyDocument]
    links: list[dict[str, str]]


async def list_keys(
    request: Request, limit: LimitQuery = ROWS, cursor: CursorQuery = ""
) -> Response:
    """Return the keys, oldest first; their secrets are kept nowhere."""
    key = position(cursor, 2)
    after = (moment(key[0]), key[1]) if key else None

    def look(tx: Connection) -> list[ApiKey]:
        return all_keys(tx, after=after, limit=limit + 1)

    found = await read(record_of(request), look)
    page = page_of(request, found, limit, lambda one: (time_text(one.created), one.key_id))
    shown = [key_document(request, one) for one in page.rows]
    body = {"keys": shown, "links": page.links(request)}
    return JSONResponse(body, headers={**MARKING, **page.headers})


async def show_key(request: Request, key_id: KeyId) -> Response:
    """Return a key without its secret."""
    found = await read(record_of(request), lambda tx: required_key(tx, key_id))
    return JSONResponse(key_document(request, found), headers=MARKING)


async def make_key(request: Request, body: NewKeyBody) -> Response:
    """Make a key and return its secret, shown only now."""
    by = actor_of(request)
    made, secret = await asyncio.to_thread(
        lambda: add_key(
            record_of(request), body.owner, body.label, body.actions,
            life=timedelta(days=body.days), by=by, scopes=body.scopes,
        )
    )  # fmt: skip
    document = key_document(request, made)
    shown_once(request, JSONResponse({**document, "secret": None}))
    headers = {**MARKING, "Location": f"/keys/{made.key_id}"}
    return JSONResponse({**document, "secret": secret}, 201, headers)


async def replace(request: Request, key_id: KeyId, body: ReplaceKeyBody) -> Response:
    """Make a key like another, which goes on for a few days, and return the secret, once."""
    by = actor_of(request)
    life, overlap = timedelta(days=body.days), timedelta(days=body.overlap_days)
    old, made, secret = await asyncio.to_thread(
        lambda: replace_key(record_of(request), key_id, life=life, overlap=overlap, by=by)
    )
    document = {**key_document(request, made), "replaces": key_document(request, old)}
    shown_once(request, JSONResponse({**document, "secret": None}))
    headers = {**MARKING, "Location": f"/keys/{made.key_id}"}
    return JSONResponse({**document, "secret": secret}, 201, headers)


async def end_key(request: Request, key_id: KeyId, body: EndKeyBody) -> Response:
    """End a key before its time."""
    by = actor_of(request)
    ended = await asyncio.to_thread(
        lambda: revoke_key(record_of(request), key_id, by=by, reason=body.reason)
    )
    return JSONResponse(key_document(request, ended), headers=MARKING)


def key_document(request: Request, key: ApiKey) -> dict[str, Any]:
    """Return a key as plain JSON values."""
    expired = record_of(request).clock() >= key.expires
    return {
        "key_id": key.key_id,
        "owner": key.owner,
        "label": key.label,
        "actions": list(key.actions),
        "scopes": list(key.scopes),
        "created": time_text(key.created),
        "expires": time_text(key.expires),
        "ended": time_text(key.revoked) if key.revoked else None,
        "last_used": time_text(key.last_used) if key.last_used else None,
        "state": "ended" if key.revoked else "expired" if expired else "in use",
    }


_KEY: dict[int | str, dict[str, Any]] = {
    200: {"model": KeyDocument, "description": "The key."},
    404: problem("There is no such key."),
}

ENDPOINTS = (
    Endpoint(
        "GET",
        "/keys",
        Action.MANAGE_KEYS,
        list_keys,
        "The keys of programs",
        tag="people",
        operation="consultation",
        responses={200: {"model": KeysDocument, "description": "A page of keys."}},
    ),
    Endpoint(
        "POST",
        "/keys",
        Action.MANAGE_KEYS,
        make_key,
        "Make a key for a program",
        tag="people",
        status=201,
        responses={
            201: {"model": NewKeyDocument, "description": "The key and its secret."},
            404: problem("There is no such open account."),
        },
    ),
    Endpoint(
        "GET",
        "/keys/{key_id}",
        Action.MANAGE_KEYS,
        show_key,
        "One key",
        tag="people",
        operation="consultation",
        responses=_KEY,
    ),
    Endpoint(
        "POST",
        "/keys/{key_id}/replace",
        Action.MANAGE_KEYS,
        replace,
        "Replace a key, which goes on for a few days",
        tag="people",
        status=201,
        responses={
            201: {"model": ReplacedKeyDocument, "description": "The new key and its secret."},
            404: problem("There is no such key."),
            409: problem("It has ended, has expired, or its account was closed."),
        },
    ),
    Endpoint(
        "POST",
        "/keys/{key_id}/revoke",
        Action.MANAGE_KEYS,
        end_key,
        "End a key before its time",
        tag="people",
        responses={**_KEY, 409: problem("It was ended already.")},
    ),
)
