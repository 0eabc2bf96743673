"""The week's map in a real browser, opened from disk without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # no stubs
from playwright.sync_api import Browser, Page

from api.maps.week_map import render
from tests.browser.conftest import OpenPage, Week
from tests.browser.map_world import make_cells, with_hostile_text

pytestmark = pytest.mark.browser

SIZES = {"desktop": (1440, 900), "phone": (375, 812), "zoomed to 400 %": (320, 256)}
HOSTILE = (
    "<img src=x onerror=planted(1)><script>planted(2)</script></script>\"'"
    "onmouseover=planted(3) `${planted(4)}` {{ planted(5) }} {% raw %} \\u003cscript\\u003e"
    " javascript:planted(6) <!--<script> ]]> \u202eevil"
)
#: 704 wards make 704 like rows and shapes; axe takes seconds for each hundred of them.
KEEP_A_FEW_OF_EACH_KIND = """() => {
    const rows = [...document.querySelectorAll("#tables table:last-of-type tbody tr")];
    rows.slice(20, -40).forEach(row => row.remove());
    [...document.querySelectorAll("path.ward")].slice(40).forEach(path => path.remove());
}"""


@pytest.fixture(scope="module")
def desktop(chromium: Browser, map_file: Path) -> Iterator[Page]:
    """Return one desktop page for the tests that only look, or put things back."""
    context = chromium.new_context(offline=True, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(map_file.as_uri())
    page.wait_for_function("document.querySelectorAll('path.ward').length > 0")
    yield page
    context.close()


def details(page: Page) -> str:
    return page.locator("#details").inner_text()


@pytest.mark.parametrize("size", SIZES)
def test_asks_for_nothing_and_reports_no_error(
    open_page: OpenPage, map_file: Path, size: str
) -> None:
    width, height = SIZES[size]
    opened = open_page(map_file, width=width, height=height)
    opened.page.mouse.move(width / 2, height * 0.6)
    opened.page.wait_for_timeout(300)
    outside = [url for url in opened.requests if not url.startswith(("file:", "data:"))]
    assert opened.requests.count(map_file.as_uri()) == 1
    assert [url for url in opened.requests if url.startswith("file:")] == [map_file.as_uri()]
    assert outside == []
    assert opened.messages == []


@pytest.mark.parametrize("size", SIZES)
def test_reads_without_sideways_scrolling(open_page: OpenPage, map_file: Path, size: str) -> None:
    width, height = SIZES[size]
    page = open_page(map_file, width=width, height=height).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#map").bounding_box()
    assert box is not None
    assert box["width"] > 0.6 * width


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_axe_finds_nothing(open_page: OpenPage, map_file: Path, size: str) -> None:
    width, height = SIZES[size]
    page = open_page(map_file, width=width, height=height).page
    page.locator("#search").fill("hack")
    page.evaluate(KEEP_A_FEW_OF_EACH_KIND)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []


def test_everything_is_drawn_and_stands_in_a_table(desktop: Page, week: Week) -> None:
    page = desktop
    assert page.locator("path.ward").count() == 704
    assert page.locator("path.borough").count() == 33
    assert page.locator("path.area").count() == 16
    assert page.locator(".unit").count() == 16
    tables = page.locator("#tables table")
    captions = tables.locator("caption").all_inner_texts()
    assert len(captions) == tables.count() == 5
    rows = [tables.nth(index).locator("tbody tr").count() for index in range(3)]
    assert rows == [16, 33, 704]
    text = page.locator("#tables").inner_text()
    for unit in week.plan.units:
        assert unit.unit_id in text


def test_scale_bar_is_true_to_the_national_grid(open_page: OpenPage, map_file: Path) -> None:
    """The drawn width of London in pixels over its width in metres is the scale bar's."""
    page = open_page(map_file).page
    measured = page.evaluate(
        """() => {
            const week = JSON.parse(document.getElementById("week").textContent);
            const paths = [...document.querySelectorAll("path.land")];
            const boxes = paths.map(path => path.getBoundingClientRect());
            const left = Math.min(...boxes.map(box => box.left));
            const width = Math.max(...boxes.map(box => box.right)) - left;
            const bar = document.querySelector(".leaflet-control-scale-line");
            return [width / (week.bounds[2] - week.bounds[0]), bar.offsetWidth, bar.textContent];
        }"""
    )
    pixels_per_m, bar_px, label = measured
    number, unit = label.split()
    bar_m = float(number) * {"km": 1000, "m": 1}[unit]
    assert bar_px / bar_m == pytest.approx(pixels_per_m, rel=0.03)


def test_wards_without_data_are_hatched_and_never_given_a_figure(desktop: Page) -> None:
    page = desktop
    hatched = page.locator("path.ward.unknown")
    assert hatched.count() > 20
    fill = hatched.first.evaluate("path => getComputedStyle(path).fill")
    assert "#hatch" in fill
    row = page.locator("#tables tr", has=page.get_by_role("button", name="Hackney Central"))
    assert "no data" in row.inner_text()
    assert not any(character.isdigit() for character in row.inner_text().replace("ARV-09", ""))
    page.locator("#search").fill("Hackney Central")
    page.keyboard.press("Enter")
    assert "not low risk" in page.locator("#details").inner_text()


def test_markings_stand_on_the_page_and_on_the_picture(desktop: Page) -> None:
    page = desktop
    assert page.locator(".marking").count() == 2
    for text in (*page.locator(".marking").all_inner_texts(), *_stamps(page)):
        assert "OFFICIAL" in text
        assert "SYNTHETIC" in text
    picture = page.locator(".picture").bounding_box()
    for stamp in page.locator(".stamp").all():
        box = stamp.bounding_box()
        assert box is not None
        assert picture is not None
        assert picture["y"] <= box["y"] <= picture["y"] + picture["height"]
    assert "approximate boundaries" in " ".join(_stamps(page))
    assert "23 November 2026" in " ".join(_stamps(page))


def _stamps(page: Page) -> list[str]:
    return page.locator(".stamp").all_inner_texts()


def test_keyboard_alone_reaches_search_layers_and_tables(
    open_page: OpenPage, map_file: Path
) -> None:
    opened = open_page(map_file)
    page = opened.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = []
    for _ in range(14):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.value"))
    assert page.locator("path.ward:focus").count() == 0
    for expected in ("map", "search", "grid", "wards", "boroughs", "names", "areas"):
        assert expected in seen
    page.locator("#search").focus()
    page.keyboard.type("enfield")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert details(page).startswith("Enfield")
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#tables') !== null")


def test_search_finds_accents_case_and_units(desktop: Page) -> None:
    for typed, expected in (("HACKNEY", "Hackney"), ("so18-2", "15. SO18-2")):
        desktop.locator("#search").fill(typed)
        desktop.keyboard.press("Enter")
        assert details(desktop).splitlines()[0] == expected
    desktop.locator("#search").fill("no such place")
    assert desktop.locator("#found").inner_text() == "0 found"


def test_print_keeps_all_of_the_picture(open_page: OpenPage, map_file: Path) -> None:
    page = open_page(map_file, width=794, height=1123).page
    page.emulate_media(media="print")
    page.wait_for_timeout(300)
    picture = page.locator("#map").bounding_box()
    assert picture is not None
    for outline in page.locator("path.area").all():
        box = outline.bounding_box()
        assert box is not None
        assert picture["y"] <= box["y"]
        assert box["y"] + box["height"] <= picture["y"] + picture["height"]
    assert not page.locator("#search").is_visible()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_no_label_covers_another(open_page: OpenPage, map_file: Path, size: str) -> None:
    width, height = SIZES[size]
    page = open_page(map_file, width=width, height=height).page
    boxes = page.evaluate(
        """() => [...document.querySelectorAll(".unit b, .unit span")]
            .filter(node => node.checkVisibility({ visibilityProperty: true }))
            .map(node => node.getBoundingClientRect())
            .map(box => [box.left, box.top, box.right, box.bottom, box.width])"""
    )
    assert len(boxes) >= 16
    for index, (left, top, right, bottom, _) in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = right <= other[0] or other[2] <= left
            assert apart or bottom <= other[1] + 2 or other[3] <= top + 2


def test_layers_can_be_switched_off_and_on(desktop: Page) -> None:
    page = desktop
    for value, selector in (("grid", ".risk-grid"), ("wards", "path.ward"), ("areas", ".unit")):
        before = page.locator(selector).count()
        page.locator(f"#layers input[value={value}]").uncheck()
        assert page.locator(selector).count() == 0
        page.locator(f"#layers input[value={value}]").check()
        assert page.locator(selector).count() == before


def test_tooltip_shows_mean_interval_and_rank_interval(desktop: Page) -> None:
    page = desktop
    page.locator("#search").fill("Northumberland Park")
    page.keyboard.press("Enter")
    page.wait_for_timeout(600)
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator(".leaflet-tooltip").wait_for()
    shown = page.locator(".leaflet-tooltip").inner_text()
    assert shown.count("90% interval") == 2
    assert "of 679" in shown


def test_tables_sort_by_any_column(desktop: Page) -> None:
    page = desktop
    table = page.locator("table.sortable").first
    head = table.locator("thead th").nth(3)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    values = [
        float(v) for v in table.locator("tbody td:nth-child(4)").all_inner_texts() if v != "–"
    ]
    assert values == sorted(values)
    last = table.locator("tbody tr").last.inner_text()
    assert "–" in last


def test_planted_scripts_never_run(open_page: OpenPage, week: Week, tmp_path: Path) -> None:
    assessment, plan = with_hostile_text(week.assessment, week.plan, HOSTILE)
    area = replace(
        week.study_area,
        name=HOSTILE,
        attribution=(HOSTILE,),
        wards=week.study_area.wards.assign(ward_name=HOSTILE, borough_name=HOSTILE),
        boroughs=week.study_area.boroughs.assign(borough_name=HOSTILE),
    )
    path = tmp_path / "hostile.html"
    path.write_text(render(assessment, plan, area, make_cells(area)), encoding="utf-8")
    opened = open_page(path)
    page = opened.page
    page.locator("#search").fill("img")
    page.locator("#results button").first.click()
    page.locator("#layers input[value=names]").check()
    page.mouse.move(500, 450)
    page.wait_for_timeout(300)
    assert page.evaluate("window.ran") == []
    assert opened.dialogs == []
    assert opened.messages == []
    assert [
        url for url in opened.requests if url.startswith(("http", "file:")) and url != path.as_uri()
    ] == []
    assert page.locator("img[src=x]").count() == 0
    shown = HOSTILE.replace("\u202e", "\ufffd")
    assert json.loads(page.locator("#week").inner_text())["areas"][0][1] == HOSTILE
    assert shown in page.locator("#tables tbody tr").first.inner_text()
    assert page.locator("script").count() == 4


def test_assessment_alone_can_be_drawn(open_page: OpenPage, week: Week, tmp_path: Path) -> None:
    path = tmp_path / "risk.html"
    html = render(week.assessment, None, week.study_area, make_cells(week.study_area))
    path.write_text(html, encoding="utf-8")
    opened = open_page(path)
    assert opened.messages == []
    assert opened.page.locator("path.area").count() == 0
    assert "risk picture" in opened.page.locator("h1").inner_text()
