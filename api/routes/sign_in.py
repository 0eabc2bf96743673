"""Signing in from a browser: the token once, then a session cookie no script can read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access import Action
from api.gate import session_cookie, throttled
from api.pages.rendering import page
from api.problems import ProblemError, http_problem
from api.routes.endpoint import Endpoint
from api.service import Service, service_of
from api.sessions import LIFETIME_S, Session, same_text
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
    if not matches(fields.get("token", "").strip(), service.token_digest):
        if problem := throttled(request, service):
            text = "Too many wrong tokens from this address. Please wait a minute."
            return _form(service, message=text, status=problem.status, headers=problem.headers)
        return _form(service, message="That is not the token. Please try again.", status=401)
    response, proxied = RedirectResponse("/", 303), service.settings.behind_proxy
    identifier = service.sessions.open()
    _set(response, session_cookie(proxied), identifier, round(LIFETIME_S), secure=proxied)
    response.delete_cookie(form_cookie(proxied), secure=proxied, httponly=True, samesite="strict")
    return response


async def sign_out(request: Request) -> Response:
    """End the session of the browser."""
    service = service_of(request)
    session: Session | None = request.state.session
    fields = await _fields(request)
    if session is None or not same_text(fields.get("form_token", ""), session.form_token):
        raise ProblemError(http_problem(403, "the form token is missing or wrong."))
    name = session_cookie(service.settings.behind_proxy)
    service.sessions.close(request.cookies.get(name, ""))
    response = RedirectResponse("/sign-in", 303)
    secure = service.settings.behind_proxy
    response.delete_cookie(name, secure=secure, httponly=True, samesite="strict")
    return response


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
    Endpoint("POST", "/sign-out", Action.SIGN_OUT, sign_out, "Sign out", form=True, shown=False),
)
