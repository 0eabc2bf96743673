"""Fleets over HTTP: files and versions, who may change them, and what the record says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from api.files.fleet_file import parse_fleet
from api.routes.fleets import FleetDocument, FleetsDocument
from api.store.check import check_store
from tests.api.accounts_world import Person, add_person, collected, entries, record_of, sign_in_as
from tests.api.service_world import FLEET, SAME_ORIGIN, client_of, problem, service

OTHER = FLEET.replace("ARV-01", "ARV-02")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Yield a running service with one fleet file and nothing else."""
    root = tmp_path_factory.mktemp("fleets") / "data"
    (root / "fleets").mkdir(parents=True)
    (root / "fleets" / "example.toml").write_text(FLEET, "utf-8")
    made = service(root)
    with client_of(made):
        add_person(made, "paul", "planner")
        add_person(made, "cyd", "chair")
        add_person(made, "hetty", "borough", boroughs=("E09000012",))
        yield made


@pytest.fixture(scope="module")
def paul(app: FastAPI) -> Person:
    return sign_in_as(app, "paul")


def put(person: Person, name: str, toml: str | bytes, reason: str = "", **headers: str) -> Any:
    """Put a fleet file as `curl -T` does, in a browser session."""
    sent = {**SAME_ORIGIN, "X-CSRF-Token": person.form_token, **headers}
    return person.client.put(f"/fleets/{name}", content=toml, headers=sent, params={
        "reason": reason} if reason else {})  # fmt: skip


NEW = {"If-None-Match": "*"}


def test_a_fleet_file_is_listed_and_replaced_by_versions_of_the_store(
    app: FastAPI, paul: Person
) -> None:
    listed = paul.get("/fleets")
    FleetsDocument.model_validate_json(listed.text)
    assert [(one["fleet_id"], one["origin"]) for one in listed.json()["fleets"]] == [
        ("example", "file")
    ]
    whole = paul.get("/fleets/example")
    FleetDocument.model_validate_json(whole.text)
    assert whole.headers["etag"] == '"0"'
    assert whole.json()["units"][0]["on_duty"][0] == "monday"
    problem(put(paul, "example", OTHER, **NEW), 412)
    first = put(paul, "example", OTHER, "a new van", **{"If-Match": '"0"'})
    assert (first.status_code, first.headers["etag"]) == (200, '"1"'), first.text
    assert first.json()["origin"] == "store"
    same = put(paul, "example", OTHER, **{"If-Match": '"1"'})
    assert same.headers["etag"] == '"1"'
    stale = problem(put(paul, "example", FLEET, **{"If-Match": '"0"'}), 412)
    assert "version 1 now" in stale["detail"]
    assert put(paul, "example", FLEET, **{"If-Match": '"1"'}).headers["etag"] == '"2"'
    assert paul.get("/fleets/example").json()["toml"] == FLEET
    assert paul.get("/fleets/example?version=1").json()["toml"] == OTHER
    assert paul.get("/fleets/example?version=0").json()["toml"] == FLEET
    rows = collected(paul, "/fleets/example/versions?limit=1", "fleets")
    assert [(one["version"], one["reason"]) for one in rows] == [(2, ""), (1, "a new van")]
    said = [one for one in entries(app) if one[3] == "example"]
    assert said == [("paul", "fleet.keep", "done", "example", "alteration")] * 3
    with record_of(app).store.read() as tx:
        assert check_store(tx) == []


def test_a_new_fleet_comes_back_as_given_in_both_forms(paul: Person) -> None:
    made = put(paul, "night", FLEET, **NEW)
    assert (made.status_code, made.headers["location"]) == (201, "/fleets/night")
    text = paul.get("/fleets/night", Accept="application/toml")
    assert text.headers["content-type"] == "application/toml"
    assert text.text == FLEET
    assert tomllib.loads(text.text)["turnout_s"] == made.json()["turnout_s"] == 60
    assert parse_fleet(made.json()["toml"]).units[0].unit_id == made.json()["units"][0]["unit_id"]
    problem(paul.get("/fleets/night", Accept="image/png"), 406)
    pages = [one["fleet_id"] for one in collected(paul, "/fleets?limit=1", "fleets")]
    assert pages == sorted(pages)
    assert "night" in pages


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "no TOML": ("units = [", "not valid TOML"),
    "no units": ("service_standard_s = 540\nturnout_s = 60\n", "0 units"),
    "twins": (FLEET + '[[units]]\nunit_id = "ARV-01"\nprovenance = "x"\n', "'ARV-01'"),
    "unknown key": (FLEET + "crew = 3\n", "crew"),
    "a time too long": (FLEET.replace("540", "99999"), "service_standard_s"),
    "no borough": (FLEET + 'eligible_boroughs = ["Hackney"]\n', "Hackney"),
    "not UTF-8": (b"label = '\xff'", "UTF-8"),
    "nothing": ("", "service_standard_s"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_fleet_is_refused_in_the_words_of_the_reader(paul: Person, name: str) -> None:
    toml, named = REFUSED[name]
    body = problem(put(paul, "bad", toml, **NEW), 422)
    assert named in body["detail"]
    assert body["remedy"]
    problem(paul.get("/fleets/bad"), 404)


def test_who_may_change_a_fleet_and_what_a_change_must_say(app: FastAPI, paul: Person) -> None:
    cyd, hetty = sign_in_as(app, "cyd"), sign_in_as(app, "hetty")
    assert cyd.get("/fleets/example").status_code == 200
    problem(put(cyd, "cyds", FLEET, **NEW), 403)
    problem(hetty.get("/fleets"), 403)
    assert "If-None-Match" in problem(put(paul, "quiet", FLEET), 428)["detail"]
    problem(put(paul, "quiet", FLEET, **{"If-Match": "W/x"}), 428)
    problem(put(paul, "quiet", FLEET, **{"If-Match": '"1"'}), 404)
    problem(put(paul, "-x", FLEET, **NEW), 422)
    problem(put(paul, "quiet", b"x" * (2**20 + 1), **NEW), 413)
    for path in ("/fleets/none", "/fleets/none/versions", "/fleets/night?version=9"):
        problem(paul.get(path), 404)
    assert ("cyd", "fleet.keep", "denied", "PUT /fleets/cyds", "") in entries(app)
