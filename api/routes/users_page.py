"""The pages on which administrators keep the accounts of people.

A change leads back to the account's page. One that makes a one-time password answers with the
page that shows it, for it is kept nowhere to be shown after a redirect; sent again, the form is
refused by the name or the version it carries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access import HANDLING_C_SCOPE, Action, Role
from api.accounts.closing import end_user, reopen_user
from api.accounts.directory import ONE_TIME_LIFE, User, all_users, required_user
from api.accounts.names import checked_name
from api.accounts.rights import SCOPES, Rights, checked_rights
from api.accounts.users import add_user, change_rights, reset_password
from api.conventions.once import shown_once
from api.identify import actor_of
from api.ogc.ground import study_area
from api.pages.people_view import person_row, role_titles
from api.pages.rendering import page
from api.pagination import CursorQuery, page_of, position
from api.routes.endpoint import Endpoint, Handler
from api.routes.forms import (
    REFUSALS,
    check_form_token,
    marked_frame,
    refusal_status,
    refusal_words,
)
from api.routes.stored import record_of
from api.routes.users import Name, new_password, read, refuse_own_password
from api.service import service_of

#: Ticks of roles, boroughs and scopes, and a few texts.
MOST_FIELDS = 100
PEOPLE_SHOWN = 100
Word = Annotated[str, Query(max_length=40)]
Fields = Mapping[str, Sequence[str]]
#: What a page says after a change.
DONE: Mapping[str, str] = {
    "rights": "The rights are changed. The person’s sessions have ended.",
    "close": "The account is closed. Its sessions and keys open nothing any more.",
}


async def show_people(request: Request, cursor: CursorQuery = "") -> Response:
    """Show the accounts, and the form that adds one."""
    return await _people(request, cursor=cursor)


async def add_person(request: Request) -> Response:
    """Add an account and show its one-time password, once."""
    fields = await ticked_fields(request)
    try:
        rights, by = _rights(fields), actor_of(request)
        once, kept = await new_password(request)
        name, shown = _text(fields, "name"), _text(fields, "display_name")
        user = await asyncio.to_thread(
            lambda: add_user(record_of(request), name, shown, rights, by=by, password_hash=kept)
        )
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _people(request, message=words, status=status, given=fields)
    return await _person(request, user, once=once)


async def show_person(request: Request, name: Name, *, done: Word = "") -> Response:
    """Show an account, and the forms that change it."""
    return await _person(request, await _account(request, name), done=DONE.get(done, ""))


async def change_person(request: Request, name: Name) -> Response:
    """Give an account other rights."""
    fields = await ticked_fields(request)

    def change() -> User:
        return change_rights(
            record_of(request), name, _rights(fields), by=actor_of(request),
            reason=_reason(fields), version=_version(fields),
        )  # fmt: skip

    user = await _changed(request, name, fields, change)
    return user if isinstance(user, Response) else _back(user, "rights")


async def close_person(request: Request, name: Name) -> Response:
    """Close an account."""
    fields = await ticked_fields(request)

    def change() -> User:
        return end_user(
            record_of(request), name, by=actor_of(request), reason=_reason(fields),
            version=_version(fields),
        )  # fmt: skip

    user = await _changed(request, name, fields, change)
    return user if isinstance(user, Response) else _back(user, "close")


async def reopen_person(request: Request, name: Name) -> Response:
    """Open a closed account again and show its one-time password, once."""
    fields = await ticked_fields(request)
    once, kept = await new_password(request)

    def change() -> User:
        return reopen_user(
            record_of(request), name, kept, by=actor_of(request), reason=_reason(fields),
            version=_version(fields),
        )  # fmt: skip

    user = await _changed(request, name, fields, change)
    return user if isinstance(user, Response) else await _person(request, user, once=once)


async def replace_password(request: Request, name: Name) -> Response:
    """Replace a forgotten password and show the one-time password, once."""
    fields = await ticked_fields(request)
    once, kept = await new_password(request)

    def change() -> User:
        refuse_own_password(name, actor_of(request))
        return reset_password(
            record_of(request), name, kept, by=actor_of(request), reason=_reason(fields),
            version=_version(fields),
        )  # fmt: skip

    user = await _changed(request, name, fields, change)
    return user if isinstance(user, Response) else await _person(request, user, once=once)


async def ticked_fields(request: Request) -> Fields:
    """Return the texts of our own form, several under one name, after checking that it is ours."""
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
        fields = {
            name: [one for one in form.getlist(name) if isinstance(one, str)] for name in form
        }
    check_form_token(request, _text(fields, "form_token"))
    return fields


async def borough_names(request: Request) -> dict[str, str]:
    """Return the names of the boroughs by their codes, in the order of the names."""
    area = await study_area(service_of(request))
    named = zip(area.boroughs["borough_name"], area.boroughs["borough_code"], strict=True)
    return {str(code): str(name) for name, code in sorted(named)}


async def _people(
    request: Request,
    *,
    cursor: str = "",
    message: str = "",
    status: int = 200,
    given: Fields | None = None,
) -> Response:
    after = position(cursor, 1)

    def look(tx: Connection) -> list[User]:
        return all_users(tx, after=after[0] if after else "", limit=PEOPLE_SHOWN + 1)

    found = await read(record_of(request), look)
    shown = page_of(request, found, PEOPLE_SHOWN, lambda one: (one.name,))
    organisation, names = service_of(request).organisation, await borough_names(request)
    framed = await marked_frame(request)
    fields = given or {}
    values: dict[str, Any] = {
        **framed,
        **await _choices(request),
        "people": [person_row(one, organisation, names) for one in shown.rows],
        "more": shown.next_address,
        "later": bool(cursor),
        "message": message,
        "given": {name: _text(fields, name) for name in ("name", "display_name")},
        "ticks": _ticks(fields),
    }
    return page("users.html", values, status=status, headers=framed["headers"])  # type: ignore[arg-type]  # the frame's headers


async def _person(
    request: Request,
    user: User,
    *,
    done: str = "",
    once: str = "",
    message: str = "",
    status: int = 200,
    given: Fields | None = None,
) -> Response:
    organisation, names = service_of(request).organisation, await borough_names(request)
    row, framed = person_row(user, organisation, names), await marked_frame(request)
    values: dict[str, Any] = {
        **framed,
        **await _choices(request),
        "person": row,
        "done": done,
        "once": once,
        "days": ONE_TIME_LIFE.days,
        "own": user.name == actor_of(request).name,
        "message": message,
        "reason": _text(given or {}, "reason"),
        "ticks": row.holds if given is None or "role" not in given else _ticks(given),
    }
    answer = page("user.html", values, status=status, headers=framed["headers"])  # type: ignore[arg-type]  # the frame's headers
    if once:
        shown_once(request, page("user.html", {**values, "once": ""}))
    return answer


async def _changed(
    request: Request, name: str, fields: Fields, change: Callable[[], User]
) -> User | Response:
    """Return the changed account, or the page of it as it is now with why nothing was changed."""
    try:
        return await asyncio.to_thread(change)
    except REFUSALS as refusal:
        return await _person(
            request,
            await _account(request, name),
            message=refusal_words(refusal),
            status=refusal_status(refusal),
            given=fields,
        )


def _back(user: User, done: str) -> Response:
    return RedirectResponse(f"/people/{user.name}?done={done}", 303)


async def _account(request: Request, name: str) -> User:
    return await read(record_of(request), lambda tx: required_user(tx, checked_name(name)))


async def _choices(request: Request) -> dict[str, object]:
    return {
        "roles": role_titles(service_of(request).organisation),
        "borough_choices": tuple((await borough_names(request)).items()),
        "scope_choices": ((HANDLING_C_SCOPE, "Sees material with handling code C"),),
    }


def _rights(fields: Fields) -> Rights:
    """Return the rights of a form; boroughs count with the role that needs them alone."""
    roles = fields.get("role", ())
    boroughs = fields.get("borough", ()) if str(Role.BOROUGH) in roles else ()
    scopes = [one for one in fields.get("scope", ()) if one in SCOPES]
    return checked_rights(roles, boroughs, scopes)


def _ticks(fields: Fields) -> frozenset[str]:
    return frozenset(one for name in ("role", "borough", "scope") for one in fields.get(name, ()))


def _text(fields: Fields, name: str) -> str:
    return next(iter(fields.get(name, ())), "")


def _reason(fields: Fields) -> str:
    return " ".join(_text(fields, "reason").split())


def _version(fields: Fields) -> int:
    given = _text(fields, "version")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 0


def _form(path: str, handler: Handler, summary: str) -> Endpoint:
    return Endpoint(
        "POST", path, Action.MANAGE_USERS, handler, summary, form=True, shown=False
    )  # fmt: skip


def _page(path: str, handler: Handler, summary: str) -> Endpoint:
    return Endpoint(
        "GET", path, Action.MANAGE_USERS, handler, summary, operation="consultation", shown=False
    )  # fmt: skip


ENDPOINTS = (
    _page("/people", show_people, "The accounts of people, as a page"),
    _form("/people", add_person, "Add an account from the page"),
    _page("/people/{name}", show_person, "One account, as a page"),
    _form("/people/{name}/rights", change_person, "Change rights from the page"),
    _form("/people/{name}/close", close_person, "Close an account from the page"),
    _form("/people/{name}/reopen", reopen_person, "Open an account again from the page"),
    _form("/people/{name}/password", replace_password, "Replace a password from the page"),
)
