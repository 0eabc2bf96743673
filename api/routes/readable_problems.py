"""Refusals as pages, for a person whose browser opened an address.

Programs get problem documents (RFC 9457), whatever they accept. A browser says that it opens an
address for somebody to look at (``Sec-Fetch-Mode: navigate``), and gets the same status, headers
and words as a page with a way back.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.envelope import PAGE_POLICY
from api.pages.rendering import page
from api.problems import MEDIA_TYPE
from api.routes.forms import frame

MISTYPED = "this address is not written as the service writes it."


class ReadableProblems:
    """Turns a problem document into a page where a person will look at it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and a refusal of it back as a page."""
        if scope["type"] != "http" or Headers(scope=scope).get("sec-fetch-mode") != "navigate":
            await self.app(scope, receive, send)
            return
        await self.app(scope, receive, _Readable(scope, send).send)


class _Readable:
    """Holds a problem document back until it is whole; everything else goes through."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if Headers(raw=message["headers"]).get("content-type", "").startswith(MEDIA_TYPE):
                self._start = message
                return
        elif self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_page(self._start)
            return
        await self._send(message)

    async def _send_page(self, start: Message) -> None:
        body = _page(self._scope, json.loads(self._body)) if self._body else b""  # none for HEAD
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["Content-Type"] = "text/html; charset=utf-8"
        headers["Content-Length"] = str(len(body))
        headers["Content-Security-Policy"] = PAGE_POLICY
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})


def _page(scope: Scope, problem: dict[str, Any]) -> bytes:
    said, _, remedy = str(problem["detail"]).partition(" Remedy: ")
    if "errors" in problem:  # what a program sent; a person mistyped or cut an address
        said, remedy = MISTYPED, "follow the links of the pages instead."
    known = "actor" in scope.get("state", {})  # the gate was reached
    values = {
        **(frame(Request(scope)) if known else {}),
        "title": problem["title"],
        "said": said[:1].upper() + said[1:],
        "remedy": remedy[:1].upper() + remedy[1:],
        "status": problem["status"],
        "request_id": problem["request_id"],
    }
    return bytes(page("problem.html", values).body)
