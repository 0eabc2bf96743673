"""Somebody's browser on the pages: opened, signed in, looked at with axe and a narrow window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # no stubs
from playwright.sync_api import Browser, BrowserContext, Page

from tests.api.accounts_world import PASSWORD

Size = tuple[int, int]
DESKTOP: Size = (1440, 900)
PHONE: Size = (375, 812)
#: 1280 by 1024 at 400 % zoom.
ZOOMED: Size = (320, 256)
#: 704 wards make 704 like shapes and options, and 80 operations as many like tables; axe takes
#: seconds for each hundred of them.
KEEP_A_FEW = """() => {
    const few = {".wards a": 30, "datalist option": 5, ".index li": 10, ".operation": 10};
    for (const [kind, most] of Object.entries(few))
        [...document.querySelectorAll(kind)].slice(most).forEach(one => one.remove());
}"""


@dataclass
class Visit:
    """Somebody's browser, and everything it asked for and said."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Keep what the page asks for and what its console says."""
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))

    def go(self, path: str) -> Page:
        """Open a page of the service and return it."""
        self.page.goto(self.address + path)
        return self.page

    def ran(self) -> list[object]:
        """Return the marks of planted scripts that ran."""
        marks: list[object] = self.page.evaluate("window.ran")
        return marks


Enter = Callable[..., Visit]


@contextmanager
def visiting(chromium: Browser) -> Iterator[Enter]:
    """Yield a function that signs somebody in, in a browser of their own; all are closed after."""
    contexts: list[BrowserContext] = []

    def enter(
        address: str,
        name: str = "",
        password: str = PASSWORD,
        size: Size = DESKTOP,
        *,
        token: str = "",
        script: bool = True,
    ) -> Visit:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, java_script_enabled=script
        )
        contexts.append(context)
        context.add_init_script("window.ran = []; window.planted = mark => window.ran.push(mark);")
        visit = Visit(context.new_page(), address)
        visit.listen()
        page = visit.go("/sign-in")
        if name:
            page.get_by_label("Name").fill(name)
        page.get_by_label("Password" if name else "Token").fill(password if name else token)
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:not(:text('Sign in'))")
        return visit

    yield enter
    for context in contexts:
        context.close()


def findings(page: Page) -> list[str]:
    """Return what axe finds on a page, of whatever impact: the rule and the first element."""
    page.evaluate(KEEP_A_FEW)
    found = Axe().run(page).response["violations"]
    return [f"{one['impact']} {one['id']}: {one['nodes'][0]['html']}" for one in found]


def cut_off(page: Page, *widths: int) -> list[int]:
    """Return the widths at which a page is wider than its window, the window's own without any."""
    size = page.viewport_size
    if size is None:
        raise ValueError("the page has no window of its own")
    wide = []
    for width in widths or (size["width"],):
        page.set_viewport_size({"width": width, "height": size["height"]})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(width)
    page.set_viewport_size(size)
    return wide


def press(page: Page, name: str) -> None:
    """Press a button of a form and wait for the page it leads to."""
    with page.expect_navigation():
        page.get_by_role("button", name=name).first.click()


def take_step(page: Page, step: str, **fields: str) -> None:
    """Follow a step's button on the week's page, fill in its form, confirm, and be led back."""
    page.locator(".standing").get_by_role("link", name=step, exact=True).click()
    for name, text in fields.items():
        page.locator(f"#{name}").fill(text)
    page.locator("#confirm").check()
    page.get_by_role("button", name=step, exact=True).click()
    page.wait_for_url("**done=*")
