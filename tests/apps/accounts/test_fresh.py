"""What a session may do only shortly after its person has shown who they are."""

import time
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from allauth.mfa.totp.internal import auth as totp
from django.contrib.sessions.models import Session
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import login_ticket_create
from tests.apps.accounts.conftest import PASSWORD, Browser, Program, grown_old
from tests.apps.core.test_url_table import Operation, operations

pytestmark = pytest.mark.django_db
Person = Callable[..., User]

ASK_AGAIN = {
    *("POST /v1/auth/api-keys", "PATCH /v1/auth/api-keys/{key_id}"),
    *("POST /v1/auth/service-keys", "POST /v1/auth/agent-keys", "POST /v1/auth/login-link"),
    *("POST /v1/auth/invites", "POST /v1/waitlist/{entry_id}/invite"),
    "POST /v1/waitlist/invite-bulk",
    *("POST /v1/auth/oidc-providers", "PATCH /v1/auth/oidc-providers/{provider_id}"),
    "DELETE /v1/auth/oidc-providers/{provider_id}",
    *("POST /v1/admin/users", "PATCH /v1/admin/users/{user_id}"),
    *("POST /v1/admin/users/{user_id}/reset-second-factor", "DELETE /v1/admin/users/{user_id}"),
    *("POST /v1/auth/device/{code}", "POST /v1/users/me/delete"),
    *("POST /v1/llm/providers", "PATCH /v1/llm/providers/{provider_id}"),
    *("DELETE /v1/llm/providers/{provider_id}", "PUT /v1/llm/providers/{provider_id}/key"),
    *("DELETE /v1/llm/providers/{provider_id}/key", "POST /v1/llm/providers/{provider_id}/shares"),
    *("PATCH /v1/secrets/{secret_id}", "DELETE /v1/secrets/{secret_id}"),
    "POST /v1/secrets/{secret_id}/grant/{agent_id}",
    "POST /v1/admin/secrets/{secret_id}/users/{user_id}",
}
KEY = {"name": "ci", "scopes": ["read"]}


def asking() -> list[Operation]:
    return [operation for operation in operations() if operation.asks_again]


def test_these_ask() -> None:
    assert {str(operation) for operation in asking()} == ASK_AGAIN


@pytest.fixture
def boss(person: Person) -> User:
    return person("boss", role="owner")


@pytest.fixture
def signed_in(boss: User, browser: Browser) -> Browser:
    assert browser.sign_in(boss.email).status_code == 200
    return browser


def key_of(browser: Browser) -> str:
    return str(browser.client.session.session_key)


def call(client: Any, operation: Operation, **headers: str) -> tuple[int, str]:
    client.raise_request_exception = False
    answer = client.generic(
        operation.method, operation.url, b"{}", content_type="application/json", headers=headers
    )
    return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else ""


def test_a_session_left_open_is_refused_and_others_are_not(
    signed_in: Browser, boss: User, api_client: Callable[..., APIClient], program: Program
) -> None:
    tokens = program.sign_in(boss.email).json()["meta"]
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    script = api_client(boss)
    for operation in asking():
        assert call(signed_in.client, operation)[1] != "reauthentication_required", str(operation)
        assert call(program.client, operation, **bearer)[1] != "reauthentication_required"
        assert call(script, operation)[1] != "reauthentication_required", str(operation)
    for session in Session.objects.all():
        grown_old(session.session_key)
    for operation in asking():
        refused = (403, "reauthentication_required")
        assert call(signed_in.client, operation) == refused, str(operation)
        assert call(program.client, operation, **bearer) == refused, str(operation)
        assert call(script, operation)[1] != "reauthentication_required", str(operation)
    assert signed_in.client.get("/v1/auth/api-keys").status_code == 200


def make_key(browser: Browser) -> int:
    made = browser.client.post("/v1/auth/api-keys", KEY, content_type="application/json")
    return int(made.status_code)


def test_the_password_opens_it_again(signed_in: Browser) -> None:
    grown_old(key_of(signed_in))
    assert make_key(signed_in) == 403
    assert signed_in.post("/auth/reauthenticate", {"password": "wrong horse"}).status_code == 400
    assert make_key(signed_in) == 403
    assert signed_in.post("/auth/reauthenticate", {"password": PASSWORD}).status_code == 200
    assert make_key(signed_in) == 201


def test_a_code_opens_it_again(signed_in: Browser, boss: User) -> None:
    secret = totp.generate_totp_secret()
    instance = totp.TOTP.activate(boss, secret).instance
    instance.data["last_counter"] = int(time.time()) // 30 - 5
    instance.save()
    grown_old(key_of(signed_in))
    assert make_key(signed_in) == 403
    code = pyotp.TOTP(secret).now()
    assert signed_in.post("/auth/2fa/reauthenticate", {"code": code}).status_code == 200
    assert make_key(signed_in) == 201


def test_who_has_nothing_to_show_is_not_asked(person: Person, browser: Browser) -> None:
    """Their identity provider knows them, or a link of the server's let them in."""
    ada = person("ada", password=None)
    browser.client.get(f"/login/{login_ticket_create(ada)}/")
    grown_old(key_of(browser))
    assert make_key(browser) == 201


def test_a_link_has_shown_enough_for_a_while(boss: User, browser: Browser) -> None:
    browser.client.get(f"/login/{login_ticket_create(boss)}/")
    assert make_key(browser) == 201
    grown_old(key_of(browser))
    assert make_key(browser) == 403
