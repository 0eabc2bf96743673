"""What every request obeys: done once under a key, within its rate, counted, ready or not."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from api.access import Action
from api.accounts.rights import checked_rights
from api.accounts.users import change_rights
from api.conventions.journal import JsonLines, TextLines
from api.conventions.once import LONGEST_BODY
from api.conventions.once_rows import KEPT, Asked, begin
from api.pagination import cursor, position
from api.problems import ProblemError, http_problem
from api.routes.endpoint import Endpoint, add_endpoints
from api.routes.table import ENDPOINTS
from tests.api.accounts_world import ROOT, add_person, record_of, sign_in_as
from tests.api.service_world import BEARER, ORIGIN, client_of, problem, service


class Counting:
    """Endpoints that count how often they were done."""

    def __init__(self) -> None:
        self.done: list[bytes] = []
        self.gate = asyncio.Event()

    async def count(self, request: Request) -> Response:
        self.done.append(await request.body())
        headers = {"Location": f"/things/{len(self.done)}"}
        return JSONResponse({"n": len(self.done)}, 201, headers)

    async def fail(self, request: Request) -> Response:
        self.done.append(await request.body())
        if len(self.done) % 2:
            raise ProblemError(http_problem(409, "not now"))
        raise RuntimeError("inner secret")

    async def wait(self, request: Request) -> Response:
        self.done.append(await request.body())
        await self.gate.wait()
        return JSONResponse({"n": len(self.done)})

    async def much(self, _request: Request) -> Response:
        self.done.append(b"")
        return Response(b"x" * (LONGEST_BODY + 1))


def counting(root: Path) -> tuple[FastAPI, Counting]:
    app, made = service(root), Counting()
    names = ("count", "fail", "wait", "much")
    more = tuple(
        Endpoint("POST", f"/{name}", Action.MAKE_PLAN, getattr(made, name), name, upload=True)
        for name in names
    )
    add_endpoints(app, (*ENDPOINTS, *more))
    return app, made


@contextmanager
def counted(root: Path) -> Iterator[tuple[FastAPI, TestClient, Counting]]:
    app, made = counting(root)
    with client_of(app) as client:
        yield app, client, made


def keyed(key: str) -> dict[str, str]:
    return {**BEARER, "Idempotency-Key": key}


def test_a_request_under_a_key_is_done_once(tmp_path: Path) -> None:
    with counted(tmp_path) as (app, client, made):
        first = client.post("/count", json={"a": 1}, headers=keyed("k1"))
        again = client.post("/count", json={"a": 1}, headers=keyed('"k1"'))
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json() == {"n": 1}
        assert again.headers["location"] == "/things/1"
        assert again.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers
        assert first.headers["x-request-id"] != again.headers["x-request-id"]
        other = client.post("/count", json={"a": 2}, headers=keyed("k1"))
        assert "another request" in problem(other, 422)["detail"]
        problem(client.post("/wait", json={"a": 1}, headers=keyed("k1")), 422)
        assert client.post("/count", json={"a": 1}, headers=keyed("k2")).json() == {"n": 2}
        add_person(app, "pat", "planner")
        person = sign_in_as(app, "pat")
        headers = {"Origin": ORIGIN, "X-CSRF-Token": person.form_token, "Idempotency-Key": "k1"}
        assert person.client.post("/count", json={"a": 1}, headers=headers).json() == {"n": 3}
        problem(client.post("/count", headers={"Idempotency-Key": "k1"}), 401)
        for wrong in ("", "a b", "x" * 129):
            problem(client.post("/count", headers=keyed(wrong)), 400)
        assert len(made.done) == 3
    with counted(tmp_path) as (app, client, made):
        kept = client.post("/count", json={"a": 1}, headers=keyed("k1"))
        assert kept.json() == {"n": 1}
        late = record_of(app).clock() + KEPT + timedelta(minutes=1)
        object.__setattr__(record_of(app), "clock", lambda: late)
        assert client.post("/count", json={"a": 1}, headers=keyed("k1")).json() == {"n": 1}
        assert len(made.done) == 1


def test_an_answer_is_not_given_again_to_somebody_whose_rights_have_changed(
    tmp_path: Path,
) -> None:
    with counted(tmp_path) as (app, _, made):
        add_person(app, "pat", "planner", scopes=("handling-c",))

        def send() -> Any:
            pat = sign_in_as(app, "pat")
            headers = {"Origin": ORIGIN, "X-CSRF-Token": pat.form_token, "Idempotency-Key": "k1"}
            return pat.client.post("/count", json={"a": 1}, headers=headers)

        assert [send().json() for _ in range(2)] == [{"n": 1}] * 2
        less = checked_rights(["planner"], [], [])
        change_rights(record_of(app), "pat", less, by=ROOT, reason="moved")
        assert "with other rights" in problem(send(), 422)["detail"]
        assert len(made.done) == 1


def test_a_form_sent_again_is_the_same_whatever_its_boundary(tmp_path: Path) -> None:
    with counted(tmp_path) as (_, client, made):
        large = b"row\n" * 600_000
        for expected in (False, True):
            answer = client.post(
                "/count", files={"incidents": ("a.csv", large)}, headers=keyed("upload")
            )
            assert answer.status_code == 201
            assert ("idempotency-replayed" in answer.headers) is expected
        assert len(made.done) == 1
        assert large in made.done[0]
        changed = client.post("/count", files={"incidents": ("a.csv", large + b"x")},
                              headers=keyed("upload"))  # fmt: skip
        problem(changed, 422)


def test_what_changed_nothing_may_be_sent_again(tmp_path: Path) -> None:
    with counted(tmp_path) as (_, client, made):
        problem(client.post("/fail", headers=keyed("f")), 409)
        assert "secret" not in problem(client.post("/fail", headers=keyed("f")), 500)["detail"]
        assert len(made.done) == 2
        for _ in range(2):
            assert len(client.post("/much", headers=keyed("m")).content) == LONGEST_BODY + 1
        assert len(made.done) == 4


def test_a_second_request_while_the_first_is_done(tmp_path: Path) -> None:
    app, made = counting(tmp_path)

    async def both() -> tuple[httpx.Response, httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client,
        ):
            first = asyncio.ensure_future(client.post("/wait", headers=keyed("w")))
            while not made.done:
                await asyncio.sleep(0.02)
            second = await client.post("/wait", headers=keyed("w"))
            made.gate.set()
            return await first, second, await client.post("/wait", headers=keyed("w"))

    first, second, third = asyncio.run(both())
    assert first.json() == third.json() == {"n": 1}
    assert problem(second, 409)["detail"].startswith("the first request")
    assert second.headers["retry-after"]


def test_a_key_whose_request_was_cut_off_is_free_after_a_restart(tmp_path: Path) -> None:
    with counted(tmp_path) as (app, _, _):
        assert begin(record_of(app), Asked("administrator", "cut", "POST /count", "0" * 64)) is None
        earlier = begin(record_of(app), Asked("administrator", "cut", "POST /count", "0" * 64))
        assert earlier is not None
        assert earlier.answer is None
    with counted(tmp_path) as (_, client, made):
        assert client.post("/count", headers=keyed("cut")).json() == {"n": 1}
        assert len(made.done) == 1


@given(st.lists(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S"))), max_size=4))
def test_a_cursor_comes_back_as_it_was_given(key: list[str]) -> None:
    assert position(cursor(key), len(key)) == tuple(key)
    with pytest.raises(ProblemError):
        position(cursor(key), len(key) + 1)


@given(st.text(min_size=1))
def test_no_text_is_more_than_a_refused_cursor(text: str) -> None:
    try:
        assert position(text, 2) is not None
    except ProblemError as fault:
        assert fault.problem.status == 422


def test_the_interface_offers_the_key(tmp_path: Path) -> None:
    with client_of(service(tmp_path)) as client:
        paths: dict[str, Any] = json.loads(client.get("/openapi.json").text)["paths"]
    named = [one["name"] for one in paths["/allocate"]["post"]["parameters"]]
    assert "Idempotency-Key" in named
    assert "202" in paths["/allocate"]["post"]["responses"]


def test_ready_says_which_check_fails(tmp_path: Path) -> None:
    with client_of(service(tmp_path)) as client:
        good = client.get("/ready")
        assert (good.status_code, good.json()["status"]) == (200, "ready")
        (tmp_path / "staging").rmdir()
        bad = client.get("/ready")
        assert bad.status_code == 503
        assert bad.json()["checks"] == {
            "store": "ok", "schema": "ok", "disk": "failed", "running": "ok",
        }  # fmt: skip
        (tmp_path / "staging").mkdir()
        client.app.state.service.stopping = True  # type: ignore[attr-defined]  # a FastAPI
        assert client.get("/ready").json()["checks"]["running"] == "failed"
        assert client.get("/health").status_code == 200


def test_metrics_count_routes_and_hold_nothing_that_was_sent(tmp_path: Path) -> None:
    with client_of(service(tmp_path)) as client:
        client.get("/allocate?week=2026-W48", headers=BEARER)
        client.get("/secret-of-somebody", headers=BEARER)
        client.request("BREW", "/health")
        problem(client.get("/metrics"), 401)
        text = client.get("/metrics", headers=BEARER).text
        line = 'arv_requests_total{method="GET",route="/allocate",status="404"} 1.0'
        assert line in text
        assert 'arv_open_jobs{state="running"} 0.0' in text
        assert 'method="other"' in text
        for secret in ("2026-W48", "secret-of-somebody", "BREW", BEARER["Authorization"]):
            assert secret not in text
        add_person(client.app, "ann", "analyst")  # type: ignore[arg-type]  # a FastAPI
        person = sign_in_as(client.app, "ann")  # type: ignore[arg-type]  # as above
        assert person.get("/metrics").status_code == 403


def test_the_log_for_people_says_no_more_of_a_fault_than_its_type_and_place() -> None:
    told = io.StringIO()
    handler, logger = logging.StreamHandler(told), logging.getLogger("arv.test-text")
    handler.setFormatter(TextLines())
    logger.addHandler(handler)
    try:
        raise ValueError("SECRET of a record")
    except ValueError:
        logger.exception("it failed")
    finally:
        logger.removeHandler(handler)
    assert "it failed\nValueError\n  test_conventions.py:" in told.getvalue()
    assert "SECRET" not in told.getvalue()


def _no_disk() -> datetime:
    raise PermissionError("SECRET-4 of the data directory")


def test_the_journal_holds_the_request_and_nothing_that_was_sent(tmp_path: Path) -> None:
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    handler.setFormatter(JsonLines())
    root = logging.getLogger("arv")
    root.addHandler(handler)
    before = root.level
    root.setLevel(logging.INFO)
    try:
        with counted(tmp_path) as (app, client, made):
            made.done.append(b"")  # the next call breaks down
            client.get("/allocate?week=SECRET-1", headers=BEARER)
            broken = client.post("/fail", json={"name": "SECRET-2"}, headers=BEARER)
            add_person(client.app, "bob", "borough", boroughs=("E09000012",))  # type: ignore[arg-type]  # a FastAPI
            working = app.state.service.record
            app.state.service.record = replace(working, clock=_no_disk)
            problem(client.get("/allocate?week=2026-W48", headers=BEARER), 503)
            app.state.service.record = working
            bob = sign_in_as(client.app, "bob")  # type: ignore[arg-type]  # as above
            assert bob.get("/boroughs/SECRET-3").status_code == 403
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    lines = [json.loads(line) for line in told.getvalue().splitlines()]
    seen = next(line for line in lines if line.get("route") == "/allocate")
    assert (seen["status"], seen["actor"], seen["method"]) == (404, "administrator", "GET")
    refused = next(line for line in lines if "refused" in line["message"])
    assert refused["message"] == "refused GET /boroughs/{code} (borough.read)"
    fault, away = (line for line in lines if line.get("fault"))
    assert (fault["fault"], away["fault"]) == ("RuntimeError", "PermissionError")
    assert any("_no_disk" in place for place in away["places"])
    assert fault["request_id"] == broken.headers["x-request-id"]
    assert any("test_conventions.py" in place for place in fault["places"])
    for secret in ("SECRET", "inner secret", BEARER["Authorization"].split()[1]):
        assert secret not in told.getvalue()
