"""From the sign-in page to an identity provider and back, in Chromium, which keeps our policy."""

from collections.abc import Callable

import pytest
from playwright.sync_api import sync_playwright

from apps.accounts.models import User
from apps.accounts.services.oidc import oidc_provider_create
from tests.support.browser import FLAGS
from tests.support.capabilities import chromium_program
from tests.support.identity import CLIENT_ID, CLIENT_SECRET, identity_provider
from tests.support.live import Live, LiveProcess

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.chromium,
    pytest.mark.node,
    pytest.mark.timeout(240),
]


def test_a_click_leads_there_and_back(
    live: Live, web_server: LiveProcess, person: Callable[..., User]
) -> None:
    with identity_provider(f"{live.url}/login/oidc/acme/") as identity:
        identity.knows("ada-1", email="ada@acme.example", email_verified=True, name="Ada")
        oidc_provider_create(
            by=person("boss", role="owner"),
            slug="acme",
            name="Acme",
            issuer=identity.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            allow_private=True,
            create_users=True,
        )
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
            page = browser.new_page()
            refused: list[str] = []
            page.on("console", lambda message: refused.append(message.text))
            page.goto(f"{live.url}/login/")
            page.get_by_role("button", name="Sign in with Acme").click()
            page.wait_for_url(f"{live.url}/", timeout=60_000)
            assert not [text for text in refused if "Content Security Policy" in text]
            told = page.request.get(f"{live.url}/v1/auth/me").json()
            assert (told["email"], told["role"]) == ("ada@acme.example", "member")
            browser.close()
