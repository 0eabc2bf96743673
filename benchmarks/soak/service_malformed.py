"""Thousands of malformed files, geometries, archives and bodies over HTTP: refused, and forgotten.

The service runs in a process of its own, so that its memory is not that of what sends. Most files
are read in that very process: what one of them made it keep would show. The named faults, the
bombs, slips and links among them, go through the service's own workers as well, and then the
memory of all its processes counts.
"""

from __future__ import annotations

import logging
import multiprocessing
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import httpx
import uvicorn

from benchmarks.soak.figures import Report, at_least, at_most, none_of
from benchmarks.soak.served import resident_mib, until
from tests.api.schema_world import NO_WORK, SHORT_WORK, described_service, fill_week
from tests.api.service_world import BEARER, WEEK
from tests.bad_input.good_files import small_london
from tests.bad_input.reading_here import ReadingHere
from tests.bad_input.uploads import Sent, complaint, corpus, makers

#: Seeds of the soak begin where those of the usual run end.
FIRST_SEED, EACH = 100, 275
MOST_GROWTH_MIB, LEAST_SENT = 200.0, 5_000
START_S = 120.0


def run() -> Report:
    """Return how many were sent, what was wrong with the answers, and how the memory grew."""
    with tempfile.TemporaryDirectory(prefix="arv-soak-") as folder:
        root = Path(folder) / "data"
        fill_week(root)
        with _service(root, here=True) as (pid, client):
            key = client.post("/plans", json={"week": WEEK}).json()["key"]
            kinds = makers(key).values()
            _sent(client, pid, (make(seed) for make in kinds for seed in range(5)))  # caches fill
            made = (make(seed) for seed in range(FIRST_SEED, FIRST_SEED + EACH) for make in kinds)
            read = _sent(client, pid, made)
        with _service(root, here=False) as (pid, client):
            _sent(client, pid, list(corpus())[:3])
            named = _sent(client, pid, corpus())
    answers = read.answers + named.answers
    wrong = [*read.wrong, *named.wrong]
    words = ", ".join(f"{status} x{number}" for status, number in sorted(answers.items()))
    return Report(
        (
            at_least("malformed: requests sent", sum(answers.values()), LEAST_SENT),
            none_of("malformed: answers of 500 and above but 503", _defects(answers)),
            none_of("malformed: answers without a remedy, or showing the inside", len(wrong)),
            at_most(
                "malformed: growth of the memory, files read in the service", read.growth_mib,
                MOST_GROWTH_MIB, "MiB",
            ),
            at_most(
                "malformed: growth of the memory with its workers, named faults",
                named.growth_mib, MOST_GROWTH_MIB, "MiB",
            ),
        ),
        "\n".join([f"answers: {words}", *wrong[:20]]),
    )  # fmt: skip


class _Heard:
    """Answers by status, complaints, and how far the memory rose above its beginning."""

    def __init__(self, first_mib: float) -> None:
        self.answers: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.growth_mib = 0.0
        self._first_mib = first_mib

    def note(self, sent: Sent, status: int, headers: Mapping[str, str], text: str) -> None:
        """Count an answer."""
        self.answers[status] += 1
        if wrong := complaint(sent, status, headers, text):
            self.wrong.append(wrong)

    def measure(self, mib: float) -> None:
        """Keep the greatest growth."""
        self.growth_mib = max(self.growth_mib, mib - self._first_mib)


def _sent(client: httpx.Client, pid: int, every: Iterable[Sent]) -> _Heard:
    heard = _Heard(resident_mib(pid))
    for number, one in enumerate(every):
        answer = client.request(one.method, one.path, content=one.content, headers=one.headers)
        heard.note(one, answer.status_code, answer.headers, answer.text)
        if number % 20 == 0:
            heard.measure(resident_mib(pid))
    time.sleep(1.0)
    heard.measure(resident_mib(pid))
    return heard


def _defects(answers: Counter[int]) -> int:
    return sum(number for status, number in answers.items() if status >= 500 and status != 503)


@contextmanager
def _service(root: Path, *, here: bool) -> Iterator[tuple[int, httpx.Client]]:
    """Yield the process of a service on a free port, and a client of it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(root, port, here))
    process.start()
    try:
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=address, headers=BEARER, timeout=300) as client:
            until(lambda: _answers(client), START_S, "the service")
            yield process.pid or 0, client
    finally:
        process.terminate()
        process.join(30)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").is_success
    except httpx.TransportError:
        return False


def _serve(root: Path, port: int, here: bool) -> None:
    logging.disable(logging.CRITICAL)  # each refusal would be a line
    app = described_service(root, NO_WORK if here else SHORT_WORK)
    if not here:
        uvicorn.run(app, port=port, log_level="critical", access_log=False)
        return
    app.state.service.pool = ReadingHere()
    with mock.patch("api.working.solve_tasks.load_bundled", small_london):  # ten times faster
        uvicorn.run(app, port=port, log_level="critical", access_log=False)
