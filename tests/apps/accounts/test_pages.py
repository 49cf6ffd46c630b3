"""Signing in and out in a browser: by a link, by a password, and how guessing is braked."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import StreamTicket, User
from apps.accounts.services import login_ticket_create

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture
def owner(redis_client: redis.Redis) -> User:
    return User.objects.create_superuser("owner", password=PASSWORD)


def signed_in(client: Client) -> bool:
    return client.get("/v1/auth/me").status_code == 200


def test_link_signs_in_once(owner: User) -> None:
    link = f"/login/{login_ticket_create(owner)}/"
    browser, thief = Client(), Client()
    assert browser.head(link).status_code == 200  # a preview uses nothing up
    answer = browser.get(link + "?next=/runs/run_1")
    assert (answer.status_code, answer["Location"]) == (302, "/runs/run_1")
    assert signed_in(browser)
    assert thief.get(link).status_code == 410
    assert thief.head(link).status_code == 410
    assert not signed_in(thief)


def test_link_does_not_lead_away(owner: User) -> None:
    for target in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        link = f"/login/{login_ticket_create(owner)}/"
        assert Client().get(link, {"next": target})["Location"] == "/"


def test_link_that_is_too_old_or_made_up(owner: User) -> None:
    link = f"/login/{login_ticket_create(owner)}/"
    StreamTicket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = Client().get(link)
    assert answer.status_code == 410
    assert "djinn login-link" in answer.content.decode()
    assert Client().get("/login/made-up/").status_code == 410


def test_stream_ticket_is_no_login(owner: User, api_client: Callable[..., APIClient]) -> None:
    made = api_client(owner).post("/v1/auth/stream-ticket", {}, format="json").json()
    assert Client().get(f"/login/{made['ticket']}/").status_code == 410


def test_command_line_gets_a_link(owner: User, api_client: Callable[..., APIClient]) -> None:
    made = api_client(owner).post("/v1/auth/login-link", {"next": "/runs/x"}, format="json")
    assert made.status_code == 201
    browser = Client()
    path = made.json()["url"].partition("8000")[2]
    assert browser.get(path)["Location"] == "/runs/x"
    away = api_client(owner).post("/v1/auth/login-link", {"next": "//evil"}, format="json")
    assert away.status_code == 422


LOGIN = "/v1/auth/browser/v1/auth/login"


def test_password_signs_in_and_out(owner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.get("/login/?next=/runs/x").status_code == 200
    form = {"username": "owner", "password": PASSWORD}
    assert browser.post(LOGIN, form, "application/json").status_code == 403, "no CSRF token"
    token = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    assert browser.post(LOGIN, form, "application/json", headers=token).status_code == 200
    assert signed_in(browser)
    out = "/v1/auth/logout"
    assert browser.post(out, {}, "application/json").status_code == 403, "no CSRF token"
    token = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    assert browser.post(out, {}, "application/json", headers=token).status_code == 204
    assert not signed_in(browser)


def guess(username: str, password: str = "", address: str = "10.0.0.1") -> str:
    """`in`, or what the server says."""
    form = {"username": username, "password": password or "wrong"}
    answer = Client().post(LOGIN, form, "application/json", REMOTE_ADDR=address)
    return "in" if answer.status_code == 200 else f"{answer.status_code} {answer.content.decode()}"


def test_guessing_is_braked_for_an_account(owner: User) -> None:
    for number in range(5):
        assert "too_many" not in guess("owner", address=f"10.0.0.{number}")
    assert "too_many" in guess("owner", PASSWORD, address="10.0.0.99")
    assert "too_many" not in guess("somebody", address="10.0.0.99")


def test_guessing_is_braked_for_an_address(owner: User) -> None:
    for number in range(10):
        assert guess(f"user{number}").startswith("400")
    assert guess("owner", PASSWORD) != "in"
    assert guess("owner", PASSWORD, address="10.0.0.2") == "in"


def test_unknown_account_sounds_like_a_wrong_password(owner: User) -> None:
    assert guess("owner") == guess("nobody")
    assert guess("owner").startswith("400")


@pytest.mark.parametrize("local_login", ["all", "owner_only"])
def test_unknown_account_costs_as_much_as_a_wrong_password(
    owner: User, settings: Any, monkeypatch: pytest.MonkeyPatch, local_login: str
) -> None:
    """Hashing is what takes long: nobody can tell by the clock who is there."""
    settings.LOCAL_LOGIN = local_login
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    member = User.objects.create_user("member", "member@example.org", PASSWORD)
    User.objects.create_user("guest", "guest@example.org")  # who comes in by a provider only
    owner.set_password(PASSWORD)
    owner.save()
    runs: list[str] = []
    for name in ("encode", "verify"):
        real = getattr(Argon2PasswordHasher, name)

        def counted(self: Any, *args: Any, real: Any = real, name: str = name) -> Any:
            runs.append(name)
            return real(self, *args)

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)
    seen = {}
    for who in ("owner", member.username, "guest", "nobody"):
        runs.clear()
        assert guess(who, "wrong horse battery").startswith("400")
        seen[who] = len(runs)
    assert set(seen.values()) == {1}, seen


def test_without_redis_no_password_works(owner: User, settings: Any) -> None:
    dead = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": dead}
    browser = Client(raise_request_exception=False)
    form = {"username": "owner", "password": PASSWORD}
    answer = browser.post(LOGIN, form, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (503, "dependency_down")
    assert not signed_in(browser)


@pytest.mark.parametrize("model", ["user", "apikey", "sessiontoken", "streamticket"])
def test_admin_shows_no_secret(
    owner: User, api_client: Callable[..., APIClient], model: str
) -> None:
    from apps.accounts.models import ApiKey, SessionToken
    from apps.accounts.services import session_token_create

    api_client(owner)
    session_token_create("ses_1", "finn")
    login_ticket_create(owner)
    browser = Client()
    browser.force_login(owner)
    secrets = [
        ApiKey.objects.get().hashed_key,
        SessionToken.objects.get().token_sha256,
        StreamTicket.objects.get().ticket_sha256,
    ]
    pages = [browser.get(f"/django-admin/accounts/{model}/")]
    if model != "streamticket":
        key: Any = {"user": owner.pk, "apikey": ApiKey.objects.get().pk}.get(
            model, SessionToken.objects.get().pk
        )
        pages.append(browser.get(f"/django-admin/accounts/{model}/{key}/change/"))
    for page in pages:
        assert page.status_code == 200
        assert not [secret for secret in secrets if secret in page.content.decode()]
