"""The same faults over HTTP: problem+json with the words of the command line, nothing stored."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.cli import run
from api.problems import ProblemError, problem_of
from api.settings import Limits
from api.working.orders import Task
from api.working.solving import WorkPool
from tests.api.service_world import BEARER, client_of, problem, service
from tests.bad_input import good_files as good
from tests.bad_input.commands import command
from tests.bad_input.corpus import DEEP, PNG, Fault
from tests.bad_input.faults import FAULTS
from tests.unit.feed_files import meeting_line

JSON_BODY = {**BEARER, "Content-Type": "application/json"}
UPLOAD_BODY = {**BEARER, "Content-Type": "multipart/form-data; boundary=x"}
FIELDS = {"incidents": "incidents", "sidecar": "incidents", "counts": "counts", "policy": "policy"}
UPLOADS = [one for one in FAULTS if one.door in FIELDS and one.upload]
FORM = {"as_of": good.AS_OF}


async def _run_here(
    _pool: WorkPool, task: Task[object], *arguments: object, deadline_s: float, **_more: object
) -> object:
    """Do a worker's task in this process; faults become problems as in a worker's."""
    try:
        return getattr(importlib.import_module(task.module), task.name)(*arguments)
    except Exception as fault:
        raise ProblemError(problem_of(fault)) from fault


@contextmanager
def desk(root: Path) -> Iterator[TestClient]:
    """Yield a client of a service that does its work in this process."""
    with pytest.MonkeyPatch.context() as patch, client_of(service(root)) as found:
        patch.setattr(WorkPool, "run", _run_here)
        yield found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of :func:`client`, in which no test may leave anything."""
    return tmp_path_factory.mktemp("empty") / "data"


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[TestClient]:
    with desk(root) as found:
        yield found


@pytest.fixture(scope="module")
def assessed_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("assessed") / "data"


@pytest.fixture(scope="module")
def standing(assessed_root: Path) -> Iterator[TestClient]:
    with desk(assessed_root) as found:
        yield found


@pytest.fixture
def assessed(standing: TestClient, assessed_root: Path) -> TestClient:
    """Return a client of a service that has an assessment, made by the first test to ask."""
    if not stored(assessed_root):
        feed = [("incidents", ("week.csv", good.meeting_csv()))]
        answer = standing.post("/assessment", data=FORM, files=feed, headers=BEARER)
        assert answer.status_code == 201, answer.text
    return standing


@pytest.fixture
def cli_words(
    tmp_path: Path, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, Path], str]:
    """Return a function that gives the one line of the command line about a bad file."""

    def words(door: str, bad: Path) -> str:
        assert run(command(door, bad, inputs, tmp_path / "out")) == 1
        return capsys.readouterr().err.removeprefix("arv: ").rstrip("\n")

    return words


def files_of(one: Fault, bad: Path) -> list[tuple[str, tuple[str, bytes]]]:
    """Return what a form would send: the bad file, and a sound feed beside a policy."""
    field = FIELDS[one.door]
    sent = [(field, (path.name, path.read_bytes())) for path in sorted(bad.parent.iterdir())]
    if one.door == "policy":
        sent.append(("incidents", ("week.csv", good.meeting_csv())))
    return sent


#: What every service has from its first moment: its lock, and the record with its key.
OWN = ("lock", "arv.sqlite3", "arv.sqlite3-journal", "audit-key.pem", "audit-key.pub.pem",
       "audit-head.json", "audit-head.lock")  # fmt: skip


def stored(root: Path) -> list[str]:
    """Return every file of the service but its own and its empty shelves."""
    return sorted(p.name for p in root.rglob("*") if p.is_file() and p.name not in OWN)


@pytest.mark.parametrize("one", UPLOADS, ids=lambda one: one.label)
def test_an_upload_is_refused_with_the_words_of_the_command_line(
    one: Fault,
    tmp_path: Path,
    root: Path,
    client: TestClient,
    cli_words: Callable[[str, Path], str],
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    bad = one.make(folder)
    words = cli_words(one.door, bad)
    answer = client.post("/assessment", data=FORM, files=files_of(one, bad), headers=BEARER)
    assert problem(answer, 422)["detail"] == words
    assert "Traceback" not in answer.text
    assert stored(root) == []


FLEET_EDITS: dict[str, tuple[str, str]] = {
    "no units": ("units", "0 units"),
    "standard of 0": ("service_standard_s", "0"),
    "standard of a century": ("service_standard_s", "3155760000"),
    "unknown borough": ("eligible_boroughs", "E09000099"),
    "terminal commands": ("unit_id", "u001b"),
}


def fleet_body(name: str) -> dict[str, Any]:
    """Return the fleet of a fault of the corpus as the body of a request has it."""
    units: list[dict[str, Any]] = [
        {"unit_id": f"ARV-{n:02d}", "provenance": "CO19", "on_duty": ["monday", "friday"]}
        for n in (1, 2, 3)
    ]
    fleet: dict[str, Any] = {"label": "assumption", "service_standard_s": 540, "turnout_s": 60}
    if name == "no units":
        units = []
    elif name == "standard of 0":
        fleet["service_standard_s"] = 0
    elif name == "standard of a century":
        fleet["service_standard_s"] = 3_155_760_000
    elif name == "unknown borough":
        units[0]["eligible_boroughs"] = ["E09000099"]
    elif name == "terminal commands":
        units[0]["unit_id"] = "\x1b[2J"
    return {"fleet": {**fleet, "units": units}}


@pytest.mark.parametrize("name", FLEET_EDITS)
def test_a_fleet_is_refused_with_the_words_of_the_command_line(
    name: str,
    tmp_path: Path,
    assessed_root: Path,
    assessed: TestClient,
    cli_words: Callable[[str, Path], str],
) -> None:
    before = stored(assessed_root)
    assert before
    one = next(one for one in FAULTS if one.label == f"fleet: {name}")
    words = cli_words("fleet", one.make(tmp_path))
    answer = assessed.post("/allocate", content=json.dumps(fleet_body(name)), headers=JSON_BODY)
    assert problem(answer, 422)["detail"] == words.replace("f.toml", "fleet", 1)
    assert stored(assessed_root) == before


BODIES: dict[str, bytes] = {
    "empty": b"",
    "deep": DEEP,
    "deep in a key": b'{"fleet": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_001,
    "NaN": b'{"fleet_id": "x", "time_limit_s": NaN}',
    "infinite": b'{"fleet_id": "x", "time_limit_s": Infinity}',
    "1e999": b'{"fleet_id": "x", "time_limit_s": 1e999}',
    "5,000 digits": b'{"fleet_id": "x", "max_changes": ' + b"9" * 5_000 + b"}",
    "400 digits": b'{"fleet_id": "x", "max_changes": ' + b"9" * 400 + b"}",
    "half a character": b'{"fleet_id": "\\ud800"}',
    "half a character in a key": b'{"locks": {"\\ud800": ["E09000012"]}}',
    "NUL": b'{"fleet_id": "a\\u0000b"}',
    "no UTF-8": b'{"fleet_id": "\xff"}',
    "PNG": PNG,
    "a list": b"[]",
    "one key twice": b'{"fleet_id": "x", "fleet_id": "../x"}',
    "a million keys": b'{"locks": {' + b",".join(b'"A%d": []' % n for n in range(60_000)) + b"}}",
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_order_is_refused(name: str, root: Path, client: TestClient) -> None:
    answer = client.post("/allocate", content=BODIES[name], headers=JSON_BODY)
    body = problem(answer, 422)
    assert "Remedy:" in body["detail"]
    assert len(answer.content) < 20_000
    assert answer.text.isascii()
    assert stored(root) == []


def test_a_gigabyte_is_turned_away_before_it_is_read(client: TestClient) -> None:
    said = {
        **BEARER,
        "Content-Length": str(2**30),
        "Content-Type": "multipart/form-data; boundary=x",
    }
    answer = client.post("/assessment", content=b"--x\r\n", headers=said)
    assert problem(answer, 413)


def test_a_stream_without_end_is_cut_at_the_limit(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="incidents"; filename="a.csv"\r\n\r\n'
        while True:
            yield b"0" * 65_536

    limits = Limits(upload_bytes=2**20)
    with client_of(service(tmp_path / "data", limits=limits)) as client:
        answer = client.post("/assessment", content=_first(endless(), 64), headers=UPLOAD_BODY)
    problem(answer, 413)
    assert stored(tmp_path / "data") == []


def _first(stream: Iterator[bytes], pieces: int) -> Iterator[bytes]:
    """Return the first pieces of a stream: the test's client sends a body whole."""
    for _, piece in zip(range(pieces), stream, strict=False):
        yield piece


@pytest.mark.parametrize("when", ["2026-10-25T01:30", "25/10/2026 01:30"])
def test_an_hour_that_comes_twice_is_flagged(when: str, tmp_path: Path) -> None:
    row = meeting_line("R1", occurred_at=when)
    content = good.meeting_csv().splitlines()[0] + b"\n" + row.encode() + b"\n"
    feed = [("incidents", ("week.csv", content))]
    with desk(tmp_path / "data") as client:
        answer = client.post("/assessment", data=FORM, files=feed, headers=BEARER)
    assert answer.status_code == 201
    assert any("clocks repeat" in text for text in answer.json()["warnings"])
