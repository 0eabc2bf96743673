"""Jobs over HTTP: accepted, followed, stopped, taken up again after a restart; never lost."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from api.access import Action
from api.accounts.closing import end_user
from api.jobs.errors import JobsFullError
from api.jobs.job import HowFar, JobState
from api.jobs.kind import JobKind, Work
from api.jobs.runner import FOLDER, take_up
from api.jobs.shelf import LEASE, MOST_ATTEMPTS, MOST_WAITING, JobShelf, new_job_id
from api.problems import http_problem, request_refused
from api.record_folder import open_record
from api.routes import jobs as jobs_routes
from api.service import Service
from api.store.schema import jobs
from api.working.orders import Task
from api.working.progress import Watch
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import ROOT, add_person, entries, record_of, sign_in_as
from tests.api.service_world import BEARER, client_of, fill, made_up_week, problem, service


def climb(path: str, seconds: float, watch: Watch) -> dict[str, Any]:
    """Find a better plan every 50 ms until the time is over or the end is asked for."""
    with Path(path).open("a") as begun:
        begun.write(f"{os.getpid()}\n")
    end, found = time.monotonic() + seconds, 0
    while time.monotonic() < end and not watch.stop_asked():
        found += 1
        watch("Climbing", found / 1000)
        watch.measured(0.5, 0.9)
        time.sleep(0.05)
    return {"found": found, "early": watch.stop_asked()}


def collapse(_path: str, _seconds: float, _watch: Watch) -> dict[str, Any]:
    """End the process without a word."""
    os._exit(9)


async def _climbing(service: Service, work: Work) -> dict[str, Any]:
    """Do as the request says: climb, or collapse."""
    function = str(work.request.get("function", "climb"))
    task: Task[dict[str, Any]] = Task(__name__, function)
    arguments = str(work.request["path"]), float(work.request["seconds"])
    return await service.pool.run(task, *arguments, deadline_s=60, following=work.following)


async def _told(_request: Request, result: Mapping[str, Any]) -> Response:
    return JSONResponse(dict(result))


CLIMBING = JobKind("climbing", Action.MAKE_PLAN, _climbing, _told, steps=(("Climbing", 1.0),))


def app_of(root: Path) -> FastAPI:
    """Return a service that knows one kind of work, done in a real process."""
    app = service(root)
    app.state.job_kinds = {"climbing": CLIMBING}
    return app


@contextmanager
def running(root: Path) -> Iterator[tuple[FastAPI, TestClient]]:
    app = app_of(root)
    with client_of(app) as client:
        yield app, client


def asked(app: FastAPI, path: Path, seconds: float, function: str = "climb") -> str:
    """Accept a job and return its address."""
    request = {"path": str(path), "seconds": seconds, "function": function}
    job = JobShelf(record_of(app)).accept("climbing", request, "administrator")
    return f"/jobs/{job.job_id}"


def until(client: TestClient, address: str, right: Callable[[dict[str, Any]], bool]) -> Any:
    """Return the job once it is as wanted."""
    end = time.monotonic() + 90
    while True:
        body = client.get(address, headers=BEARER).json()
        if right(body):
            return body
        assert time.monotonic() < end, body
        time.sleep(0.1)


def over(body: dict[str, Any]) -> bool:
    return body["status"] in ("successful", "failed", "dismissed")


def test_head_of_a_stream_ends_although_the_work_goes_on(tmp_path: Path) -> None:
    with running(tmp_path / "data") as (app, client):
        address = asked(app, tmp_path / "begun", 60)
        until(client, address, lambda job: job["status"] == "running")
        answer = client.head(f"{address}/events", headers=BEARER)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert client.get(address, headers=BEARER).json()["status"] == "running"
        assert client.delete(address, headers=BEARER).status_code in (200, 202)
        until(client, address, over)


def test_the_events_of_somebody_whose_account_was_closed_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_routes, "IDENTIFY_EVERY_S", 0.1)
    with running(tmp_path / "data") as (app, client), ThreadPoolExecutor(1) as beside:
        add_person(app, "pat", "planner")
        pat, address = sign_in_as(app, "pat"), asked(app, tmp_path / "begun", 60)
        until(client, address, lambda job: job["status"] == "running")
        told = beside.submit(pat.get, f"{address}/events")
        until_begun(app)
        end_user(record_of(app), "pat", by=ROOT, reason="left")
        assert "event: end" not in told.result(60).text
        assert client.get(address, headers=BEARER).json()["status"] == "running"
        assert client.delete(address, headers=BEARER).status_code in (200, 202)
        until(client, address, over)


def until_begun(app: FastAPI) -> None:
    """Return once somebody follows a job."""
    end = time.monotonic() + 60
    while not app.state.service.streams:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_job_runs_tells_how_far_it_is_and_gives_its_result(tmp_path: Path) -> None:
    with running(tmp_path / "data") as (app, client):
        address = asked(app, tmp_path / "begun", 1.5)
        early = problem(client.get(f"{address}/results", headers=BEARER), 409)
        assert "no results" in early["detail"]
        body = until(client, address, lambda job: job["objective"] is not None)
        assert (body["objective"], body["bound"], body["step"]) == (0.5, 0.9, "Climbing")
        said = client.get(f"{address}/events", headers=BEARER)
        assert said.headers["content-type"].startswith("text/event-stream")
        events = [block for block in said.text.split("\n\n") if "data:" in block]
        assert "event: end" in events[-1]
        last = json.loads(events[-1].split("data: ")[1])
        assert last["status"] == "successful"
        assert last["percent"] == 100
        results = client.get(f"{address}/results", headers=BEARER)
        assert results.json()["early"] is False
        assert not (tmp_path / "data" / FOLDER / address.rsplit("/")[-1]).exists()
        ended = problem(client.delete(address, headers=BEARER), 409)
        assert "ended already" in ended["detail"]
        noted = [(action, outcome) for _, action, outcome, _, _ in entries(app)]
        assert ("job.accept", "done") in noted
        assert ("job.finish", "done") in noted


def test_stopping_keeps_the_best_found_and_a_waiting_job_ends_at_once(tmp_path: Path) -> None:
    with running(tmp_path / "data") as (app, client):
        first = asked(app, tmp_path / "begun", 60.0)
        second = asked(app, tmp_path / "never", 60.0)
        until(client, first, lambda job: job["objective"] is not None)
        waiting = client.delete(second, headers=BEARER)
        assert (waiting.status_code, waiting.json()["status"]) == (200, "dismissed")
        assert client.delete(first, headers=BEARER).status_code == 202
        body = until(client, first, over)
        assert body["status"] == "dismissed"
        results = client.get(f"{first}/results", headers=BEARER).json()
        assert results["early"] is True
        assert results["found"] >= 1
        problem(client.get(f"{second}/results", headers=BEARER), 409)
        assert client.delete(first, headers=BEARER).status_code == 200
        assert not (tmp_path / "never").exists()


def test_a_worker_that_dies_fails_the_job_with_words(tmp_path: Path) -> None:
    with running(tmp_path / "data") as (app, client):
        address = asked(app, tmp_path / "begun", 1.0, "collapse")
        body = until(client, address, over)
        assert body["status"] == "failed"
        assert "without a result" in body["problem"]["detail"]
        problem(client.get(f"{address}/results", headers=BEARER), 500)


def test_a_kept_503_says_when_to_send_the_work_again(tmp_path: Path) -> None:
    with running(tmp_path / "data") as (app, client):
        shelf = JobShelf(record_of(app))
        kept = {503: http_problem(503, "it was overdue. Remedy: send it again.")}
        kept[422] = request_refused("no fleet", "name one")
        for status, why in kept.items():
            job = shelf.accept("climbing", {"path": "x"}, "administrator")
            shelf.finish(job.job_id, None, JobState.FAILED, problem=why)
            answer = client.get(f"{job.address}/results", headers=BEARER)
            assert problem(answer, status)["detail"] == why.detail
            assert ("retry-after" in answer.headers) == (status == 503)


def test_a_stopped_service_takes_the_job_up_again(tmp_path: Path) -> None:
    with running(tmp_path / "data") as (app, client):
        address = asked(app, tmp_path / "begun", 3.0)
        until(client, address, lambda job: job["objective"] is not None)
    with running(tmp_path / "data") as (_, client):
        body = until(client, address, over)
        assert (body["status"], body["attempt"]) == ("successful", 1)
    assert len((tmp_path / "begun").read_text().split()) == 2


def test_a_lease_that_ran_out_is_taken_up_and_at_last_given_up(tmp_path: Path) -> None:
    moments = [datetime(2026, 11, 25, tzinfo=UTC)]
    with open_record(tmp_path / "data") as kept:
        shelf = JobShelf(replace(kept, clock=lambda: moments[0]))
        job = shelf.accept("climbing", {"path": "x"}, "administrator")
        for attempt in range(1, MOST_ATTEMPTS + 1):
            taken = shelf.take(f"worker-{attempt}")
            assert taken is not None
            assert (taken.job_id, taken.attempt) == (job.job_id, attempt)
            assert shelf.take("another") is None
            assert shelf.beat(job.job_id, f"worker-{attempt}", HowFar("a", 2.0)) is False
            assert shelf.beat(job.job_id, "another", HowFar()) is True
            moments[0] += LEASE * 1.5
        assert shelf.take("worker-last") is None
        late = shelf.finish(job.job_id, "worker-1", JobState.SUCCESSFUL, result={"late": 1})
        assert late.state is JobState.FAILED
        assert late.problem is not None
        assert "send it again" in late.problem["detail"]
        for _ in range(MOST_WAITING):
            shelf.accept("climbing", {}, "administrator")
        with pytest.raises(JobsFullError, match="100"):
            shelf.accept("climbing", {}, "administrator")


def test_a_job_whose_end_was_asked_for_ends_when_the_next_service_finds_it(tmp_path: Path) -> None:
    moments = [datetime(2026, 11, 25, tzinfo=UTC)]
    with open_record(tmp_path / "data") as kept:
        shelf = JobShelf(replace(kept, clock=lambda: moments[0]))
        job = shelf.accept("climbing", {"path": "x"}, "administrator")
        assert shelf.take("worker") is not None
        shelf.ask_stop(job.job_id, "administrator")
        moments[0] += LEASE * 4
        assert shelf.recover() == 1
        found = shelf.job(job.job_id)
        assert (found.state, found.ended) == (JobState.DISMISSED, moments[0])


def test_files_of_no_open_job_go_when_a_service_starts(tmp_path: Path) -> None:
    with open_record(tmp_path / "data") as kept:
        shelf = JobShelf(kept)
        job = shelf.accept("climbing", {"path": "x"}, "administrator")
        for name in (job.job_id, "job-cut-off"):
            (tmp_path / "data" / FOLDER / name).mkdir(parents=True)
        take_up(shelf, tmp_path / "data")
    assert [path.name for path in (tmp_path / "data" / FOLDER).iterdir()] == [job.job_id]


async def _robbed(service: Service, _work: Work) -> dict[str, Any]:
    """Lose the lease to another worker while the work is done."""
    assert service.record is not None
    with service.record.store.write() as tx:
        tx.execute(jobs.update().values(lease_owner="another", version=jobs.c.version + 1))
    return {}


async def _unspeakable(_service: Service, _work: Work) -> dict[str, Any]:
    """Give what no store can hold: a defect."""
    return {"found": object()}


def test_the_files_of_a_job_stay_for_the_worker_that_took_it_over(tmp_path: Path) -> None:
    app = service(tmp_path / "data")
    app.state.job_kinds = {"robbed": JobKind("robbed", Action.MAKE_PLAN, _robbed, _told)}
    with client_of(app) as client:
        shelf, identifier = JobShelf(record_of(app)), new_job_id()
        folder = tmp_path / "data" / FOLDER / identifier
        folder.mkdir()
        shelf.accept("robbed", {}, "administrator", job_id=identifier)
        end = time.monotonic() + 60
        while ("job.finish", "failed") not in [(one[1], one[2]) for one in entries(app)]:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert client.get(f"/jobs/{identifier}", headers=BEARER).json()["status"] == "running"
        time.sleep(0.2)
        assert folder.is_dir()


def test_a_defect_of_one_job_ends_no_other(tmp_path: Path) -> None:
    app = app_of(tmp_path / "data")
    kind = JobKind("unspeakable", Action.MAKE_PLAN, _unspeakable, _told)
    app.state.job_kinds["unspeakable"] = kind
    with client_of(app) as client:
        JobShelf(record_of(app)).accept("unspeakable", {}, "administrator")
        address = asked(app, tmp_path / "begun", 0.1)
        assert until(client, address, over)["status"] == "successful"


def test_jobs_are_listed_a_page_at_a_time(tmp_path: Path) -> None:
    app = service(tmp_path / "data")
    app.state.job_kinds = {}
    with client_of(app) as client:
        shelf = JobShelf(record_of(app))
        wanted = [shelf.accept("gone", {"n": n}, "administrator").job_id for n in range(7)]
        seen, address = [], "/jobs?limit=3"
        while address:
            answer = client.get(address, headers=BEARER)
            assert answer.status_code == 200
            assert len(answer.json()["jobs"]) <= 3
            seen += [job["job_id"] for job in answer.json()["jobs"]]
            address = answer.links["next"]["url"] if "next" in answer.links else ""
        assert seen == wanted[::-1]
        for wrong in ("x", "bm8", "WyJhIiwiYiJd", "W10", "é", "a" * 601):
            assert client.get("/jobs", params={"cursor": wrong}, headers=BEARER).status_code == 422
        body = until(client, f"/jobs/{wanted[0]}", over)
        assert "does not know work" in body["problem"]["detail"]
        missing = client.get(f"/jobs/job-{'0' * 24}", headers=BEARER)
        assert "no job" in problem(missing, 404)["detail"]


def test_who_may_follow_and_who_may_stop(tmp_path: Path) -> None:
    with running(tmp_path / "data") as (app, client):
        for name, role in (("ann", "analyst"), ("cara", "chair"), ("pat", "planner")):
            add_person(app, name, role)
        add_person(app, "bob", "borough", boroughs=("E09000012",))
        address = asked(app, tmp_path / "begun", 60.0)
        until(client, address, lambda job: job["status"] == "running")
        people = {name: sign_in_as(app, name) for name in ("ann", "cara", "pat", "bob")}
        assert people["cara"].get(address).status_code == 200
        assert people["bob"].get(address).status_code == 403
        sent: dict[str, int] = {}
        for name in ("bob", "cara", "ann", "pat"):
            one = people[name]
            headers = {"Origin": "http://127.0.0.1:8000", "X-CSRF-Token": one.form_token}
            sent[name] = one.client.delete(address, headers=headers).status_code
        # an analyst may end an assessment, not the placement of a planner
        assert sent == {"bob": 403, "cara": 403, "ann": 403, "pat": 202}
        until(client, address, over)


def test_a_placement_is_accepted_with_its_files_and_refused_before_it_is(
    tmp_path: Path,
) -> None:
    root, study_area = tmp_path / "data", load_bundled()
    assessment, plan = made_up_week(study_area)
    fill(root, study_area, assessment, plan)
    app = app_of(root)
    kept: list[Mapping[str, Any]] = []

    async def keep(_service: Service, work: Work) -> dict[str, Any]:
        files = {path.name: path.read_text() for path in work.folder.rglob("*") if path.is_file()}
        kept.append({**work.request, "files": files})
        await asyncio.sleep(0)
        return {"week": plan.week, "plan_id": plan.plan_id}

    for name in ("placement", "assessment"):
        app.state.job_kinds[name] = JobKind(name, Action.MAKE_PLAN, keep, _told)
    headers = {**BEARER, "Prefer": "wait=5, respond-async"}
    with client_of(app) as client:
        refused = client.post("/allocate", json={"fleet_id": "none"}, headers=headers)
        assert "no fleet" in problem(refused, 422)["detail"]
        answer = client.post(
            "/allocate", json={"fleet_id": "example", "week": plan.week}, headers=headers
        )
        assert answer.status_code == 202
        assert answer.headers["preference-applied"] == "respond-async"
        job = until(client, answer.headers["location"], over)
        assert job["status"] == "successful"
        long = client.post(
            "/allocate", json={"fleet_id": "example", "time_limit_s": 121.0}, headers=BEARER
        )
        assert long.status_code == 202
        sent = client.post(
            "/assessment",
            data={"as_of": "2026-11-23"},
            files=[("incidents", ("a.csv", b"one")), ("policy", ("p.toml", b"two"))],
            headers=headers,
        )
        assert sent.status_code == 202
        until(client, sent.headers["location"], over)
    assert kept[0]["assessment_id"] == assessment.assessment_id
    assert kept[0]["fleet_id"] == "example"
    assert kept[-1]["files"] == {"a.csv": "one", "p.toml": "two"}
    assert list((root / FOLDER).iterdir()) == []
