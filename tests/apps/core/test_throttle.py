"""How often one may call: counted in Redis for all processes, and by nobody when it is away."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
import redis
from pytest_django import Settings
from rest_framework.test import APIClient

from apps.accounts.models import ApiKey, User
from apps.accounts.services import session_token_create
from apps.core import redis as shared
from apps.core.aio import in_thread
from apps.core.api import throttle
from apps.core.api.throttle import Bucket, rate_take
from apps.core.async_sql import sql_pool_close
from apps.llm.gateway import asgi as gateway
from djinnbot.asgi import application

pytestmark = pytest.mark.django_db
Client = Callable[..., APIClient]

SLOW = Bucket(name="slow", per_minute=1, burst=3)  # refills too slowly to matter in a test


@pytest.fixture(autouse=True)
def _counted(redis_client: redis.Redis, settings: Settings) -> Iterator[None]:
    settings.RATE_LIMITS = True
    throttle._circuit = shared.Circuit(pause_s=3.0)
    yield
    throttle._circuit = shared.Circuit(pause_s=3.0)


def shrink(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(throttle, name, Bucket(name=name.lower(), per_minute=1, burst=3))


def taken(bucket: Bucket, who: str = "ada") -> tuple[int, bool]:
    rate = rate_take(bucket, who)
    assert rate is not None
    return rate.remaining, rate.wait_s > 0


def test_a_bucket_lets_its_burst_through_and_no_more() -> None:
    assert [taken(SLOW) for _ in range(5)] == [
        (2, False), (1, False), (0, False), (0, True), (0, True),
    ]  # fmt: skip
    assert taken(SLOW, "bob") == (2, False)
    rate = rate_take(SLOW, "ada")
    assert rate is not None
    assert 0 < rate.wait_s <= 60
    assert 120 < rate.reset_s <= 180


def test_a_bucket_fills_again() -> None:
    quick = Bucket(name="quick", per_minute=6000, burst=1)  # one each 10 ms
    for _ in range(20):
        rate = rate_take(quick, "ada")
        assert rate is not None
        assert rate.wait_s <= 0.01
    assert shared.redis_client().pttl("djinnbot:rate:quick:ada") <= 11, "an idle bucket is no key"


def test_a_refused_call_costs_nothing() -> None:
    for _ in range(3):
        taken(SLOW)
    first = rate_take(SLOW, "ada")
    for _ in range(10):
        rate_take(SLOW, "ada")
    last = rate_take(SLOW, "ada")
    assert first is not None
    assert last is not None
    assert last.wait_s <= first.wait_s


def test_too_many_calls_are_told_to_wait(
    api_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, "API_KEY")
    client = api_client(User.objects.create_user("ada"))
    allowed = [client.get("/v1/runs") for _ in range(3)]
    assert [answer.status_code for answer in allowed] == [200, 200, 200]
    assert [answer["RateLimit-Remaining"] for answer in allowed] == ["2", "1", "0"]
    assert allowed[0]["RateLimit-Limit"] == "1"
    refused = client.get("/v1/runs")
    assert refused.status_code == 429
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "rate_limited"
    assert 0 < int(refused["Retry-After"]) <= 60
    assert (refused["RateLimit-Limit"], refused["RateLimit-Remaining"]) == ("1", "0")


def test_each_key_session_and_person_has_its_own(
    api_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_KEY", "SESSION", "USER"):
        shrink(monkeypatch, name)
    ada = User.objects.create_user("ada")

    def session(name: str) -> APIClient:
        client = APIClient()
        token = session_token_create(name, "finn", user=ada)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    browser = APIClient()
    browser.force_login(ada)
    for client in (api_client(ada), api_client(ada), session("s1"), session("s2"), browser):
        answers = [client.get("/v1/sessions").status_code for _ in range(4)]
        assert answers == [200, 200, 200, 429]


def test_a_key_has_its_own_pace(api_client: Client) -> None:
    ada = User.objects.create_user("ada")
    slow, usual = api_client(ada), api_client(ada)
    ApiKey.objects.filter(user=ada).update(rate_per_minute=None)
    ApiKey.objects.filter(pk=ApiKey.objects.order_by("created")[0].pk).update(rate_per_minute=9)
    answers = [slow.get("/v1/sessions") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0]["RateLimit-Limit"] == "9"
    assert usual.get("/v1/sessions")["RateLimit-Limit"] == "300"
    ApiKey.objects.filter(rate_per_minute=9).update(rate_per_minute=90_000)
    assert slow.get("/v1/sessions")["RateLimit-Limit"] == "90000"


@pytest.mark.django_db(transaction=True)
async def test_model_calls_are_counted_with_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (throttle, gateway):
        monkeypatch.setattr(module, "SESSION", Bucket(name="session", per_minute=1, burst=3))
    token = await in_thread(session_token_create, "s1", "finn")
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx2.ASGITransport(app=application)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
            calls = [
                await client.post("/v1/internal/llm/v1/chat/completions", headers=headers)
                for _ in range(4)
            ]
            read = await client.get("/v1/sessions", headers=headers)
    finally:
        await sql_pool_close()
    assert [call.status_code == 429 for call in calls] == [False, False, False, True]
    assert calls[-1].json()["error"]["code"] == "rate_limited"
    assert 0 < int(calls[-1].headers["retry-after"]) <= 60
    assert read.status_code == 429, "the session has one bucket for all it calls"


def test_guessing_keys_is_counted_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    import apps.core.api.views as views

    monkeypatch.setattr(views, "ANONYMOUS", SLOW)

    def guess(address: str) -> Any:
        client = APIClient(REMOTE_ADDR=address)
        client.credentials(HTTP_AUTHORIZATION="Bearer djb_abcdefgh.made-up")
        return client.get("/v1/runs")

    assert [guess("10.0.0.1").status_code for _ in range(4)] == [401, 401, 401, 429]
    assert guess("10.0.0.2").status_code == 401


def test_health_is_never_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch, "ANONYMOUS")
    assert {APIClient().get("/v1/health").status_code for _ in range(6)} <= {200, 503}


def test_without_redis_everybody_goes_through(
    api_client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, "API_KEY")
    client = api_client(User.objects.create_user("ada"))
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    shared.redis_client.cache_clear()
    try:
        answers = [client.get("/v1/runs") for _ in range(5)]
    finally:
        shared.redis_client.cache_clear()
    assert [answer.status_code for answer in answers] == [200] * 5
    assert "RateLimit-Limit" not in answers[0]
    assert throttle._circuit.is_open, "asked once, not at each call"
