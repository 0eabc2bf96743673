"""Which plan a week answers with: the one in force before the one made last, and said plainly."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from allocator.plan import PatrolPlan, sealed
from api import week as weekly
from api.access import Actor, Role
from api.files.assessment_folder import AssessmentFolder
from api.files.output import json_text, text_writer, write_all
from api.pages.outlines import area_shapes
from api.plans.record import State
from api.plans.shelf import PlanShelf
from api.plans.verdict_file import VERDICT
from api.routes.bodies import PlacementBody
from api.routes.placement_orders import pinned, placement_order
from api.service import Service
from api.working.orders import AREA_SHAPES
from api.workspace import Workspace
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import Person, add_person, record_of, sign_in_as
from tests.api.service_world import FLEET, WEEK, client_of, fill, made_up_week, problem, service
from tests.api.test_fleets_http import NEW, put
from tests.browser.map_world import make_cells

NEXT = "2026-W49"


@pytest.fixture(scope="module")
def plans() -> list[PatrolPlan]:
    """Return the two plans of the week, the one made last at the end; filled by `root`."""
    return []


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, plans: list[PatrolPlan]) -> Path:
    """Return a data directory with papers and two plans of one week."""
    area, root = load_bundled(), tmp_path_factory.mktemp("in force") / "data"
    assessment, first = made_up_week(area)
    fill(root, area, assessment, first)
    card = {"backtest.json": text_writer(json_text({"verdict": "few incidents"}))}
    write_all(root / "assessments" / assessment.assessment_id, card)
    second = sealed(replace(first, objective=first.objective - 0.01))
    workspace = Workspace(root)
    with workspace.staging() as folder:
        areas = {AREA_SHAPES: text_writer(json_text(area_shapes(second, area)))}
        kept = AssessmentFolder(assessment, make_cells(area))
        write_all(folder / "p", areas | weekly.plan_writers(second, kept, area))
        workspace.publish_plan(folder / "p", second.week, second.plan_id)
    words = {"headline": "better", "sentences": [], "rows": [], "basis": "400 weeks"}
    for plan in (first, second):
        verdict = {VERDICT: text_writer(json_text({"in_words": words}))}
        write_all(root / "plans" / WEEK / plan.plan_id, verdict)
        plans.append(plan)
    return root


@pytest.fixture(scope="module")
def app(root: Path) -> Iterator[FastAPI]:
    """Yield a service in which the first of the two plans is in force."""
    made = service(root)
    with client_of(made):
        add_person(made, "paul", "planner")
        add_person(made, "cyd", "chair", "approver")
        yield made


@pytest.fixture(scope="module")
def paul(app: FastAPI) -> Person:
    return sign_in_as(app, "paul")


def put_in_force(app: FastAPI, plan: PatrolPlan) -> str:
    """Have a plan drafted by one person and published by another, once; return its key."""
    shelf = PlanShelf(record_of(app))
    published = [one for one in shelf.plans(plan.week) if one.state is State.PUBLISHED]
    if published:
        return published[0].key
    paul = Actor("paul", frozenset({Role.PLANNER}), "session")
    cyd = Actor("cyd", frozenset({Role.CHAIR, Role.APPROVER}), "session")
    key = shelf.draft(plan, paul).key
    for kind in ("verdict", "backtest_card"):
        shelf.attach(key, kind, {"made": "up"}, paul)
    shelf.propose(key, paul)
    shelf.approve(key, cyd, no_equality_reason="no table was given")
    shelf.publish(key, cyd)
    return key


def body(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    plain: dict[str, Any] = answer.json()
    return plain


def test_the_published_plan_wins_over_one_made_later(
    app: FastAPI, paul: Person, plans: list[PatrolPlan]
) -> None:
    first, last = plans
    at = f"/allocate?week={WEEK}"
    assert body(paul.get(at))["plan_id"] == last.plan_id  # nothing is published yet
    assert "GET /plans" in problem(paul.get(f"{at}&state=published"), 404)["detail"]
    drafted = paul.post("/plans", {"week": WEEK})
    again = paul.post("/plans", {"week": WEEK})
    assert (drafted.status_code, again.status_code) == (201, 200)
    assert again.json() == drafted.json()
    assert set(drafted.json()["papers"]) == {"verdict", "backtest_card"}
    waiting = paul.get(at)
    assert (waiting.headers["x-plan-state"], waiting.headers["x-plan-key"]) == (
        "draft", drafted.json()["key"],
    )  # fmt: skip

    key = put_in_force(app, first)
    for query in ("", "&state=published"):
        given = paul.get(f"{at}{query}")
        assert body(given)["plan_id"] == given.headers["x-plan-id"] == first.plan_id
        assert (given.headers["x-plan-state"], given.headers["x-plan-key"]) == ("published", key)
        assert given.links["collection"]["url"] == f"/plans?week={WEEK}"
    latest = paul.get(f"{at}&state=latest")
    assert (body(latest)["plan_id"], latest.headers["x-plan-state"]) == (last.plan_id, "draft")
    areas = paul.get(f"/allocate/plan.geojson?week={WEEK}").json()
    assert areas["plan_id"] == first.plan_id
    assert paul.get(f"/allocate/briefing.pdf?week={WEEK}").headers["x-plan-key"] == key
    verdict = paul.get(f"/allocate/verdict.json?week={WEEK}&state=latest")
    assert verdict.headers["x-plan-id"] == last.plan_id
    assert "X-Plan-Key" in paul.get(at, **{"If-None-Match": given.headers["etag"]}).headers
    problem(paul.get(f"{at}&state=draft"), 422)


def test_a_fall_back_answers_for_its_week(
    app: FastAPI, paul: Person, plans: list[PatrolPlan]
) -> None:
    put_in_force(app, plans[0])
    problem(paul.get(f"/allocate?week={NEXT}"), 404)
    cyd = sign_in_as(app, "cyd")
    made = cyd.post("/plans/fall-back", {"week": NEXT, "reason": "the solver is down"}).json()
    given = paul.get(f"/allocate?week={NEXT}")
    assert body(given)["plan_id"] == plans[0].plan_id
    assert (given.headers["x-plan-key"], given.headers["x-plan-state"]) == (
        made["key"], "published",
    )  # fmt: skip
    problem(paul.get(f"/allocate?week={NEXT}&state=latest"), 404)


def test_changes_are_counted_from_the_plan_in_force(app: FastAPI, plans: list[PatrolPlan]) -> None:
    put_in_force(app, plans[0])
    held: Service = app.state.service
    for week in (WEEK, "2026-W52", None):
        asked = PlacementBody(week=week, fleet_id="example", max_changes=2)
        order = placement_order(held, pinned(held, asked))
        assert order.previous is not None
        assert order.previous.parent.name == plans[0].plan_id
    before = placement_order(
        held, pinned(held, PlacementBody(week="2026-W01", fleet_id="example", max_changes=2))
    )
    assert before.previous is None


def test_what_a_request_names_is_pinned_to_what_is_there(app: FastAPI, paul: Person) -> None:
    held: Service = app.state.service
    file = placement_order(held, pinned(held, PlacementBody(fleet_id="example")))
    assert file.fleet_file is not None
    assert file.fleet is None
    assert put(paul, "night", FLEET, **NEW).status_code == 201
    asked = pinned(held, PlacementBody(fleet_id="night"))
    assert asked.fleet_version == 1
    later = put(paul, "night", FLEET.replace("ARV-01", "ARV-09"), **{"If-Match": '"1"'})
    assert later.status_code == 200
    for wanted, unit in (
        (asked, "ARV-01"),
        (pinned(held, PlacementBody(fleet_id="night")), "ARV-09"),
    ):
        order = placement_order(held, wanted)
        assert order.fleet is not None
        assert [one.unit_id for one in order.fleet.units] == [unit]
    event = {"name": "Match", "date": "2026-11-28", "units_committed": 1}
    assert paul.post("/events", event).status_code == 201
    asked = pinned(held, PlacementBody(fleet_id="night", week=WEEK, stored_events=True))
    read_again = PlacementBody.model_validate_json(asked.model_dump_json(by_alias=True))
    order = placement_order(held, read_again)
    assert [(one.name, one.n_units, one.last_day - one.first_day) for one in order.events] == [
        ("Match", 1, timedelta(0))
    ]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"fleet_id": "night", "fleet_version": 9}, "version 9"),
        ({"fleet_id": "none"}, "example"),
        ({"fleet_version": 1, "fleet": {"service_standard_s": 540, "turnout_s": 60,
          "units": [{"unit_id": "A", "provenance": "x"}]}}, "fleet_id"),
        ({"fleet_id": "example", "stored_events": True}, "week"),
        ({"fleet_id": "example", "stored_events": True, "week": "2027-W53"}, "2027-W53"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused_by_name(
    paul: Person, asked: dict[str, Any], named: str
) -> None:
    assert named in problem(paul.post("/allocate", asked), 422)["detail"]


def test_a_plan_in_force_whose_folder_is_gone_is_not_replaced_in_silence(
    app: FastAPI, paul: Person, root: Path, plans: list[PatrolPlan]
) -> None:
    put_in_force(app, plans[0])
    folder = root / "plans" / WEEK / plans[0].plan_id
    shutil.move(folder, root / "away")
    try:
        assert "backup" in problem(paul.get(f"/allocate?week={WEEK}"), 404)["detail"]
        latest = paul.get(f"/allocate?week={WEEK}&state=latest")
        assert body(latest)["plan_id"] == plans[1].plan_id
    finally:
        shutil.move(root / "away", folder)
