"""Accounts over HTTP, for administrators: listed, made, changed, closed and opened again.

A change names the version it was decided on in ``If-Match``. A one-time password is in the answer
that made it and nowhere else: the same request sent again under its ``Idempotency-Key`` is
answered without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Path as InPath
from pydantic import Field, StringConstraints
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action, Actor
from api.accounts.closing import end_user, reopen_user
from api.accounts.directory import ONE_TIME_LIFE, User, all_users, required_user
from api.accounts.names import checked_name
from api.accounts.passwords import one_time_password
from api.accounts.rights import Rights, checked_rights
from api.accounts.users import add_user, change_rights, reset_password
from api.audit.entry import time_text
from api.audit.log import Record
from api.conventions.once import shown_once
from api.conventions.versions import etag, if_match
from api.identify import actor_of
from api.pagination import ROWS, CursorQuery, LimitQuery, page_of, position
from api.refusals import AccountRefusedError
from api.routes.bodies import BoroughCode, Label, Strict
from api.routes.completion import IF_MATCH
from api.routes.documents import Document, problem
from api.routes.endpoint import Endpoint, Handler
from api.routes.stored import UNASSESSED, record_of
from api.service import service_of

Value = TypeVar("Value")

#: Lists of staff are for those who administer, and marked like the evidence.
MARKING = {"X-Classification": UNASSESSED}

RoleName = Literal[
    "analyst", "planner", "chair", "approver", "commander", "borough", "auditor", "administrator"
]
ScopeName = Literal["handling-c"]
State = Literal["open", "one-time password", "closed"]
Name = Annotated[
    str, InPath(min_length=1, max_length=64, description="Name the person signs in with.")
]
Reason = Annotated[
    str,
    StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", min_length=1, max_length=1_000),
    Field(description="Why, for the record: one line that names no person's data."),
]


class RightsBody(Strict):
    """What an account may do: roles, and the boroughs and scopes that belong to them."""

    roles: Annotated[list[RoleName], Field(min_length=1, max_length=16)]
    boroughs: Annotated[list[BoroughCode], Field(max_length=40)] = Field(
        default=[], description="What the role borough sees; with that role, and only with it."
    )
    scopes: Annotated[list[ScopeName], Field(max_length=4)] = Field(
        default=[], description="handling-c opens material with that code."
    )

    def rights(self) -> Rights:
        """Return the rights after checking that they belong together.

        Raises
        ------
        AccountRefusedError
            Naming what does not.
        """
        return checked_rights(self.roles, self.boroughs, self.scopes)


class NewUserBody(RightsBody):
    """A new account."""

    name: Annotated[str, StringConstraints(min_length=2, max_length=64)] = Field(
        description="To sign in with: Latin letters and digits with single . - _ between them."
    )
    display_name: Label = Field(description="What the person is called, in any script.")


class ChangedRightsBody(RightsBody):
    """Rights in place of those an account has, and why."""

    reason: Reason


class ReasonBody(Strict):
    """Why the account is closed, opened again, or given a one-time password."""

    reason: Reason


class UserDocument(Document):
    """An account."""

    name: str
    display_name: str
    roles: list[RoleName]
    boroughs: list[str]
    scopes: list[str]
    state: State
    version: int = Field(description="Counts every change; send it in If-Match.")
    identity: dict[str, str] | None = Field(
        description="Issuer and subject that may sign in to it, where one is linked."
    )
    created: str
    last_seen: str | None = Field(description="When the person last signed in.")
    one_time_until: str | None = Field(description="When the waiting one-time password runs out.")
    closed: str | None
    closed_reason: str


class NewPasswordDocument(UserDocument):
    """An account with a one-time password, which opens nothing but its own replacement."""

    one_time_password: str | None = Field(
        description="In the first answer alone; null when the request is sent again."
    )


class UsersDocument(Document):
    """A page of accounts."""

    users: list[UserDocument]
    links: list[dict[str, str]]


async def list_users(
    request: Request, limit: LimitQuery = ROWS, cursor: CursorQuery = ""
) -> Response:
    """Return the accounts, open and closed, by name."""
    after = position(cursor, 1)

    def look(tx: Connection) -> list[User]:
        return all_users(tx, after=after[0] if after else "", limit=limit + 1)

    found = await read(record_of(request), look)
    page = page_of(request, found, limit, lambda one: (one.name,))
    body = {"users": [user_document(one) for one in page.rows], "links": page.links(request)}
    return JSONResponse(body, headers={**MARKING, **page.headers})


async def show_user(request: Request, name: Name) -> Response:
    """Return an account; its version is the ETag."""
    return _answer(await read(record_of(request), lambda tx: required_user(tx, checked_name(name))))


async def make_user(request: Request, body: NewUserBody) -> Response:
    """Make an account and return its one-time password, shown only now and good for 7 days."""
    rights, by = body.rights(), actor_of(request)
    once, kept = await new_password(request)
    user = await asyncio.to_thread(
        lambda: add_user(
            record_of(request), body.name, body.display_name, rights, by=by, password_hash=kept
        )
    )
    return _shown_once(request, user, once, status=201)


async def change_user_rights(request: Request, name: Name, body: ChangedRightsBody) -> Response:
    """Give an account these rights in place of those it has; its sessions end."""
    rights, by, version = body.rights(), actor_of(request), if_match(request, "account")
    user = await asyncio.to_thread(
        lambda: change_rights(
            record_of(request), name, rights, by=by, reason=body.reason, version=version
        )
    )
    return _answer(user)


async def close_user(request: Request, name: Name, body: ReasonBody) -> Response:
    """Close an account: its sessions and keys open nothing any more. What it did stays."""
    by, version = actor_of(request), if_match(request, "account")
    user = await asyncio.to_thread(
        lambda: end_user(record_of(request), name, by=by, reason=body.reason, version=version)
    )
    return _answer(user)


async def open_user_again(request: Request, name: Name, body: ReasonBody) -> Response:
    """Open a closed account again with a one-time password; old keys and identities stay off."""
    by, version = actor_of(request), if_match(request, "account")
    once, kept = await new_password(request)
    user = await asyncio.to_thread(
        lambda: reopen_user(
            record_of(request), name, kept, by=by, reason=body.reason, version=version
        )
    )
    return _shown_once(request, user, once)


async def replace_password(request: Request, name: Name, body: ReasonBody) -> Response:
    """Replace a forgotten password by a one-time password; never one's own."""
    by, version = actor_of(request), if_match(request, "account")
    refuse_own_password(name, by)
    once, kept = await new_password(request)
    user = await asyncio.to_thread(
        lambda: reset_password(
            record_of(request), name, kept, by=by, reason=body.reason, version=version
        )
    )
    return _shown_once(request, user, once)


async def read(record: Record, look: Callable[[Connection], Value]) -> Value:
    """Return what is found in one reading of the store, outside the event loop."""

    def reading() -> Value:
        with record.store.read() as tx:
            return look(tx)

    return await asyncio.to_thread(reading)


async def new_password(request: Request) -> tuple[str, str]:
    """Return a one-time password and what is kept of it."""
    door = service_of(request).door
    if door is None:
        record_of(request)  # answers 503: the service is still starting
        raise RuntimeError("a record is open without a door to sign in at")
    once = one_time_password()
    return once, await asyncio.to_thread(door.passwords.hashed, once)


def refuse_own_password(name: str, by: Actor) -> None:
    """Refuse that somebody replaces their own password without giving the old one.

    Raises
    ------
    AccountRefusedError
        Saying where it is done.
    """
    if checked_name(name) == by.name:
        raise AccountRefusedError(
            "administrators do not reset their own password",
            remedy="replace it on the page /password, which asks for the old one; where it is "
            "forgotten, ask another administrator or use `arv users password` at the machine",
            value=by.name,
        )


def state_of(user: User) -> State:
    """Return whether an account is open, closed, or waits for its first password."""
    if not user.active:
        return "closed"
    return "one-time password" if user.must_change_password else "open"


def user_document(user: User) -> dict[str, Any]:
    """Return an account as plain JSON values, without anything of its password."""
    identity = user.identity
    return {
        "name": user.name,
        "display_name": user.display_name,
        "roles": sorted(user.roles),
        "boroughs": sorted(user.boroughs),
        "scopes": sorted(user.scopes),
        "state": state_of(user),
        "version": user.version,
        "identity": {"issuer": identity.issuer, "subject": identity.subject} if identity else None,
        "created": _moment(user.created),
        "last_seen": _moment(user.last_seen),
        "one_time_until": _moment(user.one_time_until),
        "closed": _moment(user.ended),
        "closed_reason": user.ended_reason,
    }


def _moment(at: datetime | None) -> str | None:
    return time_text(at) if at is not None else None


def _answer(user: User) -> Response:
    return JSONResponse(user_document(user), headers={**MARKING, **etag(user.version)})


def _shown_once(request: Request, user: User, once: str, *, status: int = 200) -> Response:
    document = user_document(user)
    headers = {**MARKING, **etag(user.version), "Location": f"/users/{user.name}"}
    shown_once(request, JSONResponse({**document, "one_time_password": None}))
    return JSONResponse({**document, "one_time_password": once}, status, headers)


_DAYS = ONE_TIME_LIFE.days
_USER = {"model": UserDocument, "description": "The account as it is now."}
_ONCE = {
    "model": NewPasswordDocument,
    "description": f"The account, and its one-time password, good for {_DAYS} days.",
}
_CHANGE: dict[int | str, dict[str, Any]] = {
    404: problem("There is no such account."),
    409: problem("The state of the account, or of the others, forbids it."),
    412: problem("Somebody changed the account since it was read."),
    428: problem("If-Match is missing."),
}


def _get(path: str, handler: Handler, summary: str, **responses: dict[str, Any]) -> Endpoint:
    answers: dict[int | str, dict[str, Any]] = {int(key[1:]): one for key, one in responses.items()}
    return Endpoint(
        "GET", path, Action.MANAGE_USERS, handler, summary, tag="people",
        operation="consultation", responses=answers,
    )  # fmt: skip


def _step(name: str, handler: Handler, summary: str, answer: dict[str, Any]) -> Endpoint:
    return Endpoint(
        "POST", f"/users/{{name}}/{name}", Action.MANAGE_USERS, handler, summary, tag="people",
        responses={200: answer, **_CHANGE}, extra={"parameters": [IF_MATCH]},
    )  # fmt: skip


ENDPOINTS = (
    _get(
        "/users", list_users, "The accounts of people",
        _200={"model": UsersDocument, "description": "A page of accounts."},
    ),
    Endpoint(
        "POST",
        "/users",
        Action.MANAGE_USERS,
        make_user,
        "Make an account",
        tag="people",
        status=201,
        responses={
            201: _ONCE,
            409: problem("The name is taken, or looks like another account's."),
        },
    ),
    _get(
        "/users/{name}", show_user, "One account",
        _200=_USER, _404=problem("There is no such account."),
    ),
    _step("rights", change_user_rights, "Give an account other rights", _USER),
    _step("close", close_user, "Close an account", _USER),
    _step("reopen", open_user_again, "Open a closed account again", _ONCE),
    _step("password", replace_password, "Replace a forgotten password", _ONCE),
)  # fmt: skip
