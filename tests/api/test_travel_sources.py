"""Drive times from a file and from a recorded routing server on this machine."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from allocator.errors import PlanningRefusedError
from api.files.travel_sources import RoutingServer, Service, ask_routing_server, read_travel
from tests.oracle.plan_worlds import make_world

WORLD = make_world(4, n_boroughs=3)
CODES = tuple(place.code for place in WORLD.places)
N = len(CODES)
SECONDS = np.arange(10.0, 10.0 + N * N).reshape(N, N)


def table(seconds: np.ndarray = SECONDS, **columns: object) -> pa.Table:
    body = {
        "from_ward": np.repeat(CODES, N).tolist(),
        "to_ward": list(CODES) * N,
        "seconds": seconds.ravel().tolist(),
    }
    return pa.table({**body, **columns})


def write(tmp_path: Path, value: pa.Table) -> Path:
    path = tmp_path / "drives.parquet"
    pq.write_table(value, path)
    return path


def test_a_matrix_comes_back_in_the_order_of_the_wards(tmp_path: Path) -> None:
    shuffled = table().take(np.random.default_rng(1).permutation(N * N))
    about = {"source": "measured 2026", "time_band": "22:00-04:00", "blue_light_factor": "1.4"}
    read = read_travel(write(tmp_path, shuffled.replace_schema_metadata(about)), WORLD)
    assert read.ward_codes == CODES
    assert np.array_equal(read.seconds, SECONDS)
    assert (read.source, read.time_band, read.blue_light_factor) == (
        "measured 2026",
        "22:00-04:00",
        1.4,
    )


def _with(i: int, j: int, value: float) -> np.ndarray:
    seconds = SECONDS.copy()
    seconds[i, j] = value
    return seconds


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (table().slice(1), f"does not give the drive from ward {CODES[0]} to {CODES[0]}"),
        (pa.concat_tables([table(), table().slice(3, 1)]), "gives more than once"),
        (table(_with(0, 1, -5.0)), f"from ward {CODES[0]} to ward {CODES[1]} takes -5"),
        (table(_with(1, 0, float("nan"))), "takes nan"),
        (table(SECONDS.astype(str)), "seconds that are not numbers"),
        (table().drop_columns(["to_ward"]), "no column 'to_ward'"),
        (table().replace_schema_metadata({"blue_light_factor": "0"}), "blue_light_factor '0'"),
    ],
)
def test_what_is_no_matrix_is_refused(tmp_path: Path, value: pa.Table, words: str) -> None:
    with pytest.raises(PlanningRefusedError, match=words) as refusal:
        read_travel(write(tmp_path, value), WORLD)
    assert "Remedy: " in str(refusal.value)


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "drives.parquet"
    path.write_text("from_ward,to_ward,seconds\n", encoding="utf-8")
    for wrong in (path, tmp_path / "absent.parquet"):
        with pytest.raises(PlanningRefusedError, match="cannot be read"):
            read_travel(wrong, WORLD)


class Recorded(BaseHTTPRequestHandler):
    """Answer as OSRM 5 and Valhalla 3 do; seconds tell both longitudes, the first the louder."""

    failures: ClassVar[list[int]] = []
    answer: str | None = None
    slow_s = 0.0

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        points = [float(one.split(",")[0]) for one in path.rsplit("/", 1)[1].split(";")]
        n_sources = len(re.findall(r"\d+", query.split("&")[0]))
        self._send({"code": "Ok", "durations": self._times(points[:n_sources], points[n_sources:])})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        rows, columns = ([one["lon"] for one in body[key]] for key in ("sources", "targets"))
        times = self._times(rows, columns)
        cells = [[{"time": cell, "distance": 1.0} for cell in row] for row in times]
        self._send({"sources_to_targets": cells, "units": "kilometers"})

    def _times(self, rows: list[float], columns: list[float]) -> list[list[float]]:
        return [[1000.0 * (100 + x) + y for y in columns] for x in rows]

    def _send(self, value: object) -> None:
        time.sleep(self.slow_s)
        status = self.failures.pop(0) if self.failures else 200
        text = (self.answer if self.answer is not None else json.dumps(value)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
        """Say nothing."""


@contextmanager
def recorded(
    failures: list[int] | None = None, answer: str | None = None, slow_s: float = 0.0
) -> Iterator[str]:
    Recorded.failures, Recorded.answer = failures or [], answer
    Recorded.slow_s = slow_s
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorded)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("service", ["osrm", "valhalla"])
def test_blocks_of_both_formats_make_one_directed_matrix(service: Service) -> None:
    with recorded(failures=[503, 429]) as url:
        whole = ask_routing_server(RoutingServer(url, service, block=N, pause_s=0.01), WORLD)
        parts = ask_routing_server(RoutingServer(url, service, block=4, pause_s=0.01), WORLD)
        fast = ask_routing_server(
            RoutingServer(url, service, block=4, pause_s=0.01, blue_light_factor=2.0), WORLD
        )
    assert np.array_equal(whole.seconds, parts.seconds)
    assert not np.array_equal(whole.seconds, whole.seconds.T)
    assert np.allclose(fast.seconds, whole.seconds / 2, atol=0.051)
    assert whole.source == f"{service} table service"
    east = [place.x_m for place in WORLD.places]
    assert np.argsort(whole.seconds[:, 0]).tolist() == np.argsort(east).tolist()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("<html>", "is not JSON"),
        ("[]", "is not an object"),
        ('{"code": "Ok"}', "is no table of times"),
        ('{"durations": [[1.0]]}', r"is \(1, 1\)"),
        ('{"durations": [["a"]]}', "is no table of times"),
        (json.dumps({"durations": [[None] * N] * N}), "takes nan"),
        (json.dumps({"durations": [[-1.0] * N] * N}), "takes -1"),
    ],
)
def test_answers_that_are_no_times_are_refused(answer: str, words: str) -> None:
    with recorded(answer=answer) as url, pytest.raises(PlanningRefusedError, match=words):
        ask_routing_server(RoutingServer(url, "osrm"), WORLD)


@pytest.mark.parametrize(
    ("failures", "slow_s", "words"),
    [
        ([500, 500], 0.0, "answered 500, tried 2 times"),
        ([400], 0.0, "answered 400, tried 1 times"),
        ([], 0.5, "did not answer"),
    ],
)
def test_a_server_that_fails_or_sleeps_is_given_up(
    failures: list[int], slow_s: float, words: str
) -> None:
    timeout_s = 0.2 if slow_s else 60.0
    with recorded(failures, slow_s=slow_s) as url:
        server = RoutingServer(url, "osrm", attempts=2, pause_s=0.01, timeout_s=timeout_s)
        with pytest.raises(PlanningRefusedError, match=words):
            ask_routing_server(server, WORLD)


def test_an_address_that_is_no_web_address_is_refused() -> None:
    with pytest.raises(PlanningRefusedError, match="not an http"):
        ask_routing_server(RoutingServer("file:///etc/hosts", "osrm"), WORLD)
