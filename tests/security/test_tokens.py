"""What opens doors stands in no log line, no address and no answer."""

import logging
from typing import Any

import pytest
from django.test import Client

from apps.accounts.services import user_create
from apps.core.log_masking import line_masked
from tests.security.conftest import bearer
from tests.security.world import World

JSON = "application/json"
PASSWORD = "correct horse battery"
MADE_UP = "djb_abcdefgh.made-up-4711-made-up"
ASKED = (
    ("GET", "/v1/runs"),
    ("GET", "/v1/runs/none"),
    ("GET", "/v1/nothing"),
    ("GET", "/v1/runs?cursor=x"),
    ("POST", "/v1/runs"),
    ("POST", "/v1/auth/stream-ticket"),
    ("DELETE", "/v1/auth/api-keys/none"),
    ("PUT", "/v1/status"),
)


@pytest.mark.django_db
def test_tokens_are_told_to_nobody(world: World, caplog: pytest.LogCaptureFixture) -> None:
    ada = world["ada"]
    told = ""
    for token in (ada.key, ada.session_token, MADE_UP, f"{ada.key}x", ada.session_token[:-1]):
        for method, path in ASKED:
            answer = Client(raise_request_exception=False).generic(
                method, path, b"{", content_type="application/json", headers=bearer(token)
            )
            told += answer.getvalue().decode() + str(answer.headers)
    logged = caplog.text
    assert "Unauthorized: /v1/runs" in logged, "the log is looked at"
    for token in (ada.key, ada.session_token, MADE_UP):
        secret = token.removeprefix("dst_").rpartition(".")[2][:16]
        assert len(secret) >= 12
        assert secret not in told
        assert secret not in logged


@pytest.mark.django_db
def test_lines_at_debug_tell_no_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Of whatever lets somebody in, or is stored sealed, on its way through every layer."""
    boss = user_create(email="boss@example.org", by=None, role="owner", password=PASSWORD)
    caplog.set_level(logging.DEBUG)
    browser, program = Client(), Client()

    def sent(client: Client, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        answer = client.post(path, body, content_type=JSON, headers=headers)
        assert answer.status_code < 300, (path, answer.content)
        return dict(answer.json()) if answer.content else {}

    shown = {"email": boss.email, "password": PASSWORD}
    sent(browser, "/v1/auth/browser/v1/auth/login", shown)
    pair = sent(program, "/v1/auth/app/v1/auth/login", shown)["meta"]
    fresh = sent(
        program, "/v1/auth/app/v1/tokens/refresh", {"refresh_token": pair["refresh_token"]}
    )["data"]
    device = sent(program, "/v1/auth/device", {"name": "djinn"})
    sent(browser, f"/v1/auth/device/{device['user_code']}", {"allow": True})
    code = {"device_code": device["device_code"]}
    tokens = sent(program, "/v1/auth/device/token", code)
    invite = {"email": "new@example.org", "role": "member"}
    link = sent(browser, "/v1/auth/invites", invite)["url"]
    key = sent(browser, "/v1/auth/api-keys", {"name": "k", "scopes": ["read"]})["key"]
    secret = {"name": "s", "type": "env", "value": "value-of-a-secret-4711"}
    sent(browser, "/v1/secrets", secret)
    ticket = sent(browser, "/v1/auth/stream-ticket", {"topics": ["runs"]})["ticket"]
    Client().get(f"/v1/events/stream?ticket={ticket}x")
    Client().get("/v1/auth/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    Client().get("/v1/runs", headers={"Authorization": f"Bearer {key}x"})

    logged = line_masked(caplog.text)
    assert "DEBUG" in logged, "the log is looked at"
    for what, text in {
        "password": PASSWORD,
        "access token": pair["access_token"],
        "refresh token": fresh["refresh_token"],
        "session": pair["session_token"],
        "device": device["device_code"],
        "tokens of a device": tokens["refresh_token"],
        "invite": link.partition("token=")[2],
        "key": key.partition(".")[2],
        "secret": secret["value"],
        "ticket": ticket,
        "cookie": browser.cookies["sessionid"].value,
    }.items():
        assert text
        assert text not in logged, what
