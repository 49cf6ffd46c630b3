"""Bad providers: who is asked next, what is remembered of it, and what a client is told."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.accounts.services import session_token_create
from apps.core.aio import in_thread
from apps.core.async_sql import sql_pool_close
from apps.core.models import Event
from apps.llm import services
from apps.llm.gateway import health
from apps.llm.gateway.asgi import with_gateway
from apps.llm.gateway.table import PREFIX
from apps.llm.gateway.waiting import retry_after_s
from apps.llm.models import Budget, BudgetHold, LlmCall, ProviderKey, RegistryVersion
from tests.apps.llm.foreign import Answer, Asked, Foreign, foreign_provider, refused, said

pytestmark = pytest.mark.django_db(transaction=True)


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("only the gateway is asked")


@pytest.fixture(autouse=True)
def _quick(settings: Settings, redis_client: Any) -> Iterator[None]:
    """No waits between tries, and nothing known from another test."""
    settings.LLM_RETRIES = 0
    health.forget()
    yield
    for name in redis_client.scan_iter(f"{health.PREFIX}*"):
        redis_client.delete(name)


@pytest.fixture
def first() -> Iterator[Foreign]:
    with foreign_provider() as foreign:
        add("custom-first", foreign)
        yield foreign


@pytest.fixture
def second() -> Iterator[Foreign]:
    with foreign_provider() as foreign:
        add("custom-second", foreign)
        yield foreign


def add(provider_id: str, foreign: Foreign, **more: Any) -> None:
    services.provider_create(
        slug=provider_id, base_url=foreign.url, **{"allow_private": True, **more}
    )


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    gateway: Any = with_gateway(_nothing)
    transport = httpx2.ASGITransport(app=gateway)
    async with httpx2.AsyncClient(transport=transport, base_url=f"http://gateway{PREFIX}") as made:
        yield made
    await sql_pool_close()


async def ask(
    client: httpx2.AsyncClient, model: str, user: User | None = None, **more: Any
) -> httpx2.Response:
    token = await in_thread(
        session_token_create,
        session_id="ses_1",
        agent_id="finn",
        grants={"models": [model]},
        user=user,
        ttl_s=600,
    )
    body = {"model": model, "messages": [{"role": "user", "content": "go"}], **more}
    headers = {"authorization": f"Bearer {token}"}
    return await client.post("/chat/completions", json=body, headers=headers)


def rows() -> list[LlmCall]:
    return list(LlmCall.objects.order_by("created_at", "attempt"))


@asynccontextmanager
async def table_away(name: str) -> AsyncIterator[None]:
    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE "{old}" RENAME TO "{new}"')

    await in_thread(rename, name, f"{name}_away")
    try:
        yield
    finally:
        await in_thread(rename, f"{name}_away", name)


async def test_a_failed_provider_gives_way_to_the_next(
    client: httpx2.AsyncClient, first: Foreign, second: Foreign
) -> None:
    first.answer = lambda asked: refused(503, "down for repairs")
    await in_thread(services.alias_set, name="both", chain=["custom-first/a", "custom-second/b"])
    answer = await ask(client, "both")
    assert answer.json()["choices"][0]["message"]["content"] == "hello"
    assert second.asked[0].body["model"] == "b"
    failed, answered = await in_thread(rows)
    assert (failed.error_class, failed.attempt, failed.fallback_of) == (
        "upstream_unavailable",
        1,
        "",
    )
    assert (answered.model, answered.attempt, answered.fallback_of) == ("b", 2, failed.id)
    assert (answered.requested_model, answered.request_id) == ("both", failed.request_id)


@pytest.mark.parametrize("status", [400, 422])
async def test_what_the_request_is_to_blame_for_goes_no_further(
    client: httpx2.AsyncClient, first: Foreign, second: Foreign, status: int
) -> None:
    first.answer = lambda asked: refused(status, "bad image")
    await in_thread(services.alias_set, name="both", chain=["custom-first/a", "custom-second/b"])
    assert (await ask(client, "both")).json()["error"]["code"] == "upstream_rejected"
    assert second.asked == []


async def test_an_alias_may_choose_its_reasons(
    client: httpx2.AsyncClient, first: Foreign, second: Foreign
) -> None:
    first.answer = lambda asked: refused(503)
    await in_thread(
        services.alias_set,
        name="both",
        chain=["custom-first/a", "custom-second/b"],
        error_classes=["rate_limited"],
    )
    assert (await ask(client, "both")).status_code == 503
    assert second.asked == []


async def test_a_refused_key_is_marked_and_the_next_source_pays(
    client: httpx2.AsyncClient, first: Foreign, ann: User
) -> None:
    first.answer = lambda asked: said() if asked.key == "good-key-of-all" else refused(401)
    await in_thread(set_key, "bad-key-of-ann", ann)
    await in_thread(set_key, "good-key-of-all", None)
    for _ in range(2):
        assert (await ask(client, "custom-first/a", ann)).status_code == 200
    assert [asked.key for asked in first.asked] == [
        "bad-key-of-ann",
        "good-key-of-all",
        "good-key-of-all",
    ], "a key that was refused is not tried again"
    sources = [(row.key_source, row.error_class) for row in await in_thread(rows)]
    assert sources == [
        ("personal", "provider_key_invalid"),
        ("admin_shared", ""),
        ("admin_shared", ""),
    ]
    assert await in_thread(Event.objects.filter(type="llm.key.invalid").count) == 1
    await in_thread(set_key, "good-key-of-all", ann)
    await ask(client, "custom-first/a", ann)
    last = (await in_thread(rows))[-1]
    assert last.key_source == "personal", "a key set anew is tried"


def set_key(secret: str, user: User | None) -> ProviderKey:
    return services.key_set(provider_id="custom-first", secret=secret, by=user, user=user)


async def test_a_key_that_was_taken_back_is_not_used_again(
    client: httpx2.AsyncClient, first: Foreign, ann: User
) -> None:
    await in_thread(set_key, "a-key-of-ann", ann)
    await ask(client, "custom-first/a", ann)
    await in_thread(services.key_delete, provider_id="custom-first", user=ann)
    await ask(client, "custom-first/a", ann)
    assert [asked.key for asked in first.asked] == ["a-key-of-ann", ""]


async def test_a_share_that_ends_stops_the_next_call(
    client: httpx2.AsyncClient, first: Foreign, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_BASE_URL", first.url)
    await in_thread(
        services.key_set,
        provider_id="groq",
        secret="the-instance-s-key",
        by=ann,
        share_with_all=False,
    )

    def share(**limits: Any) -> None:
        services.share_set(provider_id="groq", by=ann, user=ann, **limits)

    await in_thread(share, daily_calls=1)
    assert (await ask(client, "groq/a", ann)).status_code == 200
    spent = await ask(client, "groq/a", ann)
    assert (spent.status_code, spent.json()["error"]["code"]) == (503, "no_key_for_user")
    assert "limit of today" in spent.json()["error"]["message"]
    await in_thread(share)
    assert (await ask(client, "groq/a", ann)).status_code == 200
    await in_thread(share, expires_at=timezone.now() - timedelta(seconds=1))
    assert "has expired" in (await ask(client, "groq/a", ann)).text
    assert len(first.asked) == 2


async def test_a_limit_cools_the_pair_and_says_until_when(
    client: httpx2.AsyncClient, first: Foreign
) -> None:
    first.answer = lambda asked: refused(429, "slow down", retry_after="300")
    limited = await ask(client, "custom-first/a")
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "300")
    again = await ask(client, "custom-first/a")
    assert (again.status_code, again.json()["error"]["code"]) == (429, "upstream_rate_limited")
    assert len(first.asked) == 1, "it is not asked again before its time"
    first.answer = lambda asked: said()
    assert (await ask(client, "custom-first/other")).status_code == 200, "another model is well"
    told = [row.retry_at for row in (await in_thread(rows))[:2]]
    for moment in told:
        assert moment is not None
        assert timedelta(seconds=240) < moment - timezone.now() < timedelta(seconds=301)


async def test_a_provider_that_fails_and_fails_is_left_alone(
    client: httpx2.AsyncClient, first: Foreign, settings: Settings
) -> None:
    settings.LLM_CIRCUIT_FAILURES = 3
    first.answer = lambda asked: refused(500)
    codes = [(await ask(client, "custom-first/a")).json()["error"]["code"] for _ in range(5)]
    assert codes == ["upstream_unavailable"] * 3 + ["provider_down"] * 2
    assert len(first.asked) == 3
    health.forget()  # another process
    assert (await ask(client, "custom-first/a")).json()["error"]["code"] == "provider_down"
    assert (await in_thread(rows))[-1].retry_at is not None


async def test_a_longer_prompt_goes_to_a_larger_window(
    client: httpx2.AsyncClient, first: Foreign, second: Foreign
) -> None:
    first.answer = lambda asked: refused(400, "This model's maximum context length is 8 tokens.")
    for provider, window in (("custom-first", 8_000), ("custom-second", 200_000)):
        await in_thread(services.model_set, provider_id=provider, model="m", context_window=window)
    chain = ["custom-first/m", "custom-first/unknown", "custom-second/m"]
    await in_thread(services.alias_set, name="grows", chain=chain)
    assert (await ask(client, "grows")).status_code == 200
    assert (len(first.asked), len(second.asked)) == (1, 1)


async def test_what_surely_fails_is_not_sent(client: httpx2.AsyncClient, first: Foreign) -> None:
    await in_thread(
        services.model_set, provider_id="custom-first", model="m", tools=False, context_window=100
    )
    tool = {"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}
    without = await ask(client, "custom-first/m", tools=[tool])
    assert (without.status_code, without.json()["error"]["code"]) == (422, "model_without_tools")
    long = await ask(client, "custom-first/m", user_text="x" * 5_000)
    assert (long.status_code, long.json()["error"]["code"]) == (413, "context_overflow")
    assert first.asked == []
    codes = [row.error_class for row in await in_thread(rows)]
    assert codes == ["model_without_tools", "context_overflow"]


async def test_a_typed_in_address_may_not_lead_inside(
    client: httpx2.AsyncClient, first: Foreign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name was public when it was typed in; when it is connected to, it is not."""

    def leading_to(address: str) -> Any:
        async def resolved(*args: Any, **options: Any) -> Any:
            return [(2, 1, 6, "", (address, 80))]

        return resolved

    public = [(2, 1, 6, "", ("1.1.1.1", 80))]
    with monkeypatch.context() as patch:
        patch.setattr("socket.getaddrinfo", lambda *args, **options: public)
        await in_thread(
            services.provider_create, slug="inside", base_url="http://rebinding.example/v1"
        )
    loop = asyncio.get_running_loop()
    for address in ("127.0.0.1", "10.1.2.3", "169.254.169.254"):
        with monkeypatch.context() as patch:
            patch.setattr(loop, "getaddrinfo", leading_to(address))
            answer = await ask(client, "custom-inside/a")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "base_url_refused")
    assert first.asked == []


async def test_a_redirect_is_not_followed(
    client: httpx2.AsyncClient, first: Foreign, second: Foreign
) -> None:
    first.answer = lambda asked: Answer(307, b"", {"location": f"{second.url}/chat/completions"})
    assert (await ask(client, "custom-first/a")).status_code >= 400
    assert second.asked == []


async def test_responses_and_embeddings_pass_through(
    client: httpx2.AsyncClient, first: Foreign
) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/embeddings"):
            return Answer(body={"data": [], "usage": {"prompt_tokens": 7, "total_tokens": 7}})
        usage = {
            "input_tokens": 9,
            "output_tokens": 4,
            "input_tokens_details": {"cached_tokens": 5},
        }
        done = {"status": "completed", "output": [{"type": "function_call"}], "usage": usage}
        if not asked.body.get("stream"):
            return Answer(body=done)
        event = b'event: response.completed\ndata: {"type": "response.completed", "response": '
        return Answer(body=event + json.dumps(done).encode() + b"}\n\n")

    first.answer = answer
    token = await in_thread(
        session_token_create, session_id="s", agent_id="a", grants={"models": ["*"]}, ttl_s=60
    )
    client.headers["authorization"] = f"Bearer {token}"
    asked = {"model": "custom-first/m", "input": "go"}
    assert (await client.post("/embeddings", json=asked)).json()["usage"]["total_tokens"] == 7
    assert (await client.post("/responses", json=asked)).json()["status"] == "completed"
    streamed = await client.post("/responses", json={**asked, "stream": True})
    assert b"response.completed" in streamed.content
    counts = [
        (row.endpoint, row.input_tokens, row.cache_read_tokens, row.output_tokens, row.error_class)
        for row in await in_thread(rows)
    ]
    assert counts == [
        ("embeddings", 7, 0, 0, ""),
        ("responses", 4, 5, 4, ""),
        ("responses", 4, 5, 4, ""),
    ]


async def test_a_provider_that_is_slow_is_given_up(
    client: httpx2.AsyncClient, first: Foreign, settings: Settings
) -> None:
    settings.LLM_FIRST_BYTE_TIMEOUT_S = 0.3
    given_up = threading.Event()
    first.answer = lambda asked: said() if given_up.wait(60) else refused(500)
    answer = await ask(client, "custom-first/m")
    given_up.set()
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "upstream_timeout")
    assert await in_thread(settled) == ["upstream_timeout"]


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"[1]", b"\xff\xfe"])
async def test_an_answer_that_is_none_is_told(
    client: httpx2.AsyncClient, first: Foreign, body: bytes
) -> None:
    first.answer = lambda asked: Answer(body=body)
    answer = await ask(client, "custom-first/m")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_malformed")
    assert await in_thread(settled) == ["upstream_malformed"]


async def test_a_stream_with_nonsense_in_it_passes_and_is_marked(
    client: httpx2.AsyncClient, first: Foreign
) -> None:
    """What the client makes of it is its own matter; the books say that it was not well."""
    good = b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n'
    first.answer = lambda asked: Answer(body=good + b"data: {nonsense\n\ndata: [DONE]\n\n")
    answer = await ask(client, "custom-first/m", stream=True)
    assert (answer.status_code, b"nonsense" in answer.content) == (200, True)
    assert await in_thread(settled) == ["upstream_malformed"]


def settled() -> list[str]:
    """The error of each row; nothing is held any more."""
    assert not BudgetHold.objects.filter(released_at=None).exists()
    assert all(row.ended_at is not None for row in rows())
    return [row.error_class for row in rows()]


async def test_a_database_that_fails_is_no_fault_of_the_gateway(
    client: httpx2.AsyncClient, first: Foreign
) -> None:
    """As in the middle of a migration. Nothing is sent that could not be accounted for."""
    for model in (RegistryVersion, Budget, LlmCall):
        async with table_away(model._meta.db_table):
            answer = await ask(client, "custom-first/m")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "dependency_down")
        assert answer.headers["x-should-retry"] == "true"
    assert first.asked == []
    assert (await ask(client, "custom-first/m")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7.5"}, 7.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "9999999"}, 86_400),
        # The provider's clock is years off; only the difference counts.
        (
            {
                "date": "Mon, 02 Mar 2020 10:00:00 GMT",
                "retry-after": "Mon, 02 Mar 2020 10:01:30 GMT",
            },
            90,
        ),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "6m0s"}, None),
        (
            {
                "date": "Mon, 02 Mar 2026 10:00:00 GMT",
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-03-02T10:00:20Z",
            },
            20,
        ),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_a_wait_is_read_however_it_is_said(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds
