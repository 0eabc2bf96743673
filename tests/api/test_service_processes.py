"""Real processes of the service: killed in the middle of work and of an upload; several at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select

from api.audit.rotation import rotate_key
from api.audit.verify import verify
from api.files.sample_data import SAMPLE_AS_OF, sample_feeds, sample_fleet
from api.jobs.runner import FOLDER
from api.record_folder import open_record
from api.routes.documents import PlanDocument
from api.store.schema import audit
from tests.api.test_service_live import STOP_S, Live, live


def until(condition: Callable[[], Any], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not true within {seconds} s"
        time.sleep(0.2)
    return found


def job_of(service: Live, address: str) -> dict[str, Any]:
    body: dict[str, Any] = httpx.get(
        service.url + address, headers=service.bearer, timeout=60
    ).json()
    return body


def kill(service: Live) -> None:
    """End the service as a loss of power would: without a word to anybody."""
    service.process.send_signal(signal.SIGKILL)
    service.process.wait(STOP_S)


def half_an_upload(service: Live) -> socket.socket:
    """Begin an upload and send half of it."""
    place = urlsplit(service.url)
    line = socket.create_connection((str(place.hostname), int(place.port or 0)))
    head = (
        f"POST /assessment HTTP/1.1\r\nHost: {place.netloc}\r\n"
        f"Authorization: Bearer {service.token}\r\nPrefer: respond-async\r\n"
        "Idempotency-Key: half\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        "Content-Length: 100000\r\n\r\n--b\r\n"
        'Content-Disposition: form-data; name="incidents"; filename="a.csv"\r\n\r\n'
    )
    line.sendall(head.encode() + b"row\n" * 5000)
    return line


def test_killed_in_the_middle_of_work_and_of_an_upload(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with live(data, "--no-sample") as first:
        feeds = [("incidents", (path.name, path.read_bytes())) for path in sample_feeds()]
        coverage = [path.with_name(f"{path.stem}.coverage.csv") for path in sample_feeds()]
        feeds += [("incidents", (one.name, one.read_bytes())) for one in coverage if one.is_file()]
        sent = httpx.post(
            f"{first.url}/assessment",
            data={"as_of": SAMPLE_AS_OF, "classification": "OFFICIAL"},
            files=feeds,
            headers={**first.bearer, "Prefer": "respond-async"},
            timeout=60,
        )
        assert sent.status_code == 202, sent.text
        address = sent.headers["location"]
        until(lambda: job_of(first, address)["status"] == "running", 60)
        line = half_an_upload(first)
        time.sleep(0.5)
        kill(first)
        line.close()
        assert list((data / FOLDER).iterdir())
    token = first.token
    with live(data, "--no-sample") as second:
        again = Live(second.url, token, second.process, data)
        body = until(lambda: _over(job_of(again, address)), 300)
        assert body["status"] == "successful", body
        assert body["attempt"] == 2
        answer = httpx.get(f"{again.url}{address}/results", headers=again.bearer)
        assert answer.status_code == 201
        made = answer.json()["assessment_id"]
        current = httpx.get(f"{again.url}/assessment", headers=again.bearer)
        assert current.headers["x-assessment-id"] == made
        listed = httpx.get(f"{again.url}/jobs", headers=again.bearer).json()["jobs"]
        assert [job["job_id"] for job in listed] == [address.rsplit("/")[-1]]
        assert list((data / FOLDER).iterdir()) == []
        assert list((data / "staging").iterdir()) == []
        _stop_a_solve(again)
    assert second.process.returncode == 0  # told to stop: no fault


def _stop_a_solve(service: Live) -> None:
    """Ask for the end of a real solve once it has a plan: the plan is kept, with its gap."""
    shutil.copy(sample_fleet(), service.data / "fleets" / "example.toml")
    sent = httpx.post(
        f"{service.url}/allocate",
        json={"fleet_id": "example"},
        headers={**service.bearer, "Prefer": "respond-async"},
    )
    assert sent.status_code == 202, sent.text
    address = sent.headers["location"]
    body = until(lambda: _measured(job_of(service, address)), 120)
    assert 0 < body["objective"] <= body["bound"] <= 1
    asked = httpx.delete(service.url + address, headers=service.bearer, timeout=60)
    assert asked.status_code == 202, asked.text
    body = until(lambda: _over(job_of(service, address)), 150)
    assert body["status"] == "dismissed"
    answer = httpx.get(f"{service.url}{address}/results", headers=service.bearer)
    plan = PlanDocument.model_validate(answer.json())
    assert plan.status in ("timed_out", "optimal")
    assert plan.objective <= plan.bound


def _measured(body: dict[str, Any]) -> dict[str, Any] | None:
    return body if body["objective"] else None


def _over(body: dict[str, Any]) -> dict[str, Any] | None:
    return body if body["status"] in ("successful", "failed", "dismissed") else None


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in text.split()]


def serving(pid: int) -> list[int]:
    """Return the processes started by another that answer requests."""
    found = []
    for child in children(pid):
        with suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


def test_several_processes_are_one_service(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with live(data, "--no-sample", "--workers", "3") as service:
        main = service.process.pid
        until(lambda: len(serving(main)) == 3, 120)
        with pytest.raises(AssertionError, match="did not start"), live(data, "--no-sample"):
            pass
        until(lambda: _statuses(service, 12) == {200}, 120)
        cookie = _session(service)
        for _ in range(9):  # whichever process answers knows the session
            answer = httpx.get(f"{service.url}/jobs", cookies={"arv_session": cookie})
            assert answer.status_code == 200
        wrong = {"Authorization": "Bearer arv_wrong", "X-Forwarded-For": "10.1.1.1"}
        seen = [httpx.get(f"{service.url}/jobs", headers=wrong).status_code for _ in range(16)]
        assert seen == [401] * 10 + [429] * 6
        os.kill(serving(main)[0], signal.SIGKILL)
        until(lambda: len(serving(main)) == 3, 120)
        until(lambda: _statuses(service, 12) == {200}, 120)
        text = until(lambda: _metrics(service), 20)
        assert 'arv_requests_total{method="GET",route="/jobs",status="429"} 6.0' in text
        workers = serving(main)
        _change_the_signing_key(service, data)
    assert service.process.returncode == 0
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    journal = (tmp_path / "journal").read_text("utf-8").splitlines()
    lines = [json.loads(line) for line in journal if line.startswith("{")]
    assert any(line.get("route") == "/jobs" for line in lines)
    assert "arv_wrong" not in "".join(journal)
    shutil.rmtree(data)


def _change_the_signing_key(service: Live, data: Path) -> None:
    """Change the key that signs the record as the command does; every process goes on with it."""
    with open_record(data, create=False) as record:
        done = rotate_key(record, by="operator:root", reason="yearly")
        for number in range(12):  # whichever process answers, it writes the denial down
            answer = httpx.get(f"{service.url}/audit/{number + 1}", headers=service.bearer)
            assert answer.status_code == 403
        with record.store.read() as tx:
            denied = (audit.c.position > done.position) & (audit.c.outcome == "denied")
            assert len(tx.execute(select(audit.c.position).where(denied)).all()) == 12
            checked = verify(tx, record.signer.verifier)
        assert (checked.sound, checked.keys) == (True, (done.old_key_id, done.new_key_id))


def _statuses(service: Live, number: int) -> set[int]:
    with suppress(httpx.TransportError):
        url = f"{service.url}/ready"
        return {httpx.get(url, timeout=30).status_code for _ in range(number)}
    return set()


def _metrics(service: Live) -> str:
    answer = httpx.get(f"{service.url}/metrics", headers=service.bearer, timeout=60)
    return answer.text if answer.status_code == 200 else ""


def _session(service: Live) -> str:
    with httpx.Client(base_url=service.url) as browser:
        form = browser.get("/sign-in").text
        token = form.split('name="form_token" value="')[1].split('"')[0]
        answer = browser.post(
            "/sign-in",
            data={"form_token": token, "token": service.token},
            headers={"Origin": service.url},
        )
        assert answer.status_code == 303, answer.text
        return str(browser.cookies["arv_session"])
