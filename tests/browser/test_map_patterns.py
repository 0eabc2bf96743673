"""Hot spots and emerging clusters on the map: drawn, listed, switched off, and escaped."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # no stubs
from shapely import Point, get_coordinates

from api.maps.week_map import render
from hotspots.assessment import RiskAssessment
from hotspots.findings import EmergingCluster, HotSpot
from tests.browser.conftest import OpenPage, Week
from tests.browser.map_world import make_cells
from tests.browser.test_map_page import HOSTILE

pytestmark = pytest.mark.browser


def with_patterns(assessment: RiskAssessment, name: str) -> RiskAssessment:
    place = assessment.places[300]
    circle = Point(place.x_m, place.y_m).buffer(900)
    ring = tuple((float(x), float(y)) for x, y in get_coordinates(circle))
    spot = HotSpot(
        hot_spot_id="H1",
        name=name,
        ward_codes=(place.code,),
        n_records=14,
        n_last_28_days=3,
        weight=12.5,
        expected_weight=2.5,
        first_day=date(2025, 5, 1),
        last_day=date(2026, 11, 20),
        area_km2=2.5,
        polygon=(ring,),
    )
    cluster = EmergingCluster(
        emerging_id="E1",
        name=name,
        ward_codes=tuple(one.code for one in assessment.places[100:102]),
        window_days=7,
        first_day=date(2026, 11, 16),
        last_day=date(2026, 11, 22),
        observed=6,
        expected=0.9,
        p_value=0.002,
        recurrence_days=3_500.0,
    )
    return replace(assessment, clusters=(spot,), emerging=(cluster,))


def write(week: Week, name: str, folder: Path) -> Path:
    path = folder / "patterns.html"
    shown = with_patterns(week.assessment, name)
    path.write_text(
        render(shown, week.plan, week.study_area, make_cells(week.study_area)), encoding="utf-8"
    )
    return path


def test_patterns_are_drawn_listed_and_found(
    open_page: OpenPage, week: Week, tmp_path: Path
) -> None:
    opened = open_page(write(week, "Tottenham Green (Haringey)", tmp_path))
    page = opened.page
    assert opened.messages == []
    assert page.locator("path.pattern.hot").count() == 2  # on the map and in the legend
    assert page.locator("path.pattern.emerging").count() == 2
    table = page.locator("section", has=page.locator("#patterns-title"))
    assert table.locator("tbody tr").count() == 2
    row = table.locator("tbody tr").first.inner_text()
    for said in ("H1 Tottenham Green (Haringey)", "14, 3 of them", "5.0 times", "20 November 2026"):
        assert said in row, row
    assert "about once in 10 years" in table.locator("tbody tr").last.inner_text()
    table.locator("button").last.click()
    assert "6" in page.locator("#details").inner_text()
    page.locator("#search").fill("h1 totten")
    page.locator("#results button").first.click()
    assert "5.0 times its borough's average" in page.locator("#details").inner_text()
    page.locator("#layers input[value=patterns]").uncheck()
    assert page.locator("#map path.pattern").count() == 0


def test_a_hot_spot_can_be_clicked_on_the_map(
    open_page: OpenPage, week: Week, tmp_path: Path
) -> None:
    page = open_page(write(week, "Somewhere", tmp_path)).page
    page.locator("#map path.pattern.hot").click(force=True)
    assert "H1 Somewhere" in page.locator("#details").inner_text()


def test_names_of_patterns_never_run(open_page: OpenPage, week: Week, tmp_path: Path) -> None:
    opened = open_page(write(week, HOSTILE, tmp_path))
    page = opened.page
    page.locator("#map path.pattern.hot").click(force=True)
    page.locator("#patterns-title").scroll_into_view_if_needed()
    assert page.evaluate("window.ran") == []
    assert opened.dialogs == []
    assert opened.messages == []
    assert page.locator("img[src=x]").count() == 0


def test_axe_finds_nothing_about_patterns(open_page: OpenPage, week: Week, tmp_path: Path) -> None:
    page = open_page(write(week, "Tottenham Green (Haringey)", tmp_path)).page
    page.evaluate(
        """() => {
        document.querySelectorAll("#tables > section").forEach(section => {
            if (!section.querySelector("#patterns-title")) section.remove();
        });
        document.querySelectorAll("path.ward").forEach(path => path.remove());
    }"""
    )
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []


def test_a_week_without_patterns_says_nothing_of_them(
    open_page: OpenPage, week: Week, tmp_path: Path
) -> None:
    path = tmp_path / "none.html"
    cells = make_cells(week.study_area)
    path.write_text(render(week.assessment, None, week.study_area, cells), encoding="utf-8")
    page = open_page(path).page
    assert page.locator("#patterns-title").count() == 0
    assert page.locator("#layers input[value=patterns]").count() == 0
