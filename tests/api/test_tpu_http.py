"""The proactive unit over HTTP: rostered, proposed, and authorised by another person."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi import FastAPI

from api.cli import run
from api.files import assessment_folder
from api.files.output import write_all
from api.workspace import open_workspace
from hotspots.assessment import content_id
from tests.api.accounts_world import Person, add_person, entries, sign_in_as
from tests.api.service_world import client_of, problem, service
from tests.oracle.plan_worlds import make_world

PEOPLE = (
    ("paul", ("planner",)),
    ("cyd", ("chair", "commander")),
    ("com", ("commander",)),
    ("ana", ("analyst",)),
)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an assessment of a made-up London."""
    folder = tmp_path_factory.mktemp("week") / "assessment"
    made = make_world(11, n_boroughs=32)
    assessment = replace(made, assessment_id=content_id(made))
    cells = pd.DataFrame({"x_m": [520_000.0], "y_m": [180_000.0], "expected_per_week": [0.5]})
    write_all(folder, assessment_folder.writers(assessment, cells, []))
    return folder


@pytest.fixture(scope="module")
def app(week: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    root = tmp_path_factory.mktemp("service") / "data"
    assessed = json.loads((week / "assessment.json").read_text("utf-8"))
    with open_workspace(root) as workspace, workspace.staging() as staged:
        folder = staged / "a"
        folder.mkdir()
        for path in week.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        workspace.publish_assessment(folder, assessed["assessment_id"])
    made = service(root)
    with client_of(made):
        for name, roles in PEOPLE:
            add_person(made, name, *roles)
        yield made


@pytest.fixture(scope="module")
def people(app: FastAPI) -> dict[str, Person]:
    return {name: sign_in_as(app, name) for name, _ in PEOPLE}


@pytest.fixture(scope="module")
def body(repository: Path) -> dict[str, Any]:
    """Return the example request file as a JSON body."""
    table = tomllib.loads((repository / "examples" / "tpu.toml").read_text("utf-8"))

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(one) for name, one in value.items()}
        if isinstance(value, list):
            return [plain(one) for one in value]
        return value.isoformat() if isinstance(value, date | time) else value

    return {**plain(table), "seed": 7}


def made(person: Person, body: dict[str, Any]) -> dict[str, Any]:
    answer = person.post("/tpu", body)
    assert answer.status_code == 201, answer.text
    roster: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/tpu/{roster['roster_id']}"
    return roster


def test_a_roster_is_that_of_the_command_line_in_every_form(
    people: dict[str, Person], body: dict[str, Any], week: Path, repository: Path, tmp_path: Path
) -> None:
    roster = made(people["paul"], body)
    given = ["--assessment", str(week), "--requests", str(repository / "examples" / "tpu.toml")]
    assert run(["tpu", *given, "--out", str(tmp_path / "tpu"), "--seed", "7"]) == 0
    at = f"/tpu/{roster['roster_id']}"
    forms = {"application/json": "json", "text/csv": "csv", "application/pdf": "pdf"}
    for media_type, suffix in forms.items():
        answer = people["ana"].get(at, Accept=media_type)
        assert answer.headers["content-type"].startswith(media_type)
        assert answer.headers["x-classification"] == "OFFICIAL"
        assert answer.content == (tmp_path / "tpu" / f"tpu_roster.{suffix}").read_bytes()
    rows = list(csv.DictReader(io.StringIO(people["ana"].get(at, Accept="text/csv").text)))
    assert "seed" not in rows[0]
    assert len(rows) == 14
    assert problem(people["ana"].get(at, Accept="image/png"), 406)
    assert made(people["paul"], body) == roster
    problem(people["ana"].post("/tpu", body), 403)


def test_the_list_shows_what_reaches_a_day(people: dict[str, Person], body: dict[str, Any]) -> None:
    first = made(people["paul"], body)
    second = made(people["paul"], {**body, "seed": 8})
    wanted = {first["roster_id"], second["roster_id"]}
    seen, address = [], "/tpu?from=2026-11-29&limit=1"
    while address:
        answer = people["ana"].get(address)
        seen += [one["roster_id"] for one in answer.json()["rosters"]]
        address = answer.links["next"]["url"] if "next" in answer.links else ""
    assert set(seen) >= wanted
    assert seen == sorted(seen, reverse=True)
    assert people["ana"].get("/tpu?from=2026-12-25").json()["rosters"] == []
    for wrong in ("/tpu?from=soon", "/tpu?cursor=WyJhIiwiYiJd", "/tpu/tpu-1"):
        assert people["ana"].get(wrong).status_code == 422
    problem(people["ana"].get(f"/tpu/tpu-2026-11-23-{'0' * 16}"), 404)


def test_tactics_are_proposed_and_authorised_by_somebody_else(
    app: FastAPI, people: dict[str, Person], body: dict[str, Any]
) -> None:
    roster = made(people["cyd"], {**body, "seed": 21})
    at = f"/tpu/{roster['roster_id']}"
    problem(people["com"].post(f"{at}/propose", {}), 403)
    proposed = people["cyd"].post(f"{at}/propose", {})
    assert proposed.status_code == 200, proposed.text
    standing = proposed.json()["taskings"]
    assert {(one["day"], one["team"], one["borough_code"]) for one in standing} == {
        (task["day"], task["team_id"], task["borough"]) for task in roster["tasks"]
    }
    assert people["cyd"].post(f"{at}/propose", {}).json() == proposed.json()
    (tactic,) = [one for one in standing if one["tactic"] != "mobile_patrol"]
    assert (tactic["authority"], tactic["in_force"]) == ("proposed", "mobile_patrol")
    assert tactic["issue"] == "tension between two groups after a shooting"
    patrol = next(one for one in standing if one["tactic"] == "mobile_patrol")

    def decision(one: dict[str, Any], version: int, reference: str = "FA1/2026/17") -> Any:
        lines = [{"tasking_id": one["tasking_id"], "version": version}]
        return {"reference": reference, "taskings": lines}

    problem(people["paul"].post(f"{at}/authorise", decision(tactic, 1)), 403)
    own = problem(people["cyd"].post(f"{at}/authorise", decision(tactic, 1)), 403)
    assert "second person" in own["detail"]
    problem(people["com"].post(f"{at}/authorise", decision(tactic, 9)), 412)
    problem(people["com"].post(f"{at}/authorise", decision(patrol, 1)), 412)
    problem(people["com"].post(f"{at}/authorise", decision(tactic, 1, " ")), 422)
    both = decision(tactic, 1)
    both["taskings"] += decision(patrol, 1)["taskings"]
    problem(people["com"].post(f"{at}/authorise", both), 412)
    assert people["ana"].get(f"{at}/taskings").json() == proposed.json()
    after = people["com"].post(f"{at}/authorise", decision(tactic, 1)).json()["taskings"]
    (now,) = [one for one in after if one["tasking_id"] == tactic["tasking_id"]]
    assert (now["authority"], now["authority_reference"]) == ("authorised", "FA1/2026/17")
    assert (now["in_force"], now["version"]) == ("tactic_2", 2)
    assert people["cyd"].post(f"{at}/propose", {}).json()["taskings"] == after
    said = [(who, what, how) for who, what, how, _, _ in entries(app)]
    assert ("cyd", "tasking.authorise", "denied") in said
    assert ("com", "tasking.authorise", "done") in said
    assert ("cyd", "tasking.propose", "done") in said


def test_the_next_days_roster_keeps_the_lead_and_replaces_the_rest(
    people: dict[str, Person], body: dict[str, Any]
) -> None:
    plain = {name: body[name] for name in ("establishment", "rules", "teams", "label")}
    first = made(people["paul"], {**plain, "from": "2026-12-07", "seed": 3})
    one = f"/tpu/{first['roster_id']}"
    before = people["paul"].post(f"{one}/propose", {}).json()["taskings"]
    second = made(people["paul"], {**plain, "from": "2026-12-08", "seed": 4})
    assert second["published_roster_id"] == first["roster_id"]
    after = people["paul"].post(f"/tpu/{second['roster_id']}/propose", {}).json()["taskings"]
    lead = {"2026-12-08", "2026-12-09"}
    held = [[each for each in taskings if each["day"] in lead] for taskings in (before, after)]
    assert held[0] == held[1]
    assert held[0]
    later = [each for each in after if each["day"] not in lead]
    told = {(task["day"], task["team_id"], task["borough"]) for task in second["tasks"]}
    assert {(each["day"], each["team"], each["borough_code"]) for each in after} == told
    assert any(each["roster_id"] == second["roster_id"] for each in later)
    monday = [each for each in before if each["day"] == "2026-12-07"]
    kept = people["ana"].get(f"{one}/taskings").json()["taskings"]
    assert [each for each in kept if each["day"] == "2026-12-07"] == monday
    asked = {**plain, "from": "2026-12-08", "seed": 4}
    fresh = made(people["paul"], {**asked, "published_roster_id": "none"})
    assert fresh["published_roster_id"] is None
    day, team = held[0][0]["day"], held[0][0]["team"]
    visited = {task["borough"] for task in second["tasks"]}
    other = next(one["code"] for one in second["boroughs"] if one["code"] not in visited)
    reason = "a shooting in the night"
    override = {"date": day, "team_id": team, "tasking": other, "reason": reason}
    altered = made(people["paul"], {**asked, "overrides": [override]})
    (record,) = altered["overrides"]
    assert (record["actor"], record["reason"], record["after"]) == ("paul", reason, other)
    replaced = people["paul"].post(f"/tpu/{altered['roster_id']}/propose", {}).json()["taskings"]
    (now,) = [each for each in replaced if (each["day"], each["team"]) == (day, team)]
    assert (now["borough_code"], now["roster_id"]) == (other, altered["roster_id"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"from": "2026-11-01"}, "before the assessment's date"),
        ({"teams": []}, "there are 0 teams"),
        ({"requests": [{"date": "2026-11-25", "issue": "x", "requested_by": "verano"}]}, "neither"),
        ({"absences": [{"date": "never", "reason": "x"}]}, "date is 'never'"),
        ({"assessment_id": "ra-none"}, "no assessment 'ra-none'"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_rostered_is_refused_in_words(
    people: dict[str, Person], body: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    refused = problem(people["paul"].post("/tpu", {**body, **change}), 422)
    assert words in refused["detail"]
