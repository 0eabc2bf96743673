"""A service on a made-up week, for tests that need no solver."""

from __future__ import annotations

import json
import pickle
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from allocator.plan import PatrolPlan, sealed
from api import week as weekly
from api.app import create_app
from api.files.assessment_folder import AssessmentFolder
from api.files.assessment_folder import writers as assessment_writers
from api.files.output import json_text, text_writer, write_all
from api.maps.week_map import render
from api.pages.outlines import area_shapes, place_shapes
from api.settings import Limits, Settings
from api.tokens import digest
from api.working.orders import AREA_SHAPES, MAP, PLACE_SHAPES
from api.workspace import open_workspace
from hotspots.assessment import RiskAssessment, content_id
from hotspots.boundaries.study_area import StudyArea
from tests.browser.map_world import make_assessment, make_cells, make_plan
from tests.store.recording import CHEAP

TOKEN = "arv_" + "t" * 43
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ORIGIN = "http://127.0.0.1:8000"
SAME_ORIGIN = {"Origin": ORIGIN}
HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
WEEK = "2026-W48"
FLEET = (
    'service_standard_s = 540\nturnout_s = 60\nlabel = "assumption of the tests"\n'
    '[[units]]\nunit_id = "ARV-01"\nprovenance = "CO19"\n'
)


#: Tests ask faster than any person; those of the rates set their own.
UNHURRIED = Limits(reads_per_minute=10**6, changes_per_minute=10**6)


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def fill(root: Path, area: StudyArea, assessment: RiskAssessment, plan: PatrolPlan) -> None:
    """Publish a week into a data directory as the workers do."""
    with open_workspace(root) as workspace, workspace.staging() as folder:
        shutil.copytree(_written(area, assessment, plan), folder, dirs_exist_ok=True)
        workspace.keep_fleet("example", FLEET)
        workspace.publish_assessment(folder / "a", assessment.assessment_id)
        workspace.publish_plan(folder / "p", plan.week, plan.plan_id)


@cache
def _kept() -> TemporaryDirectory[str]:
    """Return where the weeks written in this process lie, by what they were made from."""
    return TemporaryDirectory(prefix="arv-weeks-")


def _written(area: StudyArea, assessment: RiskAssessment, plan: PatrolPlan) -> Path:
    """Return a folder with the files of a week: many modules begin from the same one."""
    content = pickle.dumps((area.boroughs, area.wards, assessment, plan))
    kept = Path(_kept().name) / sha256(content).hexdigest()
    if kept.is_dir():
        return kept
    cells = make_cells(area)
    shapes: Any = {PLACE_SHAPES: text_writer(json_text(place_shapes(area)))}
    shapes[MAP] = text_writer(render(assessment, None, area, cells))
    begun = Path(mkdtemp(dir=_kept().name))
    write_all(begun / "a", shapes | assessment_writers(assessment, cells, []))
    areas = {AREA_SHAPES: text_writer(json_text(area_shapes(plan, area)))}
    folder = AssessmentFolder(assessment, cells)
    write_all(begun / "p", areas | weekly.plan_writers(plan, folder, area))
    return begun.rename(kept)


def made_up_week(area: StudyArea) -> tuple[RiskAssessment, PatrolPlan]:
    """Return an assessment and plan that survive being written and read back."""
    made = make_assessment(area)
    scored = {score.code for score in made.boroughs}
    links = tuple(link for link in made.borough_links if {link.code_a, link.code_b} <= scored)
    marked = replace(made, classification="OFFICIAL-SENSITIVE", borough_links=links)
    return with_identities(marked, make_plan(area))


def with_identities(
    assessment: RiskAssessment, plan: PatrolPlan
) -> tuple[RiskAssessment, PatrolPlan]:
    """Return both with the identifiers their content gives, as the engines make them."""
    named = replace(assessment, assessment_id=content_id(assessment))
    return named, sealed(replace(plan, assessment_id=named.assessment_id))


def service(
    root: Path, *, clock: Clock | None = None, limits: Limits | None = None, **settings: Any
) -> FastAPI:
    """Return the application on a data directory, its token being ``TOKEN``."""
    return create_app(
        Settings(data_dir=root, sample=False, limits=limits or UNHURRIED, **settings),
        digest(TOKEN),
        clock=clock or Clock(),
        today=lambda: date(2026, 11, 25),
        passwords=CHEAP,
    )


@contextmanager
def client_of(app: FastAPI) -> Iterator[TestClient]:
    """Yield a client that does not follow redirects and gets faults as answers."""
    with TestClient(
        app, base_url=ORIGIN, follow_redirects=False, raise_server_exceptions=False
    ) as client:
        yield client


def sign_in(client: TestClient, token: str = TOKEN) -> Any:
    """Post the sign-in form as a browser does and return the answer."""
    form = client.get("/sign-in").text
    found = re.search(r'name="form_token" value="([^"]+)"', form)
    assert found
    fields = {"form_token": found[1], "token": token}
    return client.post("/sign-in", data=fields, headers=SAME_ORIGIN)


def problem(answer: Any, status: int) -> dict[str, Any]:
    """Return the body of a problem after checking that it is one, of a status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(answer.text)
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["title"]
    assert body["detail"]
    return body
