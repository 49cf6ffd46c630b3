"""Signing in over the API: passwords, second factors, token pairs."""

import time
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client

from apps.accounts.models import AuditEvent, User
from apps.accounts.signin import totp
from apps.accounts.signin.notices import account_notice
from tests.apps.accounts.conftest import PASSWORD, Browser, Program

pytestmark = pytest.mark.django_db
Person = Callable[..., User]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the time that codes are made for."""
    now = [time.time()]
    monkeypatch.setattr(time, "time", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


@pytest.fixture
def notices() -> Any:
    heard: list[str] = []

    def hear(kind: str, **_: Any) -> None:
        heard.append(kind)

    account_notice.connect(hear)
    yield heard
    account_notice.disconnect(hear)


def enrol(browser: Browser) -> str:
    """Set up an authenticator app; gives back its secret."""
    assert browser.post("/auth/reauthenticate", {"password": PASSWORD}).status_code == 200
    secret = browser.get("/account/authenticators/totp").json()["meta"]["secret"]
    code = pyotp.TOTP(secret).now()
    answer = browser.post("/account/authenticators/totp", {"code": code})
    assert answer.status_code == 200, answer.content
    return str(secret)


def second_step(browser: Browser, code: str) -> int:
    """Give a code, and do not trust the browser for the next time."""
    answer = browser.post("/auth/2fa/authenticate", {"code": code})
    if answer.status_code == 401:
        assert {"id": "mfa_trust", "is_pending": True} in answer.json()["data"]["flows"]
        answer = browser.post("/auth/2fa/trust", {"trust": False})
    return int(answer.status_code)


def code_at(secret: str, moment: float) -> str:
    return pyotp.TOTP(secret).at(int(moment))


def test_password_signs_a_browser_in(person: Person, browser: Browser) -> None:
    user = person("ada")
    answer = browser.sign_in("ADA@example.org")
    assert answer.status_code == 200
    assert answer.json()["data"]["user"]["id"] == user.pk
    assert browser.is_in
    assert AuditEvent.objects.get(action="session.start").actor_id == user.pk


def test_wrong_password_is_refused_and_told_to_the_audit_log(
    person: Person, browser: Browser
) -> None:
    person("ada")
    assert browser.sign_in("ada@example.org", "wrong horse battery").status_code == 400
    assert not browser.is_in
    event = AuditEvent.objects.get(action="session.refused")
    assert event.result == "refused"
    assert "ada" not in str(event.facts)
    assert "wrong horse" not in str(event.facts)


def test_nobody_signs_up(browser: Browser) -> None:
    answer = browser.post("/auth/signup", {"email": "eve@example.org", "password": PASSWORD})
    assert answer.status_code == 403
    assert not User.objects.filter(email="eve@example.org").exists()


def test_second_factor_is_asked_for(
    person: Person, browser: Browser, clock: Callable[[float], None]
) -> None:
    user = person("ada")
    browser.sign_in("ada@example.org")
    secret = enrol(browser)
    user.refresh_from_db()
    assert user.has_second_factor
    assert secret not in str(Authenticator.objects.get(type="totp").data)

    other = Browser()
    answer = other.sign_in("ada@example.org")
    assert answer.status_code == 401
    assert "mfa_authenticate" in {flow["id"] for flow in answer.json()["data"]["flows"]}
    assert not other.is_in
    clock(60)
    assert second_step(other, code_at(secret, time.time())) == 200
    assert other.is_in


def test_setting_it_up_asks_for_the_password_again(person: Person, browser: Browser) -> None:
    person("ada")
    browser.sign_in("ada@example.org")
    secret = browser.get("/account/authenticators/totp").json()["meta"]["secret"]
    code = pyotp.TOTP(secret).now()
    answer = browser.post("/account/authenticators/totp", {"code": code})
    assert (answer.status_code, answer.json()["data"]["flows"][0]["id"]) == (401, "reauthenticate")


def test_code_works_once(person: Person, browser: Browser, clock: Callable[[float], None]) -> None:
    person("ada")
    browser.sign_in("ada@example.org")
    secret = enrol(browser)
    clock(60)
    code = code_at(secret, time.time())
    first, second = Browser(), Browser()
    for one in (first, second):
        one.sign_in("ada@example.org")
    assert second_step(first, code) == 200
    assert second_step(second, code) == 400
    before = code_at(secret, time.time() - 30)
    assert second_step(second, before) == 400
    assert not second.is_in
    clock(30)
    later = code_at(secret, time.time())
    assert second_step(second, later) == 200


def test_code_that_proved_the_set_up_is_used(person: Person, browser: Browser) -> None:
    person("ada")
    browser.sign_in("ada@example.org")
    began = int(time.time()) // totp.PERIOD_S
    secret = enrol(browser)
    other = Browser()
    other.sign_in("ada@example.org")
    code = pyotp.HOTP(secret).at(began)
    assert second_step(other, code) == 400


def test_recovery_code_works_once(person: Person, browser: Browser) -> None:
    person("ada")
    browser.sign_in("ada@example.org")
    enrol(browser)
    codes = browser.get("/account/authenticators/recovery-codes").json()["data"]["unused_codes"]
    assert len(codes) == 10
    first, second = Browser(), Browser()
    for one in (first, second):
        one.sign_in("ada@example.org")
    assert second_step(first, codes[0]) == 200
    assert second_step(second, codes[0]) == 400
    assert second_step(second, codes[1]) == 200


def test_required_second_factor_comes_before_all_else(
    person: Person, browser: Browser, settings: Any
) -> None:
    settings.SECOND_FACTOR_ROLES = ["admin"]
    person("ada", role="admin")
    browser.sign_in("ada@example.org")
    for path in ("/v1/runs", "/v1/admin/users"):
        answer = browser.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")
    enrol(browser)
    assert browser.client.get("/v1/runs").status_code == 200


def test_rotated_key_still_opens_second_factors(
    person: Person, browser: Browser, settings: Any
) -> None:
    person("ada")
    browser.sign_in("ada@example.org")
    enrol(browser)
    codes = browser.get("/account/authenticators/recovery-codes").json()["data"]["unused_codes"]
    settings.ENCRYPTION_KEYS = ["ab" * 32, *settings.ENCRYPTION_KEYS]
    call_command("rotate_keys")
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    other = Browser()
    other.sign_in("ada@example.org")
    assert second_step(other, codes[3]) == 200


# Programs


def pair(program: Program) -> dict[str, str]:
    answer = program.sign_in("ada@example.org")
    assert answer.status_code == 200, answer.content
    return dict(answer.json()["meta"])


def test_program_gets_a_token_pair(person: Person, program: Program) -> None:
    person("ada")
    tokens = pair(program)
    body = program.me(tokens["access_token"]).json()
    assert (body["email"], body["role"]) == ("ada@example.org", "member")
    assert "runs" in body["scopes"]
    assert "admin" not in body["scopes"]


def test_refresh_passes_the_family_on(person: Person, program: Program) -> None:
    person("ada")
    tokens = pair(program)
    answer = program.post("/tokens/refresh", {"refresh_token": tokens["refresh_token"]})
    assert answer.status_code == 200
    new = answer.json()["data"]
    assert new["refresh_token"] != tokens["refresh_token"]
    assert program.me(new["access_token"]).status_code == 200


def test_reused_refresh_token_ends_the_family(
    person: Person, program: Program, notices: list[str]
) -> None:
    person("ada")
    tokens = pair(program)
    old = {"refresh_token": tokens["refresh_token"]}
    new = program.post("/tokens/refresh", old).json()["data"]
    assert program.post("/tokens/refresh", old).status_code == 400  # the thief, or the victim
    assert program.me(new["access_token"]).status_code == 401
    newest = {"refresh_token": new["refresh_token"]}
    assert program.post("/tokens/refresh", newest).status_code == 400
    assert not Session.objects.exists()
    assert "refresh_reuse" in notices
    assert AuditEvent.objects.filter(action="refresh.reuse").count() == 1


def test_made_up_refresh_token_ends_nothing(person: Person, program: Program) -> None:
    person("ada")
    tokens = pair(program)
    for made_up in ("x", tokens["access_token"], tokens["refresh_token"][:-3] + "abc"):
        assert program.post("/tokens/refresh", {"refresh_token": made_up}).status_code == 400
    assert program.me(tokens["access_token"]).status_code == 200


def test_ended_session_ends_its_tokens_at_once(person: Person, program: Program) -> None:
    user = person("ada")
    tokens = pair(program)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    listed = program.client.get("/v1/auth/sessions", headers=bearer).json()
    assert [row["is_current"] for row in listed] == [True]
    stranger = person("eve")
    assert stranger.pk != user.pk
    url = f"/v1/auth/sessions/{listed[0]['id']}"
    assert program.client.delete(url, headers=bearer).status_code == 204
    assert program.me(tokens["access_token"]).status_code == 401


def test_session_of_somebody_else_is_not_found(person: Person, browser: Browser) -> None:
    person("ada")
    person("eve")
    browser.sign_in("ada@example.org")
    mine = browser.client.get("/v1/auth/sessions").json()[0]["id"]
    eve = Browser()
    eve.sign_in("eve@example.org")
    assert eve.client.delete(f"/v1/auth/sessions/{mine}").status_code == 404
    assert eve.client.delete("/v1/auth/sessions/abc").status_code == 404
    assert browser.is_in


def test_signing_out_everywhere_else(person: Person, browser: Browser) -> None:
    person("ada")
    other = Browser()
    for one in (browser, other):
        one.sign_in("ada@example.org")
    assert browser.client.delete("/v1/auth/sessions").status_code == 204
    assert browser.is_in
    assert not other.is_in
    assert browser.client.post("/v1/auth/logout").status_code == 204
    assert not browser.is_in


def test_new_device_is_told(person: Person, notices: list[str]) -> None:
    person("ada")
    one, other = Browser(), Browser()
    one.client = Client(headers={"User-Agent": "firefox"})
    one.sign_in("ada@example.org")
    assert "new_device" not in notices
    other.client = Client(headers={"User-Agent": "curl"})
    other.sign_in("ada@example.org")
    assert "new_device" in notices


@pytest.mark.parametrize("client", ["browser", "app"])
@pytest.mark.parametrize(
    "path",
    [
        "auth/session",
        "auth/sessions",
        "account/authenticators",
        "account/authenticators/totp",
        "account/authenticators/recovery-codes",
        "account/authenticators/webauthn",
    ],
)
def test_nobody_is_let_in(client: str, path: str, redis_client: Any) -> None:
    answer = Client().get(f"/v1/auth/{client}/v1/{path}")
    assert answer.status_code == 401
    assert answer.json()["meta"]["is_authenticated"] is False
