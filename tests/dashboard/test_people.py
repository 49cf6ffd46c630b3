"""Who may come in, what they may do, and how a session ends."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import PASSWORD, SLOW_MS, give_authenticator, signed_in, visit
from tests.support.dashboard import age_sign_ins, start_gated
from tests.support.stack import Stack

CLIENT_SECRET = "client-secret-of-acme-91"  # noqa: S105  of a test's provider


def test_who_is_invited_as_a_viewer_can_look_and_start_nothing(
    page: Page, browser: Browser, platform: Stack
) -> None:
    page.goto("/admin/invites")
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
        viewer.goto(f"/invite?{urlsplit(link).query}")
        viewer.get_by_label("Name").fill("Vera")
        viewer.get_by_label("Password", exact=True).fill(PASSWORD)
        viewer.get_by_role("button", name="Make my account").click()
        expect(viewer.get_by_role("heading", name="Home", level=1)).to_be_visible(timeout=SLOW_MS)
        new_run = viewer.get_by_role("link", name="New run")
        expect(new_run).to_have_attribute("aria-disabled", "true")
        expect(new_run).to_have_attribute("title", re.compile("viewer"))
        expect(viewer.get_by_role("link", name="Admin")).to_have_count(0)
        expect(viewer.get_by_role("heading", name="Money")).to_have_count(0)
        viewer.goto("/admin/users")
        expect(viewer.get_by_role("heading", name="Not found", level=1)).to_be_attached()

    page.goto("/admin/users")
    expect(page.get_by_role("row", name=re.compile("Vera"))).to_contain_text("Viewer")


def test_a_session_that_is_ended_is_signed_out(
    page: Page, browser: Browser, platform: Stack
) -> None:
    with signed_in(browser, platform, user_agent="Other/1.0 Firefox/130.0 Linux") as other:
        other.allow("401 /v1/")
        other.page.goto("/profile/sessions")
        expect(other.page.get_by_text("this one")).to_be_visible()
        page.goto("/profile/sessions")
        page.get_by_role("button", name="End session on Firefox on Linux").first.click()
        page.get_by_role("button", name="End session", exact=True).click()
        expect(page.get_by_role("alertdialog")).to_have_count(0)
        other.is_line_cut = True  # the server closes its websocket
        other.page.goto("/profile/keys")
        expect(other.page).to_have_url(re.compile("/login"), timeout=SLOW_MS)


def test_an_own_key_is_shown_once_and_works_until_it_is_revoked(
    page: Page, platform: Stack
) -> None:
    page.goto("/profile/keys")
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Name").fill("CI of the website")
    page.get_by_role("button", name="Make key").click()
    key = page.get_by_role("dialog", name="Key made").locator("pre").inner_text()
    page.get_by_role("button", name="I have saved it").click()
    row = page.get_by_role("row", name=re.compile("CI of the website"))
    expect(row).to_contain_text("read")
    page.reload()
    expect(row).to_be_visible()
    assert key not in page.content()

    def status() -> int:
        bearer = {"Authorization": f"Bearer {key}"}
        return httpx2.get(f"{platform.url}/v1/agents", headers=bearer).status_code

    assert status() == 200
    row.get_by_role("button", name="Change").click()
    page.get_by_label("Only from these addresses").fill("192.0.2.0/24")
    page.get_by_role("button", name="Save key").click()
    expect(row).to_contain_text("192.0.2.0/24", timeout=SLOW_MS)
    assert status() in (401, 403)
    row.get_by_role("button", name="Change").click()
    page.get_by_label("Only from these addresses").fill("")
    page.get_by_role("button", name="Save key").click()
    expect(row).to_contain_text("anywhere", timeout=SLOW_MS)
    assert status() == 200
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Revoke key").click()
    expect(page.get_by_role("alertdialog")).to_have_count(0, timeout=SLOW_MS)
    assert status() == 401


def test_a_role_or_an_account_that_is_taken_away_is_gone_at_once(
    page: Page, browser: Browser, platform: Stack
) -> None:
    with signed_in(browser, platform, role="member") as visited:
        visited.allow("403 /v1/")
        member = visited.page
        for place in ("/admin/users", "/admin/oidc", "/admin/audit", "/notifications/announce"):
            member.goto(place)
            expect(member.get_by_role("heading", name="Not found", level=1)).to_be_attached()
        member.goto("/")
        new_run = member.get_by_role("link", name="New run")
        expect(new_run).not_to_have_attribute("aria-disabled", "true")

        page.goto("/admin/users")
        email = member.evaluate("fetch('/v1/auth/me').then((told) => told.json())")["email"]
        page.get_by_role("row", name=re.compile(email)).get_by_role("button").click()
        page.get_by_role("menuitemradio", name="Viewer").click()
        page.get_by_role("alertdialog").get_by_role("button", name="Change role").click()
        row = page.get_by_role("row", name=re.compile(email))
        expect(row).to_contain_text("Viewer", timeout=SLOW_MS)

        refused = member.evaluate(
            """async () => (await fetch("/v1/runs", {
                method: "POST",
                headers: {
                    "content-type": "application/json",
                    "x-csrftoken": /csrftoken=([^;]+)/.exec(document.cookie)[1],
                },
                body: JSON.stringify({pipeline_id: "gated", task: "Not mine to start."}),
            })).status"""
        )
        assert refused == 403
        member.reload()
        expect(new_run).to_have_attribute("aria-disabled", "true", timeout=SLOW_MS)

        visited.allow("401 /v1/")
        visited.is_line_cut = True  # nobody without a session has a websocket
        row.get_by_role("button").click()
        page.get_by_role("menuitem", name="End the account").click()
        page.get_by_role("alertdialog").get_by_role("button", name="End the account").click()
        expect(row).to_have_count(0, timeout=SLOW_MS)
        member.reload()
        expect(member.get_by_role("heading", name="Sign in")).to_be_visible(timeout=SLOW_MS)


def test_what_gives_lasting_access_asks_who_is_there_once_more(
    browser: Browser, platform: Stack
) -> None:
    with signed_in(browser, platform, role="admin") as visited:
        visited.allow("403 /v1/auth/oidc-providers", "400 /v1/auth/browser/v1/auth/reauthenticate")
        page = visited.page
        page.goto("/admin/oidc")
        age_sign_ins(platform)
        page.get_by_role("button", name="New provider").first.click()
        page.get_by_label("Name", exact=True).fill("ACME")
        page.get_by_label("Short name").fill("acme")
        page.get_by_label("Issuer").fill("https://id.example.org")
        page.get_by_label("Client id").fill("djinn")
        page.get_by_label("Client secret").fill(CLIENT_SECRET)
        page.get_by_role("button", name="Add group").click()
        page.get_by_label("Group 1", exact=True).fill("djinn-admins")
        page.get_by_label("Role of group 1").select_option("admin")
        page.get_by_role("button", name="Make provider").click()

        asked = page.get_by_role("dialog", name="Is it still you?")
        asked.get_by_label("Password or code").fill("not this one, surely")
        asked.get_by_role("button", name="Continue").click()
        expect(asked.get_by_label("Password or code")).to_have_attribute(
            "aria-invalid", "true", timeout=SLOW_MS
        )
        asked.get_by_label("Password or code").fill(PASSWORD)
        asked.get_by_role("button", name="Continue").click()
        row = page.get_by_role("row", name=re.compile("ACME"))
        expect(row).to_be_visible(timeout=SLOW_MS)

        row.get_by_role("button", name="Change").click()
        expect(page.get_by_label("Client secret")).to_have_value("")
        expect(page.get_by_label("Group 1", exact=True)).to_have_value("djinn-admins")
        expect(page.get_by_text("/acme/")).to_be_visible()
        assert CLIENT_SECRET not in page.content()
        page.keyboard.press("Escape")
        row.get_by_role("button", name="Switch ACME off").click()
        expect(row).to_contain_text("off", timeout=SLOW_MS)
        page.goto("/admin/audit?action=oidc_provider.create")
        expect(page.get_by_role("row", name=re.compile("oidc_provider.create"))).to_be_visible()
        page.get_by_role("button", name="Verify the log").click()
        expect(page.get_by_text(re.compile("entries, unbroken"))).to_be_visible(timeout=SLOW_MS)


def test_who_is_there_may_be_shown_with_a_passkey(browser: Browser, platform: Stack) -> None:
    # A passkey is bound to a name, and an address is none.
    place = platform.url.replace("127.0.0.1", "localhost")
    with signed_in(browser, platform, role="member", base_url=place) as visited:
        visited.allow("401 /v1/auth/browser/v1/account/authenticators", "403 /v1/auth/api-keys")
        page = visited.page
        give_authenticator(page)
        page.goto("/profile/security")
        page.get_by_role("button", name="Add passkey").click()
        page.get_by_role("dialog").get_by_role("button", name="Add passkey").click()
        expect(page.get_by_text("This device")).to_be_visible(timeout=SLOW_MS)

        age_sign_ins(platform)
        page.goto("/profile/keys")
        page.get_by_role("button", name="New key").click()
        page.get_by_label("Name").fill("Key by passkey")
        page.get_by_role("button", name="Make key").click()
        asked = page.get_by_role("dialog", name="Is it still you?")
        asked.get_by_role("button", name="Use a passkey").click()
        expect(page.get_by_role("dialog", name="Key made")).to_be_visible(timeout=SLOW_MS)


def test_administrators_see_who_works_and_what_boxes_said(
    page: Page, platform: Stack, repository: Path
) -> None:
    platform.wait_for_end(start_gated(platform, repository, "please fail"))
    page.goto("/admin/workers")
    workers = page.get_by_role("group", name="Workers")
    expect(workers.get_by_role("row", name=re.compile("control@"))).to_be_visible(timeout=SLOW_MS)
    queue = page.get_by_role("row", name=re.compile("^maintenance"))
    expect(queue).to_contain_text("1 worker")
    expect(page.get_by_role("row", name=re.compile("upkeep.reconcile"))).to_be_visible()
    page.goto("/admin/health")
    expect(page.get_by_text("All is well")).to_be_visible(timeout=SLOW_MS)

    page.goto("/admin/containers?all=true")
    page.get_by_role("button", name=re.compile("^Log of ")).first.click(timeout=SLOW_MS)
    expect(page.get_by_role("log", name="Log of the box")).to_be_visible()
    expect(page.get_by_text("The box has ended")).to_be_visible(timeout=SLOW_MS)
    expect(page).to_have_url(re.compile("box="))
