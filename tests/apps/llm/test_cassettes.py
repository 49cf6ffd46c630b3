"""Record, replay, and what is said when nothing was recorded."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pytest_django.fixtures import Settings

from apps.accounts.models import SessionToken, User
from apps.accounts.services import session_token_create
from apps.agents.sync import agents_sync
from apps.core.aio import in_thread
from apps.core.async_sql import sql_pool_close
from apps.llm.cassettes.canonical import settled_text
from apps.llm.gateway.asgi import with_gateway
from apps.llm.gateway.table import PREFIX
from apps.llm.models import LlmCall
from apps.secrets.services import secret_create, secret_grant

pytestmark = pytest.mark.django_db(transaction=True)

SCRIPT = """
steps:
  "*":
    - match: {prompt_matches: break off}
      turns: [{say: never to the end of it, cut: true}]
    - match: {prompt_matches: tell a key}
      turns: [{say: "The key is sk-canary-7f3a9b2c5d8e1f40, keep it."}]
    - match: {prompt_matches: keep silent}
      turns: [{say: Nothing.}]
    - match: {prompt_matches: tell the value}
      turns: [{say: "It is marker-Zq7wRt41-0f9c2d, keep it.", chunk_chars: 5}]
    - turns:
        - say: "Recorded: {{ prompt }}"
          call: [{tool: read, args: {path: a.txt}}]
        - say: "Then: {{ last_result }}"
"""
Ask = Callable[..., Any]
MARKER = "marker-Zq7wRt41-0f9c2d"


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("only the gateway is asked")


@pytest.fixture
def cassettes(settings: Settings, tmp_path: Path) -> Path:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "tape.yml").write_text(SCRIPT)
    settings.LLM_SCRIPTS_DIR = scripts
    settings.LLM_CASSETTE_DIR = tmp_path / "cassettes"
    return tmp_path / "cassettes"


@pytest.fixture
async def client(cassettes: Path) -> AsyncIterator[httpx2.AsyncClient]:
    token = await in_thread(
        session_token_create,
        session_id="ses_1",
        agent_id="finn",
        grants={"models": ["*"]},
        ttl_s=60,
    )
    gateway: Any = with_gateway(_nothing)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=gateway),
        base_url=f"http://gateway{PREFIX}",
        headers={"authorization": f"Bearer {token}"},
    ) as client:
        yield client
    await sql_pool_close()


def request(prompt: str, *after: dict[str, Any], **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": prompt}, *after]
    return {"model": "scripted/tape", "messages": messages, **more}


async def ask(
    client: httpx2.AsyncClient, body: dict[str, Any], path: str = "/chat/completions"
) -> httpx2.Response:
    return await client.post(path, json=body)


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("??/*.json"))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/chat/completions", "/messages"])
async def test_a_recorded_answer_comes_again_byte_for_byte(
    client: httpx2.AsyncClient, cassettes: Path, settings: Settings, stream: bool, path: str
) -> None:
    body = request("say something", stream=stream)
    settings.LLM_CASSETTE = "record"
    recorded = await ask(client, body, path)
    assert recorded.status_code == 200
    assert len(files(cassettes)) == 1
    settings.LLM_CASSETTE = "replay"
    settings.LLM_SCRIPTS_DIR = cassettes / "gone"  # nobody else could answer
    replayed = await ask(client, body, path)
    assert replayed.content == recorded.content
    assert replayed.headers["content-type"] == recorded.headers["content-type"]
    rows = await in_thread(list, LlmCall.objects.order_by("created_at"))
    assert rows[0].output_tokens == rows[1].output_tokens > 0


async def test_ids_times_and_places_may_differ(
    client: httpx2.AsyncClient, cassettes: Path, settings: Settings
) -> None:
    def second(call_id: str, result: str, prompt: str) -> dict[str, Any]:
        call = {"id": call_id, "function": {"name": "read", "arguments": "{}"}}
        return request(
            prompt,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call_id, "content": result},
        )

    settings.LLM_CASSETTE = "record"
    await ask(
        client,
        second(
            "call_aaaaaaaaaa",
            "Ran 5 tests in 0.031s at 2026-03-02T10:00:00Z, commit 9659920649ab",
            "run_4d01dc79082a in /tmp/djinnbot-1/runs/x/README.md",
        ),
    )
    settings.LLM_CASSETTE = "replay"
    answer = await ask(
        client,
        second(
            "call_bbbbbbbbbb",
            "Ran 5 tests in 1.2s at 2026-11-22T16:31:07Z, commit 31ed5d334f00",
            "run_ffffffffffff in /srv/data/runs/y/README.md",
        ),
    )
    assert answer.status_code == 200, answer.text
    changed = second("call_x", "Ran 6 tests in 0.031s", "run_4d01dc79082a in /tmp/README.md")
    assert (await ask(client, changed)).status_code == 409, "a count of tests is no detail"


async def test_a_miss_names_the_nearest_difference(
    client: httpx2.AsyncClient, cassettes: Path, settings: Settings
) -> None:
    settings.LLM_CASSETTE = "record"
    await ask(client, request("paint the fence green", temperature=0.5))
    await ask(client, request("something else altogether", temperature=0.1, max_tokens=7))
    settings.LLM_CASSETTE = "replay"
    answer = await ask(client, request("paint the fence blue", temperature=0.5))
    assert answer.status_code == 409
    assert answer.headers["x-should-retry"] == "false"
    error = answer.json()["error"]
    assert error["code"] == "cassette_miss"
    assert "/messages/0/content" in error["message"]
    assert "green" in error["message"]
    assert "blue" in error["message"]
    row = await in_thread(LlmCall.objects.latest, "created_at")
    assert (row.error_class, row.tries) == ("cassette_miss", 1)


async def test_a_miss_without_any_cassette_says_so(
    client: httpx2.AsyncClient, settings: Settings
) -> None:
    settings.LLM_CASSETTE = "replay"
    answer = await ask(client, request("anything"))
    assert "None is recorded" in answer.json()["error"]["message"]


async def test_replay_needs_no_key(client: httpx2.AsyncClient, settings: Settings) -> None:
    settings.LLM_CASSETTE = "replay"
    answer = await ask(client, {**request("anything"), "model": "groq/some-model"})
    assert answer.json()["error"]["code"] == "cassette_miss"


async def test_a_broken_answer_is_not_recorded(
    client: httpx2.AsyncClient, cassettes: Path, settings: Settings
) -> None:
    settings.LLM_CASSETTE = "record"
    answer = await ask(client, request("break off", stream=True))
    assert "broke off" in answer.text
    assert files(cassettes) == []


async def test_no_secret_is_recorded(
    client: httpx2.AsyncClient,
    cassettes: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "plain-looking-but-secret-value")
    settings.LLM_CASSETTE = "record"
    body = request("tell a key: plain-looking-but-secret-value", stream=True)
    await ask(client, body)
    (path,) = files(cassettes)
    text = path.read_text()
    assert "sk-canary" not in text
    assert "plain-looking-but-secret-value" not in text
    assert "authorization" not in text.lower()
    settings.LLM_CASSETTE = "replay"
    assert "[masked]" in (await ask(client, body)).text


async def test_a_cassette_is_readable(
    client: httpx2.AsyncClient, cassettes: Path, settings: Settings
) -> None:
    settings.LLM_CASSETTE = "record"
    await ask(client, request("hello", stream=True))
    (path,) = files(cassettes)
    data = json.loads(path.read_text())
    assert data["request"]["model"] == "scripted/tape"
    assert data["chunks"][-1] == "data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("ses_01jd0000000000000000000000 and run_0123456789ab", "<id> and <id>"),
        ("in 0.003s", "in <duration>"),
        ("at 2026-03-02 10:11:12.5+00:00", "at <time>"),
        ("/home/agent/run-workspace/tally/money.py:22", "<dir>/money.py:22"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        ("commit 0239460bde", "commit <hash>"),
        ("cafe and 1234567", "cafe and 1234567"),
    ],
)
def test_what_changes_from_run_to_run_is_taken_out(text: str, settled: str) -> None:
    assert settled_text(text) == settled


def _granted_to_session() -> None:
    """The session of the client may use a secret."""
    agents_sync()
    user = User.objects.create(username="ada")
    secret = secret_create(by=user, name="Token", type="env", value=MARKER)
    grant = secret_grant(secret=secret, agent_id="finn", by=user, is_manager=True)
    SessionToken.objects.update(grants={"models": ["*"], "secrets": [grant.pk]})


@pytest.mark.parametrize("stream", [False, True])
async def test_secrets_of_the_session_are_not_recorded(
    client: httpx2.AsyncClient, cassettes: Path, settings: Settings, stream: bool
) -> None:
    await in_thread(_granted_to_session)
    settings.LLM_CASSETTE = "record"
    await ask(client, request(f"keep silent of {MARKER}", stream=stream))
    told = await ask(client, request("tell the value", stream=stream))
    assert told.status_code == 200
    kept = "".join(path.read_text() for path in files(cassettes))
    assert "keep silent of ***" in kept
    for at in range(0, len(MARKER) - 5):
        assert MARKER[at : at + 6] not in kept
    # A request is found again, whatever the secret is by then.
    settings.LLM_CASSETTE = "replay"
    again = await ask(client, request(f"keep silent of {MARKER}", stream=stream))
    assert again.status_code == 200
