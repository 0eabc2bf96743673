"""How long the service waits for a client: for headers, for the rest of a body, for it to read.

Without bounds a hundred clients that send a byte a minute hold every connection there is
("slowloris"), and a client that stops reading holds its answer in memory for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger("arv.access")


class PatientProtocol(H11Protocol):
    """HTTP/1.1 as the server speaks it, with an end to its patience.

    Attributes
    ----------
    header_s
        From the connection, or the first byte of a later request on it, to the end of the headers.
    body_s
        The longest pause within a body, unless the service itself is slow to take it.
    reading_s
        The longest time a client may take none of an answer that waits for it.
    """

    header_s = 15.0
    body_s = 30.0
    reading_s = 60.0

    _patience: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the server declares it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait(self.header_s, self._no_headers)

    def data_received(self, data: bytes) -> None:
        """Take in what came, and wait for the rest of it."""
        if self._between_requests() and self._patience is None:
            self._wait(self.header_s, self._no_headers)
        super().data_received(data)
        if self._between_requests():
            return
        self._stop_waiting()
        if self.cycle.more_body:
            self._wait(self.body_s, self._no_body)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        self._stop_counting()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to count how long the client reads nothing."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.reading_s, self._not_read)

    def resume_writing(self) -> None:
        """Stop counting: the client reads."""
        self._stop_counting()
        super().resume_writing()

    def _between_requests(self) -> bool:
        cycle = self.cycle  # none before the first request
        return cycle is None or cycle.response_complete

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._patience = self.loop.call_later(seconds, then)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _stop_counting(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _no_headers(self) -> None:
        self._patience = None
        if self._between_requests():
            log.info("a connection was closed: no whole request within %g s", self.header_s)
            self.transport.close()

    def _no_body(self) -> None:
        self._patience = None
        if self._between_requests() or not self.cycle.more_body:
            return
        if self.flow.read_paused:  # the client would send, the service does not take it yet
            self._wait(self.body_s, self._no_body)
            return
        log.info("a connection was closed: its body stood still for %g s", self.body_s)
        self.transport.close()

    def _not_read(self) -> None:
        self._unread = None
        log.info("a connection was closed: its answer was not read for %g s", self.reading_s)
        self.transport.abort()
