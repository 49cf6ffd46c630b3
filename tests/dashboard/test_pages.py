"""Every address of the dashboard, with real data: no barrier on a desktop and on a phone, light and
dark, no sideways scrolling, nothing in the console."""

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.seed import repository_at, seed
from tests.dashboard.walk import SAID, fail_api, opened, outside, walked
from tests.support.browser import barriers, scrolls_sideways, signed_in, visit
from tests.support.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.chromium, pytest.mark.timeout(900)]

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
# All rules by two looks that differ in size and theme; in the other two, what a theme decides.
LOOKS: list[tuple[dict[str, int], str, tuple[str, ...]]] = [
    (DESKTOP, "dark", ("color-contrast",)),
    (DESKTOP, "light", ()),
    (PHONE, "light", ("color-contrast", "target-size")),
    (PHONE, "dark", ()),
]
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def names(platform: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A platform on which things have happened, and the names that addresses need."""
    return seed(platform, repository_at(tmp_path_factory.mktemp("seed") / "notes"))


def found_on(page: Page) -> list[Any]:
    """What is wrong with the page that is open, in each look."""
    wrong: list[Any] = []
    for size, theme, rules in LOOKS:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        page.evaluate(PAINTED)
        wrong += [(size["width"], theme, *barrier) for barrier in barriers(page, *rules)]
    if scrolls_sideways(page):
        wrong.append("scrolls sideways on a phone")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    return wrong


def tabs_of(page: Page) -> list[tuple[str, Any]]:
    """What is wrong behind the tabs that have no address."""
    wrong = []
    tabs = page.get_by_role("main").get_by_role("tab", selected=False)
    for label in tabs.all_inner_texts():
        page.get_by_role("main").get_by_role("tab", name=label, exact=True).click()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        if said := barriers(page):
            wrong.append((label, said))
    return wrong


def test_no_page_has_a_barrier(browser: Browser, platform: Stack, names: dict[str, str]) -> None:
    wrong: dict[str, Any] = {}
    seen = 0
    with signed_in(browser, platform, viewport=DESKTOP) as visited:
        visited.allow(*SAID)
        for address in walked(visited.page, names):
            seen += 1
            if said := [*found_on(visited.page), *tabs_of(visited.page)]:
                wrong[address] = said
    assert not wrong, json.dumps(wrong, indent=1)
    assert seen > 45, "sections were found too"


def test_nor_has_one_on_the_way_in(browser: Browser, platform: Stack) -> None:
    wrong: dict[str, Any] = {}
    with visit(browser, platform, viewport=DESKTOP) as visited:
        visited.allow("401 /v1/auth/", *SAID)
        for address in outside({"$key": "1-no-such-key"}):
            opened(visited.page, address)
            if said := found_on(visited.page):
                wrong[address] = said
    assert not wrong, json.dumps(wrong, indent=1)


def test_an_unknown_object_says_so(browser: Browser, platform: Stack) -> None:
    with signed_in(browser, platform) as visited:
        visited.allow("404 /v1/", "403 /v1/", "console: Problem: There is no")
        for address in ("/runs/run_none", "/agents/nobody", "/sessions/ses_none", "/admin/nothing"):
            opened(visited.page, address)
            expect(visited.page.get_by_role("heading", name="Not found")).to_be_attached()


def test_a_failing_api_breaks_no_page(
    browser: Browser, platform: Stack, names: dict[str, str]
) -> None:
    """Every list answers 500: the page says so in its place, and can ask again."""
    with signed_in(browser, platform) as visited:
        visited.allow("500 ")
        fail_api(visited.page)
        for address in ("/", "/runs", "/decisions", "/agents", "/pipelines", "/usage", "/evals"):
            visited.page.goto(address)
            expect(visited.page.get_by_role("button", name="Retry").first).to_be_visible(
                timeout=60_000
            )
            assert not barriers(visited.page), address
