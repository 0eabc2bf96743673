"""Two people in two browsers take a week's plan from draft to publication on the pages."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from api.files.output import json_text, text_writer, write_all
from api.plans.verdict_file import VERDICT
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import add_person, entries
from tests.api.service_world import WEEK, fill, made_up_week, service
from tests.browser.serving import served
from tests.browser.visits import (
    DESKTOP,
    PHONE,
    ZOOMED,
    Enter,
    Size,
    cut_off,
    findings,
    take_step,
    visiting,
)

pytestmark = pytest.mark.browser

#: A plan goes to a second person only with these beside it.
CARD = {"verdict": "few incidents"}
WORDS = {"headline": "better", "sentences": [], "rows": [], "basis": "400 weeks"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory with a made-up week, its verdict and its backtest card."""
    root = tmp_path_factory.mktemp("filled") / "data"
    area = load_bundled()
    assessment, plan = made_up_week(area)
    fill(root, area, assessment, plan)
    kept = {"backtest.json": text_writer(json_text(CARD))}
    write_all(root / "assessments" / assessment.assessment_id, kept)
    judged = {VERDICT: text_writer(json_text({"in_words": WORDS}))}
    write_all(root / "plans" / WEEK / plan.plan_id, judged)
    return root


@pytest.fixture
def app(filled: Path, tmp_path: Path) -> FastAPI:
    """Return a service on a copy of the week."""
    return service(Path(shutil.copytree(filled, tmp_path / "data")))


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    """Return the address of the service, with four people who have accounts."""
    with served(app) as where:
        add_person(app, "ann", "planner", "approver")
        add_person(app, "cyd", "chair", "approver")
        add_person(app, "eve", "auditor")
        yield where


@pytest.fixture
def enter(chromium: Browser) -> Iterator[Enter]:
    """Return a function that signs somebody in, in a browser of their own."""
    with visiting(chromium) as sign_in:
        yield sign_in


def offered(page: Page) -> list[str]:
    """Return the steps that the week's page offers."""
    return page.locator(".standing .steps a").all_inner_texts()


def state(page: Page) -> str:
    return page.locator(".standing .state").first.inner_text()


def test_two_people_bring_a_plan_into_force(app: FastAPI, address: str, enter: Enter) -> None:
    ann, cyd = enter(address, "ann").page, enter(address, "cyd", size=PHONE).page
    expect(ann.locator(".standing")).to_contain_text("Not in the record")
    assert (offered(ann), offered(cyd)) == (["Keep as a draft"], [])
    twice = ann.context.new_page()
    twice.goto(f"{address}/decisions/draft?week={WEEK}")
    take_step(ann, "Keep as a draft")
    twice.locator("#confirm").check()
    twice.get_by_role("button", name="Keep as a draft").click()
    expect(twice.get_by_role("alert")).to_contain_text("in the record already")
    assert (state(ann), offered(ann)) == ("Draft.", ["Propose", "Withdraw", "Set by hand"])
    take_step(ann, "Propose", reason="agreed at the meeting")
    expect(ann.get_by_role("status")).to_contain_text("The plan is proposed")
    assert offered(ann) == ["Send back", "Withdraw", "Set by hand"]
    expect(ann.locator(".standing")).to_contain_text("another person must approve it")

    cyd.goto(address)
    assert offered(cyd) == ["Approve", "Send back", "Withdraw", "Set by hand"]
    take_step(cyd, "Approve", no_equality_reason="no table of residents was given")
    assert (state(cyd), offered(cyd)) == ("Approved.", ["Publish", "Withdraw", "Set by hand"])
    take_step(cyd, "Publish")
    expect(cyd.get_by_role("status")).to_contain_text("in force")
    people = cyd.locator(".standing .facts").inner_text()
    assert re.search(r"Proposed by\s+ann\s", people)
    assert re.search(r"Approved by\s+cyd\s", people)
    assert "no table of residents was given" in people
    steps = [one for one in entries(app) if one[1].startswith("plan.") and one[4] == "alteration"]
    assert [(who, what) for who, what, *_ in steps if what != "plan.alter"] == [
        ("ann", "plan.make"), ("ann", "plan.propose"), ("cyd", "plan.approve"),
        ("cyd", "plan.publish"),
    ]  # fmt: skip


def test_the_proposers_own_approval_is_refused(app: FastAPI, address: str, enter: Enter) -> None:
    ann = enter(address, "ann").page
    take_step(ann, "Keep as a draft")
    take_step(ann, "Propose")
    send_back = str(ann.get_by_role("link", name="Send back").get_attribute("href"))
    ann.goto(address + send_back.replace("/reject", "/approve"))
    expect(ann.get_by_role("alert")).to_contain_text("another person must approve it")
    assert ann.get_by_role("button", name="Approve").count() == 0
    ann.goto(address + send_back)
    # The form a hurried or dishonest approver would send all the same.
    ann.evaluate(
        "to => { const form = document.querySelector('main form'); form.action = to;"
        " form.insertAdjacentHTML('beforeend',"
        " '<input name=no_equality_reason value=\"none was given\">'); }",
        send_back.replace("/reject", "/approve"),
    )
    ann.locator("#reason").fill("it is fine")
    ann.locator("#confirm").check()
    ann.get_by_role("button", name="Send back").click()
    expect(ann.get_by_role("alert")).to_contain_text("needs a second person")
    expect(ann.get_by_role("alert")).to_contain_text("What to do")
    ann.goto(address)
    assert state(ann) == "Proposed."
    assert ("ann", "plan.approve", "denied") in [one[:3] for one in entries(app)]


def test_the_auditor_reads_the_decisions_and_whether_the_record_is_whole(
    app: FastAPI, address: str, enter: Enter
) -> None:
    ann, eve = enter(address, "ann").page, enter(address, "eve", size=PHONE).page
    take_step(ann, "Keep as a draft")
    take_step(ann, "Propose", reason="agreed at the meeting")
    assert ann.get_by_role("link", name="Decisions").count() == 0
    eve.locator(".standing").get_by_role("link", name="Decisions").click()
    expect(eve.locator("main")).to_contain_text("The record is whole")
    table = eve.locator("table.decisions")
    expect(table).to_contain_text("agreed at the meeting")
    assert cut_off(eve) == []
    assert findings(eve) == []
    refused = ann.goto(f"{address}/decisions?week={WEEK}")
    assert refused is not None
    assert refused.status == 403
    with closing(
        sqlite3.connect(next(app.state.service.settings.data_dir.glob("arv.sqlite3")))
    ) as db:
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            db.execute(f'DROP TRIGGER "{name}"')
        db.execute("UPDATE audit SET reason = 'never said' WHERE action = 'plan.propose'")
        db.commit()
    eve.reload()
    expect(eve.get_by_role("alert")).to_contain_text("The record is not whole")
    expect(eve.get_by_role("alert")).to_contain_text("edited")


def test_a_refusal_stays_on_the_page_with_the_words_typed(address: str, enter: Enter) -> None:
    ann, cyd = enter(address, "ann").page, enter(address, "cyd", size=PHONE).page
    take_step(ann, "Keep as a draft")
    take_step(ann, "Propose")
    cyd.goto(address)
    cyd.get_by_role("link", name="Send back").click()
    form = cyd.url
    cyd.locator("#reason").fill("-")
    cyd.locator("#confirm").check()
    cyd.get_by_role("button", name="Send back").click()
    expect(cyd.get_by_role("alert")).to_contain_text("needs a reason")
    assert cyd.locator("#reason").input_value() == "-"
    assert cut_off(cyd) == []
    other = enter(address, "cyd").page
    take_step(other, "Withdraw", reason="the event was called off")
    cyd.locator("#reason").fill("the areas of two units overlap")
    cyd.locator("#confirm").check()
    cyd.get_by_role("button", name="Send back").click()
    expect(cyd.get_by_role("alert")).to_contain_text("somebody changed it")
    cyd.goto(form)
    expect(cyd.get_by_role("alert")).to_contain_text("Withdrawn")
    assert offered(other) == []
    ann.goto(address)
    assert offered(ann) == ["Keep as a draft"]


def test_a_form_without_its_token_changes_nothing(address: str, enter: Enter) -> None:
    ann = enter(address, "ann").page
    ann.get_by_role("link", name="Keep as a draft").click()
    ann.wait_for_url("**/decisions/draft**")
    ann.evaluate("document.querySelector('main [name=form_token]').value = 'guessed'")
    ann.locator("#confirm").check()
    with ann.expect_response("**/decisions/draft") as answer:
        ann.get_by_role("button", name="Keep as a draft").click()
    assert answer.value.status == 403
    ann.goto(address)
    expect(ann.locator(".standing")).to_contain_text("Not in the record")
    eve = enter(address, "eve").page
    assert offered(eve) == []
    refused = eve.goto(f"{address}/decisions/draft?week={WEEK}")
    assert refused is not None
    assert refused.status == 403


@pytest.mark.parametrize("size", [DESKTOP, PHONE, ZOOMED])
def test_axe_finds_nothing_and_nothing_is_cut_off(address: str, enter: Enter, size: Size) -> None:
    ann = enter(address, "ann", size=size).page
    take_step(ann, "Keep as a draft")
    for path in ("", "form"):
        if path:
            ann.get_by_role("link", name="Propose", exact=True).click()
            ann.wait_for_url("**/propose")
            ann.get_by_text("patrol areas").click()
        assert cut_off(ann) == []
        assert findings(ann) == []
