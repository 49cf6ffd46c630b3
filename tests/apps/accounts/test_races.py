"""What works once works once, also when several come at the same moment."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pyotp
import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.models import DataExport, DeviceSignIn, User
from apps.accounts.services import invite_create
from tests.apps.accounts.conftest import PASSWORD, Browser
from tests.apps.accounts.test_headless import enrol, second_step

pytestmark = pytest.mark.django_db(transaction=True)
Person = Callable[..., User]


def at_once(calls: Sequence[Callable[[], int]]) -> list[int]:
    """The statuses of calls that begin together."""
    gate = Barrier(len(calls))

    def run(call: Callable[[], int]) -> int:
        try:
            gate.wait(60)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return sorted(pool.map(run, calls))


def posted(client: Any, path: str, body: dict[str, Any]) -> Callable[[], int]:
    return lambda: int(client.post(path, body, content_type="application/json").status_code)


def test_an_invite_makes_one_account(redis_client: object) -> None:
    _, token = invite_create(email="ada@example.org", role="member", by=None)
    body = {"token": token, "password": PASSWORD}
    statuses = at_once([posted(Client(), "/v1/auth/invites/accept", body) for _ in range(4)])
    assert statuses == [201, 410, 410, 410]
    assert User.objects.filter(email="ada@example.org").count() == 1


@pytest.mark.parametrize("kind", ["recovery", "totp"])
def test_a_code_lets_one_in(person: Person, browser: Browser, kind: str) -> None:
    person("ada")
    browser.sign_in("ada@example.org")
    secret = enrol(browser)
    codes = browser.get("/account/authenticators/recovery-codes").json()["data"]["unused_codes"]
    code = codes[0] if kind == "recovery" else pyotp.TOTP(secret).at(int(time.time()) + 30)
    waiting = [Browser() for _ in range(4)]
    for one in waiting:
        one.sign_in("ada@example.org")

    def proves(one: Browser) -> Callable[[], int]:
        return lambda: second_step(one, code)

    statuses = at_once([proves(one) for one in waiting])
    assert statuses == [200, 400, 400, 400]


def test_a_device_is_answered_and_let_in_once(person: Person) -> None:
    person("ada")
    person("bob")
    told = Client().post("/v1/auth/device", {"name": "x"}, content_type="application/json").json()
    browsers = []
    for name in ("ada", "bob"):
        browsers.append(Browser())
        browsers[-1].sign_in(f"{name}@example.org")
    path = f"/v1/auth/device/{told['user_code']}"
    answers = at_once([posted(one.client, path, {"allow": True}) for one in browsers])
    assert answers == [204, 404]
    code = {"device_code": told["device_code"]}
    asked = at_once([posted(Client(), "/v1/auth/device/token", code) for _ in range(4)])
    assert asked == [200, 400, 400, 400]
    assert DeviceSignIn.objects.get().used_at is not None


def test_one_export_is_begun(person: Person, api_client: Callable[..., APIClient]) -> None:
    client = api_client(person("ada"))
    asks = [lambda: int(client.get("/v1/users/me/export").status_code)] * 4
    assert at_once(asks) == [202] * 4
    assert DataExport.objects.count() == 1
