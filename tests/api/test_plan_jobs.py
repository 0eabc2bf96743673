"""Re-plans and studies of a plan over HTTP, with real workers on the sample's week."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdf
import pytest
from fastapi import FastAPI

from api import week as weekly
from api.cli import run
from api.files.assessment_folder import AssessmentFolder, writers
from api.files.assessment_folder import read as read_assessment
from api.files.fleet_file import read_fleet
from api.files.output import write_all
from api.files.sample_data import sample_fleet
from api.jobs.shelf import JobShelf
from api.plans.file import read_plan
from api.sanitised_plan import sanitised_writers
from api.working.orders import AREA_SHAPES, PLACE_SHAPES, SANITISED
from api.workspace import open_workspace
from hotspots.assessment import content_id
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import Person, add_person, entries, record_of, sign_in_as
from tests.api.service_world import WEEK, client_of, problem, service

FLEET = {"fleet_id": "example"}
PEOPLE = (
    ("ana", "analyst"),
    ("paul", "planner"),
    ("cyd", "chair"),
    ("dee", "approver"),
    ("com", "commander"),
)


def furnish(root: Path, week: Path) -> None:
    """Publish the sample's week into a data directory, with its sanitised versions."""
    area, kept = load_bundled(), read_assessment(week)
    plan = read_plan(week / "plan.json")
    bare = replace(
        kept.assessment, sanitised=True, handling_code="", handling_c_records=0,
        handling_c_outputs=(), data_gaps=("Sanitised.",), assessment_id="",
    )  # fmt: skip
    bare = replace(bare, assessment_id=content_id(bare))
    clean = AssessmentFolder(bare, kept.cells)
    request = weekly.PlacementRequest(fleet=read_fleet(sample_fleet()))
    with open_workspace(root) as workspace, workspace.staging() as folder:
        for name in ("a", "p"):
            (folder / name).mkdir()
        for path in week.iterdir():
            kind = "p" if path.name.startswith(("plan", "verdict", "briefing", "map")) else "a"
            (folder / kind / path.name).write_bytes(path.read_bytes())
        for name in (PLACE_SHAPES, AREA_SHAPES):
            (folder / ("a" if name == PLACE_SHAPES else "p") / name).write_text("{}")
        write_all(folder / "a" / SANITISED, writers(bare, kept.cells, []))
        beside = sanitised_writers(plan, clean, request, area, judge=False)
        write_all(folder / "p" / SANITISED, beside)
        workspace.keep_fleet("example", sample_fleet().read_text("utf-8"))
        workspace.publish_assessment(folder / "a", kept.assessment.assessment_id)
        workspace.publish_plan(folder / "p", plan.week, plan.plan_id)


@contextmanager
def running(root: Path) -> Iterator[FastAPI]:
    app = service(root)
    with client_of(app):
        yield app


@pytest.fixture(scope="module")
def app(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    root = tmp_path_factory.mktemp("service") / "data"
    furnish(root, demo_folder)
    with running(root) as made:
        for name, role in PEOPLE:
            add_person(made, name, role, scopes=("handling-c",))
        add_person(made, "pip", "planner")
        yield made


@pytest.fixture(scope="module")
def people(app: FastAPI) -> dict[str, Person]:
    return {name: sign_in_as(app, name) for name in (*(name for name, _ in PEOPLE), "pip")}


@pytest.fixture(scope="module")
def key(people: dict[str, Person]) -> str:
    """Return the key of a draft of the week's plan."""
    return str(people["paul"].post("/plans", {"week": WEEK}).json()["key"])


def send_async(person: Person, path: str, body: object) -> str:
    """Ask for work as a job and return its address."""
    headers = {
        "Origin": "http://127.0.0.1:8000",
        "X-CSRF-Token": person.form_token,
        "Prefer": "respond-async",
    }
    answer = person.client.post(path, json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


def stop(person: Person, address: str) -> Any:
    headers = {"Origin": "http://127.0.0.1:8000", "X-CSRF-Token": person.form_token}
    return person.client.delete(address, headers=headers)


def until_over(person: Person, address: str) -> dict[str, Any]:
    end = time.monotonic() + 150
    while True:
        job: dict[str, Any] = person.get(address).json()
        if job["status"] in ("successful", "failed", "dismissed"):
            return job
        assert time.monotonic() < end, job
        time.sleep(0.2)


def until_step(person: Person, address: str, step: str) -> None:
    """Wait until a running job tells of a step."""
    end = time.monotonic() + 100
    while True:
        job = person.get(address).json()
        if job["step"] == step:
            return
        assert job["status"] in ("accepted", "running"), job
        assert time.monotonic() < end, job
        time.sleep(0.1)


def test_a_simulation_is_kept_and_is_that_of_the_command_line(
    people: dict[str, Person], key: str, demo_folder: Path, tmp_path: Path
) -> None:
    at = f"/plans/{key}"
    missing = problem(people["dee"].get(f"{at}/simulation"), 404)
    assert f"POST {at}/simulate" in missing["detail"]
    body = {"weeks": 6, "seed": 3, **FLEET}
    made = people["dee"].post(f"{at}/simulate", body)
    assert made.status_code == 200, made.text
    assert made.headers["content-location"] == f"{at}/simulation"
    assert (made.headers["x-plan-state"], made.headers["x-notice"]) == ("draft", "SYNTHETIC")
    again = people["com"].get(f"{at}/simulation")
    assert again.content == made.content
    same = people["com"].get(f"{at}/simulation", **{"If-None-Match": again.headers["etag"]})
    assert same.status_code == 304
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(sample_fleet().read_text("utf-8"), "utf-8")
    target = tmp_path / "simulation.json"
    given = ["--plan", str(demo_folder / "plan.json"), "--assessment", str(demo_folder)]
    more = ["--weeks", "6", "--seed", "3", "--fleet", str(fleet), "--json", str(target)]
    assert run(["simulate", *given, *more]) == 0
    ours, theirs = made.json(), json.loads(target.read_text("utf-8"))
    assert {name: ours[name] for name in theirs} == theirs
    assert set(ours) - set(theirs) == {"policy_version", "as_of", "evidence_until"}


def test_beside_others_the_weeks_are_the_same(people: dict[str, Person], key: str) -> None:
    body = {"weeks": 3, "beside": True}
    verdict = people["cyd"].post(f"/plans/{key}/simulate", body).json()
    assert {one["name"] for one in verdict["rivals"]} >= {"proportional", "greedy"}
    repeated = people["ana"].post(f"/plans/{key}/simulate", body).json()
    assert repeated == verdict


def test_a_comparison_prices_the_rules_and_alternatives_keep_them(
    people: dict[str, Person], key: str
) -> None:
    at = f"/plans/{key}"
    asked = send_async(people["dee"], f"{at}/compare", {"time_limit_s": 4, **FLEET})
    job = until_over(people["dee"], asked)
    assert (job["status"], job["process"]) == ("successful", "comparison")
    compared = people["dee"].get(f"{asked}/results")
    assert compared.content == people["com"].get(f"{at}/comparison").content
    rows = {row["name"]: row for row in compared.json()["alternatives"]}
    assert {"proposed", "proportional", "nearest_centre", "greedy"} <= set(rows)
    plan = people["dee"].get(f"/allocate?week={WEEK}").json()
    assert rows["proposed"]["objective"] == pytest.approx(plan["objective"], abs=1e-8)
    assert compared.json()["previous_plan_id"] is None
    body = {"count": 1, "tolerance": 0.01, "time_limit_s": 20, **FLEET}
    others = people["ana"].post(f"{at}/alternatives", body)
    assert others.status_code == 200, others.text
    (one,) = others.json()["alternatives"]
    assert one["plan"]["objective"] >= plan["bound"] / 1.01 - 1e-9
    assert one["boroughs_moved"] >= 1
    assert others.content == people["paul"].get(f"{at}/alternatives").content


def test_a_replan_is_a_new_draft_that_says_what_it_was_made_from(
    app: FastAPI, people: dict[str, Person], key: str
) -> None:
    body = {
        **FLEET,
        "reason": "ARV-04 is off the road after a collision",
        "day": "25/11/2026",
        "lost": ["ARV-04"],
        "started": ["ARV-01"],
        "time_limit_s": 20,
    }
    before = people["paul"].get(f"/allocate?week={WEEK}").json()
    made = people["paul"].post(f"/plans/{key}/replan", body)
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["state"], told["week"]) == ("draft", WEEK)
    assert told["key"] != key
    assert made.headers["location"] == f"/plans/{told['key']}/replan"
    assert people["com"].get(made.headers["location"]).json() == told["replan"]
    origin = told["replan"]["made_from"]
    assert (origin["key"], origin["plan_id"]) == (key, before["plan_id"])
    assert (origin["day"], origin["lost"]) == ("2026-11-25", ["ARV-04"])
    after = told["replan"]["plan"]
    old = {unit["unit_id"]: unit["boroughs"] for unit in before["units"]}
    new = {unit["unit_id"]: unit["boroughs"] for unit in after["units"]}
    assert set(old) - set(new) == {"ARV-04"}
    assert set(new["ARV-01"]) >= set(old["ARV-01"])
    changed = {unit for unit in new if new[unit] != old[unit]} | {"ARV-04"}
    assert {one["unit_id"] for one in told["replan"]["changes"]} == changed
    assert after["objective"] >= 0.99 * told["replan"]["from_scratch"]["objective"]
    record = next(
        one
        for one in people["dee"].get(f"/plans?week={WEEK}").json()["plans"]
        if one["key"] == told["key"]
    )
    assert record["authors"] == ["paul"]
    assert (record["fleet_origin"], record["fleet_id"]) == ("file", "example")
    for folder in (after["plan_id"], f"{after['plan_id']}/{SANITISED}"):
        where = f"plans/{WEEK}/{folder}/briefing.pdf"
        paper = pypdf.PdfReader(app.state.service.workspace.root / where)
        assert "fleet file example" in paper.pages[-1].extract_text().replace("\n", " ")
    assert set(record["papers"]) == {"verdict", "backtest_card"}
    subjects = [one["subject"] for one in record["alterations"]]
    assert subjects[0] == f"re-plan of {key} (plan {before['plan_id']}) from 2026-11-25"
    assert "ARV-04 is lost from 2026-11-25" in subjects
    assert {one["reason"] for one in record["alterations"]} == {body["reason"]}
    assert ("paul", "plan.make", "done", told["key"], "alteration") in entries(app)
    problem(people["dee"].get(f"/plans/{key}/replan"), 404)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("replan", {**FLEET, "reason": "x"}, "needs a reason"),
        ("replan", {"reason": "a unit is lost"}, "either fleet or fleet_id"),
        ("replan", {**FLEET, "reason": "a unit is lost", "day": "2026-12-25"}, "not in week"),
        ("replan", {**FLEET, "reason": "a unit is lost", "lost": ["ARV-99"]}, "named as lost"),
        ("compare", {"fleet_id": "nobody"}, "no fleet 'nobody'"),
        ("alternatives", {**FLEET, "count": 9}, "less than or equal to 8"),
        ("simulate", {"weeks": 0}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    people: dict[str, Person], key: str, path: str, body: dict[str, Any], words: str
) -> None:
    refused = problem(people["paul"].post(f"/plans/{key}/{path}", body), 422)
    assert words in refused["detail"]
    unknown = people["paul"].post(f"/plans/{WEEK}-{'0' * 12}/{path}", {"weeks": 2})
    assert unknown.status_code in (404, 422)


def test_who_may_study_and_who_may_replan(people: dict[str, Person], key: str) -> None:
    at = f"/plans/{key}"
    problem(people["com"].post(f"{at}/simulate", {"weeks": 2}), 403)
    asked = {**FLEET, "reason": "the chair wants another plan"}
    problem(people["cyd"].post(f"{at}/replan", asked), 403)


def test_without_the_scope_everything_is_of_the_sanitised_version(
    people: dict[str, Person], key: str
) -> None:
    at, dee, pip = f"/plans/{key}", people["dee"], people["pip"]
    asked = send_async(dee, f"{at}/simulate", {"weeks": 2, "seed": 9})
    until_over(dee, asked)
    whole = dee.get(f"{asked}/results").json()
    problem(pip.get(f"{asked}/results"), 403)
    problem(pip.get(f"{at}/simulation"), 404)
    mine = pip.post(f"{at}/simulate", {"weeks": 2, "seed": 9})
    assert mine.status_code == 200, mine.text
    assert mine.json()["plan_id"] != whole["plan_id"]
    assert mine.json()["assessment_id"] != whole["assessment_id"]
    assert pip.get(f"{at}/simulation").content == mine.content
    assert dee.get(f"{at}/simulation").json() == whole
    reason = {**FLEET, "reason": "a unit is lost", "lost": ["ARV-05"]}
    problem(pip.post(f"{at}/replan", reason), 403)


def test_an_ended_replan_keeps_the_best_plan_so_far(people: dict[str, Person], key: str) -> None:
    body = {**FLEET, "reason": "three units are lost", "lost": ["ARV-02", "ARV-07", "SO6-1"]}
    paul = people["paul"]
    more = {"coverage_tolerance": 0.0, "curve": True, "time_limit_s": 300}
    address = send_async(paul, f"/plans/{key}/replan", {**body, **more})
    end = time.monotonic() + 100
    while paul.get(address).json()["objective"] is None:
        assert time.monotonic() < end
        time.sleep(0.1)
    stop(paul, address)
    assert until_over(paul, address)["status"] == "dismissed"
    told = paul.get(f"{address}/results").json()
    left = {unit["unit_id"] for unit in told["replan"]["plan"]["units"]}
    assert not left & set(body["lost"])
    assert told["state"] == "draft"
    shown = people["pip"].get(f"/allocate?week={WEEK}").json()
    assert {unit["unit_id"] for unit in shown["units"]} == left
    assert shown["plan_id"] != told["plan_id"]


def test_an_ended_comparison_keeps_its_rows_and_an_ended_simulation_nothing(
    people: dict[str, Person], key: str
) -> None:
    at, dee = f"/plans/{key}", people["dee"]
    long = send_async(dee, f"{at}/simulate", {"weeks": 10_000})
    waiting = send_async(dee, f"{at}/compare", {"time_limit_s": 600, **FLEET})
    until_step(dee, long, "Simulating weeks")
    assert stop(people["com"], long).status_code == 403
    assert stop(dee, long).status_code == 202
    assert until_over(dee, long)["status"] == "dismissed"
    problem(dee.get(f"{long}/results"), 409)
    until_step(dee, waiting, "Comparing placements")
    assert stop(dee, waiting).status_code == 202
    assert until_over(dee, waiting)["status"] == "dismissed"
    rows = dee.get(f"{waiting}/results").json()["alternatives"]
    assert {"proposed", "greedy"} <= {row["name"] for row in rows}


def test_a_study_cut_off_by_the_end_of_the_service_is_done_by_the_next(
    demo_folder: Path, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    furnish(root, demo_folder)
    with running(root) as app:
        add_person(app, "paul", "planner", scopes=("handling-c",))
        paul = sign_in_as(app, "paul")
        key = paul.post("/plans", {"week": WEEK}).json()["key"]
        address = send_async(paul, f"/plans/{key}/simulate", {"weeks": 600, "seed": 1})
        while paul.get(address).json()["status"] != "running":
            time.sleep(0.05)
    with running(root) as app:
        kept = JobShelf(record_of(app)).job(address.rsplit("/", 1)[-1])
        assert kept.result is None
        paul = sign_in_as(app, "paul")
        assert until_over(paul, address)["status"] == "successful"
        assert paul.get(f"{address}/results").json()["weeks"] == 600
        done = [(actor, action) for actor, action, *_ in entries(app)]
        assert done.count(("paul", "plan.study")) >= 1
