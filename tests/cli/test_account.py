"""Signing in from a terminal."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pyotp
import pytest

from tests.support.cli import Answer, djinn
from tests.support.stack import Stack

pytestmark = pytest.mark.system
PASSWORD = "correct horse battery"
Cli = Callable[..., Answer]


@pytest.fixture
def cli(stack: Stack, tmp_path: Path) -> Cli:
    """`djinn` of somebody on another machine: no key of theirs is known there."""

    def run(*arguments: str, stdin: str = "") -> Answer:
        return djinn("--url", stack.url, *arguments, home=tmp_path, stdin=stdin)

    return run


@pytest.fixture
def newcomer(stack: Stack) -> dict[str, Any]:
    """Somebody whose password an administrator chose."""
    body = {"email": "ada@example.org", "role": "member", "password": PASSWORD}
    made = stack.api.post("/v1/admin/users", json=body)
    assert made.status_code == 201, made.text
    return body


@pytest.fixture
def ada(stack: Stack) -> dict[str, Any]:
    """Somebody who chose their password, with an invite."""
    body = {"email": "ada@example.org", "role": "member"}
    link = stack.api.post("/v1/auth/invites", json=body).json()["url"]
    accept = {"token": link.partition("token=")[2], "password": PASSWORD}
    made = httpx2.post(f"{stack.url}/v1/auth/invites/accept", json=accept)
    assert made.status_code == 201, made.text
    return body


def sign_in(cli: Cli, password: str = PASSWORD, more: str = "") -> Answer:
    arguments = ("login", "--user", "ada@example.org", "--password-stdin")
    return cli(*arguments, stdin=f"{password}\n{more}")


def test_password_and_back(cli: Cli, newcomer: dict[str, Any], tmp_path: Path) -> None:
    assert cli("whoami").code == 3
    wrong = sign_in(cli, "wrong horse battery")
    assert wrong.code == 3
    assert "not correct" in wrong.err
    other = "somewhat longer horse battery"  # the administrator's is changed at the first sign-in
    answer = sign_in(cli, more=f"{other}\n")
    assert answer.code == 0, answer
    assert "Choose your own" in answer.err
    assert "ada@example.org (member)" in answer.err
    assert sign_in(cli).code == 3
    answer = sign_in(cli, other)
    assert answer.code == 0, answer
    assert "Choose your own" not in answer.err
    kept = tmp_path / "auth.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in kept.read_text()
    assert cli("--json", "whoami").json["email"] == "ada@example.org"
    assert cli("runs", "list").code == 0

    made = cli("keys", "create", "ci", "--scope", "read", "--from", "127.0.0.1")
    assert made.out.startswith("djb_")
    key_id = made.out.removeprefix("djb_").partition(".")[0]
    assert key_id in cli("keys", "list").out
    assert cli("keys", "revoke", key_id).code == 0
    assert cli("--api-key", made.out.strip(), "whoami").code == 3

    data = tmp_path / "mine.zip"
    assert cli("account", "export", "-o", str(data)).code == 0
    assert data.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(data) as archive:
        assert b"ada@example.org" in archive.read("profile.json")
    assert cli("account", "export", "-o", str(data)).code == 6, "it is there already"

    assert cli("logout").code == 0
    assert cli("whoami").code == 3
    assert cli("logout").code == 3
    gone = cli("account", "delete", "--yes", "-u", "ada@example.org", "--password-stdin",
               stdin=f"{other}\n")  # fmt: skip
    assert gone.code == 0, gone
    assert sign_in(cli, other).code == 3


def test_with_a_key(cli: Cli, stack: Stack) -> None:
    assert cli("login", "--with-key", "--password-stdin", stdin="djb_made_up\n").code == 3
    answer = cli("login", "--with-key", "--password-stdin", stdin=f"{stack.api_key}\n")
    assert answer.code == 0, answer
    assert cli("--json", "whoami").json["role"] == "owner"


def test_second_factor_is_asked_for(cli: Cli, stack: Stack, ada: dict[str, Any]) -> None:
    with httpx2.Client(base_url=f"{stack.url}/v1/auth/app/v1") as app:
        login = {"email": ada["email"], "password": PASSWORD}
        meta = app.post("/auth/login", json=login).json()["meta"]
        app.headers["X-Session-Token"] = meta["session_token"]
        assert app.post("/auth/reauthenticate", json={"password": PASSWORD}).status_code == 200
        secret = app.get("/account/authenticators/totp").json()["meta"]["secret"]
        code = pyotp.TOTP(secret).now()
        assert app.post("/account/authenticators/totp", json={"code": code}).status_code == 200
        codes = app.get("/account/authenticators/recovery-codes").json()["data"]["unused_codes"]
    try:
        assert sign_in(cli, more="000000\n").code == 3
        answer = sign_in(cli, more=f"{codes[0]}\n")
        assert answer.code == 0, answer
        assert cli("whoami").code == 0
    finally:
        stack.live.manage("reset_second_factor", ada["email"])
    assert sign_in(cli).code == 0
