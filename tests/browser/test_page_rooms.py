"""The rooms beside the week in a real browser: evidence, papers, falling back, roster, actions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from allocator.tpu.tasking import roster_week
from api.audit.anchor import read_anchor
from api.audit.verify import verify
from api.files.output import json_text, text_writer, write_all
from api.files.tpu_file import read_requests
from api.plans.verdict_file import VERDICT
from api.routes.plans import BACKTEST
from api.taskings.shelf import TaskingShelf
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import add_person, entries, record_of
from tests.api.service_world import WEEK, fill, made_up_week, service
from tests.browser.papers import CARD, JUDGED
from tests.browser.serving import served
from tests.browser.visits import (
    DESKTOP,
    PHONE,
    Visit,
    findings,
    press,
    take_step,
    visiting,
)
from tests.unit.feed_files import meeting_file, meeting_line

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=planted(1)><script>planted(2)</script> {{ planted(3) }}"
OPEN = {"source_grade": "1", "information_grade": "A", "handling_code": "P"}
ROWS = (meeting_line("A1"), meeting_line("A2", occurred_at="never", **OPEN))
AREAS = (
    "area_code,population,characteristic,group,share\n"
    "E09000012,280000,age,under 25,0.30\nE09000022,320000,age,under 25,0.27\n"
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """Return a service on a made-up week with its verdict and its backtest card."""
    root, area = tmp_path_factory.mktemp("rooms") / "data", load_bundled()
    assessment, plan = made_up_week(area)
    fill(root, area, assessment, plan)
    write_all(
        root / "assessments" / assessment.assessment_id, {BACKTEST: text_writer(json_text(CARD))}
    )
    write_all(root / "plans" / WEEK / plan.plan_id, {VERDICT: text_writer(json_text(JUDGED))})
    return service(root)


@pytest.fixture(scope="module")
def address(app: FastAPI, repository: Path) -> Iterator[str]:
    """Return the address of the service, with people and a roster nobody is tasked by."""
    people = (
        ("ann", "analyst", "planner"), ("cyd", "chair", "approver"), ("mo", "commander"),
        ("moira", "commander", "planner"), ("eve", "auditor"),
    )  # fmt: skip
    with served(app) as where:
        for name, *roles in people:
            add_person(app, name, *roles)
        request = read_requests(
            repository / "examples" / "tpu.toml", first_day=date(2026, 11, 23), n_days=7
        )
        assessment, _ = made_up_week(load_bundled())
        roster = roster_week(assessment, request, seed=3)
        TaskingShelf(record_of(app)).keep(roster, "moira")
        yield where


@pytest.fixture(scope="module")
def visits(chromium: Browser, address: str) -> Iterator[dict[str, Visit]]:
    """Return everybody's browser, signed in; cyd carries a phone."""
    with visiting(chromium) as enter:
        yield {
            name: enter(address, name, size=PHONE if name == "cyd" else DESKTOP)
            for name in ("ann", "cyd", "mo", "moira", "eve")
        }


def test_a_file_gives_a_receipt_and_its_refused_rows(
    app: FastAPI, visits: dict[str, Visit], tmp_path: Path
) -> None:
    path = meeting_file(tmp_path, *ROWS)
    page = visits["ann"].go("/evidence")
    page.set_input_files("#file", path)
    press(page, "Take the file in")
    expect(page.get_by_role("status")).to_contain_text("in the record")
    expect(page.locator("main")).to_contain_text("1 records accepted, 1 rows refused")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Refused rows").click()
    assert "never" in taken.value.path().read_text("utf-8")
    receipt = page.url.split("?")[0]
    page = visits["ann"].go("/evidence")
    page.set_input_files("#file", path)
    press(page, "Take the file in")
    assert page.url.split("?")[0] == receipt
    expect(page.get_by_role("status")).to_contain_text("Nothing was changed")
    assert ("ann", "feed.ingest", "done") in [one[:3] for one in entries(app)]
    other = visits["cyd"].go("/evidence")
    assert other.get_by_role("button", name="Take the file in").count() == 0
    other.get_by_role("link", name="week.csv").click()
    expect(other.locator("main")).to_contain_text("not open to you")


def test_what_cannot_be_taken_in_stays_on_the_page_with_the_remedy(
    visits: dict[str, Visit], tmp_path: Path
) -> None:
    page = visits["ann"].go("/evidence")
    page.set_input_files("#file", meeting_file(tmp_path, *ROWS, name="bad.csv"))
    page.locator("#report_rejected").uncheck()
    press(page, "Take the file in")
    expect(page.locator("#refusal")).to_contain_text("bad.csv, row 2")
    expect(page.locator("#refusal")).to_contain_text("What to do")
    assert not page.locator("#report_rejected").is_checked()
    page.locator("#as_of").fill("30/02/2026")
    press(page, "Assess the evidence")
    expect(page.locator("#refusal")).to_contain_text("is not a day of the calendar")
    assert page.locator("#as_of").input_value() == "30/02/2026"
    visits["ann"].messages.clear()


def test_evidence_is_assessed_as_work_that_can_be_followed_and_ended(
    visits: dict[str, Visit],
) -> None:
    page = visits["ann"].go("/evidence")
    press(page, "Assess the evidence")
    expect(page.locator("h1")).to_have_text("Assessing the evidence")
    press(page, "End it")
    page.get_by_text("Ended before it was done").wait_for(timeout=120_000)
    assert page.locator("#work-share").count() == 0
    page.get_by_role("link", name="All work").click()
    expect(page.locator("table")).to_contain_text("Assessing the evidence")


def test_a_plan_gets_its_equality_statement_and_a_week_falls_back(
    app: FastAPI, visits: dict[str, Visit], tmp_path: Path
) -> None:
    ann, cyd = visits["ann"].go("/"), visits["cyd"].go("/")
    expect(ann.locator(".brief")).to_contain_text("No plan is in force")
    take_step(ann, "Keep as a draft")
    ann.get_by_role("link", name="Read them").click()
    expect(ann.locator("main")).to_contain_text("Not assessed.")
    expect(ann.locator("main")).to_contain_text("2.00 (1.10 to 2.90)")
    for name, content in (("wrong.csv", "area\n"), ("areas.csv", AREAS)):
        (tmp_path / name).write_text(content, "utf-8")
        ann.set_input_files("#table", tmp_path / name)
        press(ann, "State the impact")
        said = "the column 'area_code' is missing" if name == "wrong.csv" else "kept with the plan"
        expect(ann.locator("main .message").first).to_contain_text(said)
    expect(ann.get_by_role("region", name="Equality statement by group")).to_contain_text("under")
    assert ann.locator("#table").count() == 0
    assert findings(ann) == []
    ann.goto(f"{visits['ann'].address}/")
    take_step(ann, "Propose")
    cyd.reload()
    cyd.get_by_role("link", name=f"Approve the plan of week {WEEK}").click()
    cyd.locator("#confirm").check()
    press(cyd, "Approve")
    take_step(cyd, "Publish")
    expect(cyd.locator(".brief")).to_contain_text("The plan shown is in force, approved by cyd.")
    cyd = visits["cyd"].go(f"/decisions/fall-back?week={WEEK}")
    expect(cyd.get_by_role("alert")).to_contain_text("in force for this week already")
    cyd = visits["cyd"].go("/decisions/fall-back?week=2026-W49")
    cyd.locator("#confirm").check()
    cyd.locator("#reason").fill("-")
    press(cyd, "Fall back")
    expect(cyd.locator("#refusal")).to_contain_text("needs a reason")
    assert findings(cyd) == []
    cyd.locator("#reason").fill("the service that solves is down")
    cyd.locator("#confirm").check()
    press(cyd, "Fall back")
    expect(cyd.get_by_role("status")).to_contain_text("The last approved plan is in force")
    _see_the_fallen_back_week(visits["ann"])
    assert ("cyd", "plan.fall_back", "done") in [one[:3] for one in entries(app)]
    refused = visits["ann"].page.goto(f"{visits['ann'].address}/decisions/fall-back")
    assert refused is not None
    assert refused.status == 403


def _see_the_fallen_back_week(visit: Visit) -> None:
    """Look at the page of the week in which an earlier plan is in force, wide and narrow."""
    page = visit.go("/?week=2026-W49")
    notice = page.get_by_role("note", name="Which plan is in force")
    expect(notice).to_contain_text(f"In force is the plan of week {WEEK} again")
    expect(notice).to_contain_text("the service that solves is down")
    expect(page.locator("h1")).to_have_text("Monday 30 November to Sunday 6 December 2026")
    expect(page.locator(".units tbody tr").first).to_be_visible()
    for width, height in (DESKTOP, PHONE):
        page.set_viewport_size({"width": width, "height": height})
        expect(notice).to_be_in_viewport()
        assert findings(page) == []
    page.locator('[data-row="E09000012"] a').click()
    expect(page.locator("#details")).to_contain_text("Patrolled by")
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    with page.expect_download() as taken:
        page.get_by_role("link", name="GPX").click()
    assert f"made for {WEEK}" in taken.value.path().read_text("utf-8")
    page.get_by_role("link", name="Full map").click()
    expect(page.locator("body")).to_contain_text("IN FORCE FOR WEEK 2026-W49")


def test_a_roster_stands_and_another_commander_authorises_its_tactic(
    app: FastAPI, visits: dict[str, Visit]
) -> None:
    moira = visits["moira"].go("/verano")
    expect(moira.locator("main")).to_contain_text("nobody is tasked by it yet")
    moira.locator("#confirm").check()
    press(moira, "Make its taskings stand")
    expect(moira.locator("main")).to_contain_text("Its taskings stand.")
    _decide(moira, "FA1/2026/17")
    expect(moira.locator("#refusal")).to_contain_text("needs a second person")
    mo = visits["mo"].go("/")
    mo.get_by_role("link", name="waits for authority").click()
    expect(mo.locator(".roster")).to_contain_text("mobile patrol until then")
    mo.locator("#reference").fill("FA1/2026/18")
    press(mo, "Authorise")
    expect(mo.locator("#refusal")).to_contain_text("Tick the tactics")
    assert mo.locator("#reference").input_value() == "FA1/2026/18"
    _decide(mo, "FA1/2026/18")
    expect(mo.locator(".roster")).to_contain_text("authorised (FA1/2026/18)")
    done = [one[:3] for one in entries(app) if one[1] == "tasking.authorise"]
    assert done == [("moira", "tasking.authorise", "denied"), ("mo", "tasking.authorise", "done")]


def test_actions_are_recorded_named_late_and_ended(visits: dict[str, Visit]) -> None:
    page = visits["cyd"].go("/actions-arising")
    page.locator("#task").fill(HOSTILE)
    page.locator("#due_on").fill("24/11/2026")
    press(page, "Record the action")
    expect(page.locator("#refusal")).to_contain_text("before the meeting")
    assert page.locator("#task").input_value() == HOSTILE
    page.locator("#held_on").fill("23/11/2026")
    press(page, "Record the action")
    expect(page.locator(".late")).to_have_text("1 day late")
    expect(page.locator("tbody th").first).to_have_text(HOSTILE)
    assert visits["cyd"].ran() == []
    assert visits["cyd"].go("/").get_by_role("link", name="1 action of yours is due").count() == 1
    page = visits["cyd"].go("/actions-arising")
    page.get_by_label("How it ended").fill("answered by the borough")
    press(page, "Done")
    expect(page.get_by_role("region", name="Actions that ended")).to_contain_text("answered by")
    reader = visits["eve"].go("/actions-arising")
    assert reader.locator("main form").count() == 0


def test_the_auditor_takes_an_anchor_home(app: FastAPI, visits: dict[str, Visit]) -> None:
    page = visits["eve"].go("/decisions")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Take an anchor").click()
    head = read_anchor(Path(taken.value.path()))
    record = record_of(app)
    with record.store.read() as tx:
        assert verify(tx, record.signer.verifier, [head]).sound
    assert findings(page) == []


def test_a_form_without_its_token_changes_nothing(app: FastAPI, visits: dict[str, Visit]) -> None:
    page = visits["cyd"].go("/actions-arising")
    before = len(entries(app))
    page.evaluate("document.querySelector('main [name=form_token]').value = 'guessed'")
    page.locator("#task").fill("anything")
    page.locator("#due_on").fill("30/11/2026")
    with page.expect_response("**/actions-arising") as answer:
        page.get_by_role("button", name="Record the action").click()
    assert answer.value.status == 403
    assert len(entries(app)) == before


def test_only_rooms_that_open_are_offered(visits: dict[str, Visit]) -> None:
    offered = {
        name: visits[name].go("/verano").locator("nav[aria-label=Service] a").all_inner_texts()
        for name in ("ann", "eve")
    }
    assert "Decisions" in offered["eve"]
    assert "Decisions" not in offered["ann"]
    for name, labels in offered.items():
        for label in labels:
            link = (
                visits[name]
                .page.locator("nav[aria-label=Service]")
                .get_by_role("link", name=label, exact=True)
            )
            with visits[name].page.expect_navigation() as went:
                link.click()
            assert went.value.status == 200, (name, label)


def _decide(page: Page, reference: str) -> None:
    page.locator("input[name^=tasking-]").first.check()
    page.locator("#reference").fill(reference)
    press(page, "Authorise")
