"""A whole week over HTTP: evidence, assessment, plan, two people, publication, the record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from api.files.sample_data import SAMPLE_AS_OF, sample_feeds, sample_fleet
from api.store.assessments import find_assessment
from tests.api.accounts_world import Person, add_person, entries, record_of, sign_in_as
from tests.api.service_world import SAME_ORIGIN, WEEK, client_of, problem, service
from tests.api.test_fleets_http import NEW, put

#: The smallest feeds of the sample: enough for a week, quick to read.
SOURCES = ("reported_shooting", "recorded_gun_crime", "co19_handover")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Yield a running service that knows people and holds nothing else."""
    root = tmp_path_factory.mktemp("week") / "data"
    made = service(root)
    with client_of(made):
        add_person(made, "ana", "analyst")
        add_person(made, "paul", "planner")
        add_person(made, "cyd", "chair", "approver")
        add_person(made, "dee", "approver")
        yield made


def form(person: Person, path: str, fields: dict[str, str], files: dict[str, Any]) -> Any:
    """Post a form with files as a program in a browser session does."""
    headers = {**SAME_ORIGIN, "X-CSRF-Token": person.form_token}
    return person.client.post(path, data=fields, files=files, headers=headers)


def test_a_week_from_the_feeds_to_the_published_plan(app: FastAPI) -> None:
    ana, paul, cyd, dee = (sign_in_as(app, name) for name in ("ana", "paul", "cyd", "dee"))
    problem(form(ana, "/assessment", {"as_of": SAMPLE_AS_OF, "from_store": "true"}, {}), 409)
    receipts = take_in(ana)
    made = assess(ana)
    assert (made["wards"], made["notice"]) == (679, "SYNTHETIC")
    with record_of(app).store.read() as tx:
        kept = find_assessment(tx, made["assessment_id"])
    assert kept is not None
    assert kept.created_by == "ana"

    fleet = sample_fleet().read_text("utf-8")
    assert put(paul, "mine", fleet, "as last week", **NEW).status_code == 201
    match = {"name": "Match", "date": "2026-11-28", "units_committed": 1}
    assert paul.post("/events", match).status_code == 201
    order = {"week": WEEK, "fleet_id": "mine", "stored_events": True, "time_limit_s": 30}
    placed = paul.post("/allocate", order)
    assert placed.status_code in (200, 201), placed.text
    plan_id = placed.json()["plan_id"]
    assert placed.json()["assessment_id"] == made["assessment_id"]
    assert placed.json()["settings"]["events"][0]["name"] == "Match"
    assert placed.headers["x-plan-state"] == "draft"
    kept = paul.post("/plans", {"week": WEEK})
    assert (kept.status_code, kept.json()["key"]) == (200, placed.headers["x-plan-key"])
    drafted = kept.json()
    at = f"/plans/{drafted['key']}"
    assert (drafted["state"], drafted["plan_id"]) == ("draft", plan_id)
    assert set(drafted["papers"]) == {"verdict", "backtest_card"}

    proposed = cyd.post(f"{at}/propose", {}, version=drafted["version"]).json()
    reason = {"no_equality_reason": "no table of characteristics was given"}
    refused = problem(cyd.post(f"{at}/approve", reason, version=proposed["version"]), 403)
    assert "second person" in refused["detail"]
    problem(dee.post(f"{at}/approve", reason, version=drafted["version"]), 412)
    approved = dee.post(f"{at}/approve", reason, version=proposed["version"]).json()
    assert (approved["state"], approved["proposer"], approved["approver"]) == (
        "approved", "cyd", "dee",
    )  # fmt: skip
    published = cyd.post(f"{at}/publish", {}, version=approved["version"])
    assert published.json()["state"] == "published"

    given = paul.get(f"/allocate?week={WEEK}")
    assert given.headers["x-plan-state"] == "published"
    assert (given.json()["plan_id"], given.headers["x-notice"]) == (plan_id, "SYNTHETIC")
    said = [(actor, action, outcome) for actor, action, outcome, _, _ in entries(app)]
    order = [said.index(step) for step in STEPS]
    assert order == sorted(order)
    assert said.count(("ana", "feed.ingest", "done")) == len(receipts) == len(SOURCES)


#: What the record must tell, in this order; :func:`entries` verifies its chain.
STEPS = (
    ("ana", "feed.ingest", "done"),
    ("paul", "plan.make", "done"),
    ("cyd", "plan.propose", "done"),
    ("cyd", "plan.approve", "denied"),
    ("dee", "plan.approve", "done"),
    ("cyd", "plan.publish", "done"),
)


def take_in(person: Person) -> list[str]:
    """Send the feeds of the sample, each with what it covers."""
    found = []
    for path in sample_feeds():
        if path.stem not in SOURCES:
            continue
        beside = Path(path).with_name(f"{path.stem}.coverage.csv")
        files = {"file": (path.name, path.read_bytes()), "coverage": ("c", beside.read_bytes())}
        answer = form(person, "/feeds", {}, files)
        assert answer.status_code == 201, answer.text
        found.append(answer.json()["receipt_id"])
    return found


def assess(person: Person) -> dict[str, Any]:
    """Have the evidence in the store assessed, and refuse files beside it."""
    fields = {"as_of": SAMPLE_AS_OF, "from_store": "true", "classification": "OFFICIAL"}
    both = form(person, "/assessment", fields, {"incidents": ("a.csv", b"x")})
    assert "from_store" in problem(both, 422)["detail"]
    answer = form(person, "/assessment", fields, {})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made
