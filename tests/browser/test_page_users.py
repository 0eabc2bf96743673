"""An administrator keeps accounts and keys on the pages; the new person signs in and begins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from tests.api.accounts_world import add_person
from tests.api.service_world import service
from tests.browser.serving import served
from tests.browser.visits import PHONE, Enter, visiting

pytestmark = pytest.mark.browser

NEW_PASSWORD = "four words nobody guesses"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return service(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    """Return the address of a service without any evidence, with an administrator."""
    with served(app) as where:
        add_person(app, "root", "administrator")
        add_person(app, "desk", "borough", boroughs=("E09000012",))
        yield where


@pytest.fixture
def enter(chromium: Browser) -> Iterator[Enter]:
    """Return a function that signs somebody in, in a browser of their own."""
    with visiting(chromium) as sign_in:
        yield sign_in


def add(page: Page, address: str, name: str, *roles: str) -> str:
    """Add a person on the page and return the one-time password it shows."""
    page.goto(f"{address}/people")
    page.get_by_label("Name to sign in with").fill(name)
    page.get_by_label("What the person is called").fill(name.title())
    for role in roles:
        page.locator(f"#role-{role}").check()
    page.get_by_role("button", name="Add the person").click()
    return page.locator("#once .secret").inner_text()


def test_a_new_person_signs_in_with_what_the_administrator_was_shown(
    address: str, enter: Enter
) -> None:
    root = enter(address, "root").page
    assert root.url == f"{address}/people"
    once = add(root, address, "ann", "planner")
    root.reload()
    expect(root.get_by_role("alert")).to_contain_text("taken")
    ann = enter(address, "ann", once, PHONE).page
    expect(ann.get_by_role("heading", level=1)).to_have_text("Choose your password")
    ann.get_by_label("One-time password").fill(once)
    ann.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    ann.get_by_label("New password again").fill(NEW_PASSWORD)
    ann.get_by_role("button", name="Keep the new password").click()
    ann = enter(address, "ann", NEW_PASSWORD, PHONE).page
    ann.goto(f"{address}/may-do")
    assert (
        ann.locator("section[aria-labelledby=may-title]").get_by_text("Draft a plan").count() == 1
    )
    assert ann.get_by_role("link", name="People", exact=True).count() == 0


def test_rights_are_changed_an_account_closed_and_opened_again(address: str, enter: Enter) -> None:
    root = enter(address, "root", size=PHONE).page
    add(root, address, "bea", "analyst")
    root.goto(f"{address}/people/bea")
    late = root.context.new_page()
    late.goto(root.url)
    root.locator("#role-analyst").uncheck()
    root.locator("#role-borough").check()
    root.get_by_text("Boroughs, for the role").click()
    root.get_by_label("Hackney").check()
    root.locator("#rights-reason").fill("moved to Hackney")
    root.get_by_role("button", name="Change the rights").click()
    expect(root.get_by_role("status")).to_contain_text("sessions have ended")
    expect(root.locator("main .facts")).to_contain_text("Hackney")
    late.locator("#close-reason").fill("left the force")
    late.get_by_role("button", name="Close the account").click()
    expect(late.get_by_role("alert")).to_contain_text("changed by somebody else")
    late.locator("#close-reason").fill("left the force")
    late.get_by_role("button", name="Close the account").click()
    expect(late.get_by_role("status")).to_contain_text("closed")
    late.locator("#reopen-reason").fill("came back")
    late.get_by_role("button", name="Open the account again").click()
    expect(late.locator("#once")).to_contain_text("shown only now")
    expect(late.locator("main .facts")).to_contain_text("Hackney")


def test_a_key_is_made_replaced_and_ended(address: str, enter: Enter) -> None:
    root = enter(address, "root").page
    root.get_by_role("link", name="Keys", exact=True).click()
    root.get_by_label("Account it acts for").fill("desk")
    root.get_by_label("What it is for").fill("nightly export")
    root.get_by_role("button", name="Make the key").click()
    expect(root.get_by_role("alert")).to_contain_text("there is no such action")
    assert root.get_by_label("What it is for").input_value() == "nightly export"
    assert root.locator("#action-plan\\.approve, #action-users\\.manage").count() == 0
    root.locator("#action-borough\\.read").check()
    root.get_by_role("button", name="Make the key").click()
    assert root.locator("#once .secret").inner_text().startswith("arvk_")
    assert root.locator("td[data-label='Last used']").inner_text() == "never"
    root.locator("summary").filter(has_text="Replace it").click()
    root.get_by_label("Days the old key goes on").fill("0")
    root.get_by_role("button", name="Replace the key").click()
    expect(root.locator("#once")).to_contain_text("which opens nothing any more")
    root.locator("summary").filter(has_text="End it").click()
    root.get_by_role("textbox", name="Why").fill("replaced")
    root.get_by_role("button", name="End the key").click()
    expect(root.get_by_role("status")).to_contain_text("opens nothing any more")
