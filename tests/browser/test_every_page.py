"""Every page of the table of endpoints: sound for axe, whole when narrow, free of identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page

from allocator.tpu.tasking import roster_week
from api.files.output import json_text, text_writer, write_all
from api.files.tpu_file import read_requests
from api.jobs.shelf import JobShelf
from api.plans.verdict_file import VERDICT
from api.routes.kinds import JOB_KINDS
from api.routes.plans import BACKTEST
from api.taskings.shelf import TaskingShelf
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import Person, add_person, record_of, sign_in_as
from tests.api.service_world import WEEK, fill, made_up_week, service, with_identities
from tests.bad_input.reading_here import ReadingHere
from tests.browser.every_page import EVERY_ROLE, PLAIN, bring_in, filled_in, pages
from tests.browser.papers import CARD, JUDGED
from tests.browser.serving import served
from tests.browser.visits import Visit, cut_off, findings, visiting

pytestmark = pytest.mark.browser

#: A part of the week's page, fetched by its script: no page with a head of its own.
PARTS = frozenset({"/areas/{code}"})
#: It describes the names that programs send: they are its matter.
FOR_PROGRAMS = frozenset({"/docs"})
#: As a solve of the sample records them.
SETTINGS: dict[str, object] = {
    "blue_light_factor": 1.0, "borough_blocks": [], "busy_fraction": 0.3, "candidate_areas": 249,
    "coverage_floor": 0.0, "demand_mix": 0.5, "excludes": {"ARV-01": ["E09000012"]},
    "fleet_label": "INVENTED example fleet", "gap_tolerance": 0.001,
    "locks": {"ARV-02": ["E09000033"]}, "max_boroughs": 6, "max_changes": None,
    "negligible_reach": 0.01, "on_duty": {"ARV-03": [0, 6]}, "robust": "mean",
    "robustness": {"mean": 0.672, "n_draws": 4000, "worst_tenth": 0.664,
                   "worst_tenth_bound": None},
    "events": [{"name": "Fair", "first_day": "2026-11-24", "last_day": "2026-11-25",
                "extra_share": 0.5, "extra_calls": 0.0, "units": [], "n_units": 1}],
    "service_standard_s": 540, "solver": "outer approximation", "travel_noise": 0.25,
    "travel_time_band": "all hours", "travel_time_sha256": "e08e", "turnout_s": 60,
    "workload_bounds_relaxed": False, "workload_cap": 1.5, "workload_floor": 0.5,
}  # fmt: skip
#: What a person reads, or hears: text outside samples of code, and the words beside it.
READ = """() => {
    const shown = document.documentElement.cloneNode(true);
    shown.querySelectorAll("code, pre, script, style").forEach(one => one.remove());
    const words = [];
    const walk = document.createTreeWalker(shown, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) words.push(walk.currentNode.textContent);
    for (const one of shown.querySelectorAll("*"))
        for (const name of ["title", "aria-label", "alt", "placeholder", "data-label"])
            words.push(one.getAttribute(name) || "");
    return words.join(" ");
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """Return a service on a made-up week with its papers."""
    root, area = tmp_path_factory.mktemp("every") / "data", load_bundled()
    assessment, plan = made_up_week(area)
    assessment, plan = with_identities(assessment, replace(plan, settings=SETTINGS))
    fill(root, area, assessment, plan)
    card = {BACKTEST: text_writer(json_text(CARD))}
    write_all(root / "assessments" / assessment.assessment_id, card)
    write_all(root / "plans" / WEEK / plan.plan_id, {VERDICT: text_writer(json_text(JUDGED))})
    made = service(root)
    made.state.service.pool = ReadingHere()
    return made


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    """Return where the service answers."""
    with served(app) as where:
        yield where


@pytest.fixture(scope="module")
def known(app: FastAPI, address: str, repository: Path) -> dict[str, str]:
    """Return what each address is about, after a week's work of every kind."""
    assert address
    add_person(app, "zed", *EVERY_ROLE, scopes=("handling-c",))
    person = sign_in_as(app, "zed")
    found = bring_in(person, PLAIN)
    _roster(app, person, repository)
    action = {"meeting": "verano", "held_on": "2026-11-23", "task": "Ask Hackney",
              "owner": "zed", "due_on": "2026-11-24"}  # fmt: skip
    assert person.post("/actions", action).status_code == 201
    shelf = JobShelf(record_of(app))
    for kind in JOB_KINDS:
        shelf.accept(kind, {}, "zed")
    return found


def _roster(app: FastAPI, person: Person, repository: Path) -> None:
    file = repository / "examples" / "tpu.toml"
    request = read_requests(file, first_day=date(2026, 11, 25), n_days=4)
    assessment, _ = made_up_week(load_bundled())
    kept = TaskingShelf(record_of(app)).keep(roster_week(assessment, request, seed=3), "zed")
    assert person.post(f"/tpu/{kept.roster_id}/propose", {}).status_code == 200


@pytest.fixture(scope="module")
def visit(chromium: Browser, address: str, known: dict[str, str]) -> Iterator[Visit]:
    """Return the browser of somebody who holds every role."""
    assert known
    with visiting(chromium) as enter:
        yield enter(address, "zed")


def identifiers(page: Page) -> list[str]:
    """Return the words with an underscore inside that a reader of the page meets."""
    return sorted(set(re.findall(r"\S*[^\W_]_[^\W_]\S*", page.evaluate(READ))))


@pytest.mark.parametrize("path", [one for one in pages() if one not in PARTS])
def test_a_page_is_sound_whole_and_in_words(path: str, visit: Visit, known: dict[str, str]) -> None:
    visit.messages.clear()
    page = visit.go(filled_in(path, known))
    assert page.locator("h1").count() == 1
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    if path not in FOR_PROGRAMS:
        assert identifiers(page) == []
    assert cut_off(page, 375, 320) == []
    assert findings(page) == []
    assert visit.messages == []


@pytest.mark.parametrize("path", [f"/allocate?week={WEEK}&state=latest", "/assessment"])
def test_a_map_is_in_words(path: str, visit: Visit) -> None:
    page = visit.go(path)
    page.locator("path.ward").first.wait_for(state="attached")
    assert identifiers(page) == []


def test_a_page_about_a_borough_alone_is_sound(
    chromium: Browser, app: FastAPI, address: str
) -> None:
    add_person(app, "desk", "borough", boroughs=("E09000012",))
    with visiting(chromium) as enter:
        page = enter(address, "desk").page
        assert page.url == f"{address}/may-do"
        assert (identifiers(page), findings(page), cut_off(page, 375, 320)) == ([], [], [])
