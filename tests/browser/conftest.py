"""Debian's Chromium, offline. A machine without it is an error of the set-up, not a skip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from allocator.plan import PatrolPlan
from api.maps.week_map import render
from hotspots.assessment import RiskAssessment
from hotspots.boundaries.study_area import StudyArea, load_bundled
from tests.browser.map_world import make_assessment, make_cells, make_plan

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Opened:
    """A page and everything it asked for, said or did since it was opened."""

    page: Page
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Week:
    """A made-up week with its study area."""

    study_area: StudyArea
    assessment: RiskAssessment
    plan: PatrolPlan


OpenPage = Callable[..., Opened]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return the browser; raise when it is not installed."""
    if not CHROMIUM.is_file():
        raise FileNotFoundError(
            f"{CHROMIUM} is missing: install the Debian package `chromium` to run these tests"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """Return a function that opens a file in an offline context of a given size."""
    contexts: list[BrowserContext] = []

    def open_file(path: Path, *, width: int = 1440, height: int = 900) -> Opened:
        context = chromium.new_context(offline=True, viewport={"width": width, "height": height})
        contexts.append(context)
        context.add_init_script("window.ran = []; window.planted = mark => window.ran.push(mark);")
        page = context.new_page()
        opened = Opened(page)
        page.on("request", lambda request: opened.requests.append(request.url))
        page.on("console", lambda message: opened.messages.append(message.text))
        page.on("pageerror", lambda error: opened.messages.append(str(error)))

        def dismiss(dialog: object) -> None:
            opened.dialogs.append(dialog.message)  # type: ignore[attr-defined] # playwright's Dialog
            dialog.dismiss()  # type: ignore[attr-defined] # playwright's Dialog

        page.on("dialog", dismiss)
        page.goto(path.as_uri())
        page.wait_for_function("document.querySelectorAll('path.ward').length > 0")
        return opened

    yield open_file
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def week() -> Week:
    """Return the made-up week on the bundled boundaries."""
    area = load_bundled()
    return Week(area, make_assessment(area), make_plan(area))


@pytest.fixture(scope="session")
def map_file(week: Week, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the made-up week's map on disk."""
    path = tmp_path_factory.mktemp("map") / "map.html"
    page = render(week.assessment, week.plan, week.study_area, make_cells(week.study_area))
    path.write_text(page, encoding="utf-8")
    return path
