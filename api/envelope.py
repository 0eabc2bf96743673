"""What stands around every answer: an identifier, safe headers, and no fault left bare."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Iterator, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.conventions.journal import REQUEST_ID, note_request
from api.problems import (
    Problem,
    ProblemError,
    defect,
    http_problem,
    problem_of,
    problem_response,
)
from api.service import Service

#: Content policy of our own pages: nothing inline, nothing from elsewhere, in no frame.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: Content policy of everything that is not a page.
DATA_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": DATA_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: browsers would then send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
TRANSPORT_SECURITY = "max-age=31536000; includeSubDomains"
#: A large answer goes to the server in pieces: it then waits for the client to read, instead of
#: holding a copy of the whole for every connection.
PIECE_BYTES = 64 * 1024
#: Counted when nobody was there any more to be answered.
CLIENT_GONE = 499
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: Routes asked for so often that a line each would bury the others.
QUIET = frozenset({"/health", "/ready", "/metrics", "/static/{name}"})
_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?")

log = logging.getLogger("arv.service")


class Envelope:
    """Around every other answer: request identifier, host check, headers, last resort."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens inside."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # a web socket is not offered: the server closes it
        service: Service = scope["app"].state.service
        request_id, begun_s = secrets.token_hex(8), time.perf_counter()
        scope.setdefault("state", {})["request_id"] = request_id
        known = REQUEST_ID.set(request_id)
        answer = _Answer(send, request_id, service.settings.behind_proxy)
        try:
            if problem := foreign_host(Headers(scope=scope), service.settings.allowed_hosts):
                await problem_response(problem, request_id)(scope, receive, answer.send)
            else:
                await self.app(scope, receive, answer.send)
        except ClientDisconnect:
            log.info("request %s: the client went away", request_id)
        except Exception as fault:
            problem = _problem_of(fault)
            if problem.status == 500 or (problem.status > 500 and not _foreseen(fault)):
                log.exception("request %s failed", request_id)
            if answer.started:
                raise
            await problem_response(problem, request_id)(scope, receive, answer.send)
        finally:
            _count(scope, service, answer.status, time.perf_counter() - begun_s)
            REQUEST_ID.reset(known)


def _foreseen(fault: Exception) -> bool:
    """Return whether a fault was raised as the answer: busy, starting, too late."""
    return isinstance(fault, ProblemError | HTTPException)


def _count(scope: Scope, service: Service, status: int, seconds: float) -> None:
    """Count a request and write it down, by the template of its route."""
    state = scope["state"]
    route, method = str(state.get("route", "unknown")), str(scope["method"])
    method = method if method in METHODS else "other"
    service.metrics.answered(method, route, status, seconds)
    actor = getattr(state.get("actor"), "name", "anonymous")
    if route not in QUIET:
        note_request(method, route, status, seconds, actor)


def foreign_host(headers: Headers, allowed: frozenset[str]) -> Problem | None:
    """Return the problem of a Host header that is not ours, the mark of DNS rebinding."""
    found = _HOST.fullmatch(headers.get("host", ""))
    if found and len(headers.getlist("host")) == 1 and found[1].lower() in allowed:
        return None
    return http_problem(
        421,
        "the request names a host this service does not answer for. Remedy: use "
        "http://localhost or http://127.0.0.1, or add the name to ARV_ALLOWED_HOSTS.",
    )


def _problem_of(fault: Exception) -> Problem:
    if isinstance(fault, HTTPException):
        return http_problem(fault.status_code, fault.detail, fault.headers)
    try:
        return problem_of(fault)
    except Exception:  # a fault that cannot even be described is a defect like any other
        log.exception("the fault %s could not be described", type(fault).__name__)
        return defect()


class _Answer:
    """Adds the headers every answer carries, unless the endpoint set its own."""

    def __init__(self, send: Send, request_id: str, behind_proxy: bool) -> None:
        self._send = send
        self._request_id = request_id
        self._behind_proxy = behind_proxy
        self.started = False
        self.status = CLIENT_GONE

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = int(message["status"])
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-ID"] = self._request_id
            if self._behind_proxy:
                headers["Strict-Transport-Security"] = TRANSPORT_SECURITY
        for piece in _pieces(message):
            await self._send(piece)


def _pieces(message: Message) -> Iterator[Message]:
    """Return a message, or the same body as several messages where it is a large one."""
    body = message.get("body", b"")
    if len(body) <= PIECE_BYTES:
        yield message
        return
    for begin in range(0, len(body), PIECE_BYTES):
        end = begin + PIECE_BYTES
        more = end < len(body) or message.get("more_body", False)
        yield {**message, "body": body[begin:end], "more_body": more}
