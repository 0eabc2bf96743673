"""Signing in from a browser: a name and password, or the token of the first start.

Either opens a session in a cookie no script can read.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access import Action, Resource, decide
from api.accounts.browser import BrowserSession, close_session
from api.accounts.directory import User
from api.accounts.passwords import LEAST_CHARACTERS
from api.audit.entry import entry
from api.audit.log import Record
from api.gate import PASSWORD_PAGE, session_cookie, throttled
from api.identify import SignedIn
from api.pages.rendering import page
from api.problems import ProblemError, http_problem, still_starting
from api.refusals import AccountRefusedError, CredentialRefusedError
from api.routes.endpoint import Endpoint
from api.service import Service, service_of
from api.sessions import LIFETIME_S, same_text
from api.tokens import matches

FORM_COOKIE_S = 3600
MOST_FIELDS = 4


def form_cookie(behind_proxy: bool) -> str:
    """Return the name of the cookie that must agree with the hidden field of the form."""
    return "__Host-arv_form" if behind_proxy else "arv_form"


async def show_sign_in(request: Request) -> Response:
    """Show the form."""
    return _form(service_of(request), message="", status=200)


async def sign_in(request: Request) -> Response:
    """Open a session for the right token, or say that it was wrong."""
    service = service_of(request)
    fields = await _fields(request)
    kept = request.cookies.get(form_cookie(service.settings.behind_proxy), "")
    if not kept or not same_text(fields.get("form_token", ""), kept):
        return _form(service, message="The form had expired. Please try again.", status=403)
    if "name" in fields or "id_token" in fields:
        return await _with_account(request, service, fields)
    if not matches(fields.get("token", "").strip(), service.token_digest):
        return _wrong(request, service, "That is not the token. Please try again.")
    return _opened(service, service.sessions.open(), "/")


async def show_password(request: Request) -> Response:
    """Show the form that replaces a password."""
    return _password_form(request, _browser(request), message="", status=200)


async def change_password(request: Request) -> Response:
    """Replace the password of whoever is signed in; they sign in again with the new one."""
    service, session, fields = service_of(request), _browser(request), await _fields(request)
    if not same_text(fields.get("form_token", ""), session.form_token):
        raise ProblemError(http_problem(403, "the form token is missing or wrong."))
    door = service.door
    new = fields.get("new", "")
    if door is None or new != fields.get("again", ""):
        return _password_form(request, session, message="The new passwords differ.", status=422)
    try:
        await asyncio.to_thread(door.change_password, session.user, fields.get("old", ""), new)
    except (AccountRefusedError, CredentialRefusedError) as refusal:
        if isinstance(refusal, CredentialRefusedError):
            throttled(request, service)
        return _password_form(request, session, message=_sentences(refusal), status=422)
    response = RedirectResponse("/sign-in", 303)
    _forget(response, service)
    return response


async def _with_account(request: Request, service: Service, fields: Mapping[str, str]) -> Response:
    """Open a session for a name and password, or for an identity token (``id_token``)."""
    door, issuer = service.door, service.issuer
    if door is None:
        raise ProblemError(still_starting())
    try:
        if issuer is not None and "id_token" in fields:
            identity = await asyncio.to_thread(issuer.identify, fields["id_token"].strip())
            user, identifier = await asyncio.to_thread(door.with_identity, identity)
        else:
            given = fields.get("name", ""), fields.get("password", "")
            user, identifier = await asyncio.to_thread(door.with_password, *given)
    except CredentialRefusedError as refusal:
        return _wrong(request, service, _sentences(refusal))
    return _opened(service, identifier, _first_page(user))


def _first_page(user: User) -> str:
    """Return where a person begins: the week, the accounts, or what they may do at all."""
    if user.must_change_password:
        return PASSWORD_PAGE
    actor = user.actor("session")
    for action, address in ((Action.READ_PAGE, "/"), (Action.MANAGE_USERS, "/people")):
        if decide(actor, action, Resource("page")).allowed:
            return address
    return "/may-do"


def _sentences(refusal: AccountRefusedError | CredentialRefusedError) -> str:
    return f"{refusal.problem[:1].upper()}{refusal.problem[1:]}. {refusal.remedy}."


def _wrong(request: Request, service: Service, message: str) -> Response:
    if problem := throttled(request, service):
        text = "Too many wrong attempts from this address. Please wait a minute."
        return _form(service, message=text, status=problem.status, headers=problem.headers)
    return _form(service, message=message, status=401)


def _opened(service: Service, identifier: str, address: str) -> Response:
    response, proxied = RedirectResponse(address, 303), service.settings.behind_proxy
    _set(response, session_cookie(proxied), identifier, round(LIFETIME_S), secure=proxied)
    response.delete_cookie(form_cookie(proxied), secure=proxied, httponly=True, samesite="strict")
    return response


async def sign_out(request: Request) -> Response:
    """End the session of the browser."""
    service = service_of(request)
    session: SignedIn | None = request.state.session
    fields = await _fields(request)
    if session is None or not same_text(fields.get("form_token", ""), session.form_token):
        raise ProblemError(http_problem(403, "the form token is missing or wrong."))
    if isinstance(session, BrowserSession) and service.record is not None:
        await asyncio.to_thread(_close, service.record, session)
    name = session_cookie(service.settings.behind_proxy)
    service.sessions.close(request.cookies.get(name, ""))
    response = RedirectResponse("/sign-in", 303)
    _forget(response, service)
    return response


def _close(record: Record, session: BrowserSession) -> None:
    with record.change() as change:
        close_session(change, session)
        change.note(entry(session.user.name, Action.SIGN_OUT, "account", session.user.name))


def _forget(response: Response, service: Service) -> None:
    proxied = service.settings.behind_proxy
    response.delete_cookie(
        session_cookie(proxied), secure=proxied, httponly=True, samesite="strict"
    )


def _browser(request: Request) -> BrowserSession:
    """Return the session of an account, which alone has a password."""
    session = request.state.session
    if isinstance(session, BrowserSession):
        return session
    raise ProblemError(
        http_problem(
            409,
            "whoever signed in with the token has no password. Remedy: replace the token with "
            "`arv serve --new-token`, or sign in with an account.",
        )
    )


def _password_form(
    request: Request, session: BrowserSession, *, message: str, status: int
) -> Response:
    organisation = service_of(request).organisation
    titles = [organisation.roles[role] for role in sorted(session.user.roles)]
    values = {
        "force": organisation.force,
        "display_name": session.user.display_name,
        "titles": titles,
        "form_token": session.form_token,
        "sign_out_token": session.form_token,
        "message": message,
        "name": session.user.name,
        "must_change": session.user.must_change_password,
        "least": LEAST_CHARACTERS,
    }
    return page("password.html", values, status=status)


async def _fields(request: Request) -> dict[str, str]:
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def _form(
    service: Service,
    *,
    message: str,
    status: int,
    headers: Mapping[str, str] | None = None,
) -> Response:
    token = secrets.token_urlsafe(32)
    values = {"form_token": token, "message": message}
    response = page("sign_in.html", values, status=status, headers=headers)
    proxied = service.settings.behind_proxy
    _set(response, form_cookie(proxied), token, FORM_COOKIE_S, secure=proxied)
    return response


def _set(response: Response, name: str, value: str, age_s: int, *, secure: bool) -> None:
    response.set_cookie(
        name, value, max_age=age_s, path="/", secure=secure, httponly=True, samesite="strict"
    )


ENDPOINTS = (
    Endpoint("GET", "/sign-in", Action.SIGN_IN, show_sign_in, "Sign-in form", shown=False),
    Endpoint("POST", "/sign-in", Action.SIGN_IN, sign_in, "Sign in", form=True, shown=False),
    Endpoint(
        "GET", PASSWORD_PAGE, Action.CHANGE_PASSWORD, show_password, "Password form", shown=False
    ),
    Endpoint(
        "POST",
        PASSWORD_PAGE,
        Action.CHANGE_PASSWORD,
        change_password,
        "Replace the password",
        form=True,
        shown=False,
    ),
    Endpoint("POST", "/sign-out", Action.SIGN_OUT, sign_out, "Sign out", form=True, shown=False),
)
