"""The service as a stranger meets it: `arv serve` on an empty directory, and curl."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from api.cli import run
from api.files.assessment_folder import read as read_assessment
from api.routes.documents import PlanDocument
from tests.api.service_world import problem

WEEK = "2026-W48"
SERVE = (sys.executable, "-c", "from api.cli import main; main()", "serve")
STOP_S = 120  # of wall time, for a machine with other work
READY = re.compile(r"Serving on (http://[^ ]+)/ ")
TOKEN = re.compile(r"Administrator token .*: (arv_[\w-]{43})")
BAD_FEED = (
    "record_id,source,category,basis,occurred_at,easting,northing\n"
    "R1,reported_shooting,firearm_discharged,reported,31/02/2026 10:00,533500,185000\n"
)


@dataclass(frozen=True)
class Live:
    """A running service: where it answers, its token, the process, and its data."""

    url: str
    token: str
    process: subprocess.Popen[str]
    data: Path

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@contextmanager
def live(data: Path, *options: str) -> Iterator[Live]:
    """Yield `arv serve` on a free port; it is stopped as a supervisor would stop it."""
    data.parent.mkdir(parents=True, exist_ok=True)
    journal = (data.parent / "journal").open("w")
    process = subprocess.Popen(
        [*SERVE, "--port", "0", "--data", str(data), *options],
        stdout=subprocess.PIPE,
        stderr=journal,
        text=True,
    )
    assert process.stdout
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line)
            if READY.search(line):
                break
        said = "".join(lines)
        address, token = READY.search(said), TOKEN.search(said)
        assert address, f"the service did not start: {said}"
        url = address[1]
        _wait(lambda: _up(url), 60)
        yield Live(url, token[1] if token else "", process, data)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_S)
        journal.close()


def _up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not true within {seconds} s"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, list[float]]]:
    """Return a service that has made its sample, and how long /health took meanwhile, in s."""
    data = tmp_path_factory.mktemp("live") / "data"
    waits: list[float] = []
    with live(data) as service, httpx.Client(base_url=service.url) as client:

        def ready() -> bool:
            said = (data.parent / "journal").read_text("utf-8")
            assert "could not be made" not in said, said
            start = time.perf_counter()
            assert client.get("/health").json() == {"status": "ok"}
            waits.append(time.perf_counter() - start)
            return client.get(f"/allocate?week={WEEK}", headers=service.bearer).is_success

        _wait(ready, 240)
        yield service, waits


def test_the_first_run_makes_the_sample_and_stays_up(started: tuple[Live, list[float]]) -> None:
    service, waits = started
    answer = httpx.get(f"{service.url}/allocate?week={WEEK}", headers=service.bearer)
    plan = PlanDocument.model_validate(answer.json())
    assert plan.status == "optimal"
    assert len(plan.units) == 16
    assert answer.headers["x-notice"] == "SYNTHETIC"
    page = httpx.get(f"{service.url}/", headers=service.bearer).text
    assert "SYNTHETIC: every record behind this page is invented" in page
    assert statistics.median(waits) < 0.1
    assert min(waits) < 0.03  # small answers do not wait for the client's delayed acknowledgement


def test_the_documented_calls_work_as_written(
    started: tuple[Live, list[float]], repository: Path, tmp_path: Path
) -> None:
    service, _ = started
    feeds = repository / "data" / "sample" / "feeds"
    shutil.copy(feeds / "co19_handover.csv", tmp_path / "week.csv")
    text = (repository / "docs" / "service.md").read_text("utf-8")
    commands = re.findall(r"```sh\n(curl .*?)\n```", text, flags=re.DOTALL)
    assert len(commands) == 5
    answers = []
    for command in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", command.replace("http://127.0.0.1:8000", service.url)],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env={**os.environ, "ARV_TOKEN": service.token},
        )
        answers.append(json.loads(done.stdout))
    health, before, after, receipt, wards = answers
    assert health == {"status": "ok"}
    assert before["week"] == after["week"] == WEEK
    locked = next(unit for unit in after["units"] if unit["unit_id"] == "ARV-04")
    assert "E09000012" in locked["boroughs"]
    kept = httpx.get(f"{service.url}/allocate?week={WEEK}", headers=service.bearer).json()
    assert kept == after
    receipts = httpx.get(f"{service.url}/feeds", headers=service.bearer).json()
    assert receipt["n_records"] > 0, receipt
    assert receipt["receipt_id"] in json.dumps(receipts)
    assert {one["borough_code"] for one in wards["wards"]} == {"E09000012"}


def test_health_answers_while_a_plan_is_solved(started: tuple[Live, list[float]]) -> None:
    service, _ = started
    solved: list[httpx.Response] = []
    order = {"fleet_id": "example", "excludes": {"ARV-04": ["E09000012"]}, "week": "2026-W49"}

    def solve() -> None:
        url = f"{service.url}/allocate"
        solved.append(httpx.post(url, json=order, headers=service.bearer, timeout=240))

    thread = threading.Thread(target=solve)
    thread.start()
    waits = []
    with httpx.Client(base_url=service.url) as client:
        while thread.is_alive():
            start = time.perf_counter()
            client.get("/health")
            waits.append(time.perf_counter() - start)
            time.sleep(0.02)
    thread.join()
    assert solved[0].status_code == 200, solved[0].text
    unit = next(one for one in solved[0].json()["units"] if one["unit_id"] == "ARV-04")
    assert "E09000012" not in unit["boroughs"]
    assert len(waits) > 10
    assert statistics.median(waits) < 0.1


@pytest.mark.parametrize(
    ("locks", "named"),
    [
        ({"ARV-99": ["E09000012"]}, "ARV-99"),
        ({"ARV-04": ["E09000001"]}, "E09000001"),
        ({"ARV-04": ["E09000012"], "ARV-05": ["E09000012"]}, "E09000012"),
    ],
)
def test_what_the_command_line_refuses_the_service_refuses_in_its_words(
    started: tuple[Live, list[float]],
    tmp_path: Path,
    *,
    capsys: pytest.CaptureFixture[str],
    locks: dict[str, list[str]],
    named: str,
) -> None:
    service, _ = started
    order = {"fleet_id": "example", "locks": locks}
    url = f"{service.url}/allocate"
    body = problem(httpx.post(url, json=order, headers=service.bearer, timeout=120), 422)
    data = service.data
    folder = next((data / "assessments").glob("ra-*"))
    assert read_assessment(folder).assessment.notice == "SYNTHETIC"
    options = [f"--lock={unit}={','.join(codes)}" for unit, codes in locks.items()]
    fleet = str(data / "fleets" / "example.toml")
    arguments = ["allocate", "--assessment", str(folder), "--fleet", fleet, *options]
    assert run([*arguments, "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err.splitlines()[-1].removeprefix("arv: ")
    assert body["detail"] == said
    assert named in said


def test_a_refused_feed_is_refused_in_the_same_words_and_changes_nothing(
    started: tuple[Live, list[float]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service, _ = started
    feed = tmp_path / "bad.csv"
    feed.write_text(BAD_FEED, "utf-8")
    before = httpx.get(f"{service.url}/assessment", headers=service.bearer).headers["etag"]
    with feed.open("rb") as handle:
        answer = httpx.post(
            f"{service.url}/assessment",
            data={"as_of": "2026-11-23"},
            files={"incidents": handle},
            headers=service.bearer,
            timeout=120,
        )
    body = problem(answer, 422)
    out = tmp_path / "out"
    assert (
        run(["assess", "--as-of", "2026-11-23", "--incidents", str(feed), "--out", str(out)]) == 1
    )
    said = capsys.readouterr().err.splitlines()[-1].removeprefix("arv: ")
    assert body["detail"] == said
    assert (body["file"], body["row"]) == ("bad.csv", 1)
    after = httpx.get(f"{service.url}/assessment", headers=service.bearer).headers["etag"]
    assert after == before


def test_a_restart_keeps_the_week_and_says_no_token(
    started: tuple[Live, list[float]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = started
    data = first.data
    assert run(["serve", "--port", "0", "--data", str(data)]) == 1
    assert "another service" in capsys.readouterr().err
    copy = shutil.copytree(data, tmp_path / "copy")
    (copy / "staging" / "unfinished").mkdir(parents=True, exist_ok=True)
    with live(copy) as second:
        assert second.token == ""
        answer = httpx.get(f"{second.url}/allocate?week={WEEK}", headers=first.bearer)
        assert answer.status_code == 200
        assert list((copy / "staging").iterdir()) == []


def test_refusals_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--host", "0.0.0.0", "--data", str(tmp_path)]) == 1
    assert "--behind-proxy" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert run(["serve", "--port", port, "--data", str(tmp_path / "d")]) == 1
    assert "--port" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()
    assert run(["serve", "--port", "0", "--data", "/proc/nowhere"]) == 1
