"""HEAD: what GET would answer, without its body.

Load balancers, link checkers and GDAL ask so before they ask for more. The request is answered
as GET, under the same rules and with the same entry in the record, so the headers are the same.
"""

from __future__ import annotations

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.routes.endpoint import methods_at


class HeadAsGet:
    """Answers HEAD wherever GET is offered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a HEAD on as GET and give its answer's start alone."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        asked: Scope = {**scope, "method": "GET"}
        if "GET" not in methods_at(scope["app"], asked):
            await self.app(scope, receive, send)
            return
        answer = _StartAlone(send)
        try:
            await self.app(asked, receive, answer.send)
        except ClientDisconnect:
            if not answer.over:
                raise


class _StartAlone:
    """Sends the start of an answer with an empty body, and ends a stream that would go on."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.over = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._send(message)
        elif not self.over:
            self.over = True
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        if message.get("more_body", False):
            raise ClientDisconnect
