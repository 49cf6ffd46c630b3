"""`make screenshots`: pictures of every page, wide and narrow, light and dark, with real data; of
the main pages on an empty instance too, and when the API fails. They go into `screenshots/`.

`make screenshots PAGES='^/(agents|usage)' LOOKS='phone.*dark'` takes only those: both are patterns.
"""

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.test_pages import DESKTOP, PHONE, names
from tests.dashboard.walk import fail_api, opened, outside, screen_name, walked
from tests.support.browser import signed_in, visit
from tests.support.dashboard import dashboard_platform
from tests.support.stack import Stack

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(3600)]

__all__ = ["names"]  # the fixture

FOLDER = settings.BASE_DIR / "screenshots"
SIZES = {"desktop": DESKTOP, "phone": PHONE}
MAIN = ("/", "/runs", "/decisions", "/activity", "/agents", "/pipelines", "/usage", "/evals")


def is_wanted(address: str) -> bool:
    return re.search(os.environ.get("PAGES", ""), address) is not None


LOOKS = [
    look
    for look in itertools.product(SIZES, ("light", "dark"))
    if re.search(os.environ.get("LOOKS", ""), "-".join(look))
]


@pytest.fixture(scope="module")
def empty(_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with dashboard_platform(tmp_path_factory.mktemp("empty-logs")) as started:
        yield started


def options(size: str, theme: str) -> dict[str, Any]:
    return {
        "viewport": SIZES[size], "color_scheme": theme, "reduced_motion": "reduce",
        "has_touch": size == "phone",
    }  # fmt: skip


def take(page: Page, kind: str, size: str, theme: str, name: str) -> None:
    folder: Path = FOLDER / kind / f"{size}-{theme}"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=size == "phone")


def take_tabs(page: Page, size: str, theme: str, name: str) -> None:
    tabs = page.get_by_role("main").get_by_role("tab", selected=False)
    for label in tabs.all_inner_texts():
        page.get_by_role("main").get_by_role("tab", name=label, exact=True).click()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        take(page, "full", size, theme, f"{name}--{screen_name(label, {})}")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_full(
    browser: Browser, platform: Stack, names: dict[str, str], size: str, theme: str
) -> None:
    with signed_in(browser, platform, **options(size, theme)) as visited:
        visited.allow("404 ", "403 ")
        for address in walked(visited.page, names, is_wanted):
            take(visited.page, "full", size, theme, screen_name(address, names))
            take_tabs(visited.page, size, theme, screen_name(address, names))
    with visit(browser, platform, **options(size, theme)) as visited:
        visited.allow("4")
        for address in filter(is_wanted, outside(names)):
            opened(visited.page, address)
            take(visited.page, "full", size, theme, screen_name(address, names))


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_empty(browser: Browser, empty: Stack, size: str, theme: str) -> None:
    with signed_in(browser, empty, **options(size, theme)) as visited:
        for address in filter(is_wanted, MAIN):
            opened(visited.page, address)
            take(visited.page, "empty", size, theme, screen_name(address, {}))


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_failing(browser: Browser, platform: Stack, size: str, theme: str) -> None:
    with signed_in(browser, platform, **options(size, theme)) as visited:
        visited.allow("500 ")
        fail_api(visited.page)
        for address in filter(is_wanted, MAIN):
            visited.page.goto(address)
            visited.page.get_by_role("button", name="Retry").first.wait_for(timeout=60_000)
            take(visited.page, "failing", size, theme, screen_name(address, {}))
