"""A server that nobody here wrote, as a custom provider: chat, stream, usage, a structured answer.

Opt-in: set DJINNBOT_REAL_LLM_URL to the base URL of any OpenAI-compatible server (llama.cpp, vLLM,
Ollama) and DJINNBOT_REAL_LLM_MODEL to a model of it. What it says need not be good.
"""

import json
import os
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from apps.accounts.services import session_token_create
from apps.core.aio import in_thread
from apps.core.async_sql import sql_pool_close
from apps.llm import services
from apps.llm.gateway.asgi import with_gateway
from apps.llm.gateway.table import PREFIX
from apps.llm.models import LlmCall
from apps.llm.registry import provider_get

URL = os.environ.get("DJINNBOT_REAL_LLM_URL", "")
MODEL = f"custom-real/{os.environ.get('DJINNBOT_REAL_LLM_MODEL', 'any')}"
SCHEMA = {
    "type": "object",
    "properties": {"fits": {"type": "boolean"}, "count": {"type": "integer"}},
    "required": ["fits", "count"],
    "additionalProperties": False,
}

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not URL, reason="DJINNBOT_REAL_LLM_URL names no server"),
]


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("only the gateway is asked")


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    await in_thread(
        services.provider_create,
        slug="real",
        base_url=URL,
        allow_private=True,
        extra={"free": True},
    )
    token = await in_thread(
        session_token_create, session_id="ses_1", agent_id="a", grants={"models": ["*"]}, ttl_s=900
    )
    gateway: Any = with_gateway(_nothing)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=gateway),
        base_url=f"http://gateway{PREFIX}",
        headers={"authorization": f"Bearer {token}"},
        timeout=300,
    ) as made:
        yield made
    await sql_pool_close()


async def ask(client: httpx2.AsyncClient, **more: Any) -> httpx2.Response:
    messages = [{"role": "user", "content": "One, two, three,"}]
    body = {"model": MODEL, "messages": messages, "max_tokens": 24, **more}
    answer = await client.post("/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return answer


async def only_row() -> LlmCall:
    return await in_thread(LlmCall.objects.get)


async def test_it_answers_and_tells_its_usage(client: httpx2.AsyncClient) -> None:
    answer = (await ask(client)).json()
    row = await only_row()
    assert row.output_tokens == answer["usage"]["completion_tokens"] > 0
    assert row.input_tokens + row.cache_read_tokens == answer["usage"]["prompt_tokens"] > 0
    assert (row.error_class, row.cost_total, row.provider) == ("", Decimal(0), "custom-real")


async def test_it_streams_and_is_counted_all_the_same(client: httpx2.AsyncClient) -> None:
    text = (await ask(client, stream=True)).text
    assert text.count("data:") > 3
    assert "[DONE]" in text
    row = await only_row()
    assert row.output_tokens > 0
    assert row.ttft_ms is not None


async def test_an_answer_obeys_its_grammar(client: httpx2.AsyncClient) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA}}
    answer = (await ask(client, response_format=wanted, max_tokens=200, temperature=0)).json()
    said = json.loads(answer["choices"][0]["message"]["content"])
    assert isinstance(said["fits"], bool)
    assert isinstance(said["count"], int)


async def test_its_models_are_listed(client: httpx2.AsyncClient) -> None:
    from apps.llm.listing import model_list

    listed = await in_thread(lambda: model_list(provider_get("custom-real"), None))
    assert listed.source == "live"
    assert listed.models
