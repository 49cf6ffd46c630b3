"""Ways that the sign-in package offers and we do not, and requests that come from elsewhere."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import get_resolver

from apps.accounts.models import User
from apps.accounts.services import api_key_create, login_ticket_create
from apps.llm.models import ProviderKey
from tests.apps.accounts.conftest import PASSWORD, Browser, grown_old
from tests.apps.core.test_url_table import METHODS, NOT_OURS, routes

pytestmark = pytest.mark.django_db
BODIES: list[Any] = [
    {},
    [],
    {"email": "eve@example.org", "password": PASSWORD, "code": "123456", "key": "a-b"},
    {"email": ["x"], "password": {"a": 1}, "code": None, "key": 7, "provider": "none"},
]
ELSEWHERE = {"Origin": "https://elsewhere.example"}


def sign_in_paths() -> list[str]:
    found = [path for path, _ in routes(get_resolver()) if path.startswith(NOT_OURS)]
    return [re.sub(r"<.*?>", "none", path) for path in found]


def test_the_packages_addresses_fail_by_no_fault_of_ours(person: Any) -> None:
    """Signed in and not: refused in its words, never with a 500."""
    person("ada")
    inside = Browser()
    inside.sign_in("ada@example.org")
    kept = inside.client.cookies.output()
    assert len(sign_in_paths()) > 40
    for path in sign_in_paths():
        for client in (inside.client, Client()):
            for method in METHODS:
                for body in BODIES if method != "get" else BODIES[:1]:
                    call = getattr(client, method)
                    answer = call(path, body, content_type="application/json")
                    assert answer.status_code < 500, (method, path, body)
            if client is inside.client and not inside.is_in:
                inside.sign_in("ada@example.org")
    assert kept
    assert not User.objects.filter(email="eve@example.org").exists()


@pytest.mark.parametrize("client", ["browser", "app"])
@pytest.mark.parametrize(
    "path", ["account/email", "account/phone", "auth/email/verify", "auth/code/confirm"]
)
def test_these_are_not_there(person: Any, client: str, path: str) -> None:
    browser = Browser()
    person("ada")
    browser.sign_in("ada@example.org")
    body = {"email": "eve@example.org"}
    answer = browser.client.post(f"/v1/auth/{client}/v1/{path}", body, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert not EmailAddress.objects.filter(email="eve@example.org").exists()


def test_an_account_is_not_made_from_another_site(fresh_instance: None) -> None:
    for path in ("/v1/auth/setup", "/v1/auth/invites/accept"):
        body = {"email": "eve@example.org", "password": PASSWORD, "token": "x"}
        answer = Client().post(path, body, "application/json", headers=ELSEWHERE)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    own = {"Origin": "http://testserver"}
    body = {"email": "owner@example.org", "password": PASSWORD}
    answer = Client().post("/v1/auth/setup", body, "application/json", headers=own)
    assert answer.status_code == 201, answer.content


def test_nobody_is_signed_in_from_another_site(person: Any) -> None:
    person("ada")
    browser = Client(enforce_csrf_checks=True)
    body = {"email": "ada@example.org", "password": PASSWORD}
    path = "/v1/auth/browser/v1/auth/login"
    answer = browser.post(path, body, "application/json", headers=ELSEWHERE)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert answer["Content-Type"] == "application/problem+json"
    assert "sessionid" not in browser.cookies


class TestDjangoAdmin:
    """An admin must not become an owner by a way round the API."""

    @pytest.fixture
    def admin(self, person: Any) -> Client:
        browser = Browser()
        browser.sign_in(person("adm", role="admin").email)
        return browser.client

    def test_people_are_looked_at(self, admin: Client, person: Any) -> None:
        boss = person("boss", role="owner")
        page = f"/django-admin/accounts/user/{boss.pk}"
        shown = admin.get(f"{page}/change/").content.decode()
        assert "boss@example.org" in shown
        assert boss.password.split("$")[-1] not in shown
        assert "argon2" not in shown
        new = {"password1": "another horse battery", "password2": "another horse battery"}
        assert admin.post(f"{page}/password/", new).status_code in {403, 404, 302}
        assert admin.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
        assert admin.post(f"{page}/change/", {"is_active": ""}).status_code == 403
        assert admin.post("/django-admin/accounts/user/add/", new).status_code == 403
        boss.refresh_from_db()
        assert boss.is_active
        assert boss.check_password(PASSWORD)

    def test_a_session_left_open_changes_nothing(self, admin: Client) -> None:
        grown_old(str(admin.session.session_key))
        body = {"provider": "openai", "key": "sk-of-a-stranger-4711", "allow_unattended": "on"}
        body |= {"shares-TOTAL_FORMS": "0", "shares-INITIAL_FORMS": "0"}
        answer = admin.post("/django-admin/llm/providerkey/add/?from=list", body)
        assert answer.status_code == 403
        assert "no-store" in answer["Cache-Control"]
        assert not ProviderKey.objects.exists()
        shown = answer.content.decode()
        assert '<a href="/login/again/"' in shown, "the way to the proof"
        assert '<input type="hidden" name="provider" value="openai">' in shown, "nothing is lost"
        assert 'action="/django-admin/llm/providerkey/add/?from=list"' in shown
        assert "sk-of-a-stranger" not in shown, "but secrets, which no page shows"
        assert "asked for them again" in shown
        assert admin.get("/django-admin/llm/providerkey/").status_code == 200
        again = {"password": PASSWORD}
        admin.post("/v1/auth/browser/v1/auth/reauthenticate", again, "application/json")
        assert admin.post("/django-admin/llm/providerkey/add/", body).status_code == 302
        assert ProviderKey.objects.count() == 1

    def test_nobody_signs_in_there(self, person: Any) -> None:
        """Its own page would ask for no second factor, and count no tries."""
        boss = person("boss", role="owner")
        visitor = Client()
        shown = {"username": boss.username, "password": PASSWORD, "next": "/django-admin/"}
        for answer in (
            visitor.get("/django-admin/login/"),
            visitor.post("/django-admin/login/", shown),
        ):
            assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/login/")
        assert visitor.get("/v1/auth/me").status_code == 401

    def test_passwords_are_changed_on_our_page(self, admin: Client) -> None:
        answer = admin.get("/django-admin/password_change/")
        assert (answer.status_code, answer["Location"]) == (302, "/login/password/")

    def test_a_key_ends_as_over_the_api(self, admin: Client, person: Any) -> None:
        from apps.accounts.models import ApiKey, AuditEvent

        api_key_create(person("ada"), "cli", ["read"])
        key = ApiKey.objects.get()
        chosen = {"action": "revoke", "_selected_action": [key.pk]}
        assert admin.post("/django-admin/accounts/apikey/", chosen).status_code == 302
        key.refresh_from_db()
        assert key.revoked
        assert key.revoked_by is not None
        assert AuditEvent.objects.filter(action="api_key.revoke").exists()


def test_a_ticket_is_in_no_log_line(person: Any, caplog: pytest.LogCaptureFixture) -> None:
    from apps.core.log_masking import line_masked

    ticket = login_ticket_create(person("ada"))
    for _ in range(2):
        Client().get(f"/login/{ticket}/")
    assert ticket in caplog.text, "Django tells which page was gone"
    assert ticket not in line_masked(caplog.text)
