"""Script in every text a person or a file can bring in: no page and no map ever runs it.

The pages are those of the table of endpoints, so that a new page is opened here as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page

from api.files.output import json_text, text_writer, write_all
from api.plans.verdict_file import VERDICT
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import Person, add_person, sign_in_as
from tests.api.service_world import (
    WEEK,
    fill,
    made_up_week,
    service,
    with_identities,
)
from tests.bad_input.reading_here import ReadingHere
from tests.browser.every_page import EVERY_ROLE, Words, bring_in, filled_in, pages
from tests.browser.map_world import with_hostile_text
from tests.browser.serving import served
from tests.browser.visits import visiting
from tests.unit.feed_files import meeting_line

pytestmark = pytest.mark.browser

HOSTILE = (
    "<img src=x onerror=planted(1)><script>planted(2)</script></title></svg></textarea>\"'"
    " onmouseover=planted(3) `${planted(4)}` {{ planted(5) }} javascript:planted(6) <!-- \u202eevil"
)
#: Names and labels are short and hold nothing that does not print.
LABEL = "<img src=x onerror=planted(1)><svg onload=planted(2)>"
WORDS = Words(
    rows=(
        meeting_line("R1"),
        meeting_line("R2", notice=HOSTILE.replace(",", ";").replace('"', "'")),
        meeting_line("<script>planted(7)</script>", category="<svg onload=planted(8)>"),
    ),
    file="<img src=x onerror=planted(12)>.csv",
    sent_as="<b onclick=planted(13)>.csv",
    label=LABEL,
    event_kind="<b onclick=planted(9)>",
    fleet_label="<script>planted(10)</script>",
    fleet_reason="<img src=x onerror=planted(11)>",
    reason=HOSTILE.replace("\u202e", ""),
)
#: Documents that a browser gets as a page of its own.
MAPS = (f"/allocate?week={WEEK}", "/assessment")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """Return a service on a week with script in every text of it."""
    root = tmp_path_factory.mktemp("hostile") / "data"
    area = load_bundled()
    sound, plan = made_up_week(area)
    planted, _ = with_hostile_text(sound, plan, HOSTILE)
    units = tuple(replace(one, reason=HOSTILE, provenance=HOSTILE) for one in plan.units)
    plan = replace(plan, units=units, settings={**plan.settings, "fleet_label": HOSTILE})
    assessment, plan = with_identities(planted, plan)
    fill(root, area, assessment, plan)
    words = {"headline": HOSTILE, "sentences": [HOSTILE], "rows": [], "basis": HOSTILE}
    verdict = {VERDICT: text_writer(json_text({"in_words": words}))}
    write_all(root / "plans" / WEEK / plan.plan_id, verdict)
    card = {"backtest.json": text_writer(json_text({"verdict": HOSTILE}))}
    write_all(root / "assessments" / assessment.assessment_id, card)
    made = service(root)
    made.state.service.pool = ReadingHere()
    return made


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    """Return where the service answers."""
    with served(app) as where:
        yield where


@pytest.fixture(scope="module")
def person(app: FastAPI, address: str) -> Person:
    """Return somebody of many roles, after they brought script in wherever text is taken."""
    assert address
    add_person(app, "zed", *EVERY_ROLE, scopes=("handling-c",))
    return sign_in_as(app, "zed")


@pytest.fixture(scope="module")
def known(person: Person) -> dict[str, str]:
    """Return a value for each parameter of a page's address: all of hostile things."""
    return bring_in(person, WORDS)


class Listening:
    """A browser's page that keeps everything it says, does, or is kept from doing."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.heard: list[str] = []
        page.on("console", lambda message: self.heard.append(message.text))
        page.on("pageerror", lambda error: self.heard.append(f"error: {error}"))
        page.on("dialog", self._dialog)

    def _dialog(self, dialog: Any) -> None:
        self.heard.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, address: str) -> int:
        """Open an address, move over what is there, and return the status."""
        self.heard.clear()
        answer = self.page.goto(address)
        self.page.mouse.move(300, 200)
        self.page.mouse.move(320, 420)
        return answer.status if answer else 0

    def planted(self) -> list[object]:
        """Return what ran, or became an element that could."""
        found: list[object] = self.page.evaluate(
            """() => [...window.ran,
                ...[...document.querySelectorAll("img[src='x'], [onerror], [onload], [onclick],"
                    + "[onmouseover], [href^='javascript']")].map(one => one.outerHTML)]"""
        )
        return found


@pytest.fixture(scope="module")
def listening(chromium: Browser, address: str, known: dict[str, str]) -> Iterator[Listening]:
    """Return a signed-in browser that listens."""
    assert known
    with visiting(chromium) as enter:
        yield Listening(enter(address, "zed").page)


@pytest.mark.parametrize("path", [*pages(), *MAPS])
def test_no_page_runs_what_a_text_brings(
    path: str, address: str, listening: Listening, known: dict[str, str]
) -> None:
    where = filled_in(path, known)
    status = listening.open(address + where)
    assert status < 500, path
    assert listening.planted() == []
    refused = [one for one in listening.heard if "status of 4" not in one]
    assert refused == []  # neither a dialog nor a word of the content policy


def test_the_hostile_texts_are_really_shown(
    address: str, listening: Listening, known: dict[str, str]
) -> None:
    for path in (f"/?week={WEEK}", f"/evidence/{known['receipt_id']}", "/people"):
        listening.open(address + path)
        assert "planted" in (listening.page.text_content("body") or ""), path


def test_no_table_gives_a_cell_that_runs(person: Person, known: dict[str, str]) -> None:
    for path in (
        "/assessment/wards.csv", "/assessment/boroughs.csv", "/assessment/rejected.csv",
        f"/plans/{known['key']}/patrol-areas.csv", f"/feeds/{known['receipt_id']}/rejected",
    ):  # fmt: skip
        answer = person.get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r'(^|[\n,])"?[=@\t\r]', answer.text), path


def test_what_is_kept_lies_where_it_belongs(app: FastAPI, known: dict[str, str]) -> None:
    """The names of files sent never lead out of the data directory."""
    root: Path = app.state.service.settings.data_dir
    assert known
    odd = [path for path in root.rglob("*") if "<" in path.name or "planted" in path.name]
    assert odd == []
