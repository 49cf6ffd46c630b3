"""A browser's POST with a cookie, a CSRF token and an Idempotency-Key."""

import pytest
from django.test import Client

from tests.support.runs import make_user

pytestmark = pytest.mark.django_db


def test_a_cookie_and_an_idempotency_key_go_together(redis_client: object) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_user("boss", is_staff=True, is_superuser=True, role="owner"))
    browser.cookies["csrftoken"] = "a" * 32
    answer = browser.post(
        "/v1/llm/budgets",
        {"scope": "user", "window": "hour", "hard_usd": 1},
        content_type="application/json",
        headers={"X-CSRFToken": "a" * 32, "Idempotency-Key": "one"},
    )
    assert answer.status_code == 201, answer.content
