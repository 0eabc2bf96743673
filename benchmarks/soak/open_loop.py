"""Requests sent at a steady rate whatever comes back: latency counts from the intended moment.

A client that waits for an answer before it sends the next request hides every stall of the
service (coordinated omission). This one sends each request at its own moment over kept
connections and runs in a process of its own, so that neither side slows the other's clock.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

OK = frozenset({200})
TIMEOUT_S = 30.0
#: A kept connection that was idle for longer is not used again: the service may be closing it.
IDLE_S = 5.0


@dataclass(frozen=True)
class Ask:
    """One request, and the answers that are no error."""

    name: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    body: bytes = b""
    allowed: frozenset[int] = OK

    def wire(self, host: str) -> bytes:
        """Return the request as it is sent."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.method != "GET":
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


@dataclass(frozen=True)
class Heard:
    """What came of one request.

    Attributes
    ----------
    due_s
        When it was to be sent, on the machine's monotonic clock.
    latency_s
        From then to the last byte of the answer.
    late_s
        How much later than intended this client sent it.
    status
        0 when there was no answer.
    fault
        Why there was none.
    """

    name: str
    due_s: float
    latency_s: float
    late_s: float
    status: int
    error: bool
    fault: str = ""


def percentile_ms(heard: Sequence[Heard], share: float) -> float:
    """Return the latency in milliseconds below which a share of the answers came."""
    if not heard:
        return float("nan")
    waits = np.array([one.latency_s for one in heard])
    return float(np.quantile(waits, share, method="higher")) * 1e3


def start_driving(
    url: str, asks: Sequence[Ask], *, rate_per_s: float, seconds: float, stop: Path | None = None
) -> Future[list[Heard]]:
    """Begin to send requests from a process of its own; see :func:`drive`."""
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    future = pool.submit(drive, url, asks, rate_per_s=rate_per_s, seconds=seconds, stop=stop)
    pool.shutdown(wait=False)
    return future


def drive(
    url: str, asks: Sequence[Ask], *, rate_per_s: float, seconds: float, stop: Path | None = None
) -> list[Heard]:
    """Send requests in turn, so many a second for so long, or until a file is there.

    Returns
    -------
    list of Heard
        In the order in which they were answered.
    """
    place = urlsplit(url)
    client = _Client(str(place.hostname), int(place.port or 80))
    gc.disable()  # a pause of this client would count as one of the service
    try:
        return asyncio.run(client.drive(asks, rate_per_s, seconds, stop))
    finally:
        gc.enable()


class _Line:
    """A connection, and when it was last used."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.used_s = reader, writer, float("-inf")


class _Client:
    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._free: list[_Line] = []
        self._heard: list[Heard] = []

    async def drive(
        self, asks: Sequence[Ask], rate_per_s: float, seconds: float, stop: Path | None
    ) -> list[Heard]:
        wires = [one.wire(f"{self._host}:{self._port}") for one in asks]
        begun_s, tasks = time.monotonic() + 0.2, set[asyncio.Task[None]]()
        for number in range(int(rate_per_s * seconds)):
            due_s = begun_s + number / rate_per_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            if stop is not None and number % 10 == 0 and stop.exists():
                break
            which = number % len(asks)
            task = asyncio.create_task(self._send(asks[which], wires[which], due_s))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
        for line in self._free:
            line.writer.close()
        return self._heard

    async def _send(self, ask: Ask, wire: bytes, due_s: float) -> None:
        sent_s, status, fault = time.monotonic(), 0, ""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status = await self._answered(wire)
        except (OSError, EOFError, TimeoutError, ValueError) as why:
            fault = type(why).__name__
        error = status not in ask.allowed
        ended_s = time.monotonic()
        self._heard.append(
            Heard(ask.name, due_s, ended_s - due_s, sent_s - due_s, status, error, fault)
        )

    async def _answered(self, wire: bytes) -> int:
        """Return the status of the answer; a kept connection that was closed is replaced once."""
        line = await self._line()
        kept = line.used_s > 0
        try:
            return await self._exchange(line, wire)
        except (ConnectionError, asyncio.IncompleteReadError) as fault:
            line.writer.close()
            begun = isinstance(fault, asyncio.IncompleteReadError) and fault.partial
            if begun or not kept:
                raise
            self._free.clear()
            return await self._exchange(await self._line(), wire)

    async def _line(self) -> _Line:
        while self._free:
            line = self._free.pop()
            if time.monotonic() - line.used_s < IDLE_S:
                return line
            line.writer.close()
        return _Line(*await asyncio.open_connection(self._host, self._port, limit=2**22))

    async def _exchange(self, line: _Line, wire: bytes) -> int:
        line.writer.write(wire)
        head = (await line.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head[9:12])
        length = head.partition("\r\ncontent-length:")[2].partition("\r\n")[0].strip()
        if length and status not in (204, 304):
            await line.reader.readexactly(int(length))
        elif "\r\ntransfer-encoding: chunked" in head:
            await _chunks(line.reader)
        line.used_s = time.monotonic()
        if "\r\nconnection: close" in head:
            line.writer.close()
        else:
            self._free.append(line)
        return status


async def _chunks(reader: asyncio.StreamReader) -> None:
    while size := int((await reader.readline()).split(b";")[0], 16):
        await reader.readexactly(size + 2)
    await reader.readline()
