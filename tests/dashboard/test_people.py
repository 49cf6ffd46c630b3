"""Who may come in, what they may do, and how a session ends."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

from tests.support.browser import SLOW_MS, signed_in, visit
from tests.support.dashboard import BASE
from tests.support.stack import Stack

PASSWORD = "a long word of mine"  # noqa: S105  of a test's account


def test_who_is_invited_as_a_viewer_can_look_and_start_nothing(
    page: Page, browser: Browser, platform: Stack
) -> None:
    page.goto(f"{BASE}/admin/invites")
    page.get_by_role("button", name="New invite").click()
    page.get_by_label("E-mail address").fill("vera@example.org")
    page.get_by_label("Role").select_option("viewer")
    page.get_by_role("button", name="Make invite").click()
    link = page.get_by_role("dialog", name="Invite made").locator("pre").inner_text()
    page.get_by_role("button", name="I have saved it").click()
    expect(page.get_by_role("row", name=re.compile("vera@example.org"))).to_contain_text("open")

    with visit(browser, platform) as visited:
        # Who is not signed in yet is told so, and asked who they are.
        visited.allow("401 /v1/auth/me")
        viewer = visited.page
        viewer.goto(f"{BASE}/invite?{urlsplit(link).query}")
        viewer.get_by_label("Name").fill("Vera")
        viewer.get_by_label("Password", exact=True).fill(PASSWORD)
        viewer.get_by_role("button", name="Make my account").click()
        expect(viewer.get_by_role("heading", name="Home", level=1)).to_be_visible(timeout=SLOW_MS)
        new_run = viewer.get_by_role("link", name="New run")
        expect(new_run).to_have_attribute("aria-disabled", "true")
        expect(new_run).to_have_attribute("title", re.compile("viewer"))
        expect(viewer.get_by_role("link", name="Admin")).to_have_count(0)
        expect(viewer.get_by_role("heading", name="Money")).to_have_count(0)
        viewer.goto(f"{BASE}/admin/users")
        expect(viewer.get_by_role("heading", name="Not found", level=1)).to_be_attached()

    page.goto(f"{BASE}/admin/users")
    expect(page.get_by_role("row", name=re.compile("Vera"))).to_contain_text("Viewer")


def test_a_session_that_is_ended_is_signed_out(
    page: Page, browser: Browser, platform: Stack
) -> None:
    with signed_in(browser, platform, user_agent="Other/1.0 Firefox/130.0 Linux") as other:
        other.allow("401 /v1/")
        other.page.goto(f"{BASE}/profile/sessions")
        expect(other.page.get_by_text("this one")).to_be_visible()
        page.goto(f"{BASE}/profile/sessions")
        page.get_by_role("button", name="End session on Firefox on Linux").first.click()
        page.get_by_role("button", name="End session", exact=True).click()
        expect(page.get_by_role("alertdialog")).to_have_count(0)
        other.is_line_cut = True  # the server closes its websocket
        other.page.goto(f"{BASE}/profile/keys")
        expect(other.page).to_have_url(re.compile("/login"), timeout=SLOW_MS)
