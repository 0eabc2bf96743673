"""A request with an ``Idempotency-Key`` is done once; sent again, it has the same answer.

The key belongs to whoever sends it, for a day. The same key with another request is refused, and
so is one whose first request is still being done. Only an answer that may have changed something
is kept: after a refusal or a fault the same request may simply be sent again. An answer that
shows a secret, once, is kept without it: see :func:`shown_once`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from typing import IO

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import Actor
from api.audit.log import Record
from api.conventions import once_rows
from api.conventions.once_rows import Answer, Asked, Earlier
from api.problems import Problem, ProblemError, http_problem
from api.service import Service

HEADER, REPLAYED = "idempotency-key", b"idempotency-replayed"
LATER = "answer_to_keep"
LONGEST_BODY = 8 * 2**20
IN_MEMORY = 2**20
_KEY = re.compile(r'"?([!#-~]{1,128})"?')
_BOUNDARY = re.compile(r'boundary="?([^";,]{1,200})"?')
#: Headers that belong to one sending alone.
_NOT_KEPT = {b"x-request-id", b"set-cookie", b"date"}


class Once:
    """Does a POST under a key once."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, or do the request and remember its answer."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        headers, service = Headers(scope=scope), _service(scope)
        actor: Actor | None = scope.get("state", {}).get("actor")
        given, record = headers.get(HEADER), service.record
        if given is None or record is None or actor is None or not actor.known:
            await self.app(scope, receive, send)
            return
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as body:
            asked = await _asked(Request(scope, receive), body, actor, _checked(given))
            earlier = await asyncio.to_thread(once_rows.begin, record, asked)
            if earlier is not None:
                await _again(earlier, send)
                return
            await self._first(scope, _replay(body, receive), send, record, asked)

    async def _first(
        self, scope: Scope, receive: Receive, send: Send, record: Record, asked: Asked
    ) -> None:
        answer = _Answer(send)
        try:
            await self.app(scope, receive, answer.take)
        finally:
            kept = _without_secret(answer.whole(), scope)
            step = (
                asyncio.to_thread(once_rows.forget, record, asked)
                if kept is None
                else asyncio.to_thread(once_rows.keep, record, asked, kept)
            )
            await asyncio.shield(step)
        await answer.send_kept()


def shown_once(request: Request, later: Response) -> None:
    """Have another answer kept than the one given, for it shows a secret that is kept nowhere.

    Parameters
    ----------
    request
        The request that is being answered.
    later
        What the same request sent again is told.
    """
    request.scope["state"][LATER] = bytes(later.body)


def _without_secret(answer: Answer | None, scope: Scope) -> Answer | None:
    later: bytes | None = scope.get("state", {}).get(LATER)
    if answer is None or later is None:
        return answer
    headers = [pair for pair in answer.headers if pair[0].lower() != b"content-length"]
    length = (b"content-length", str(len(later)).encode())
    return Answer(answer.status, [*headers, length], later)


class _Answer:
    """Holds an answer back until it is kept, unless it is too long for that."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._messages: list[Message] = []
        self._length = 0
        self._through = False

    async def take(self, message: Message) -> None:
        """Take one message of the answer."""
        self._length += len(message.get("body", b""))
        self._messages.append(message)
        if self._through or self._length > LONGEST_BODY:
            self._through = True
            await self.send_kept()

    def whole(self) -> Answer | None:
        """Return the answer to keep, ``None`` when it changed nothing or is not all here."""
        if self._through or not self._messages or self._messages[-1].get("more_body"):
            return None
        start = self._messages[0]
        if start["status"] >= 400:
            return None
        headers = [pair for pair in start["headers"] if pair[0].lower() not in _NOT_KEPT]
        body = b"".join(message.get("body", b"") for message in self._messages[1:])
        return Answer(start["status"], headers, body)

    async def send_kept(self) -> None:
        """Send what was held back."""
        held, self._messages = self._messages, []
        for message in held:
            await self._send(message)


async def _again(earlier: Earlier, send: Send) -> None:
    if not earlier.same:
        raise ProblemError(_other_request())
    if earlier.answer is None:
        raise ProblemError(
            http_problem(
                409,
                "the first request with this Idempotency-Key is still being done. Remedy: send "
                "it again in a moment; it will have the same answer.",
                {"Retry-After": "5"},
            )
        )
    kept = earlier.answer
    headers = [*kept.headers, (REPLAYED, b"true")]
    await send({"type": "http.response.start", "status": kept.status, "headers": headers})
    await send({"type": "http.response.body", "body": kept.body})


async def _asked(request: Request, body: IO[bytes], actor: Actor, key: str) -> Asked:
    """Read the request whole and return its identity."""
    async for block in request.stream():
        await asyncio.to_thread(body.write, block)
    query = f"?{request.url.query}" if request.url.query else ""
    operation = f"POST {request.url.path}{query}"
    if len(operation) > 400:
        raise ProblemError(
            http_problem(414, "the address is too long. Remedy: leave out what is not needed.")
        )
    sha256 = await asyncio.to_thread(_digest, body, request.headers, _rights(actor))
    return Asked(actor.name, key, operation, sha256)


def _rights(actor: Actor) -> str:
    """Return what an actor may see: whoever may see less is not given the same answer again."""
    held = (actor.roles, actor.boroughs, actor.scopes, actor.only or ())
    return json.dumps([actor.proof, actor.only is None, *(sorted(map(str, one)) for one in held)])


def _digest(body: IO[bytes], headers: Headers, rights: str) -> str:
    """Return the digest of a request; the boundary of a form, new each time, is left out."""
    kind = headers.get("content-type", "")
    found = _BOUNDARY.search(kind) if kind.lower().startswith("multipart/") else None
    boundary = found[1].encode("latin-1") if found else b""
    said = (
        kind.split(";")[0].strip().lower(),
        headers.get("prefer", ""),
        headers.get("if-match", ""),
        rights,
    )
    total = hashlib.sha256("\n".join(said).encode())
    body.seek(0)
    for block in _without(body, boundary):
        total.update(block)
    return total.hexdigest()


def _without(body: IO[bytes], boundary: bytes) -> Iterator[bytes]:
    """Yield a body with its boundary taken out, wherever the blocks break."""
    held = b""
    while block := body.read(IN_MEMORY):
        joined = (held + block).replace(boundary, b"\0") if boundary else block
        cut = len(joined) - (len(boundary) - 1 if boundary else 0)
        held = joined[max(0, cut) :] if boundary else b""
        yield joined[: max(0, cut)] if boundary else joined
    yield held


def _replay(body: IO[bytes], receive: Receive) -> Receive:
    """Return a ``receive`` that gives a body that was read already."""
    body.seek(0)
    done = False

    async def replayed() -> Message:
        nonlocal done
        if done:
            return await receive()
        block = await asyncio.to_thread(body.read, IN_MEMORY)
        done = len(block) < IN_MEMORY
        return {"type": "http.request", "body": block, "more_body": not done}

    return replayed


def _checked(given: str) -> str:
    found = _KEY.fullmatch(given.strip())
    if found is None:
        raise ProblemError(
            http_problem(
                400,
                "Idempotency-Key is not 1 to 128 printable characters without blanks. Remedy: "
                "send a random UUID, the same one when the request is sent again.",
            )
        )
    return found[1]


def _other_request() -> Problem:
    return Problem(
        422,
        "idempotency-key-reused",
        "Idempotency key used again",
        "this Idempotency-Key was sent with another request, or with other rights. Remedy: send "
        "a new key with a new request, and the very same request when it is sent again.",
    )


def _service(scope: Scope) -> Service:
    service: Service = scope["app"].state.service
    return service
