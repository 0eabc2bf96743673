"""The form for a roster in a real browser: what the Verano meeting types, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from api.jobs.job import Job, JobState
from api.jobs.shelf import JobShelf
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import add_person, record_of
from tests.api.service_world import fill, made_up_week, service
from tests.browser.serving import served
from tests.browser.visits import PHONE, Visit, cut_off, findings, press, visiting

pytestmark = pytest.mark.browser

HERE = "/verano/roster"
TWO_DAYS_AHEAD = "27/11/2026"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """Return a service on a made-up week, on 25 November 2026."""
    root, area = tmp_path_factory.mktemp("roster") / "data", load_bundled()
    fill(root, area, *made_up_week(area))
    return service(root)


@pytest.fixture(scope="module")
def visits(app: FastAPI, chromium: Browser) -> Iterator[dict[str, Visit]]:
    """Return everybody's browser: the chair's is a phone without script."""
    with served(app) as address, visiting(chromium) as enter:
        for name, role in (("pat", "planner"), ("cyd", "chair"), ("ann", "analyst")):
            add_person(app, name, role)
        yield {
            "pat": enter(address, "pat"),
            "cyd": enter(address, "cyd", size=PHONE, script=False),
            "ann": enter(address, "ann"),
        }


def fill_in(page: Page, **texts: str) -> None:
    """Type texts into fields named like ``request_1_where``."""
    for name, text in texts.items():
        table, number, column = name.split("_", 2)
        field = page.locator(f"#{table}-{number}-{column}")
        field.evaluate("one => { for (let up = one; up = up.closest('details:not([open])');)"
                       " up.open = true; }")  # fmt: skip
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(text)
        else:
            field.fill(text)


def shown(page: Page, name: str) -> str:
    """Return what stands in a field."""
    return page.locator(f"#{name}").input_value()


def last_job(app: FastAPI) -> Job:
    return JobShelf(record_of(app)).page(1, None)[0]


def test_the_chair_has_a_roster_made_on_a_phone_without_script(
    app: FastAPI, visits: dict[str, Visit]
) -> None:
    page = visits["cyd"].go("/verano")
    expect(page.locator("main")).to_contain_text("No roster reaches today or later.")
    page.get_by_role("link", name="Make a roster").click()
    assert (shown(page, "first_day"), shown(page, "days")) == (TWO_DAYS_AHEAD, "7")
    expect(page.locator("#start")).to_contain_text("figures are those of the public paper")
    fill_in(page, request_1_date="29/11/2026", request_1_where="hackney", request_1_issue="tension")
    press(page, "Make the roster")
    expect(page.locator("h1")).to_have_text("Rostering the proactive unit")
    assert page.url.endswith(f"/under-way/{last_job(app).job_id}")
    page.get_by_role("link", name="Show the roster").click(timeout=120_000)
    expect(page.locator("main")).to_contain_text("27 November 2026 to 3 December 2026")
    expect(page.locator("main")).to_contain_text("nobody is tasked by it yet")
    expect(page.get_by_role("region", name="Requests and answers", exact=True)).to_contain_text(
        "in Hackney"
    )
    page.locator("#confirm").check()
    press(page, "Make its taskings stand")
    job = last_job(app)
    assert (job.kind, job.actor, job.state) == ("roster", "cyd", JobState.SUCCESSFUL)
    assert isinstance(job.request["seed"], int)


def test_the_next_form_begins_with_the_last_roster(visits: dict[str, Visit]) -> None:
    page = visits["pat"].go(HERE)
    said = page.locator("#start")
    expect(said).to_contain_text("Filled in as for the roster made 2")
    expect(said).to_contain_text("by cyd")
    expect(said).to_contain_text("up to 28 November 2026 stays as told")
    assert shown(page, "first_day") == TWO_DAYS_AHEAD
    assert [shown(page, f"request-1-{name}") for name in ("date", "where", "issue")] == [
        "29/11/2026", "Hackney", "tension",
    ]  # fmt: skip
    assert findings(page) == []
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert findings(page) == []
    assert cut_off(page, 1280, 375, 320) == []
    assert visits["pat"].messages == []


def test_what_cannot_be_asked_for_stays_on_the_form_with_the_remedy(
    app: FastAPI, visits: dict[str, Visit]
) -> None:
    before = last_job(app).job_id
    page = visits["pat"].go(HERE)
    fill_in(page, absence_1_date="28/11/2026", absence_1_team_id="TPU-B", absence_1_constables="3",
            absence_1_reason="firearms training")  # fmt: skip
    for number, (typed, said) in enumerate(
        (
            ({"where": "Lambeth"}, "Request 2, day: no day was given"),
            (
                {"date": "28/11/2026", "where": "Atlantis"},
                "Request 2, where: 'Atlantis' is not a borough",
            ),
            ({"where": "Lambeth, Southwark", "date": "31/02/2027"}, "Request 2, day: '31/02/2027'"),
            ({"date": "25/12/2026", "issue": "robberies"}, "25 December 2026, outside the roster"),
            ({"date": "30/11/2026", "tactic": "tactic_2"}, "never fixes the tactic"),
        )
    ):
        fill_in(page, **{f"request_2_{name}": text for name, text in typed.items()})
        press(page, "Make the roster")
        expect(page.locator("#refusal"), str(number)).to_contain_text(said)
        expect(page.locator("#refusal")).to_contain_text("What to do")
        assert all(shown(page, f"request-2-{name}") == text for name, text in typed.items())
    assert shown(page, "absence-1-constables") == "3"
    assert findings(page) == []
    assert last_job(app).job_id == before
    assert [one for one in visits["pat"].messages if "422" not in one] == []
    visits["pat"].messages.clear()


def test_rules_that_clash_come_back_to_the_form_in_words(
    app: FastAPI, visits: dict[str, Visit]
) -> None:
    page = visits["pat"].go(HERE)
    page.get_by_text("Rules of duty and visits").click()
    page.get_by_label("Fewest teams on duty a day").fill("2")
    page.get_by_label("Least days off in any seven days").fill("3")
    press(page, "Make the roster")
    page.get_by_role("link", name="Change what was asked").wait_for(timeout=120_000)
    assert last_job(app).state is JobState.FAILED
    page.get_by_role("link", name="Change what was asked").click()
    refusal = page.locator("#refusal")
    expect(refusal).to_contain_text("No roster was made: no roster keeps all rules. These clash:")
    expect(refusal).to_contain_text("the fewest teams on duty a day (2)")
    expect(refusal).to_contain_text("the days off in any seven days (3)")
    expect(refusal).to_contain_text("What to do: relax one of them")
    assert shown(page, "rule-days_off") == "3"
    assert shown(page, "request-1-where") == "Hackney"


def test_a_request_file_is_rostered_and_what_is_refused_is_mended_in_the_form(
    app: FastAPI, visits: dict[str, Visit], repository: Path, tmp_path: Path
) -> None:
    example = (repository / "examples" / "tpu.toml").read_text("utf-8")
    broken, late = tmp_path / "broken.toml", tmp_path / "late.toml"
    broken.write_text("teams = [\n", "utf-8")
    late.write_text(example, "utf-8")
    page = visits["pat"].go(HERE)
    for path, said in (
        (broken, "broken.toml: not valid TOML"),
        (late, "request R1 is for 25 November 2026, outside the roster's days"),
    ):
        page.set_input_files("#file", path)
        press(page, "Make the roster of the file")
        expect(page.locator("#refusal")).to_contain_text(said)
    assert shown(page, "request-2-where") == "Lambeth, Southwark"
    assert shown(page, "first_day") == TWO_DAYS_AHEAD
    page.locator("#first_day").fill("23/11/2026")
    press(page, "Make the roster")
    expect(page.locator("h1")).to_have_text("Rostering the proactive unit")
    asked = last_job(app).request["body"]
    assert [one["request_id"] for one in asked["requests"]] == ["R1", "R2"]
    assert asked["requests"][1]["boroughs"] == ["E09000022", "E09000028"]
    assert asked["label"] == "INVENTED example: not a real roster"
    page.get_by_role("link", name="Show the roster").wait_for(timeout=120_000)


def test_who_may_not_roster_is_offered_no_form(visits: dict[str, Visit]) -> None:
    page = visits["ann"].go("/verano")
    expect(page.locator("h1")).to_contain_text("Trojan Proactive Unit")
    assert page.get_by_role("link", name="Make a roster").count() == 0
    answer = page.goto(f"{visits['ann'].address}{HERE}")
    assert answer is not None
    assert answer.status == 403
