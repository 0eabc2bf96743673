"""The calendar of events and the actions arising over HTTP, each change in the audit record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from allocator.event_calendar import in_week
from allocator.plan import PatrolPlan
from api.access import Actor, Role
from api.event_calendar import events_of_week
from api.files.events_file import events_from_tables
from api.plans.shelf import PlanShelf
from api.routes.actions import ActionDocument, ActionsDocument
from api.routes.events import EventDocument, EventsDocument
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import Person, add_person, collected, entries, record_of, sign_in_as
from tests.api.service_world import SAME_ORIGIN, client_of, made_up_week, problem, service

CARNIVAL = {
    "name": "Carnival", "from": "2026-08-30", "to": "31/08/2026", "boroughs": ["E09000020"],
    "extra_share": 1.5, "units_committed": 2,
}  # fmt: skip
MATCH = {"name": "Match", "date": "2026-09-05", "units_committed": ["ARV-02", "ARV-01"]}
CLOCKS = {"name": "Clocks go back", "date": "2026-10-25", "wards": ["E05011235"], "extra_calls": 2}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Yield a running service that knows people and holds nothing else."""
    made = service(tmp_path_factory.mktemp("meeting") / "data")
    with client_of(made):
        add_person(made, "paul", "planner")
        add_person(made, "cyd", "chair")
        add_person(made, "mel", "commander")
        add_person(made, "aud", "auditor")
        add_person(made, "hetty", "borough", boroughs=("E09000012",))
        yield made


@pytest.fixture(scope="module")
def paul(app: FastAPI) -> Person:
    return sign_in_as(app, "paul")


def cancel(person: Person, event_id: str, version: int | None, reason: str = "") -> Any:
    """Cancel an event in a browser session."""
    headers = {**SAME_ORIGIN, "X-CSRF-Token": person.form_token}
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    query = {"reason": reason} if reason else {}
    return person.client.delete(f"/events/{event_id}", params=query, headers=headers)


def test_events_are_announced_found_by_week_and_cancelled(app: FastAPI, paul: Person) -> None:
    made = [paul.post("/events", one) for one in (CARNIVAL, MATCH, CLOCKS)]
    assert [one.status_code for one in made] == [201] * 3, [one.text for one in made]
    for one in made:
        EventDocument.model_validate_json(one.text)
        assert paul.get(one.headers["location"]).json() == one.json()
    EventsDocument.model_validate_json(paul.get("/events").text)
    names = [one["name"] for one in collected(paul, "/events?limit=1", "events")]
    assert names == ["Carnival", "Match", "Clocks go back"]
    given = {name: made[0].json()[name] for name in CARNIVAL}
    assert given == {**CARNIVAL, "to": "2026-08-31"}
    for query, wanted in (
        ("week=2026-W35", ["Carnival"]),
        ("week=2026-W36", ["Carnival", "Match"]),
        ("week=2026-W37", []),
        ("from=2026-08-31&to=2026-08-31", ["Carnival"]),
        ("from=2026-09-01", ["Match", "Clocks go back"]),
        ("to=2026-08-29", []),
        ("from=2026-10-25&to=2026-10-25", ["Clocks go back"]),
        ("from=2026-10-26", []),
        ("from=0001-01-01&to=9999-12-31", names),
    ):
        assert [one["name"] for one in collected(paul, f"/events?{query}", "events")] == wanted
    event_id = made[0].json()["event_id"]
    problem(cancel(paul, event_id, None, "rain"), 428)
    assert "reason" in problem(cancel(paul, event_id, 1), 422)["detail"]
    problem(cancel(paul, event_id, 7, "rain"), 412)
    gone = cancel(paul, event_id, 1, "rain")
    assert (gone.json()["cancelled_reason"], gone.headers["etag"]) == ("rain", '"2"')
    problem(cancel(paul, event_id, 2, "again"), 412)
    assert len(collected(paul, "/events", "events")) == 2
    assert len(collected(paul, "/events?cancelled=true", "events")) == 3
    said = [one for one in entries(app) if one[3] == event_id]
    assert said == [
        ("paul", "event.keep", "done", event_id, "collection"),
        ("paul", "event.keep", "done", event_id, "alteration"),
    ]


def test_the_events_a_plan_takes_are_those_of_an_events_file(app: FastAPI, paul: Person) -> None:
    week = "2026-W40"
    tables = [
        {**CARNIVAL, "from": "2026-09-27", "to": "2026-09-28"},
        {**MATCH, "date": "2026-09-29"},
        {**MATCH, "name": "After the week", "date": "2026-10-05"},
    ]
    for one in tables:
        assert paul.post("/events", {**one, "kind": "sport"}).status_code == 201
    with record_of(app).store.read() as tx:
        kept = events_of_week(tx, week)
    assert kept == in_week(events_from_tables(tables), week)
    assert [one.name for one in kept] == ["Carnival", "Match"]


BAD_EVENTS: dict[str, tuple[dict[str, Any], str]] = {
    "no day": ({"name": "x"}, "day"),
    "ends before it starts": ({"name": "x", "from": "2026-09-02", "to": "2026-09-01"}, "before"),
    "extra without a place": ({"name": "x", "date": "2026-09-02", "extra_share": 1.0}, "places"),
    "no borough": ({**CARNIVAL, "boroughs": ["E09009999"]}, "E09009999"),
    "not patrolled": ({**CARNIVAL, "boroughs": ["E09000001"]}, "E09000001"),
    "no ward": ({**CLOCKS, "wards": ["E05999999"]}, "E05999999"),
    "far away": ({"name": "x", "date": "9999-12-31"}, "9999-12-31"),
    "no name": ({"name": " ", "date": "2026-09-02"}, "name"),
    "unknown key": ({"name": "x", "date": "2026-09-02", "colour": "red"}, "colour"),
    "no such day": ({"name": "x", "date": "2026-02-30"}, "2026-02-30"),
}


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_an_event_that_contradicts_itself_is_refused(paul: Person, name: str) -> None:
    body, named = BAD_EVENTS[name]
    before = collected(paul, "/events?cancelled=true", "events")
    assert named in problem(paul.post("/events", body), 422)["detail"]
    assert collected(paul, "/events?cancelled=true", "events") == before


ACTION = {"task": "Ask Enfield for its assessment", "owner": "borough commander"}


def test_actions_arise_are_moved_and_end(app: FastAPI, paul: Person) -> None:
    late = paul.post("/actions", {**ACTION, "due_on": "2026-11-20", "held_on": "16/11/2026"})
    soon = paul.post("/actions", {**ACTION, "due_on": "2026-11-30", "owner": "chair"})
    assert (late.status_code, soon.status_code) == (201, 201), (late.text, soon.text)
    ActionDocument.model_validate_json(soon.text)
    ActionsDocument.model_validate_json(paul.get("/actions").text)
    assert (late.json()["overdue"], soon.json()["overdue"]) == (True, False)
    assert soon.json()["held_on"] == "2026-11-25"  # today of the service
    first, second = late.json()["action_id"], soon.json()["action_id"]

    def listed(query: str = "") -> list[str]:
        return [one["action_id"] for one in collected(paul, f"/actions?limit=1{query}", "actions")]

    assert listed() == [first, second]
    assert listed("&overdue=true") == [first]
    assert listed("&owner=chair") == [second]
    assert listed("&state=done") == []
    moved = paul.post(f"/actions/{first}/move", {"due_on": "2026-12-07"}, version=1)
    assert (moved.json()["due_on"], moved.json()["owner"]) == ("2026-12-07", ACTION["owner"])
    assert listed() == [second, first]
    early = paul.post(f"/actions/{first}/move", {"due_on": "2026-11-01"}, version=2)
    assert "before the meeting" in problem(early, 422)["detail"]
    problem(paul.post(f"/actions/{first}/done", {"outcome": "x"}, version=1), 412)
    problem(paul.post(f"/actions/{first}/done", {"outcome": "x"}), 428)
    problem(paul.post(f"/actions/{first}/done", {"outcome": " "}, version=2), 422)
    mel = sign_in_as(app, "mel")
    done = mel.post(f"/actions/{first}/done", {"outcome": "Received"}, version=2)
    assert (done.json()["state"], done.json()["closed_by"]) == ("done", "mel")
    assert done.headers["etag"] == '"3"'
    problem(mel.post(f"/actions/{first}/move", {"owner": "x"}, version=3), 412)
    gone = mel.post(f"/actions/{second}/cancel", {"outcome": "Overtaken"}, version=1)
    assert gone.json()["state"] == "cancelled"
    assert listed("&state=open") == []
    said = [one[:3] for one in entries(app) if one[3] == first]
    assert said == [("paul", "action.keep", "done")] * 2 + [("mel", "action.keep", "done")]


def test_an_action_arises_from_a_plan_of_the_record(app: FastAPI, paul: Person) -> None:
    _, plan = made_up_week(load_bundled())
    key = kept(app, plan)
    made = paul.post("/actions", {**ACTION, "due_on": "2026-12-01", "plan_key": key})
    assert made.json()["plan_key"] == key
    assert collected(paul, f"/actions?plan_key={key}", "actions") == [made.json()]
    other = {**ACTION, "due_on": "2026-12-01", "plan_key": "2026-W48-000000000000"}
    assert "GET /plans" in problem(paul.post("/actions", other), 404)["detail"]


def kept(app: FastAPI, plan: PatrolPlan) -> str:
    """Keep a plan as a draft and return its key."""
    actor = Actor("paul", frozenset({Role.PLANNER}), "session")
    return PlanShelf(record_of(app)).draft(plan, actor).key


def test_who_may_see_and_keep_them_and_what_is_refused(app: FastAPI, paul: Person) -> None:
    cyd, aud, hetty = (sign_in_as(app, name) for name in ("cyd", "aud", "hetty"))
    assert cyd.post("/events", {**MATCH, "date": "2027-01-02"}).status_code == 201
    mel = sign_in_as(app, "mel")
    problem(mel.post("/events", MATCH), 403)
    problem(aud.post("/actions", {**ACTION, "due_on": "2026-12-01"}), 403)
    assert aud.get("/actions").status_code == aud.get("/events").status_code == 200
    for path in ("/events", "/actions"):
        problem(hetty.get(path), 403)
    for path in ("/events?week=2026-W99", "/events?week=2027-W53", "/events?cursor=zz",
                 "/events?week=2026-W36&from=2026-09-01", "/events?from=soon", "/events/x",
                 "/actions?cursor=zz", "/actions?state=late", "/actions?overdue=true&state=done",
                 "/actions?owner=%00"):  # fmt: skip
        problem(paul.get(path), 422)
    problem(paul.get(f"/events/ev-{'0' * 16}"), 404)
    problem(paul.get(f"/actions/ac-{'0' * 16}"), 404)
    before = {**ACTION, "due_on": "2026-11-01", "held_on": "2026-11-02"}
    assert "before the meeting" in problem(paul.post("/actions", before), 422)["detail"]
