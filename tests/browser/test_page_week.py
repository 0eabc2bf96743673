"""The meeting's page in a real browser: by mouse and keyboard, small, offline, and under attack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from playwright.sync_api import Browser, Page

from hotspots.boundaries.study_area import load_bundled
from tests.api.service_world import TOKEN, fill, made_up_week, service, with_identities
from tests.browser.map_world import with_hostile_text
from tests.browser.serving import served
from tests.browser.visits import (
    DESKTOP,
    PHONE,
    ZOOMED,
    Enter,
    Size,
    cut_off,
    findings,
    visiting,
)

pytestmark = pytest.mark.browser

HOSTILE = (
    "<img src=x onerror=planted(1)><script>planted(2)</script></title></svg>\"'"
    " onmouseover=planted(3) `${planted(4)}` {{ planted(5) }} javascript:planted(6) <!-- \u202eevil"
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a service on the made-up week."""
    root = tmp_path_factory.mktemp("page")
    area = load_bundled()
    fill(root, area, *made_up_week(area))
    with served(service(root)) as where:
        yield where


@pytest.fixture(scope="module")
def hostile_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a service on a week with script planted in every text."""
    root = tmp_path_factory.mktemp("hostile")
    area = load_bundled()
    assessment, plan = made_up_week(area)
    planted, planted_plan = with_hostile_text(assessment, plan, HOSTILE)
    units = tuple(
        replace(unit, unit_id=f"{HOSTILE}{number}")
        for number, unit in enumerate(planted_plan.units)
    )
    planted_plan = replace(planted_plan, units=units, settings={"fleet_label": HOSTILE})
    fill(root, area, *with_identities(planted, planted_plan))
    with served(service(root)) as where:
        yield where


@pytest.fixture
def enter(chromium: Browser) -> Iterator[Enter]:
    """Return a function that signs in with the token, which leads to the page of the week."""
    with visiting(chromium) as sign_in:
        yield partial(sign_in, token=TOKEN)


def reasons(page: Page) -> str:
    return page.locator("#details").inner_text()


@pytest.mark.parametrize("size", [DESKTOP, PHONE, ZOOMED])
def test_asks_nobody_else_says_nothing_and_fits(enter: Enter, address: str, size: Size) -> None:
    visit = enter(address, size=size)
    visit.page.locator(".ranked a").first.click()
    visit.page.wait_for_selector("#details dl")
    assert [url for url in visit.requests if not url.startswith(address)] == []
    assert visit.messages == []
    assert cut_off(visit.page) == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_axe_finds_nothing(enter: Enter, address: str, size: Size) -> None:
    page = enter(address, size=size).page
    page.locator(".ranked a").first.click()
    page.wait_for_selector("#details dl")
    assert findings(page) == []


def test_a_click_on_a_ward_gives_its_reasons_without_a_new_page(enter: Enter, address: str) -> None:
    visit = enter(address)
    page = visit.page
    loads = sum(url.rstrip("/") == address for url in visit.requests)
    ward = page.locator(".wards a[data-area]").nth(300)
    code = ward.get_attribute("data-area")
    ward.dispatch_event("click")
    page.wait_for_selector("#details dl")
    assert "Expected incidents a week" in reasons(page)
    assert "90% interval" in reasons(page)
    assert "ward in" in reasons(page)
    assert f"area={code}" in page.url
    assert page.locator("#chosen-outline").get_attribute("d")
    assert sum(url.rstrip("/") == address for url in visit.requests) == loads
    page.get_by_role("link", name="as a whole").click()
    kind = page.locator(".kind")
    kind.filter(has_text=re.compile("^borough$")).wait_for()
    page.go_back()
    kind.filter(has_text=re.compile("^ward in")).wait_for()


def test_the_keyboard_alone_reaches_reasons_from_table_and_map(enter: Enter, address: str) -> None:
    page = enter(address).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for selector in (".ranked a", ".ranks a"):
        link = page.locator(selector).nth(4)
        code = link.get_attribute("data-area")
        link.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**area={code}**")
        page.locator("#details-title:focus").wait_for()
        name = page.locator(f'.ranked a[data-area="{code}"]').inner_text()
        assert reasons(page).startswith(name)
        assert page.locator(f'tr[data-row="{code}"]').get_attribute("aria-current") == "true"


def test_every_tab_stop_is_seen_and_none_is_a_trap(enter: Enter, address: str) -> None:
    page = enter(address).page
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(
            "(() => { const one = document.activeElement;"
            " const box = one.getBoundingClientRect();"
            " return [one.tagName, box.width > 0 && box.height > 0, one.closest('.wards') !== null,"
            " [...document.querySelectorAll('*')].indexOf(one)]; })()"
        ))  # fmt: skip
    assert all(visible for _, visible, _, _ in seen)
    assert not any(in_wards for _, _, in_wards, _ in seen)
    assert len({position for *_, position in seen}) == len(seen)


def test_zoom_and_pan_by_button_and_key(enter: Enter, address: str) -> None:
    page = enter(address).page

    def box() -> list[float]:
        return [float(v) for v in str(page.locator("#week-map").get_attribute("viewBox")).split()]

    whole = box()
    page.get_by_role("button", name="Zoom in").click()
    near = box()
    assert near[2] < whole[2]
    page.keyboard.press("ArrowRight")
    assert box()[0] > near[0]
    for _ in range(20):
        page.keyboard.press("+")
    assert box()[2] >= whole[2] / 12 - 1
    page.get_by_role("button", name="All of London").click()
    assert box() == whole


def test_the_page_works_without_script(enter: Enter, address: str) -> None:
    page = enter(address, script=False).page
    page.locator(".ranked a").nth(2).click()
    page.wait_for_selector("#details dl")
    page.get_by_label("Ward or borough").fill("Hackney")
    page.get_by_role("button", name="Find").click()
    page.wait_for_selector("#details dl")
    assert reasons(page).startswith("Hackney")
    assert "no data" in reasons(page)


def test_a_planted_script_never_runs(enter: Enter, hostile_address: str) -> None:
    visit = enter(hostile_address)
    page = visit.page
    page.locator(".ranked a").first.click()
    page.wait_for_selector("#details dl")
    assert "<script>planted(2)</script>" in reasons(page)
    assert "\u202e" not in page.content()
    page.locator(".wards a[data-area]").nth(10).dispatch_event("click")
    page.get_by_label("Ward or borough").fill(HOSTILE[:100])
    page.get_by_role("button", name="Find").click()
    page.wait_for_load_state()
    page.mouse.move(400, 500)
    page.mouse.move(420, 520)
    assert visit.ran() == []
    assert page.locator("main img, main script").count() == 0
    page.goto(f"{hostile_address}/?find={HOSTILE[:60]}&week={HOSTILE[:30]}")
    assert visit.ran() == []
    assert visit.messages == []


def test_the_full_map_runs_under_the_policy_of_its_header(enter: Enter, address: str) -> None:
    visit = enter(address)
    visit.page.get_by_role("link", name="Full map").click()
    # a polled script would be an eval, which the policy under test forbids
    visit.page.locator("path.ward").first.wait_for(state="attached")
    assert visit.messages == []
    assert [url for url in visit.requests if not url.startswith((address, "data:"))] == []


def test_signing_out_ends_it(enter: Enter, address: str) -> None:
    page = enter(address).page
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.goto(address)
    assert page.url.endswith("/sign-in")
