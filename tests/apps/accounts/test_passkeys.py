"""Passkeys, in Chromium, with the authenticator that its developer tools make."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from apps.accounts.models import User
from tests.apps.accounts.conftest import PASSWORD
from tests.support.browser import FLAGS, give_authenticator
from tests.support.capabilities import chromium_program
from tests.support.live import Live, LiveProcess

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.chromium,
    pytest.mark.timeout(240),
]
CALL = """async ([method, path, body]) => {
    const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
    const answer = await fetch(`/v1/auth/browser/v1${path}`, {
        method,
        headers: {"Content-Type": "application/json", "X-CSRFToken": token},
        body: body && JSON.stringify(body),
    });
    return {status: answer.status, body: await answer.json()};
}"""
CREATE = """async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return (await navigator.credentials.create({publicKey})).toJSON();
}"""
GET = """async (options) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return (await navigator.credentials.get({publicKey})).toJSON();
}"""


class Visitor:
    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        page.goto(f"{origin}/login/")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return self.page.evaluate(CALL, [method, path, body])

    def sign_in(self) -> Any:
        return self.call("POST", "/auth/login", {"email": "ada@example.org", "password": PASSWORD})

    def sign_out(self) -> None:
        assert self.call("DELETE", "/auth/session")["status"] == 401
        self.page.goto(f"{self.origin}/login/")

    @property
    def me(self) -> int:
        return int(self.page.request.get(f"{self.origin}/v1/auth/me").status)


@pytest.fixture
def ada(person: Callable[..., User], settings: Any) -> User:
    """With a password that the web process, which is no test, can read."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    return person("ada")


@pytest.fixture
def visitor(live: Live, web_server: LiveProcess, ada: User) -> Iterator[Visitor]:
    """At localhost: a passkey is bound to a name, and an address is none."""
    with sync_playwright() as playwright:
        program = chromium_program()
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page()
        give_authenticator(page)
        yield Visitor(page, live.url.replace("127.0.0.1", "localhost"))
        browser.close()


def test_passkey_signs_in_and_is_a_second_factor(visitor: Visitor) -> None:
    assert visitor.sign_in()["status"] == 200
    assert visitor.call("POST", "/auth/reauthenticate", {"password": PASSWORD})["status"] == 200
    begun = visitor.call("GET", "/account/authenticators/webauthn?passwordless")
    options = begun["body"]["data"]["creation_options"]["publicKey"]
    assert options["rp"]["id"] == "localhost"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    made = visitor.page.evaluate(CREATE, options)
    added = visitor.call(
        "POST", "/account/authenticators/webauthn", {"name": "laptop", "credential": made}
    )
    assert added["status"] == 200, added
    assert added["body"]["meta"]["recovery_codes_generated"] is True
    visitor.sign_out()
    assert visitor.me == 401

    asked = visitor.call("GET", "/auth/webauthn/login")
    shown = visitor.page.evaluate(GET, asked["body"]["data"]["request_options"]["publicKey"])
    entered = visitor.call("POST", "/auth/webauthn/login", {"credential": shown})
    assert entered["status"] == 200, entered
    assert entered["body"]["data"]["user"]["email"] == "ada@example.org"
    assert visitor.me == 200, "without a password"
    visitor.sign_out()
    again = visitor.call("POST", "/auth/webauthn/login", {"credential": shown})
    assert again["status"] == 400, "an answer works once"

    pending = visitor.sign_in()
    assert pending["status"] == 401
    assert "mfa_authenticate" in {flow["id"] for flow in pending["body"]["data"]["flows"]}
    assert visitor.me == 401, "the password alone is no longer enough"
    asked = visitor.call("GET", "/auth/webauthn/authenticate")
    shown = visitor.page.evaluate(GET, asked["body"]["data"]["request_options"]["publicKey"])
    proved = visitor.call("POST", "/auth/webauthn/authenticate", {"credential": shown})
    if proved["status"] == 401:
        proved = visitor.call("POST", "/auth/2fa/trust", {"trust": False})
    assert proved["status"] == 200, proved
    assert visitor.me == 200
