"""The gate before every endpoint: who asks, may they, and how much may they send.

It stands before the body is read, so that a stranger cannot make the service work or fill its
disk. A route that declares no action is refused to everyone.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import ANONYMOUS, Action, Actor, Decision, Resource, Role, decide
from api.negotiation import prefers_html
from api.problems import Problem, ProblemError, http_problem
from api.routes.endpoint import Endpoint, declared, matched_route
from api.service import Service
from api.sessions import Session, same_text
from api.tokens import matches

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM_HEADER = "x-csrf-token"
#: What the token of the first start opens: the work of one person on one machine. It never
#: approves: that takes a person with an account of their own.
TOKEN_ROLES = frozenset({Role.ADMINISTRATOR, Role.ANALYST, Role.PLANNER})
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="arv-tasking"'}

log = logging.getLogger("arv.access")


def session_cookie(behind_proxy: bool) -> str:
    """Return the name of the session cookie; the prefix binds it to TLS and this host."""
    return "__Host-arv_session" if behind_proxy else "arv_session"


class Gate:
    """Refuses what :func:`api.access.decide` does not allow, and bodies over the limit."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        service: Service = scope["app"].state.service
        route = matched_route(scope["app"], scope)
        if route is None:  # nothing to protect: not found, or a method nobody offers
            await self.app(scope, receive, send)
            return
        endpoint = declared(scope["app"], route, request.method)
        actor, session = identify(request, service)
        scope.setdefault("state", {}).update(actor=actor, session=session)
        action = endpoint.action if endpoint else None
        verdict = decide(actor, action, Resource(request.url.path))
        if not verdict.allowed or endpoint is None:
            await _refuse(request, service, actor, verdict)(scope, receive, send)
            return
        _check_origin(request, endpoint, session)
        limit = _body_limit(service, endpoint)
        await self.app(scope, _bounded(request.headers, receive, limit), send)


def identify(request: Request, service: Service) -> tuple[Actor, Session | None]:
    """Return who asks, and the session when a browser's cookie proved it."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and matches(token.strip(), service.token_digest):
        return Actor("administrator", TOKEN_ROLES, "token"), None
    cookie = request.cookies.get(session_cookie(service.settings.behind_proxy))
    session = service.sessions.find(cookie) if cookie else None
    if session is not None:
        return Actor("administrator", TOKEN_ROLES, "session"), session
    return ANONYMOUS, None


def throttled(request: Request, service: Service) -> Problem | None:
    """Count a wrong token; return the problem to answer with once there were too many."""
    wait_s = service.throttle.fail(request.client.host if request.client else "unknown")
    if wait_s <= 0:
        return None
    return http_problem(
        429,
        "too many wrong tokens from this address. Remedy: wait, then use the token that was "
        "printed when the service first started (`arv serve --new-token` makes another).",
        {"Retry-After": str(max(1, round(wait_s)))},
    )


def same_origin(request: Request) -> bool:
    """Return whether a browser says the request comes from one of our own pages."""
    origin = request.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
    return request.headers.get("sec-fetch-site") == "same-origin"


def _refuse(request: Request, service: Service, actor: Actor, verdict: Decision) -> ASGIApp:
    log.warning("refused %s %s: %s", request.method, request.url.path, verdict.reason)
    if actor.known:
        raise ProblemError(http_problem(403, f"{verdict.reason}."))
    if "authorization" in request.headers and (problem := throttled(request, service)):
        raise ProblemError(problem)
    if request.method == "GET" and prefers_html(request.headers.get("accept")):
        return RedirectResponse("/sign-in", 303)
    raise ProblemError(
        http_problem(
            401,
            f"{verdict.reason}. Remedy: send the header 'Authorization: Bearer TOKEN' with the "
            "token printed when the service first started.",
            CHALLENGE,
        )
    )


def _check_origin(request: Request, endpoint: Endpoint, session: Session | None) -> None:
    """Refuse a request that another site made a browser send."""
    if request.method in SAFE_METHODS:
        return
    from_browser = session is not None or endpoint.action is Action.SIGN_IN
    if ("origin" in request.headers or from_browser) and not same_origin(request):
        raise ProblemError(
            http_problem(403, "the request does not come from this service's pages.")
        )
    if session is None or endpoint.form:
        return
    given = request.headers.get(FORM_HEADER, "")
    if not same_text(given, session.form_token):
        raise ProblemError(
            http_problem(403, "a browser session must send its form token in X-CSRF-Token.")
        )


def _body_limit(service: Service, endpoint: Endpoint) -> int:
    limits = service.settings.limits
    return limits.upload_bytes if endpoint.upload else limits.json_bytes


def _bounded(headers: Headers, receive: Receive, limit: int) -> Receive:
    """Return a ``receive`` that ends with 413 once a body is larger than ``limit`` bytes."""
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdecimal() or int(length) > limit:
        raise HTTPException(413, _too_large(limit))
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, _too_large(limit))
        return message

    return bounded


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit} bytes. Remedy: send less at a time."
