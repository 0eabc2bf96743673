"""Readings that are kept, and large answers that wait for their reader."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from starlette.types import Message

from api.envelope import PIECE_BYTES
from api.service import KeptReadings
from tests.api.service_world import BEARER, client_of, service

FOLDER = Path("made-once")


class Slow:
    """A reading that waits until it is let go; it fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.go, self.times, self.failures = threading.Event(), 0, failures

    def read(self, _: Path) -> str:
        self.times += 1
        self.go.wait(10)
        if self.times <= self.failures:
            raise OSError("the disk is away")
        return f"reading {self.times}"


def test_many_who_ask_at_once_wait_for_one_reading() -> None:
    async def ask() -> list[str]:
        kept, slow = KeptReadings(), Slow()
        asked = [asyncio.create_task(kept.get(FOLDER, slow.read)) for _ in range(50)]
        await asyncio.sleep(0.05)
        asked[0].cancel()  # its client went away; the others are answered all the same
        slow.go.set()
        answers = await asyncio.gather(*asked[1:])
        return [*answers, await kept.get(FOLDER, slow.read)]

    assert asyncio.run(ask()) == ["reading 1"] * 50


def test_a_reading_that_failed_is_tried_again() -> None:
    async def ask() -> str:
        kept, slow = KeptReadings(), Slow(failures=1)
        slow.go.set()
        with pytest.raises(OSError, match="the disk is away"):
            await kept.get(FOLDER, slow.read)
        return await kept.get(FOLDER, slow.read)

    assert asyncio.run(ask()) == "reading 2"


def test_what_was_longest_unused_goes_first() -> None:
    async def ask() -> list[str]:
        kept, slow = KeptReadings(most=2), Slow()
        slow.go.set()
        return [await kept.get(Path(name), slow.read) for name in ("a", "b", "a", "c", "b", "a")]

    expected = ["reading 1", "reading 2", "reading 1", "reading 3", "reading 4", "reading 5"]
    assert asyncio.run(ask()) == expected


def test_a_large_answer_is_handed_over_in_pieces_and_whole(tmp_path: Path) -> None:
    app, sent = service(tmp_path), list[Message]()
    headers = {"Host": "127.0.0.1", **BEARER}
    scope = {
        "type": "http", "method": "GET", "path": "/openapi.json", "raw_path": b"/openapi.json",
        "query_string": b"", "root_path": "", "scheme": "http", "http_version": "1.1",
        "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 8000),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    with client_of(app) as client:
        whole = client.get("/openapi.json", headers=BEARER).content
        asyncio.run(app(scope, receive, send))
    pieces = [message["body"] for message in sent[1:]]
    assert sent[0]["status"] == 200
    assert b"".join(pieces) == whole
    assert len(whole) > 2 * PIECE_BYTES
    assert max(map(len, pieces)) == PIECE_BYTES
    assert [message.get("more_body", False) for message in sent[1:]] == [
        *[True] * (len(pieces) - 1),
        False,
    ]
