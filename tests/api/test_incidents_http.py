"""Incidents at the service's door: what stood on a day, page by page, for whose eyes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
from fastapi import FastAPI

from api.store.incident_list import IncidentQuery, list_incidents
from api.store.ingest import take_in
from hotspots.boundaries.study_area import StudyArea, load_bundled
from tests.api.accounts_world import Person, add_person, entries, record_of, sign_in_as
from tests.api.service_world import client_of, problem, service
from tests.unit import small_town as town

HACKNEY, WESTMINSTER = "E09000012", "E09000033"
LATER = pd.Timestamp("2025-07-01", tz="UTC")


@pytest.fixture(scope="module")
def area() -> StudyArea:
    return load_bundled()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, area: StudyArea) -> Iterator[FastAPI]:
    """Yield a service with points of two boroughs, a correction, and handling code C."""
    made = service(tmp_path_factory.mktemp("incidents") / "data")
    with client_of(made):
        with record_of(made).store.write() as tx:
            given = town.reading(rows(area))
            now = datetime(2026, 1, 1, tzinfo=UTC)
            take_in(tx, given, actor="x", now=now, study_area=area)
        add_person(made, "ana", "analyst")
        add_person(made, "sam", "analyst", scopes=("handling-c",))
        add_person(made, "paul", "planner")
        add_person(made, "hetty", "borough", boroughs=(HACKNEY,))
        yield made


def rows(area: StudyArea) -> list[dict[str, object]]:
    points = area.boroughs.set_index("borough_code").geometry.representative_point()
    found = [
        town.record(n, code, area_code=None, x_m=points[code].x, y_m=points[code].y)
        for n, code in enumerate([HACKNEY, WESTMINSTER] * 3)
    ]
    found.append(town.record(10, HACKNEY, handling_code="C"))
    found.append(town.record(11, WESTMINSTER, corrects="R0", correction="moved", known_from=LATER))
    found.append(town.record(12, HACKNEY, source="crimint"))
    return found


@pytest.fixture(scope="module")
def people(app: FastAPI) -> dict[str, Person]:
    return {name: sign_in_as(app, name) for name in ("ana", "sam", "paul", "hetty")}


def seen(person: Person, query: str = "") -> list[str]:
    """Follow the pages of a list and return the records on them."""
    answer = person.get(f"/incidents?{query}")
    found: list[dict[str, Any]] = []
    while True:
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-classification"] == "OFFICIAL-SENSITIVE"
        found += answer.json()["incidents"]
        if "next" not in answer.links:
            break
        answer = person.get(answer.links["next"]["url"])
    return [one["record_id"] for one in found]


def test_the_list_is_that_of_the_store_at_any_size_of_page(
    app: FastAPI, people: dict[str, Person]
) -> None:
    with record_of(app).store.read() as tx:
        stored = [one.record_id for one in list_incidents(tx, IncidentQuery())]
    for query in ("", "limit=1", "limit=3", f"limit={len(stored)}"):
        assert seen(people["ana"], query) == stored
    first = people["ana"].get("/incidents?limit=1").json()["incidents"][0]
    assert (first["record_id"], first["borough_code"]) == ("R1", WESTMINSTER)
    assert first["occurred_from"] == "2025-06-01T12:00:00.000000Z"


def test_a_day_a_box_a_borough_and_a_source_choose(
    people: dict[str, Person], area: StudyArea
) -> None:
    ana = people["ana"]
    now, then = set(seen(ana)), set(seen(ana, "known_on=2025-06-15"))
    assert "R0" in then - now
    assert "R11" in now - then
    assert seen(ana, "known_on=15/06/2025") == seen(ana, "known_on=2025-06-15")
    assert seen(ana, "known_on=2025-06-01") == seen(ana, f"known_on={date.min}") == []
    assert seen(ana, f"known_on={date.max}") == seen(ana)
    corners = area.boroughs.set_index("borough_code").geometry[WESTMINSTER].bounds
    assert set(seen(ana, f"bbox={','.join(map(str, corners))}")) == {"R1", "R3", "R5"}
    assert set(seen(ana, f"borough={HACKNEY}")) == {"R2", "R4", "R12"}
    assert seen(ana, "source=crimint") == ["R12"]
    assert len(seen(ana, "source=crimint&source=recorded_gun_crime&limit=2")) == len(now)


def test_a_borough_sees_its_own_and_only_the_scope_opens_handling_c(
    app: FastAPI, people: dict[str, Person]
) -> None:
    assert set(seen(people["hetty"], "limit=1")) == {"R2", "R4", "R12"}
    assert seen(people["hetty"], f"borough={HACKNEY}") == seen(people["hetty"])
    body = problem(people["hetty"].get(f"/incidents?borough={WESTMINSTER}"), 403)
    assert HACKNEY in body["detail"]
    assert set(seen(people["sam"])) - set(seen(people["ana"])) == {"R10"}
    problem(people["paul"].get("/incidents"), 403)
    said = entries(app)
    assert ("ana", "incident.read", "done", "GET /incidents", "consultation") in said
    denied = {(one[0], one[1]) for one in said if one[2] == "denied"}
    assert {("paul", "incident.read"), ("hetty", "incident.read")} <= denied


@pytest.mark.parametrize(
    "query",
    [
        "known_on=yesterday", "known_on=2026-13-01", "bbox=1,2,3", "bbox=1,2,3,nan", "bbox=",
        "bbox=5,1,4,2", "bbox=1,5,2,4", "bbox=1,2,inf,4", "bbox=1,2,x,4", "borough=Hackney",
        "borough=E09000012'--", "limit=0", "limit=501", "cursor=zzz", "cursor=WyJ4Il0",
        "cursor=WyI5OTk5OTk5OTk5OTk5OTk5OTk5Il0", "cursor=WyLCsiJd", f"source={'x' * 81}",
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(people: dict[str, Person], query: str) -> None:
    problem(people["ana"].get(f"/incidents?{query}"), 422)


def test_a_box_that_runs_backwards_is_refused_with_its_own_numbers(
    people: dict[str, Person],
) -> None:
    refused = problem(people["ana"].get("/incidents?bbox=5,1,4,2"), 422)
    assert "west, east are 5, 4" in refused["detail"]
    assert refused["column"] == "bbox"
