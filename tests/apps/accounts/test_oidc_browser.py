"""From the sign-in page to an identity provider and back, in Chromium, which keeps our policy; and
from a terminal, which lets a browser do it."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from apps.accounts.models import ApiKey, User
from apps.accounts.services.oidc import oidc_provider_create
from tests.support.browser import FLAGS
from tests.support.capabilities import chromium_program
from tests.support.cli import COMMAND, cli_environment, djinn
from tests.support.identity import CLIENT_ID, CLIENT_SECRET, identity_provider
from tests.support.live import Live, LiveProcess

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.chromium,
    pytest.mark.node,
    pytest.mark.timeout(240),
]


def test_a_click_leads_there_and_back(
    live: Live, web_server: LiveProcess, person: Callable[..., User], tmp_path: Path
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
            with terminal(live.url, tmp_path) as asked:
                page = browser.new_page()  # of somebody who is signed in nowhere
                page.goto(asked)
                page.get_by_role("button", name="Sign in with Acme").click()
                page.get_by_text("It says it is").wait_for(timeout=60_000)
                page.get_by_role("button", name="Let it in").click()
                page.get_by_text("The program is let in").wait_for(timeout=60_000)
            browser.close()
    who = djinn("--url", live.url, "--json", "whoami", home=tmp_path)
    assert who.json["email"] == "ada@acme.example"
    assert ApiKey.objects.get().user.email == "ada@acme.example", "made by the pair of tokens"


@contextmanager
def terminal(url: str, home: Path) -> Iterator[str]:
    """`djinn login --oidc` on a machine without a browser: the address that it shows. It has signed
    in when the block ends."""
    with subprocess.Popen(
        [*COMMAND, "--url", url, "login", "--oidc"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=cli_environment(home, {"DISPLAY": "", "WAYLAND_DISPLAY": ""}),
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            yield process.stderr.readline().split()[1]
            said = process.stderr.read()
            assert process.wait(60) == 0, said
            assert "as Ada (member)" in said
        finally:
            process.kill()
