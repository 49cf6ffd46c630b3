"""What browsers are told, and what a cookie alone may not do."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from apps.accounts.models import User
from tests.apps.core.test_url_table import Operation, operations
from tests.security.test_odd_requests import url_of
from tests.security.world import World

pytestmark = pytest.mark.django_db

ADDRESSES = ("/", "/login/", "/v1/auth/status", "/v1/runs", "/v1/nothing", "/nothing")


def policy_of(answer: Any) -> dict[str, list[str]]:
    parts = [part.split() for part in answer["Content-Security-Policy"].split(";")]
    return {name: values for name, *values in parts}


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_is_closed_to_other_sites(address: str) -> None:
    answer = Client().get(address)
    policy = policy_of(answer)
    assert policy["default-src"] == ["'self'"]
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]
    for source in policy["script-src"]:
        assert source == "'self'" or source.startswith(("'nonce-", "'sha256-")), source
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]


def test_tls_is_kept_to_where_it_is_set(settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS, settings.SECURE_SSL_REDIRECT = 31_536_000, True
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    secure = Client().get("/v1/auth/status", secure=True)
    assert secure["Strict-Transport-Security"].startswith("max-age=31536000; includeSubDomains")
    plain = Client().get("/login/")
    assert (plain.status_code, plain["Location"][:8]) == (301, "https://")


def is_change(operation: Operation) -> bool:
    return operation.method != "GET" and "user" in operation.callers and not operation.is_async


def test_a_cookie_alone_changes_nothing(world: World) -> None:
    """Another site can make a browser send its cookie, and no more."""
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(world["root"].user)
    assert browser.get("/v1/auth/me").status_code == 200
    people = User.objects.order_by("pk").values_list("pk", "role", "display_name")
    before = list(people)
    for operation in filter(is_change, operations()):
        answer = browser.generic(
            operation.method, url_of(operation, world["root"]), b"{}",
            content_type="application/json", headers={"Origin": "https://elsewhere.example"},
        )  # fmt: skip
        assert answer.status_code == 403, (str(operation), answer.content)
        assert answer.json()["code"] == "csrf_failed", str(operation)
    assert list(people.all()) == before


def test_a_get_asks_for_no_right_to_change() -> None:
    """Links and pictures on other sites can make a browser send it."""
    for operation in operations():
        if operation.method == "GET":
            assert operation.scope in {"read", "admin", "usage:read"}, str(operation)
