"""The form for a roster over HTTP: what it begins with, what it stands for, and who may see it."""

from __future__ import annotations

import html
import re
import time as clock
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from fastapi import FastAPI

from api.files import assessment_folder
from api.files.output import write_all
from api.jobs.job import Job
from api.jobs.shelf import JobShelf
from api.workspace import open_workspace
from hotspots.assessment import RiskAssessment, content_id
from tests.api.accounts_world import Person, add_person, entries, record_of, sign_in_as
from tests.api.service_world import SAME_ORIGIN, client_of, service
from tests.oracle.plan_worlds import make_world

HERE = "/verano/roster"
PEOPLE = (
    ("paul", ("planner",), ()),
    ("cyd", ("chair",), ("handling-c",)),
    ("ana", ("analyst",), ()),
)
FIELD = re.compile(r'<input id="([^"]+)" name="([^"]+)" type="text" value="([^"]*)"')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
SELECT = re.compile(r'<select id="[^"]+" name="([^"]+)">(.*?)</select>', re.DOTALL)
CHOSEN = re.compile(r'<option value="([^"]*)" selected')
WORLD = make_world(11, n_boroughs=32)
NAMES = {one.code: one.name for one in WORLD.boroughs}
ONE, TWO = sorted(NAMES)[:2]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Return a service on a made-up London, on 25 November 2026."""
    root = tmp_path_factory.mktemp("form") / "data"
    with open_workspace(root) as workspace, workspace.staging() as staged:
        publish(workspace, staged / "open", WORLD)
    made = service(root)
    with client_of(made):
        for name, roles, scopes in PEOPLE:
            add_person(made, name, *roles, scopes=scopes)
        yield made


@pytest.fixture(scope="module")
def people(app: FastAPI) -> dict[str, Person]:
    return {name: sign_in_as(app, name) for name, *_ in PEOPLE}


def publish(workspace: Any, folder: Any, made: RiskAssessment) -> None:
    assessment = replace(made, assessment_id=content_id(made))
    cells = pd.DataFrame({"x_m": [520_000.0], "y_m": [180_000.0], "expected_per_week": [0.5]})
    write_all(folder, assessment_folder.writers(assessment, cells, []))
    workspace.publish_assessment(folder, assessment.assessment_id)


def form_of(person: Person, query: str = "") -> dict[str, str]:
    """Return the fields of the form as a browser would send them back."""
    answer = person.get(HERE + query)
    assert answer.status_code == 200, answer.text
    assert "X-Classification" in answer.headers
    return fields_of(answer.text)


def fields_of(page: str) -> dict[str, str]:
    typed = page[: page.index('action="/verano/roster/file"')]
    found = {name: value for _, name, value in FIELD.findall(typed)} | dict(HIDDEN.findall(typed))
    for name, options in SELECT.findall(typed):
        chosen = CHOSEN.search(options)
        first = re.search(r'value="([^"]*)"', options)
        found[name] = chosen[1] if chosen else first[1] if first else ""
    return {name: html.unescape(value) for name, value in found.items()}


def send(person: Person, fields: dict[str, str]) -> Any:
    return person.client.post(
        HERE, data={**fields, "form_token": person.form_token}, headers=SAME_ORIGIN
    )


def asked(app: FastAPI, answer: Any) -> Job:
    """Return the work that a form began, once it is over."""
    assert answer.status_code == 303, answer.text
    job_id = answer.headers["location"].removeprefix("/under-way/")
    for _ in range(1_200):
        job = JobShelf(record_of(app)).job(job_id)
        if job.over:
            return job
        clock.sleep(0.1)
    raise AssertionError("the work is not over after two minutes")


def refusal(answer: Any) -> str:
    assert answer.status_code == 422, answer.text
    found = re.search(r'id="refusal">([^<]*)<', answer.text)
    assert found
    return html.unescape(found[1])


def test_the_form_untouched_stands_for_the_figures_of_the_example(
    app: FastAPI, people: dict[str, Person]
) -> None:
    fields = form_of(people["paul"])
    assert (fields["first_day"], fields["days"]) == ("27/11/2026", "7")
    job = asked(app, send(people["paul"], fields))
    body = job.request["body"]
    assert [(one["team_id"], one["constables"]) for one in body["teams"]] == [
        ("TPU-A", 10), ("TPU-B", 10),
    ]  # fmt: skip
    assert body["establishment"] == {"inspectors": 1, "sergeants": 3, "constables": 20}
    assert [(one["tactic"], one["constables"]) for one in body["tactics"]] == [
        ("tactic_1", 8), ("tactic_2", 6), ("tactic_3", 8),
    ]  # fmt: skip
    assert (body["rules"]["shift_hours"], body["rules"]["lead_days"]) == (10, 2)
    assert (body["epsilon"], body["time_limit_s"], body["seed"]) == (0.01, 20, None)
    assert body["requests"] == body["absences"] == body["overrides"] == []
    assert job.result is not None
    roster = people["ana"].get(f"/tpu/{job.result['roster_id']}")
    assert roster.json()["unpredictability"]["seed"] == job.request["seed"]
    paper = people["ana"].get(f"/tpu/{job.result['roster_id']}/roster.pdf")
    assert paper.content.startswith(b"%PDF-")
    table = people["ana"].get(f"/tpu/{job.result['roster_id']}/roster.csv", Accept="text/html")
    assert table.text.splitlines()[0].startswith("date,team_id,duty")
    assert people["ana"].get(f"/tpu/tpu-2026-11-23-{'0' * 16}/roster.pdf").status_code == 404
    assert f"/tpu/{job.result['roster_id']}/roster.pdf" in people["ana"].get("/verano").text


def test_what_was_asked_comes_back_word_for_word_and_moves_on_with_the_days(
    app: FastAPI, people: dict[str, Person]
) -> None:
    fields = form_of(people["paul"]) | {
        "request-1-date": "27/11/2026", "request-1-where": ONE, "request-1-issue": "tension",
        "request-1-requested_by": "borough", "request-1-tactic": "tactic_2",
        "request-4-date": "2026-11-30", "request-4-where": f"{NAMES[TWO]}, {NAMES[ONE].upper()}",
        "request-4-issue": "robberies <b>at gunpoint</b>",
        "absence-2-date": "01/12/2026", "absence-2-reason": "court",
        "absence-2-inspectors": "1",
        "team-1-shift_start": "9:30", "seed": "7", "surprise": "2.5", "rule-repeat_return": "0.4",
    }  # fmt: skip
    job = asked(app, send(people["paul"], fields))
    body = job.request["body"]
    first, second = body["requests"]
    assert (first["request_id"], first["boroughs"], first["tactic"]) == ("R1", [ONE], "tactic_2")
    assert (second["request_id"], second["boroughs"]) == ("R2", [ONE, TWO])
    assert (second["requested_by"], second["date"]) == ("verano", "2026-11-30")
    (leave,) = body["absences"]
    assert (leave["team_id"], leave["inspectors"], leave["constables"]) == (None, 1, 0)
    assert (body["teams"][0]["shift_start"], body["epsilon"]) == ("09:30", 0.025)
    again = form_of(people["paul"], f"?work={job.job_id}")
    assert again["request-2-where"] == f"{NAMES[ONE]}, {NAMES[TWO]}"
    assert again["request-2-issue"] == "robberies <b>at gunpoint</b>"
    assert (again["seed"], again["surprise"]) == ("7", "2.5")
    repeated = asked(app, send(people["paul"], again))
    assert repeated.request == job.request
    assert repeated.result == job.result is not None
    proposed = people["paul"].post(f"/tpu/{job.result['roster_id']}/propose", {})
    assert proposed.status_code == 200
    nxt = form_of(people["paul"])
    assert (nxt["first_day"], nxt["seed"], nxt["rule-repeat_return"]) == ("27/11/2026", "", "0.4")
    assert (nxt["request-1-date"], nxt["absence-1-reason"]) == ("27/11/2026", "court")


def test_a_day_inside_the_lead_is_altered_under_the_name_of_who_asks(
    app: FastAPI, people: dict[str, Person]
) -> None:
    fields = form_of(people["paul"])
    roster = people["paul"].get(people["paul"].get("/tpu").json()["rosters"][0]["href"]).json()
    task, visited = roster["tasks"][0], {one["borough"] for one in roster["tasks"]}
    other = next(code for code in NAMES if code not in visited)
    fields |= {"override-1-date": task["day"], "override-1-team_id": task["team_id"],
               "override-1-where": NAMES[other], "override-1-reason": "recalled"}  # fmt: skip
    two = send(people["paul"], fields | {"override-1-where": f"{ONE}, {TWO}"})
    assert "names 2 boroughs" in refusal(two)
    off = asked(app, send(people["cyd"], fields | {"override-1-where": "Day off"}))
    assert off.request["body"]["overrides"][0]["tasking"] == "rest"
    job = asked(app, send(people["cyd"], fields))
    assert job.result is not None, job.problem
    (record,) = people["ana"].get(f"/tpu/{job.result['roster_id']}").json()["overrides"]
    assert (record["after"], record["reason"], record["actor"]) == (other, "recalled", "cyd")
    afresh = send(people["paul"], fields | {"afresh": "yes"})
    assert "has no published tasking to alter" in refusal(afresh)
    assert 'name="afresh" type="checkbox" value="yes" checked' in afresh.text


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"first_day": ""}, "First day: no day was given"),
        ({"first_day": "24/11/2026", "days": "0"}, "greater than or equal to 1"),
        ({"days": "many"}, "Days: 'many' is not a whole number"),
        ({"team-1-shift_start": "25:00"}, "Team 1: '25:00' is not a time of day"),
        ({"team-2-team_id": "the second"}, "teams, 2, team id"),
        ({"team-1-sergeants": "0"}, "a team is never without one"),
        ({"rule-least_constables": "11"}, "fewer than “Fewest constables with a team” 11"),
        ({"rule-days_off": "9"}, "“Least days off in any seven days” is 9, outside 0 to 6"),
        ({"need-tactic_1-sergeants": ""}, "Tactic 1, sergeants: '' is not a whole number"),
        ({"surprise": "99"}, "epsilon"),
        ({"seed": "chosen"}, "one that nobody chose is drawn"),
        ({"time_limit_s": "600"}, "time limit s"),
        ({"request-5-issue": "tension"}, "Request 5, day: no day was given"),
        ({"request-5-date": "28/11/2026"}, "Request 5, where: no borough was named"),
        ({"absence-4-constables": "3"}, "Leave 4, day"),
        ({"request-5-date": "20/11/2026", "request-5-where": ONE, "request-5-issue": "x"},
         "20 November 2026"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_stays_on_the_form(
    app: FastAPI, people: dict[str, Person], typed: dict[str, str], words: str
) -> None:
    before = len(JobShelf(record_of(app)).page(50, None))
    answer = send(people["paul"], form_of(people["paul"]) | typed)
    said = refusal(answer)
    assert words in said
    assert "What to do: " in said
    shown = fields_of(answer.text)
    assert all(shown[name] == value for name, value in typed.items())
    assert len(JobShelf(record_of(app)).page(50, None)) == before


def test_only_the_meeting_rosters_and_a_form_needs_its_token(
    app: FastAPI, people: dict[str, Person]
) -> None:
    assert people["ana"].get(HERE).status_code == 403
    assert people["ana"].client.post(HERE, data={}, headers=SAME_ORIGIN).status_code == 403
    for path in (HERE, f"{HERE}/file"):
        sent = people["paul"].client.post(path, data={"form_token": "no"}, headers=SAME_ORIGIN)
        assert sent.status_code == 403, path
    no_file = people["paul"].client.post(
        f"{HERE}/file", data={"form_token": people["paul"].form_token}, headers=SAME_ORIGIN
    )
    assert "no file was chosen" in refusal(no_file)
    assert people["paul"].get(f"{HERE}?work=job-{'0' * 24}").status_code == 404
    assert ("ana", "tasking.roster", "denied") in [one[:3] for one in entries(app)]


def test_evidence_under_handling_code_c_closes_form_and_work_to_others(
    app: FastAPI, people: dict[str, Person]
) -> None:
    workspace = app.state.service.workspace
    coded = replace(WORLD, handling_code="C", handling_c_records=1)
    with workspace.staging() as staged:
        publish(workspace, staged / "coded", coded)
    fields = form_of(people["cyd"]) | {"rule-least_teams_a_day": "2", "rule-days_off": "3"}
    job = asked(app, send(people["cyd"], fields))
    assert "These clash" in people["cyd"].get(f"{HERE}?work={job.job_id}").text
    assert people["paul"].get(HERE).status_code == 403
    assert people["paul"].get(f"{HERE}?work={job.job_id}").status_code == 403
    assert "Make a roster" not in people["paul"].get("/verano").text
    with workspace.staging() as staged:
        publish(workspace, staged / "again", WORLD)
    assert people["paul"].get(HERE).status_code == 200
    closed = people["paul"].get(f"{HERE}?work={job.job_id}")
    assert closed.status_code == 403
    assert "clash" not in closed.text
