"""The gate before every endpoint: who asks, may they, and how much may they send.

It stands before the body is read, so that a stranger cannot make the service work or fill its
disk. A route that declares no action is refused to everyone.
"""

from __future__ import annotations

import asyncio
import logging
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import ANONYMOUS, Action, Actor, Resource, decide
from api.audit.entry import clipped, entry
from api.conventions.rates import check_rate
from api.identify import Caller, SignedIn, identify, session_cookie
from api.negotiation import prefers_html
from api.problems import Problem, ProblemError, http_problem
from api.routes.endpoint import Endpoint, declared, matched_route, methods_at, not_offered
from api.service import Service
from api.sessions import same_text
from api.store.errors import StoreRefusedError

__all__ = ["Gate", "same_origin", "session_cookie", "throttled"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM_HEADER = "x-csrf-token"
PASSWORD_PAGE = "/password"  # noqa: S105  (the address of a page)
#: Character sets whose texts are UTF-8 texts, too.
UTF_8 = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s\";,]*)", re.IGNORECASE)
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="arv-tasking"'}

log = logging.getLogger("arv.access")


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
            check_rate(scope, service)
            await self.app(scope, receive, send)
            return
        if request.method not in methods_at(scope["app"], scope):
            check_rate(scope, service)
            raise ProblemError(not_offered(scope["app"], scope))
        endpoint = declared(scope["app"], route, request.method)
        caller = await identify(request, service)
        scope.setdefault("state", {}).update(
            actor=caller.actor, session=caller.session, route=getattr(route, "path", "unknown")
        )
        check_rate(scope, service)  # before anything is recorded, also of what is refused
        action = endpoint.action if endpoint else None
        resource = Resource(
            request.url.path, borough=_borough(route, scope, endpoint, caller.actor)
        )
        verdict = decide(caller.actor, action, resource)
        if not verdict.allowed or endpoint is None:
            answer = await _refuse(request, service, caller, action, verdict.reason)
            await answer(scope, receive, send)
            return
        _check_origin(request, endpoint, caller.session)
        _check_charset(request.headers)
        await _note_read(request, service, caller.actor, endpoint)
        limit = _body_limit(service, endpoint)
        await self.app(scope, _bounded(request.headers, receive, limit), send)


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
        try:
            return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
        except ValueError:  # no address at all
            return False
    return request.headers.get("sec-fetch-site") == "same-origin"


async def _refuse(
    request: Request, service: Service, caller: Caller, action: Action | None, reason: str
) -> ASGIApp:
    """Return the answer to a request the rules do not allow, or raise it as a problem."""
    actor = caller.actor
    # the reason may quote the address; the record has it, the log nothing that was sent
    log.warning("refused %s %s (%s)", request.method, request.state.route, action)
    html = request.method == "GET" and prefers_html(request.headers.get("accept"))
    if actor.must_change_password and html:
        return RedirectResponse(PASSWORD_PAGE, 303)
    if actor.known:
        await _note_denial(request, service, actor, action, reason)
        raise ProblemError(http_problem(403, f"{reason}."))
    if "authorization" in request.headers:
        if problem := throttled(request, service):
            raise ProblemError(problem)
        if caller.refusal is not None:
            await _note_denial(request, service, ANONYMOUS, action, caller.refusal.problem)
    if html:
        return RedirectResponse("/sign-in", 303)
    why = f"{caller.refusal.problem}; " if caller.refusal is not None else ""
    raise ProblemError(
        http_problem(
            401,
            f"{why}{reason}. Remedy: send the header 'Authorization: Bearer TOKEN' with the "
            "token printed when the service first started, or with an API key.",
            CHALLENGE,
        )
    )


async def _note_denial(
    request: Request, service: Service, actor: Actor, action: Action | None, reason: str
) -> None:
    """Append a denial to the record; it stays a denial when the record cannot be written."""
    if service.record is None:
        return
    noted = entry(
        actor.name, str(action or "undeclared"), "request",
        clipped(f"{request.method} {request.url.path}"), outcome="denied",
        reason=clipped(reason, 2000),
    )  # fmt: skip
    try:
        await asyncio.to_thread(service.record.note, noted)
    except StoreRefusedError:
        log.exception("a denial could not be recorded")


async def _note_read(request: Request, service: Service, actor: Actor, endpoint: Endpoint) -> None:
    """Append what is done to a sensitive record before it is done; without it nothing is."""
    operation = endpoint.operation
    if service.record is None or operation is None:
        return
    query = f"?{request.url.query}" if request.url.query else ""
    address = f"{request.method} {request.url.path}{query}"
    subject = clipped(address)
    once = operation == "consultation" and subject == address  # two long ones may be clipped alike
    if once and service.consultations.lately(actor.name, subject):
        return
    noted = entry(actor.name, endpoint.action, "request", subject, operation=operation)
    await asyncio.to_thread(service.record.note, noted)
    if once:
        service.consultations.noted(actor.name, subject)


def _borough(route: BaseRoute, scope: Scope, endpoint: Endpoint | None, actor: Actor) -> str:
    """Return the borough that an address names, for endpoints that are about one borough.

    An endpoint that gives a borough user only their own is about one of these.
    """
    if endpoint is not None and endpoint.own_boroughs:
        return min(actor.boroughs, default="")
    if endpoint is None or not endpoint.borough:
        return ""
    _, child = route.matches(scope)
    return str(child.get("path_params", {}).get(endpoint.borough, ""))


def _check_origin(request: Request, endpoint: Endpoint, session: SignedIn | None) -> None:
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


def _check_charset(headers: Headers) -> None:
    """Refuse a body in another character set: Python has some that read no text, or make none."""
    found = _CHARSET.search(headers.get("content-type", ""))
    if found and found[1].lower() not in UTF_8:
        raise ProblemError(
            http_problem(
                422,
                f"the body is in the character set {found[1][:40]!r}. Remedy: send it in UTF-8.",
            )
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
