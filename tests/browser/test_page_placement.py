"""The forms that ask for work in a real browser: a placement, and what is set by hand in a plan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from allocator.plan import PatrolPlan
from api.files.output import json_text, text_writer, write_all
from api.jobs.job import JobState
from api.jobs.shelf import JobShelf
from api.plans.record import PlanRecord, State
from api.plans.shelf import PlanShelf
from api.plans.verdict_file import VERDICT
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import add_person, record_of
from tests.api.service_world import WEEK, fill, made_up_week, service
from tests.browser.serving import served
from tests.browser.visits import Visit, cut_off, findings, press, take_step, visiting

pytestmark = pytest.mark.browser

PEOPLE = (("pat", "planner"), ("cyd", "chair"), ("eve", "auditor"))
JUDGED = {"in_words": {"headline": "Better.", "sentences": [], "rows": [], "basis": "400"}}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """Return a service on a made-up week."""
    root, area = tmp_path_factory.mktemp("forms") / "data", load_bundled()
    assessment, plan = made_up_week(area)
    fill(root, area, assessment, plan)
    write_all(root / "plans" / WEEK / plan.plan_id, {VERDICT: text_writer(json_text(JUDGED))})
    return service(root)


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    """Return the address of the service, with its people."""
    with served(app) as where:
        for name, *roles in PEOPLE:
            add_person(app, name, *roles)
        yield where


@pytest.fixture(scope="module")
def visits(chromium: Browser, address: str) -> Iterator[dict[str, Visit]]:
    """Return everybody's browser, signed in."""
    with visiting(chromium) as enter:
        yield {name: enter(address, name) for name, *_ in PEOPLE}


def fits(page: Page) -> None:
    """Check a page with axe, and that it is cut off nowhere on a telephone or enlarged."""
    assert findings(page) == []
    assert cut_off(page, 375, 320) == []


def test_what_cannot_be_asked_for_stays_on_the_form_with_the_remedy(
    visits: dict[str, Visit],
) -> None:
    page = visits["pat"].go("/")
    page.get_by_role("link", name="Placement", exact=True).click()
    assert page.locator("#week").input_value() == WEEK
    fits(page)
    for typed, said in (
        ("ARV-99: Hackney", "Locks, line 1: unit 'ARV-99' is not in the fleet"),
        ("ARV-01: Atlantis", "Locks, line 1: 'Atlantis' is not a borough that is patrolled"),
        ("ARV-01 Hackney", "is no unit with its boroughs"),
    ):
        page.locator("#locks").fill(typed)
        press(page, "Place the fleet")
        expect(page.locator("#refusal")).to_contain_text(said)
        expect(page.locator("#refusal")).to_contain_text("What to do")
        assert page.locator("#locks").input_value() == typed
    page.locator("#locks").fill("arv-01: hackney")
    page.locator("#excludes").fill("ARV-01: E09000012")
    press(page, "Place the fleet")
    expect(page.locator("#refusal")).to_contain_text("drop the lock or the exclusion")
    fits(page)
    assert [one for one in visits["pat"].messages if "422" not in one] == []


def test_what_the_solver_refuses_comes_back_to_the_form_with_all_that_was_asked(
    app: FastAPI, visits: dict[str, Visit]
) -> None:
    page = visits["pat"].go(f"/placement?week={WEEK}")
    page.locator("#locks").fill("ARV-01: Hackney, Hillingdon")
    page.locator("#max_changes").fill("3")
    page.locator("#coverage_floor").fill("12.5")
    page.locator("#stored_events").uncheck()
    press(page, "Place the fleet")
    expect(page.locator("h1")).to_have_text("Placing the fleet")
    job = page.url.rpartition("/")[2]
    asked = JobShelf(record_of(app)).job(job)
    assert asked.request["locks"] == {"ARV-01": ["E09000012", "E09000017"]}
    assert (asked.request["max_changes"], asked.request["coverage_floor"]) == (3, 0.125)
    assert (asked.actor, asked.request["fleet_version"]) == ("pat", 0)
    page.get_by_role("link", name="Change what was asked").wait_for(timeout=120_000)
    assert JobShelf(record_of(app)).job(job).state is JobState.FAILED
    page.get_by_role("link", name="Change what was asked").click()
    expect(page.locator("#refusal")).to_contain_text("No plan was made")
    expect(page.locator("#refusal")).to_contain_text("What to do")
    assert page.locator("#locks").input_value() == "ARV-01: Hackney, Hillingdon"
    assert page.locator("#coverage_floor").input_value() == "12.5"
    assert not page.locator("#stored_events").is_checked()


def test_a_week_without_a_plan_leads_planners_to_the_form(
    visits: dict[str, Visit],
) -> None:
    page = visits["pat"].go("/?week=2026-W50")
    page.get_by_role("link", name="Place the fleet").click()
    assert page.locator("#week").input_value() == "2026-W50"
    other = visits["eve"].go("/?week=2026-W50")
    expect(other.locator(".verdict").first).to_contain_text("Planners have it made")
    answer = other.goto(f"{visits['eve'].address}/placement")
    assert answer is not None
    assert answer.status == 403


def test_the_meeting_sets_things_by_hand_with_reasons_and_it_is_proposed_anew(
    app: FastAPI, visits: dict[str, Visit]
) -> None:
    assessment, plan = made_up_week(load_bundled())
    names = {one.code: one.name for one in assessment.boroughs}
    unit, away = plan.units[0], _outside(plan)
    record_of_week(app, visits)
    cyd = visits["cyd"].go("/")
    cyd.get_by_role("link", name="Set by hand").click()
    expect(cyd.locator("main")).to_contain_text("becomes a draft again: its proposal is void")
    fits(cyd)
    refused = (
        ("lock", f"{unit.unit_id}: {names[away]}", "is not in the area of"),
        ("suppressed_hot_spot", "Atlantis", "does not begin with a hot spot"),
    )
    for kind, subject, said in refused:
        _set(cyd, kind, subject, "the borough asked for it")
        expect(cyd.locator("#refusal")).to_contain_text(said)
        expect(cyd.locator("#refusal")).to_contain_text("What to do")
        assert cyd.locator("#subject").input_value() == subject
    lock = f"{unit.unit_id}: {names[unit.boroughs[0]]}"
    _set(cyd, "lock", lock, "-")
    expect(cyd.locator("#refusal")).to_contain_text("needs a reason")
    _set(cyd, "lock", lock, "the borough asked for it")
    expect(cyd.get_by_role("status")).to_contain_text("alteration is in the record")
    pat = visits["pat"].go("/")
    pat.get_by_role("link", name="Set by hand").click()
    expect(pat.locator("main")).to_contain_text("The plan is a draft afterwards")
    _set(
        pat, "added_hot_spot", "the market of Brixton", "known to the borough, not yet in the feed"
    )
    listed = pat.locator(".standing .by-hand")
    expect(listed).to_contain_text("Hot spot added")
    expect(listed.locator("li").nth(1)).to_contain_text(f"Lock: {lock} – the borough asked")
    expect(listed.locator("li").nth(1)).to_contain_text("cyd, ")
    made = _latest(app)
    assert [(one.kind, one.actor) for one in made.alterations] == [
        ("added_hot_spot", "pat"),
        ("lock", "cyd"),
    ]
    assert (made.state, made.proposer, made.content_version) == (State.DRAFT, "", 3)
    assert set(made.authors) == {"pat", "cyd"}
    assert made.content.plan_id == plan.plan_id
    assert made.papers.verdict != ""
    answer = visits["eve"].page.goto(f"{visits['eve'].address}/decisions/{made.key}/alter")
    assert answer is not None
    assert answer.status == 403


def record_of_week(app: FastAPI, visits: dict[str, Visit]) -> None:
    """Keep the plan of the week as a draft and propose it."""
    page = visits["pat"].go("/")
    for step in ("Keep as a draft", "Propose"):
        take_step(page, step)
    assert _latest(app).state is State.PROPOSED


def _latest(app: FastAPI) -> PlanRecord:
    return PlanShelf(record_of(app)).plans(WEEK)[-1]


def _outside(plan: PatrolPlan) -> str:
    """Return a borough that is not in the first unit's area."""
    return next(code for one in plan.units[1:] for code in one.boroughs)


def _set(page: Page, kind: str, subject: str, reason: str) -> None:
    page.locator("#kind").select_option(kind)
    page.locator("#subject").fill(subject)
    page.locator("#reason").fill(reason)
    page.locator("#confirm").check()
    press(page, "Set it")
