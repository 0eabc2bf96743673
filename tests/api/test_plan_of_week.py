"""Which plan a week answers with: the one in force before the one made last, and said plainly."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from allocator.plan import PatrolPlan, sealed
from allocator.plan import document as plan_document
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
NEXT_DAY = "2026-12-02"  # the Wednesday of it


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


@pytest.fixture(scope="module")
def again(app: FastAPI, plans: list[PatrolPlan]) -> dict[str, Any]:
    """Return the record of the plan of the week, in force again in the next one."""
    put_in_force(app, plans[0])
    reason = "the solver is down; <b>all</b> units stay"
    made = sign_in_as(app, "cyd").post("/plans/fall-back", {"week": NEXT, "reason": reason})
    assert made.status_code == 201, made.text
    record: dict[str, Any] = made.json()
    return record


def test_a_fall_back_answers_for_its_week(
    app: FastAPI, paul: Person, plans: list[PatrolPlan], again: dict[str, Any]
) -> None:
    given, earlier = paul.get(f"/allocate?week={NEXT}"), paul.get(f"/allocate?week={WEEK}")
    assert body(given)["plan_id"] == plans[0].plan_id
    assert given.content == earlier.content
    told = {
        "x-plan-key": again["key"], "x-plan-state": "published", "x-plan-made-for": WEEK,
        "x-plan-in-force-for": NEXT, "x-plan-fallback-of": again["fallback_of"],
    }  # fmt: skip
    assert {name: given.headers[name] for name in told} == told
    assert earlier.headers["x-plan-made-for"] == WEEK
    assert "x-plan-in-force-for" not in earlier.headers
    problem(paul.get(f"/allocate?week={NEXT}&state=latest"), 404)


def test_a_fall_back_is_mended_for_the_week_it_is_in_force_in(
    paul: Person, again: dict[str, Any]
) -> None:
    body = {"fleet_id": "example", "reason": "a unit is lost", "day": "25/11/2026"}
    refused = problem(paul.post(f"/plans/{again['key']}/replan", body), 422)
    assert f"not in week {NEXT}" in refused["detail"]


def test_every_file_of_a_fall_back_says_so(
    paul: Person, plans: list[PatrolPlan], again: dict[str, Any]
) -> None:
    at = f"/plans/{again['key']}/patrol-areas"
    for path, media_type in (
        (f"/allocate?week={NEXT}", "text/html"),
        (f"/allocate/plan.geojson?week={NEXT}", "application/geo+json"),
        (f"/allocate/briefing.pdf?week={NEXT}", "application/pdf"),
        (f"{at}.gpkg", ""), (f"{at}.gpx", ""), (f"{at}.csv", ""), (f"{at}.parquet", ""),
    ):  # fmt: skip
        given = paul.get(path, Accept=media_type or "*/*")
        assert given.status_code == 200, given.text
        assert given.headers["x-plan-id"] == plans[0].plan_id
        assert given.headers["x-plan-made-for"] == WEEK
        assert given.headers["x-plan-in-force-for"] == NEXT
        assert NEXT in given.headers["content-disposition"], path
    areas = paul.get(f"/allocate/plan.geojson?week={NEXT}").json()
    earlier = paul.get(f"/allocate/plan.geojson?week={WEEK}").json()
    assert areas["features"] == earlier["features"]
    assert set(areas) - set(earlier) == {"in_force_for", "made_for", "plan_key", "fallback_of"}
    assert (areas["in_force_for"], areas["made_for"], areas["week"]) == (NEXT, WEEK, WEEK)
    maps = [paul.get(f"/allocate?week={week}", Accept="text/html") for week in (WEEK, NEXT)]
    words = f"IN FORCE FOR WEEK {NEXT} BY FALLING BACK: this plan was made for week {WEEK}"
    assert [words in one.text for one in maps] == [False, True]
    policy = "content-security-policy"
    assert maps[0].headers[policy] == maps[1].headers[policy]
    tag = {"If-None-Match": maps[0].headers["etag"], "Accept": "text/html"}
    assert paul.get(f"/allocate?week={NEXT}", **tag).status_code == 200  # not the same map
    tag["If-None-Match"] = maps[1].headers["etag"]
    assert paul.get(f"/allocate?week={NEXT}", **tag).status_code == 304
    rows = list(csv.DictReader(io.StringIO(paul.get(f"{at}.csv").text)))
    assert {(one["in_force_for"], one["week"], one["state"]) for one in rows} == {
        (NEXT, WEEK, "published")
    }
    assert f"in force for {NEXT}, made for {WEEK}, published" in paul.get(f"{at}.gpx").text


def test_a_gis_gets_the_plan_in_force_for_each_week(
    paul: Person, plans: list[PatrolPlan], again: dict[str, Any]
) -> None:
    items = paul.get("/ogc/collections/patrol-areas/items?limit=1000").json()["features"]
    told = {
        (one["id"][:8], one["properties"]["plan_id"], one["properties"]["state"],
         one["properties"]["week"], one["properties"]["in_force_for"])
        for one in items
    }  # fmt: skip
    first = plans[0].plan_id
    assert told == {
        (WEEK, first, "published", WEEK, ""), (NEXT, first, "published", WEEK, NEXT),
    }  # fmt: skip
    monday = paul.get(f"/ogc/collections/patrol-areas/items?limit=100&datetime={NEXT_DAY}").json()
    assert {one["id"][:8] for one in monday["features"]} == {NEXT}


def test_the_page_of_a_fallen_back_week_shows_the_plan_in_force(
    app: FastAPI, paul: Person, plans: list[PatrolPlan], again: dict[str, Any]
) -> None:
    page = paul.get(f"/?week={NEXT}").text
    assert f"In force is the plan of week {WEEK} again" in page
    assert "<dt>Put in force by</dt><dd>cyd, " in page
    assert "the solver is down; &lt;b&gt;all&lt;/b&gt; units stay" in page
    assert plans[0].plan_id in page
    for address in (
        f"/allocate?week={NEXT}", f"/allocate/plan.geojson?week={NEXT}",
        f"/allocate/briefing.pdf?week={NEXT}", f"/plans/{again['key']}/patrol-areas.gpx",
    ):  # fmt: skip
        assert f'href="{address}"' in page
        assert paul.get(address).headers["x-plan-in-force-for"] == NEXT
    assert 'id="week-map"' in page
    assert f"/?week={NEXT}&amp;area=E09000012#details" in page
    assert f'<option value="{NEXT}" selected>' in page
    assert f"/decisions/{again['key']}/alter" not in page  # its content is of another week
    unit = next(one for one in plans[0].units if "E09000012" in one.boroughs)
    area = paul.get(f"/areas/E09000012?week={NEXT}")
    assert (unit.unit_id in area.text, area.headers["x-plan-id"]) == (True, plans[0].plan_id)
    assert f"plan of week {NEXT}" not in paul.get(f"/?week={WEEK}").text

    later = sealed(replace(plans[1], week=NEXT))
    workspace: Workspace = app.state.service.workspace
    with workspace.staging() as folder:
        staged = shutil.copytree(workspace.plan(WEEK, plans[1].plan_id) or folder, folder / "p")
        write_all(Path(staged), {"plan.json": text_writer(json_text(plan_document(later)))})
        workspace.publish_plan(Path(staged), NEXT, later.plan_id)
    try:
        page = paul.get(f"/?week={NEXT}").text
        assert f"In force is the plan of week {WEEK} again" in page
        assert f'href="/?week={NEXT}&amp;state=latest"' in page
        latest = paul.get(f"/?week={NEXT}&state=latest")
        assert latest.headers["x-plan-id"] == later.plan_id
        assert "This plan is not in force." in latest.text
        assert f"/?week={NEXT}&amp;state=latest&amp;area=E09000012#details" in latest.text
        at = f"/areas/E09000012?week={NEXT}&state=latest"
        assert paul.get(at).headers["x-plan-id"] == later.plan_id
    finally:
        shutil.rmtree(workspace.root / "plans" / NEXT)


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
