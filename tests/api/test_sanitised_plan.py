"""A plan made from handling code C material, for readers without the scope: nothing gets through.

The whole assessment is the sample's with a secret source in it; the sanitised one has other
rates. Every door that answers is searched for what only the whole one holds.
"""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import pypdf
import pytest
from fastapi import FastAPI

from allocator.errors import PlanningRefusedError
from allocator.plan import PatrolPlan, document, sealed
from api import week as weekly
from api.cli import run
from api.files.assessment_folder import AssessmentFolder, writers
from api.files.assessment_folder import read as read_assessment
from api.files.fleet_file import read_fleet
from api.files.output import json_text, text_writer, write_all
from api.files.sample_data import sample_fleet
from api.jobs.job import JobState
from api.jobs.kind import Work
from api.jobs.shelf import JobShelf
from api.maps.week_map import render
from api.pages.outlines import area_shapes, place_shapes
from api.plans.file import read_plan
from api.problems import problem_of
from api.routes.allocate import PLACEMENT
from api.routes.assessment import ASSESSING
from api.routes.table import ENDPOINTS
from api.sanitised_plan import sanitised_if_needed, sanitised_writers
from api.service import Service
from api.working.orders import AREA_SHAPES, MAP, PLACE_SHAPES, SANITISED
from api.working.solving import Told
from api.workspace import open_workspace
from hotspots.assessment import AreaScore, EvidenceLine, RiskAssessment, content_id
from hotspots.boundaries.study_area import StudyArea, load_bundled
from tests.api.accounts_world import Person, add_person, entries, record_of, sign_in_as
from tests.api.service_world import HTML, WEEK, client_of, problem, service

SECRET = "Magpie"  # the source that is under handling code C
RECORDS = 48_173_905  # its count


#: The end of every figure that is looked for: eight decimals.
DECIMALS = re.compile(r"\.\d{8}")
#: Places are no secret, and their degrees look like shares.
COORDINATES = re.compile(r'"coordinates":\s*[-\d.,\s\[\]e]*')


@dataclass(frozen=True)
class World:
    """A data directory, what is in it, and a record key of its plan."""

    root: Path
    whole: RiskAssessment
    bare: RiskAssessment
    plan: PatrolPlan


def scaled(score: AreaScore, factor: float) -> AreaScore:
    """Return an area's figures times a factor."""
    parts = tuple(
        replace(one, expected_per_week=one.expected_per_week * factor)
        for one in score.contributions
    )
    return replace(
        score,
        expected_per_week=sum(one.expected_per_week for one in parts),
        lower_90=score.lower_90 * factor,
        upper_90=score.upper_90 * factor,
        contributions=parts,
    )


def altered(base: RiskAssessment, seed: int, **changes: object) -> RiskAssessment:
    """Return an assessment with other rates, as other evidence gives."""
    factors = np.random.default_rng(seed).uniform(0.5, 2.0, len(base.wards))
    factor_of = dict(zip((one.code for one in base.wards), factors.tolist(), strict=True))
    wards = tuple(scaled(one, factor_of[one.code]) for one in base.wards)
    totals = {one.code: sum(ward.expected_per_week for ward in wards
                            if ward.borough_code == one.code) for one in base.boroughs}  # fmt: skip
    boroughs = tuple(scaled(one, totals[one.code] / one.expected_per_week) for one in base.boroughs)
    draws = (base.draws * factors).astype(np.float32)
    other = replace(base, wards=wards, boroughs=boroughs, draws=draws, **changes)  # type: ignore[arg-type]  # fields by name
    return replace(other, assessment_id=content_id(other))


def with_secret(base: RiskAssessment) -> RiskAssessment:
    """Return the picture as a source under handling code C leaves it: named, counted, reasoned."""
    line = replace(base.evidence[0], source="magpie", title=f"Operation {SECRET}", used=RECORDS)
    assert isinstance(line, EvidenceLine)
    wards = tuple(
        replace(one, reasons=(*one.reasons, f"Operation {SECRET} weighs here."))
        for one in base.wards
    )
    return altered(
        replace(base, wards=wards), 1, evidence=(*base.evidence, line),
        handling_code="C", handling_c_records=RECORDS,
        data_gaps=(*base.data_gaps, f"{RECORDS} records of Operation {SECRET} are under code C."),
    )  # fmt: skip


def _assessed(made: RiskAssessment, cells: pd.DataFrame, area: StudyArea) -> dict[str, object]:
    own = {
        PLACE_SHAPES: text_writer(json_text(place_shapes(area))),
        MAP: text_writer(render(made, None, area, cells)),
    }
    return own | writers(made, cells, [])


@pytest.fixture(scope="module")
def world(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Publish the week as the workers do, the plan with its sanitised version."""
    area, kept = load_bundled(), read_assessment(demo_folder)
    whole = with_secret(kept.assessment)
    bare = altered(
        kept.assessment, 2, sanitised=True,
        handling_code="", handling_c_records=0, handling_c_outputs=(),
        data_gaps=("Sanitised: material with handling code C is left out.",),
    )  # fmt: skip
    made = read_plan(demo_folder / "plan.json")
    units = tuple(replace(one, reason=f"{SECRET}: {one.reason}") for one in made.units)
    plan = sealed(replace(made, assessment_id=whole.assessment_id, units=units))
    request = weekly.PlacementRequest(fleet=read_fleet(sample_fleet()))
    root = tmp_path_factory.mktemp("sanitised-plan") / "data"
    with open_workspace(root) as workspace, workspace.staging() as folder:
        write_all(folder / "a", _assessed(whole, kept.cells, area))  # type: ignore[arg-type]  # writers
        write_all(folder / "a" / SANITISED, _assessed(bare, kept.cells, area))  # type: ignore[arg-type]  # writers
        shapes = {AREA_SHAPES: text_writer(json_text(area_shapes(plan, area)))}
        full = AssessmentFolder(whole, kept.cells)
        write_all(folder / "p", shapes | weekly.plan_writers(plan, full, area))
        shutil.copy(demo_folder / "verdict.json", folder / "p" / "verdict.json")
        clean = AssessmentFolder(bare, kept.cells)
        write_all(folder / "p" / SANITISED, sanitised_writers(plan, clean, request, area))
        workspace.publish_assessment(folder / "a", whole.assessment_id)
        workspace.publish_plan(folder / "p", plan.week, plan.plan_id)
    return World(root, whole, bare, plan)


@pytest.fixture(scope="module")
def app(world: World) -> Iterator[FastAPI]:
    made = service(world.root)
    with client_of(made):
        for name, scopes in (("ann", ()), ("cleared", ("handling-c",))):
            add_person(made, name, "analyst", "planner", "auditor", scopes=scopes)
        add_person(made, "desk", "borough", boroughs=("E09000012",))
        yield made


@pytest.fixture(scope="module")
def ann(app: FastAPI) -> Person:
    """Return somebody without the scope, who has drafted the plan."""
    person = sign_in_as(app, "ann")
    assert person.post("/plans", {"week": WEEK}).status_code == 201
    return person


@pytest.fixture(scope="module")
def cleared(app: FastAPI, ann: Person) -> Person:
    assert ann.form_token
    return sign_in_as(app, "cleared")


def secrets_of(world: World) -> list[str]:
    """Return every text that only the whole version holds: names, counts, figures, digests."""
    plan = world.plan
    figures = [plan.objective, plan.bound, *(one.coverage for one in plan.boroughs)]
    figures += [one.marginal_coverage for one in plan.units]
    figures += [one.expected_per_week for one in (*world.whole.wards, *world.whole.boroughs)]
    ours = repr(sorted(one.expected_per_week for one in (*world.bare.wards, *world.bare.boroughs)))
    digits = {f"{value:.9f}"[:-1] for value in figures if value}
    return [SECRET, SECRET.lower(), str(RECORDS), f"{RECORDS:,}",
            *(one for one in digits if one not in ours)]  # fmt: skip


def told(hidden: list[str], text: str) -> list[str]:
    """Return what of it stands in a text; of the figures, those whose decimals stand there."""
    tails = set(DECIMALS.findall(text))
    return [
        one for one in hidden
        if (one[-9:] in tails or not DECIMALS.fullmatch(one[-9:])) and one in text
    ]  # fmt: skip


def plain_text(content: bytes, media_type: str) -> str:
    """Return all text and figures of an answer, out of its packing."""
    if media_type.startswith("application/pdf"):
        reader = pypdf.PdfReader(io.BytesIO(content))
        pages = [page.extract_text() for page in reader.pages]
        return " ".join([*pages, repr(reader.metadata)])
    if "geopackage" in media_type or "sqlite" in media_type:
        frame = pyogrio.read_dataframe(io.BytesIO(content))
        return frame.drop(columns="geometry").to_csv() + content.decode("latin-1")
    if "parquet" in media_type:
        frame = pd.read_parquet(io.BytesIO(content))
        return frame.drop(columns="geometry").to_csv() + content.decode("latin-1")
    text = content.decode("utf-8")
    return COORDINATES.sub("", text) if "json" in media_type else text


def addresses(key: str) -> list[str]:
    """Return an address for every GET of the table, with what this week has put into it."""
    named = {"{key}": key, "{code}": "E09000012", "{table}": "wards", "{feature_id}": "E09000012",
             "{receipt_id}": "0" * 64, "{job_id}": "job-" + "0" * 24}  # fmt: skip
    found = []
    for one in ENDPOINTS:
        if one.method != "GET":
            continue
        path = one.path
        for name, value in named.items():
            path = path.replace(name, value)
        found += [path, f"{path}?week={WEEK}"]
    found += ["/assessment/boroughs.csv", "/assessment/rejected.csv", "/areas/E05009369",
              f"/?week={WEEK}&wards=all", f"/?week={WEEK}&area=E09000012"]  # fmt: skip
    return found


def test_no_byte_of_any_answer_tells_of_the_material(world: World, ann: Person) -> None:
    key = ann.get(f"/plans?week={WEEK}").json()["plans"][0]["key"]
    hidden = secrets_of(world)
    assert len(hidden) > 700
    answered = []
    for path in addresses(key):
        for accept in ({}, HTML):
            answer = ann.client.get(path, headers=accept)
            kind = answer.headers.get("content-type", "")
            text = plain_text(answer.content, kind) + repr(answer.headers)
            leaks = told(hidden, text)
            assert not leaks, (path, accept, leaks[:5])
            if answer.status_code == 200:
                answered.append(path)
    wanted = {
        f"/allocate?week={WEEK}", f"/allocate/plan.geojson?week={WEEK}",
        f"/allocate/briefing.pdf?week={WEEK}", f"/allocate/verdict.json?week={WEEK}", "/assessment",
        f"/plans/{key}/patrol-areas.csv", f"/plans/{key}/patrol-areas.gpkg",
        f"/plans/{key}/patrol-areas.gpx", f"/?week={WEEK}", f"/decisions?week={WEEK}",
        "/ogc/collections/patrol-areas/items", f"/boroughs/E09000012?week={WEEK}",
    }  # fmt: skip
    assert wanted <= set(answered), wanted - set(answered)


def test_the_search_finds_what_the_scope_opens(world: World, cleared: Person) -> None:
    hidden = secrets_of(world)
    allocate = [f"/allocate{end}?week={WEEK}" for end in ("", "/briefing.pdf", "/plan.geojson")]
    for path in ("/assessment", f"/?week={WEEK}", *allocate):
        answer = cleared.get(path)
        text = plain_text(answer.content, answer.headers["content-type"])
        assert told(hidden, text), path


def test_the_same_areas_with_figures_of_their_own(
    world: World, ann: Person, cleared: Person
) -> None:
    address = f"/allocate?week={WEEK}"
    mine, theirs = ann.get(address), cleared.get(address)
    own, full = mine.json(), theirs.json()
    assert full == document(world.plan)
    for name in ("unit_id", "boroughs", "wards", "support", "provenance"):
        assert [one[name] for one in own["units"]] == [one[name] for one in full["units"]]
    assert [one["unit_id"] for one in own["boroughs"]] == [
        one["unit_id"] for one in full["boroughs"]
    ]
    assert own["assessment_id"] == world.bare.assessment_id
    assert own["settings"]["restated"]["areas_of"] == full["plan_id"]
    assert own["objective"] != full["objective"]
    assert own["bound"] >= own["objective"] > 0
    assert mine.headers["etag"] != theirs.headers["etag"]
    assert "Authorization" in mine.headers["vary"]
    assert mine.headers["x-plan-state"] == theirs.headers["x-plan-state"] == "draft"
    again = ann.get(address, **{"If-None-Match": theirs.headers["etag"]})
    assert again.status_code == 200
    assert "Sanitised" in ann.client.get(address, headers=HTML).text
    page = ann.client.get(f"/?week={WEEK}", headers=HTML).text
    assert "Sanitised" in page
    assert "ARV-01" in page


def test_a_draft_kept_by_somebody_without_the_scope_is_the_whole_plan(
    world: World, ann: Person
) -> None:
    kept = ann.get(f"/plans?week={WEEK}").json()["plans"][0]
    assert kept["plan_id"] == world.plan.plan_id


def test_a_borough_gets_its_part_from_the_sanitised_version(
    world: World, app: FastAPI, ann: Person
) -> None:
    part = sign_in_as(app, "desk").get(f"/boroughs/E09000012?week={WEEK}").json()
    shown = ann.get(f"/allocate?week={WEEK}").json()
    line = next(one for one in shown["boroughs"] if one["code"] == "E09000012")
    assert (part["unit_id"], part["coverage"]) == (line["unit_id"], line["coverage"])


def test_without_a_sanitised_version_it_is_refused_and_recorded(
    world: World, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    shutil.copytree(world.root, root, ignore=shutil.ignore_patterns("lock", "arv.sqlite3*"))
    shutil.rmtree(root / "plans" / WEEK / world.plan.plan_id / SANITISED)
    made = service(root)
    with client_of(made):
        add_person(made, "bob", "analyst")
        bob = sign_in_as(made, "bob")
        assert "handling-c" in problem(bob.get(f"/allocate?week={WEEK}"), 403)["detail"]
        items = bob.get("/ogc/collections/patrol-areas/items").json()
        assert items["features"] == []
        denied = [one for one in entries(made) if one[2] == "denied"]
        assert ("bob", "plan.read") in {one[:2] for one in denied}


def test_the_command_line_writes_it_beside_the_plan(world: World, tmp_path: Path) -> None:
    folder = world.root / "assessments" / world.whole.assessment_id
    words = ["allocate", "--assessment", str(folder), "--fleet", str(sample_fleet()),
             "--time-limit-s", "15", "--out", str(tmp_path / "o")]  # fmt: skip
    assert run(words) == 0
    own = read_plan(tmp_path / "o" / SANITISED / "plan.json")
    whole = read_plan(tmp_path / "o" / "plan.json")
    assert [one.boroughs for one in own.units] == [one.boroughs for one in whole.units]
    assert own.assessment_id == world.bare.assessment_id
    for path in (tmp_path / "o" / SANITISED).iterdir():
        assert SECRET.encode() not in path.read_bytes()
    names = {path.name for path in (tmp_path / "o" / SANITISED).iterdir()}
    assert {"briefing.pdf", "map.html", "plan.json", "verdict.json", "plan.geojson"} <= names


def test_why_there_is_none_is_said(world: World, tmp_path: Path) -> None:
    source = world.root / "assessments" / world.whole.assessment_id
    kept = AssessmentFolder(world.whole, pd.DataFrame())
    request = weekly.PlacementRequest(fleet=read_fleet(sample_fleet()))
    made = partial(sanitised_if_needed, world.plan, request=request, area=load_bundled())
    assert made(AssessmentFolder(world.bare, kept.cells), tmp_path) == ({}, "")
    assert "no sanitised/ beside it" in made(kept, tmp_path)[1]
    nothing = replace(
        world.bare, wards=tuple(scaled(one, 0.0) for one in world.bare.wards),
        boroughs=tuple(scaled(one, 0.0) for one in world.bare.boroughs),
        draws=world.bare.draws * np.float32(0),
    )  # fmt: skip
    named = replace(nothing, assessment_id=content_id(nothing))
    write_all(tmp_path / SANITISED, writers(named, read_assessment(source).cells, []))
    files, why = made(kept, tmp_path)
    assert files == {}
    assert "expects no incident anywhere" in why


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Iterator[FastAPI]:
    """Yield a service whose placements find a plan and, once their end is asked for, refuse."""
    root = tmp_path / "desk"
    shutil.copytree(world.root, root, ignore=shutil.ignore_patterns("lock", "arv.sqlite3*"))
    shutil.copy(sample_fleet(), root / "fleets" / "arv.toml")

    async def place(_service: Service, work: Work) -> dict[str, object]:
        assert work.following is not None
        work.following.told(Told("Solving the plan", 0.5, 0.123456, 0.654321))
        while not work.following.stop.is_set():
            await asyncio.sleep(0.05)
        raise PlanningRefusedError(f"{SECRET} leaves {RECORDS} in one borough", remedy="ask less")

    async def assess(_service: Service, _work: Work) -> dict[str, object]:
        gaps = list(world.whole.data_gaps)
        return {"assessment_id": world.whole.assessment_id, "wards": 679, "data_gaps": gaps}

    made = service(root)
    made.state.job_kinds = {
        "placement": replace(PLACEMENT, run=place),
        "assessment": replace(ASSESSING, run=assess),
    }
    with client_of(made):
        for name, scopes in (("ann", ()), ("cleared", ("handling-c",))):
            add_person(made, name, "analyst", "planner", "auditor", scopes=scopes)
        yield made


def seen_of(person: Person, address: str, *forms: str) -> list[str]:
    """Return all that is said of a piece of work at every door, the forms it came from too."""
    job_id = address.rsplit("/", 1)[1]
    addresses = [f"/under-way/{job_id}", "/under-way", *(f"{form}?work={job_id}" for form in forms)]
    pages = [person.client.get(one, headers=HTML) for one in addresses]
    assert {page.status_code for page in pages} == {200}
    return [person.get(address).text, person.get("/jobs").text, *(page.text for page in pages)]


def test_work_on_the_material_tells_nothing_of_it(world: World, desk: FastAPI) -> None:
    ann, cleared = sign_in_as(desk, "ann"), sign_in_as(desk, "cleared")
    asked = {"assessment_id": world.whole.assessment_id, "week": WEEK}
    shelf = JobShelf(record_of(desk))
    address = shelf.accept("placement", asked, "ann").address

    def until(right: Callable[[dict[str, object]], bool]) -> dict[str, object]:
        end = time.monotonic() + 90
        while not right(body := cleared.get(address).json()):
            assert time.monotonic() < end, body
            time.sleep(0.1)
        return body

    body = until(lambda job: job["objective"] is not None)
    assert (body["objective"], body["bound"]) == (0.123456, 0.654321)
    assert "12.35%" in "".join(seen_of(cleared, address))
    mine = ann.get(address).json()
    assert (mine["objective"], mine["bound"], mine["percent"]) == (None, None, body["percent"])
    assert mine["step"] == "Solving the plan"
    assert not [text for text in seen_of(ann, address) if "12.35%" in text or "0.123" in text]
    fault = PlanningRefusedError(f"{SECRET} leaves {RECORDS} in one borough", remedy="ask less")
    shelf.finish(address.rsplit("/", 1)[1], None, JobState.FAILED, problem=problem_of(fault))
    events, told = ann.get(f"{address}/events").text, cleared.get(f"{address}/events").text
    assert "event: end" in events
    assert SECRET in told
    assert "0.123" in told
    results = ann.get(f"{address}/results")
    assert "ask somebody with the scope handling-c" in problem(results, 422)["detail"]
    assert SECRET in problem(cleared.get(f"{address}/results"), 422)["detail"]
    assert SECRET in seen_of(cleared, address, "/placement")[-1]
    seen = seen_of(ann, address, "/placement")
    for text in (events, results.text, *seen, ann.get("/audit").text):
        assert not [one for one in (SECRET, str(RECORDS), "0.123", "0.654") if one in text]


def test_the_result_of_an_assessment_has_the_gaps_its_reader_may_see(
    world: World, desk: FastAPI
) -> None:
    ann, cleared = sign_in_as(desk, "ann"), sign_in_as(desk, "cleared")
    address = JobShelf(record_of(desk)).accept("assessment", {}, "cleared").address
    end = time.monotonic() + 90
    while (whole := cleared.get(f"{address}/results")).status_code == 409:
        assert time.monotonic() < end, whole.text
        time.sleep(0.1)
    assert SECRET in "".join(whole.json()["data_gaps"])
    bare = ann.get(f"{address}/results")
    assert bare.json()["data_gaps"] == list(world.bare.data_gaps)
    assert bare.headers["x-assessment-id"] == world.bare.assessment_id
    record = ann.get("/audit").text
    assert world.whole.assessment_id in record
    for text in (bare.text, record, *seen_of(ann, address)):
        assert not [one for one in (SECRET, str(RECORDS)) if one in text]


def test_a_re_plan_on_the_material_has_time_for_both_versions(
    desk: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    async def refuse(*_task: object, deadline_s: float, **_how: object) -> None:
        given.append(deadline_s)
        raise PlanningRefusedError("no unit is left", remedy="lose fewer")

    monkeypatch.setattr(desk.state.service.pool, "run", refuse)
    cleared = sign_in_as(desk, "cleared")
    key = cleared.post("/plans", {"week": WEEK}).json()["key"]
    asked = {"fleet_id": "arv", "reason": "Off the road", "lost": ["ARV-01"], "time_limit_s": 30}
    problem(cleared.post(f"/plans/{key}/replan", asked), 422)
    assert given == [2 * (30 + desk.state.service.settings.limits.grace_s)]


def test_a_refusal_that_is_waited_for_tells_nothing_of_the_material(
    desk: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_task: object, **_how: object) -> None:
        raise PlanningRefusedError(f"{SECRET} leaves {RECORDS} in one borough", remedy="ask less")

    monkeypatch.setattr(desk.state.service.pool, "run", refuse)
    fleet = {"fleet_id": "arv", "week": WEEK}
    ann, cleared = sign_in_as(desk, "ann"), sign_in_as(desk, "cleared")
    kept = problem(cleared.post("/allocate", fleet), 422)
    assert SECRET in kept["detail"]
    bare = problem(ann.post("/allocate", fleet), 422)
    assert "handling-c" in bare["detail"]
    assert SECRET not in repr(bare)
    assert bare["type"] == kept["type"]
