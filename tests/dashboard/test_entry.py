"""Coming in: the first visit, a second factor, a forgotten password, the waitlist, an identity
provider."""

import base64
import hashlib
import hmac
import re
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import PASSWORD, SLOW_MS, signed_in, visit
from tests.support.dashboard import MODEL, age_sign_ins, dashboard_platform, shows_status
from tests.support.identity import CLIENT_ID, CLIENT_SECRET, identity_provider
from tests.support.live import eventually
from tests.support.mailbox import Mailbox, mailbox_server
from tests.support.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.chromium, pytest.mark.timeout(420)]

# allauth says in these ways that nobody is in yet, and what comes next.
COMING_IN = (
    "401 /v1/auth/me",
    "401 /v1/auth/browser/v1/auth/",
    "404 /v1/auth/browser/v1/account/authenticators/",
)


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with mailbox_server() as running:
        yield running


@pytest.fixture(scope="module")
def platform(
    _servers: None, mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """One with a mail server and a waitlist."""
    extra = {"EMAIL_URL": f"smtp://127.0.0.1:{mailbox.port}", "DJINNBOT_WAITLIST": "true"}
    with dashboard_platform(tmp_path_factory.mktemp("logs"), extra) as started:
        yield started


def totp(secret: str) -> str:
    """The code of an authenticator app now."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    start = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"


def sign_in(page: Page, login: str, password: str) -> None:
    page.get_by_label("E-mail address or user name").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_from_the_first_visit_to_a_finished_run_and_in_again_with_a_recovery_code(
    browser: Browser, platform: Stack, repository: Path
) -> None:
    with visit(browser, platform) as visited:
        visited.allow(*COMING_IN, "400 /v1/auth/browser/v1/auth/login")
        page = visited.page
        page.goto("/runs")
        page.wait_for_url(re.compile(r"/login\?next="))
        page.get_by_role("link", name="Make the owner’s account").click()
        expect(page.get_by_role("heading", name="Set up this instance")).to_be_visible()
        page.get_by_label("E-mail address").fill("ada@example.org")
        page.get_by_label("Your name").fill("Ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make the owner’s account").click()

        expect(page.get_by_role("heading", name="A second factor")).to_be_visible(timeout=SLOW_MS)
        secret = page.get_by_title(re.compile("^Copy ")).inner_text().strip()
        page.get_by_label("Code of the app").fill(totp(secret))
        page.get_by_role("button", name="Turn on the second factor").click()
        codes = page.locator("pre").inner_text(timeout=SLOW_MS).split()
        assert len(codes) == 10
        page.get_by_label("I have saved these codes.").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Use the scripted demo model").click()
        page.get_by_label(re.compile("^Dollars a month")).fill("20")
        page.get_by_role("button", name="Set the budget").click()
        page.wait_for_url(f"{platform.url}/", timeout=SLOW_MS)

        _run_with_an_approval(page, repository)
        _sign_out_and_in_again(page, codes)
        page.goto("/setup")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def _run_with_an_approval(page: Page, repository: Path) -> None:
    page.get_by_role("link", name="New run").click()
    dialog = page.get_by_role("dialog", name="New run")
    dialog.get_by_label("Pipeline").select_option("gated")
    dialog.get_by_label("Task").fill("Write the note for 2.4")
    dialog.get_by_label("Repository").fill(str(repository))
    dialog.get_by_text("More: model").click()
    dialog.get_by_label("Model").fill(MODEL)
    dialog.get_by_role("button", name="Start run").click()
    page.wait_for_url(re.compile(r"/runs/run_\w+"), timeout=SLOW_MS)
    expect(page.get_by_role("heading", level=1)).to_have_text("Write the note for 2.4")
    expect(page.get_by_text("I count to forty: one two").first).to_be_visible(timeout=SLOW_MS)
    approval = page.get_by_role("region", name="Approval")
    expect(approval).to_contain_text("PUBLISH waits for your approval", timeout=SLOW_MS)
    approval.get_by_label("Comment (optional)").fill("Looks right.")
    approval.get_by_role("button", name="Approve").click()
    shows_status(page, "Completed")


def _sign_out_and_in_again(page: Page, codes: list[str]) -> None:
    page.get_by_role("button", name="Account of Ada").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.wait_for_url(re.compile("/login"))
    sign_in(page, "ada@example.org", "wrong")
    expect(page.get_by_role("alert")).to_be_visible(timeout=SLOW_MS)
    sign_in(page, "ada@example.org", PASSWORD)
    page.get_by_label(re.compile("^Code of your")).fill(codes[0])
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Ask me each time").click()
    expect(page.get_by_role("button", name="Account of Ada")).to_be_visible(timeout=SLOW_MS)


def test_a_forgotten_password_is_chosen_anew_by_mail(
    browser: Browser, platform: Stack, mailbox: Mailbox
) -> None:
    invite = platform.api.post(
        "/v1/auth/invites", json={"email": "mia@example.org", "role": "member"}
    )
    with visit(browser, platform) as visited:
        visited.allow(*COMING_IN, "400 /v1/auth/browser/v1/auth/password/reset")
        page = visited.page
        page.goto(invite.json()["url"])
        page.get_by_label("Your name").fill("Mia")
        page.get_by_label("Password").fill("a word that she forgets")
        page.get_by_role("button", name="Make my account").click()
        page.get_by_role("button", name="Account of Mia").click()
        page.get_by_role("menuitem", name="Sign out").click()

        page.get_by_role("link", name="Forgotten your password?").click()
        expect(page.get_by_role("heading", name="Forgotten your password?")).to_be_visible()
        page.get_by_label("E-mail address").fill("mia@example.org")
        page.get_by_role("button", name="Send a link").click()
        expect(page.get_by_role("status")).to_contain_text("on its way")
        eventually(lambda: mailbox.of("mia@example.org"), timeout_s=60)
        told = str(mailbox.of("mia@example.org")[-1].get_payload())
        link = re.search(r"https?://\S+/login/reset/\S+", told)
        assert link, told

        address = link[0].partition("/login/")[2]
        page.goto(f"/login/{address}")
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_role("button", name="Change the password").click()
        page.get_by_role("link", name="Sign in").click()
        sign_in(page, "mia@example.org", PASSWORD)
        expect(page.get_by_role("button", name="Account of Mia")).to_be_visible(timeout=SLOW_MS)

        page.goto(f"/login/{address}")
        page.get_by_label("New password").fill(f"{PASSWORD} again")
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_role("alert")).to_contain_text("It was used")
        page.get_by_role("link", name="Ask for another").click()
        expect(page.get_by_label("E-mail address")).to_be_visible()


def test_who_asks_to_be_let_in_is_on_the_list(browser: Browser, platform: Stack) -> None:
    with visit(browser, platform) as visited:
        visited.page.goto("/login")
        visited.page.get_by_role("link", name="No account? Ask to be let in").click()
        expect(visited.page.get_by_role("heading", name="Ask to be let in")).to_be_visible()
        visited.page.get_by_label("E-mail address").fill("eve@example.org")
        visited.page.get_by_label("Who you are (optional)").fill("Eve, of operations.")
        visited.page.get_by_role("button", name="Ask").click()
        expect(visited.page.get_by_role("heading", name="You are on the list")).to_be_visible()
    entry = platform.api.get("/v1/waitlist").json()["items"][0]
    assert (entry["email"], entry["note"]) == ("eve@example.org", "Eve, of operations.")


def test_a_click_leads_to_an_identity_provider_and_back(browser: Browser, platform: Stack) -> None:
    with identity_provider(f"{platform.url}/login/oidc/acme/") as identity:
        made = platform.api.post(
            "/v1/auth/oidc-providers",
            json={
                "slug": "acme", "name": "Acme", "issuer": identity.issuer, "create_users": True,
                "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "allow_private": True,
            },
        )  # fmt: skip
        assert made.status_code == 201, made.text
        with visit(browser, platform) as visited:
            visited.allow(*COMING_IN)
            page = visited.page
            identity.knows("acme-1", email="bo@acme.example", email_verified=True, name="Bo")
            page.goto("/agents?state=idle")
            page.get_by_role("button", name="Sign in with Acme").click()
            page.wait_for_url(f"{platform.url}/agents?state=idle", timeout=SLOW_MS)
            expect(page.get_by_role("button", name="Account of Bo")).to_be_visible(timeout=SLOW_MS)

        with signed_in(browser, platform, role="member") as visited:
            page = visited.page
            identity.knows("acme-2", email="cy@acme.example", email_verified=True, name="Cy")
            age_sign_ins(platform)
            page.goto("/profile/security")
            page.get_by_role("button", name="Connect Acme").click()
            page.get_by_role("alert").get_by_role("button", name="Continue").click(timeout=SLOW_MS)
            asked = page.get_by_role("dialog", name="Is it still you?")
            asked.get_by_label("Password or code").fill(PASSWORD)
            asked.get_by_role("button", name="Continue").click()
            expect(page.get_by_text("signs you in as")).to_be_visible(timeout=SLOW_MS)
            page.get_by_role("button", name="Disconnect Acme").click()
            page.get_by_role("alertdialog").get_by_role("button", name="Disconnect").click()
            expect(page.get_by_text("not connected")).to_be_visible(timeout=SLOW_MS)

        with visit(browser, platform) as visited:
            visited.allow(*COMING_IN)
            identity.knows(None)
            visited.page.goto("/login")
            visited.page.get_by_role("button", name="Sign in with Acme").click()
            expect(visited.page.get_by_role("alert")).to_contain_text(
                "did not let you in", timeout=SLOW_MS
            )


def test_signing_out_closes_the_other_tabs_too(browser: Browser, platform: Stack) -> None:
    with signed_in(browser, platform) as visited:
        visited.allow("401 ")
        other = visited.page.context.new_page()
        other.goto("/runs")
        expect(other.get_by_test_id("connection")).to_have_attribute(
            "data-state-word", "live", timeout=SLOW_MS
        )
        visited.page.get_by_role("button", name=re.compile("^Account of")).click()
        visited.page.get_by_role("menuitem", name="Sign out").click()
        other.wait_for_url(re.compile("/login"), timeout=SLOW_MS)
        expect(other.get_by_role("heading", name="Sign in")).to_be_visible(timeout=SLOW_MS)
        other.go_back()
        expect(other.get_by_role("heading", name="Sign in")).to_be_visible(timeout=SLOW_MS)


def test_by_keys_alone(browser: Browser, platform: Stack) -> None:
    with signed_in(browser, platform, role="member") as joined:
        me = joined.page.request.get("/v1/auth/me").json()
    with visit(browser, platform) as visited:
        visited.allow(*COMING_IN)
        page = visited.page
        page.goto("/runs")
        expect(page.get_by_label("E-mail address or user name")).to_be_focused(timeout=SLOW_MS)
        page.keyboard.type(me["email"])
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible(timeout=SLOW_MS)

        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("g")
        page.keyboard.press("a")
        page.wait_for_url(re.compile("/agents"))
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible(timeout=SLOW_MS)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press("Control+k")
        field = page.get_by_placeholder("Find a page, run, agent or action")
        expect(field).to_be_focused(timeout=SLOW_MS)
        page.keyboard.type("/pipelines")
        expect(page.get_by_role("option", name="Pipelines")).to_be_visible()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/pipelines"))
        expect(page.get_by_role("heading", name="Pipelines", level=1)).to_be_visible()
        page.keyboard.press("Control+k")
        page.keyboard.type(">sign out")
        expect(page.get_by_role("option", name="Sign out")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=SLOW_MS)
