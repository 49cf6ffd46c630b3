"""Who is let in, as whom, and until when."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import ApiKey, SessionToken, User
from apps.accounts.services import (
    accounts_prune,
    api_key_create,
    session_token_create,
    session_tokens_revoke,
)
from apps.core.errors import Invalid

pytestmark = pytest.mark.django_db


@pytest.fixture
def member() -> User:
    return User.objects.create_user("member", email="m@example.org")


def me(token: str) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client.get("/v1/auth/me")


def test_key_stands_for_its_user_with_its_scopes(member: User) -> None:
    answer = me(api_key_create(member, "cli", ["read", "runs"]))
    assert answer.json() == {
        "kind": "user",
        "id": member.pk,
        "username": "member",
        "email": "m@example.org",
        "display_name": "",
        "locale": "",
        "timezone": "",
        "preferences": {},
        "role": "member",
        "is_admin": False,
        "scopes": ["read", "runs"],
        "second_factor": False,
        "second_factor_needed": False,
        "must_change_password": False,
        "session_id": "",
        "agent_id": "",
    }


def test_key_is_known_by_its_hash_only(member: User) -> None:
    key = api_key_create(member, "cli", ["read"])
    row = ApiKey.objects.values().get()
    secret = key.partition(".")[2]
    assert len(secret) >= 40
    assert secret not in str(row)
    assert key.startswith(f"djb_{row['prefix']}.")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"revoked": True}, "token_revoked"),
        ({"expiry_date": timezone.now() - timedelta(seconds=1)}, "token_expired"),
    ],
)
def test_key_that_has_ended(member: User, change: dict[str, Any], code: str) -> None:
    key = api_key_create(member, "cli", ["read"])
    assert me(key).status_code == 200
    ApiKey.objects.update(**change)
    answer = me(key)
    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_disabled_account_ends_keys_and_sessions(member: User) -> None:
    key = api_key_create(member, "cli", ["read"])
    token = session_token_create("ses_1", "finn", user=member)
    User.objects.update(is_active=False)
    assert me(key).status_code == 401
    assert me(token).status_code == 401


def test_wrong_secret_of_a_right_prefix(member: User) -> None:
    key = api_key_create(member, "cli", ["read"])
    assert me(key[:-1] + ("a" if key[-1] != "a" else "b")).status_code == 401


def test_last_use_is_noted_once_a_minute(member: User) -> None:
    key = api_key_create(member, "cli", ["read"])
    me(key)
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    me(key)
    assert ApiKey.objects.get().last_used_at == first


def test_agent_session_without_a_user() -> None:
    token = session_token_create("ses_1", "finn", "run_1", ttl_s=60)
    body = me(token).json()
    assert (body["kind"], body["id"], body["session_id"]) == ("session", None, "ses_1")
    assert (body["agent_id"], body["is_admin"]) == ("finn", False)
    assert body["scopes"] == ["chat", "read"]


def test_agent_of_an_administrator_is_none(member: User) -> None:
    User.objects.update(role="owner")
    token = session_token_create("ses_1", "finn", user=member, grants={"scopes": ["admin", "read"]})
    assert me(token).json()["is_admin"] is False
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.9").status_code == 403
    assert client.post("/v1/auth/login-link").status_code == 403


def test_session_token_ends_with_its_session() -> None:
    token = session_token_create("ses_1", "finn")
    other = session_token_create("ses_2", "finn")
    assert session_tokens_revoke("ses_1") == 1
    answer = me(token)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")
    assert me(other).status_code == 200
    SessionToken.objects.update(revoked_at=None, expires_at=timezone.now())
    assert me(other).json()["code"] == "token_expired"


def test_old_tokens_are_forgotten() -> None:
    session_token_create("ses_1", "finn")
    session_token_create("ses_2", "finn")
    SessionToken.objects.filter(session_id="ses_1").update(
        expires_at=timezone.now() - timedelta(days=2)
    )
    assert accounts_prune() == 1
    assert SessionToken.objects.get().session_id == "ses_2"


def test_key_cannot_exceed_its_owner(member: User) -> None:
    with pytest.raises(Invalid):
        api_key_create(member, "cli", ["admin"])
    with pytest.raises(Invalid):
        api_key_create(member, "cli", ["fly"])


def test_keys_are_managed_over_the_api(member: User, api_client: Callable[..., APIClient]) -> None:
    client = api_client(member, ["read", "account"])
    made = client.post("/v1/auth/api-keys", {"name": "ci", "scopes": ["read"]}, format="json")
    assert made.status_code == 201
    key = made.json()["key"]
    assert me(key).status_code == 200
    listed = client.get("/v1/auth/api-keys").json()
    assert [entry["name"] for entry in listed] == ["ci", "test"]
    assert key.partition(".")[2] not in str(listed)
    assert client.delete(f"/v1/auth/api-keys/{made.json()['id']}").status_code == 204
    assert me(key).status_code == 401


def test_key_makes_no_wider_key(member: User, api_client: Callable[..., APIClient]) -> None:
    answer = api_client(member, ["account"]).post(
        "/v1/auth/api-keys", {"name": "ci", "scopes": ["runs"]}, format="json"
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_key_of_somebody_else_is_not_found(
    member: User, api_client: Callable[..., APIClient]
) -> None:
    stranger = User.objects.create_user("stranger")
    api_key_create(stranger, "theirs", ["read"])
    theirs = ApiKey.objects.get(name="theirs")
    answer = api_client(member).delete(f"/v1/auth/api-keys/{theirs.prefix}")
    assert answer.status_code == 404
    theirs.refresh_from_db()
    assert not theirs.revoked


def test_browser_session_needs_a_csrf_token_to_write(member: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(member)
    assert client.get("/v1/auth/me").status_code == 200
    answer = client.post("/v1/auth/api-keys", {"name": "x"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


class TestAuthenticationOff:
    @pytest.fixture(autouse=True)
    def _off(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        from apps.accounts.api.views.me import MeView
        from apps.accounts.authentication import ApiKeyAuthentication, OpenAuthentication

        settings.AUTH_ENABLED = False
        settings.DEBUG = True
        classes = [ApiKeyAuthentication, OpenAuthentication]
        monkeypatch.setattr(MeView, "authentication_classes", classes)
        User.objects.create_superuser("owner")

    def test_this_machine_is_the_owner(self) -> None:
        assert APIClient().get("/v1/auth/me").json()["username"] == "owner"

    @pytest.mark.parametrize(
        "facts",
        [
            {"REMOTE_ADDR": "10.0.0.9"},
            {"REMOTE_ADDR": ""},  # the Unix socket: boxes speak through it
            {"HTTP_X_FORWARDED_FOR": "1.2.3.4"},
        ],
    )
    def test_nobody_else_is(self, facts: dict[str, Any]) -> None:
        assert APIClient().get("/v1/auth/me", **facts).status_code == 401

    def test_never_without_debug(self, settings: Any) -> None:
        settings.DEBUG = False
        assert APIClient().get("/v1/auth/me").status_code == 401

    def test_bad_credential_is_still_refused(self) -> None:
        assert me("djb_made.up").status_code == 401


@pytest.mark.parametrize(
    ("auth", "debug", "host", "errors"),
    [
        (True, False, "0.0.0.0", []),
        (False, True, "127.0.0.1", []),
        (False, True, "localhost", []),
        (False, True, "::1", []),
        (False, True, "0.0.0.0", ["djinnbot.E001"]),
        (False, False, "127.0.0.1", ["djinnbot.E001"]),
        (False, True, "example.org", ["djinnbot.E001"]),
    ],
)
def test_check_of_unsafe_settings(
    settings: Any, auth: bool, debug: bool, host: str, errors: list[str]
) -> None:
    from apps.accounts.checks import auth_is_on

    settings.AUTH_ENABLED, settings.DEBUG, settings.BIND_HOST = auth, debug, host
    assert [message.id for message in auth_is_on(None)] == errors
