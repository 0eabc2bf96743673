"""What a plan's record says of its fleet, over HTTP, on both databases."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from allocator.plan import PatrolPlan
from api.files.output import json_text, text_writer, write_all
from api.plans import fleet_source
from api.plans.fleet_source import FleetSource
from api.plans.verdict_file import VERDICT
from api.routes.bodies import PlacementBody
from api.routes.placement_orders import pinned, placement_order
from api.routes.plan_documents import PlanRecordDocument
from api.store.schema import plan_versions
from api.store.types import digest
from hotspots.boundaries.study_area import StudyArea, load_bundled
from tests.api.accounts_world import Person, add_person, record_of, sign_in_as
from tests.api.service_world import FLEET, WEEK, client_of, fill, made_up_week, problem, service
from tests.api.test_fleets_http import NEW, put

NEXT = "2026-W49"
SENT = tomllib.loads(FLEET)
OTHER = FLEET.replace("ARV-01", "ARV-02")
STORED = FleetSource("store", digest(OTHER), "mine", 2)


@pytest.fixture(scope="module")
def area() -> StudyArea:
    return load_bundled()


@pytest.fixture(scope="module")
def made(area: StudyArea) -> tuple[Any, PatrolPlan]:
    return made_up_week(area)


@contextmanager
def running(root: Path, url: str) -> Iterator[FastAPI]:
    app = service(root, database=url)
    with client_of(app):
        add_person(app, "paul", "planner")
        add_person(app, "cyd", "chair", "approver")
        yield app


@pytest.fixture(scope="module")
def filled(
    tmp_path_factory: pytest.TempPathFactory, area: StudyArea, made: tuple[Any, PatrolPlan]
) -> Path:
    """Return a data directory with a plan and its papers."""
    root, (assessment, plan) = tmp_path_factory.mktemp("fleet of plan") / "data", made
    fill(root, area, assessment, plan)
    card = {"backtest.json": text_writer(json_text({"verdict": "few incidents"}))}
    write_all(root / "assessments" / assessment.assessment_id, card)
    words = {"headline": "better", "sentences": [], "rows": [], "basis": "400 weeks"}
    write_all(folder_of(root, plan), {VERDICT: text_writer(json_text({"in_words": words}))})
    return root


@pytest.fixture
def root(filled: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return Path(shutil.copytree(filled, tmp_path / "service"))


def folder_of(root: Path, plan: PatrolPlan) -> Path:
    return root / "plans" / WEEK / plan.plan_id


def columns(app: FastAPI, key: str) -> tuple[str | None, int | None]:
    """Return what the columns of a plan's content name."""
    wanted = select(plan_versions.c.fleet_id, plan_versions.c.fleet_version)
    with record_of(app).store.read() as tx:
        row = tx.execute(wanted.where(plan_versions.c.plan_key == key)).one()
    return row.fleet_id, row.fleet_version


def told(body: dict[str, Any]) -> tuple[object, ...]:
    """Return what a plan of the record says of its fleet."""
    PlanRecordDocument.model_validate(body, strict=False)
    return tuple(body[f"fleet_{name}"] for name in ("origin", "id", "version", "sha256"))


def step(person: Person, plan: dict[str, Any], name: str, **body: str) -> dict[str, Any]:
    answer = person.post(f"/plans/{plan['key']}/{name}", body, plan["version"])
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_plan_of_a_stored_fleet_names_its_version_to_its_end(
    root: Path, store_url: str, made: tuple[Any, PatrolPlan]
) -> None:
    plan = made[1]
    with running(root, store_url) as app:
        paul, cyd = sign_in_as(app, "paul"), sign_in_as(app, "cyd")
        assert put(paul, "mine", FLEET, **NEW).status_code == 201
        assert put(paul, "mine", OTHER, **{"If-Match": '"1"'}).status_code == 200
        order = placement_order(
            app.state.service,
            pinned(app.state.service, PlacementBody.model_validate({"fleet_id": "mine"})),
        )
        assert order.fleet_source == STORED
        write_all(folder_of(root, plan), fleet_source.writers(order.fleet_source))
        assert put(paul, "mine", FLEET, **{"If-Match": '"2"'}).status_code == 200  # a third

        said = ("store", "mine", 2, STORED.sha256)
        draft = paul.post("/plans", {"week": WEEK}).json()
        assert told(draft) == said
        assert columns(app, draft["key"]) == ("mine", 2)
        read = cyd.get(f"/plans/{draft['key']}")
        assert (read.json(), read.headers["etag"]) == (draft, f'"{draft["version"]}"')
        assert cyd.get(f"/plans?week={WEEK}").json()["plans"] == [draft]
        problem(cyd.get(f"/plans/{WEEK}-000000000000"), 404)
        page = cyd.get(f"/decisions/{draft['key']}/propose").text
        assert "stored fleet mine, version 2" in page

        step(cyd, step(paul, draft, "propose"), "approve", no_equality_reason="no table given")
        back = cyd.post("/plans/fall-back", {"week": NEXT, "reason": "the solver is down"}).json()
        assert told(back) == said
        assert columns(app, back["key"]) == ("mine", 2)


def test_a_fleet_that_is_no_version_of_the_store_is_told_and_names_none(
    root: Path, store_url: str, made: tuple[Any, PatrolPlan]
) -> None:
    plan = made[1]
    with running(root, store_url) as app:
        paul, found = sign_in_as(app, "paul"), {}
        for name, body in (("file", {"fleet_id": "example"}), ("request", {"fleet": SENT})):
            wanted = pinned(app.state.service, PlacementBody.model_validate(body))
            source = placement_order(app.state.service, wanted).fleet_source
            assert source is not None
            assert source.origin == name
            found[name] = source
        elsewhere = FleetSource("store", "0" * 64, "theirs", 7)
        for source, said, words in (
            (None, (None,) * 4, "not recorded"),
            (found["file"], ("file", "example", None, digest(FLEET)), "fleet file example"),
            (found["request"], ("request", None, None, found["request"].sha256), "not stored"),
            (elsewhere, ("store", "theirs", 7, "0" * 64), "stored fleet theirs, version 7"),
        ):
            write_all(folder_of(root, plan), fleet_source.writers(source))
            draft = paul.post("/plans", {"week": WEEK}).json()
            assert told(draft) == said
            assert columns(app, draft["key"]) == (None, None)
            assert words in paul.get(f"/decisions/{draft['key']}/propose").text
            reason = "made anew"
            sign_in_as(app, "cyd").post(
                f"/plans/{draft['key']}/withdraw", {"reason": reason}, draft["version"]
            )


def test_setting_something_by_hand_keeps_the_fleet(
    root: Path, store_url: str, made: tuple[Any, PatrolPlan]
) -> None:
    plan = made[1]
    source = FleetSource("request", "1" * 64)
    write_all(folder_of(root, plan), fleet_source.writers(source))
    with running(root, store_url) as app:
        paul = sign_in_as(app, "paul")
        draft = paul.post("/plans", {"week": WEEK}).json()
        fields = {
            "form_token": paul.form_token, "confirm": "yes", "version": str(draft["version"]),
            "kind": "other", "subject": "the north", "reason": "the inspector knows it",
        }  # fmt: skip
        origin = {"Origin": "http://127.0.0.1:8000"}
        answer = paul.client.post(f"/decisions/{draft['key']}/alter", data=fields, headers=origin)
        assert answer.status_code == 303, answer.text
        altered = paul.get(f"/plans/{draft['key']}").json()
        assert altered["content_version"] == 2
        assert told(altered) == ("request", None, None, source.sha256)
