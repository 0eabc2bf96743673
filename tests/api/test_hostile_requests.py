"""Requests made to break the service: each is refused in words, none is a defect of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import date

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from allocator.tpu.request import TpuRefusedError
from api.files.tpu_file import requests_from_table
from api.problems import problem_of
from api.store.errors import StoreUnavailableError
from tests.api.accounts_world import administered
from tests.api.service_world import BEARER, ORIGIN, problem

#: Moments that Python reads and that no moment in UTC stands for.
OUTSIDE_TIME = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    with administered(tmp_path_factory.mktemp("hostile") / "data") as app:
        yield app


@pytest.fixture(scope="module")
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url=ORIGIN, raise_server_exceptions=False)


@pytest.mark.parametrize("origin", ["http://[", "http://[a]b]", "http://[1]:x", "//", "null"])
def test_an_origin_that_is_no_address_is_another_site(client: TestClient, origin: str) -> None:
    problem(client.post("/sign-in", headers={"Origin": origin}), 403)


@pytest.mark.parametrize("charset", ["punycode", "undefined", '"unicode_escape"', "utf-7", "idna"])
def test_a_form_is_text_in_utf_8_or_refused(client: TestClient, charset: str) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n\\ud800\xff\r\n--x--\r\n'
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    sent = client.post("/sign-in", content=part, headers={"Origin": ORIGIN, "Content-Type": kind})
    body = problem(sent, 422)
    assert charset.strip('"') in body["detail"]
    assert "Remedy: send it in UTF-8" in body["detail"]


def test_a_form_that_says_it_is_utf_8_is_taken(client: TestClient) -> None:
    kind = "application/x-www-form-urlencoded; charset=UTF-8"
    sent = client.post(
        "/sign-in", content=b"token=x", headers={"Origin": ORIGIN, "Content-Type": kind}
    )
    assert sent.status_code == 403  # read, and without the cookie of the form
    assert "The form had expired" in sent.text


@pytest.mark.parametrize("moment", OUTSIDE_TIME)
@pytest.mark.parametrize("address", ["/feeds", "/jobs", "/events", "/keys"])
def test_a_cursor_outside_all_time_is_no_cursor(
    client: TestClient, address: str, moment: str
) -> None:
    forged = base64.urlsafe_b64encode(json.dumps([moment, "a"]).encode()).decode().rstrip("=")
    body = problem(client.get(f"{address}?cursor={forged}", headers=BEARER), 422)
    assert "not a cursor of this list" in body["detail"]


@pytest.mark.parametrize("query", ["week=9999-W52", "week=0000-W01", "from=9999-12-31"])
def test_days_after_the_last_of_the_calendar_are_refused(client: TestClient, query: str) -> None:
    assert "Remedy: " in problem(client.get(f"/events?{query}", headers=BEARER), 422)["detail"]


def test_a_number_of_thousands_of_digits_is_no_address(client: TestClient) -> None:
    problem(client.get(f"/audit/{'9' * 5000}"), 404)
    problem(client.get(f"/audit/{'9' * 19}"), 401)


def test_a_text_no_database_takes_is_refused_before_it_gets_there(client: TestClient) -> None:
    problem(client.get("/incidents?source=%00", headers=BEARER), 422)


def test_a_stranger_hears_that_the_database_is_away_and_not_where_it_lies() -> None:
    said = 'connection to server at "10.0.0.7", port 5432 failed: no such user "arv_service"'
    fault = StoreUnavailableError(f"the database does not answer ({said})", remedy="wait")
    told = problem_of(fault)
    assert (told.status, told.detail) == (503, "the database does not answer. Remedy: wait.")


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_roster_of_no_year_of_ours_is_refused(day: str) -> None:
    with pytest.raises(TpuRefusedError, match="the roster starts on"):
        requests_from_table({}, first_day=date.fromisoformat(day), n_days=7)
