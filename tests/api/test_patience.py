"""Clients that send slowly, stop sending or stop reading do not hold the service."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.conventions.patience import PatientProtocol

LARGE = b"x" * 40_000_000
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n"
WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Hasty(PatientProtocol):
    """The same with less patience, so that a test need not wait."""

    header_s = 2.0
    body_s = 2.0
    reading_s = 2.0


class Answers:
    """An application that answers with the length of the body, or with a large body."""

    def __init__(self) -> None:
        self.gone = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            self.gone += 1
            return
        content = LARGE if request.url.path == "/large" else str(len(body)).encode()
        await Response(content)(scope, receive, send)


@contextmanager
def running(app: Answers) -> Iterator[int]:
    """Yield the port of a server in a thread."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config(app, http=Hasty, lifespan="off", log_config=None, timeout_keep_alive=60)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


@pytest.fixture(scope="module")
def app() -> Answers:
    return Answers()


@pytest.fixture(scope="module")
def port(app: Answers) -> Iterator[int]:
    with running(app) as number:
        yield number


def closed_after(line: socket.socket) -> float:
    """Return after how many seconds the server closed a connection, reading what it sends."""
    begun = time.monotonic()
    line.settimeout(60)
    with suppress(ConnectionResetError):
        while line.recv(65_536):
            pass
    return time.monotonic() - begun


def answered(line: socket.socket) -> bytes:
    """Return the body of a whole answer."""
    line.settimeout(60)
    with line.makefile("rb") as stream:
        assert stream.readline().startswith(b"HTTP/1.1 200")
        length = 0
        while head := stream.readline().strip():
            name, _, value = head.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return stream.read(length)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_headers_that_do_not_end_close_the_connection(port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(sent)
        assert 0.5 < closed_after(line) < 30


def test_a_byte_now_and_then_gains_no_time(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        begun = time.monotonic()
        with suppress(OSError):
            for byte in b"GET / HTTP/1.1\r\nX-Slow: " + b"y" * 400:
                line.sendall(bytes([byte]))
                time.sleep(0.1)
        assert time.monotonic() - begun < 20


def test_the_next_request_on_a_kept_connection_is_bounded_too(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(WHOLE)
        assert answered(line) == b"0"
        time.sleep(2.5)  # idle is no crime: the limit of kept connections is another
        line.sendall(WHOLE)
        assert answered(line) == b"0"
        line.sendall(b"GET /")
        assert 0.5 < closed_after(line) < 30


def test_a_body_that_stands_still_is_given_up(port: int, app: Answers) -> None:
    before = app.gone
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(HEAD + b"half")
        assert 0.5 < closed_after(line) < 30
    end = time.monotonic() + 30
    while app.gone == before and time.monotonic() < end:
        time.sleep(0.05)
    assert app.gone == before + 1


def test_a_slow_but_steady_body_is_taken(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(HEAD)
        for _ in range(12):
            time.sleep(0.2)  # longer than the patience in all, never in one pause
            line.sendall(b"z")
        assert answered(line) == b"12"


def test_an_answer_that_nobody_reads_is_let_go(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(WHOLE.replace(b"/ ", b"/large "))
        time.sleep(5)
        received = 0
        with suppress(ConnectionResetError):
            while part := line.recv(2**20):
                received += len(part)
        assert received < len(LARGE)
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(
            WHOLE.replace(b"/ ", b"/large ").replace(b"Host", b"Connection: close\r\nHost")
        )
        received = 0
        while part := line.recv(2**20):
            received += len(part)
        assert received > len(LARGE)
