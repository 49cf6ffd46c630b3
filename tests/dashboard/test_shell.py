"""What stands around every page: search, keys, choices that follow the person, jobs, news."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.seed import repository_at
from tests.support.browser import SLOW_MS, signed_in
from tests.support.dashboard import start_gated
from tests.support.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.chromium]

COME_BACK = """
from datetime import timedelta
from django.utils import timezone
from apps.accounts.models import User
User.objects.filter(here_at__isnull=False).update(
    here_at=timezone.now() - timedelta(hours=2), seen_until=None)
"""


@pytest.fixture(scope="module")
def ended(platform: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run that has failed: it needs nobody to end it."""
    repository = repository_at(tmp_path_factory.mktemp("shell") / "notes")
    run_id = start_gated(platform, repository, "please fail: untangle the parser")
    platform.wait_for_end(run_id)
    return run_id


def test_everything_is_found_by_its_name(page: Page, ended: str) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()
    page.keyboard.press("Control+k")
    field = page.get_by_placeholder("Find a page")
    palette = page.get_by_role("dialog", name="Find anything")
    field.fill("untangle")
    palette.get_by_role("option", name=re.compile("untangle the parser")).click()
    expect(page).to_have_url(re.compile(ended))
    page.keyboard.press("Control+k")
    expect(palette.get_by_role("group", name="Recent")).to_be_visible()
    field.fill("@yuki")
    expect(palette.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("Yukihiro"), level=1)).to_be_visible()
    page.keyboard.press("Control+k")
    field.fill("/budgets")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/usage/budgets"))


def test_nobody_finds_another_s_run(browser: Browser, platform: Stack, ended: str) -> None:
    with signed_in(browser, platform, role="member") as visited:
        visited.page.keyboard.press("Control+k")
        visited.page.get_by_placeholder("Find a page").fill("untangle")
        expect(visited.page.get_by_text("Nothing has this name.")).to_be_visible()


def test_choices_follow_the_person(browser: Browser, platform: Stack) -> None:
    with signed_in(browser, platform) as first, signed_in(browser, platform) as second:
        page, other = first.page, second.page
        page.goto("/profile/preferences")
        page.get_by_label("Dark", exact=True).check()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        page.get_by_label("Comfortable").check()
        page.get_by_role("button", name="Narrow the navigation").click()
        page.keyboard.press("?")
        keys = page.get_by_role("dialog", name="Keys")
        keys.get_by_role("button", name="Change the key for Runs").click()
        with page.expect_response("**/v1/auth/me"):
            page.keyboard.press("q")
        page.keyboard.press("Escape")

        other.goto("/profile/preferences")
        expect(other.locator("html")).to_have_attribute("data-theme", "dark")
        expect(other.get_by_label("Comfortable")).to_be_checked()
        expect(other.get_by_role("button", name="Widen the navigation")).to_be_visible()
        other.keyboard.press("g")
        other.keyboard.press("q")
        expect(other.get_by_role("heading", name="Runs", level=1)).to_be_visible()
        other.keyboard.press("?")
        switch = other.get_by_role("switch", name=re.compile("Single-letter keys"))
        with other.expect_response("**/v1/auth/me"):
            switch.click()
        other.keyboard.press("Escape")
        other.keyboard.press("g")
        other.keyboard.press("h")
        other.keyboard.press("Control+k")
        expect(other.get_by_placeholder("Find a page")).to_be_visible()
        expect(other).to_have_url(re.compile("/runs"))
    answer = platform.api.patch(
        "/v1/auth/me",
        json={"preferences": dict.fromkeys(
            ("theme", "density", "narrow_rail", "keys", "single_keys_off")
        )},
    )  # fmt: skip
    assert answer.json()["preferences"] == {}


def test_home_tells_what_ended_while_one_was_away(page: Page, platform: Stack, ended: str) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Ended lately")).to_be_visible(timeout=SLOW_MS)
    platform.live.manage("shell", "-c", COME_BACK)
    page.reload()
    news = page.get_by_role("region", name="Since you were here")
    expect(news).to_contain_text("1 run ended: failed")
    expect(news.get_by_role("link", name=re.compile("untangle the parser"))).to_be_visible()
    page.reload()
    expect(news).to_be_visible()
    news.get_by_role("button", name="Mark as seen").click()
    expect(news).to_have_count(0)
    expect(page.get_by_role("heading", name="Ended lately")).to_be_visible()


def test_a_job_stands_in_the_tray_and_survives_a_reload(page: Page) -> None:
    page.goto("/admin/storage")
    expect(page.get_by_role("button", name=re.compile("^Jobs"))).to_have_count(0)
    page.get_by_role("button", name="See what could go").click()
    tray = page.get_by_role("button", name="Jobs, all ended")
    expect(tray).to_be_visible(timeout=SLOW_MS)
    page.goto("/")
    tray.click()
    expect(page.get_by_role("dialog", name="Jobs")).to_contain_text("Look for what may go")


def test_lists_and_tabs_are_walked_by_keys(page: Page) -> None:
    page.goto("/agents")
    expect(page.get_by_role("row", name=re.compile("Chieko"))).to_be_visible()
    for key in ("j", "j", "k", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name=re.compile("Chieko"), level=1)).to_be_visible()
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile("tab=persona"))
    page.keyboard.press("[")
    expect(page.get_by_role("tab", name="Overview")).to_have_attribute("aria-selected", "true")
