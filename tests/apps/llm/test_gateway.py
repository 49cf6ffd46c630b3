"""The gateway through the front door: real web process, real SDKs, a real server as provider."""

import base64
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, ClassVar

import anthropic
import httpx2
import openai
import pytest

from tests.apps.llm.conftest import CANARY, Caller, Gateway
from tests.support.live import eventually

pytestmark = pytest.mark.django_db(transaction=True)

READ = {
    "type": "function",
    "function": {
        "name": "read",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    },
}
NewCaller = Callable[..., Caller]


def ask(caller: Caller, model: str, prompt: str = "go", **options: Any) -> Any:
    messages: Any = [{"role": "user", "content": prompt}]
    return caller.openai().chat.completions.create(model=model, messages=messages, **options)


def error_code(caught: pytest.ExceptionInfo[openai.APIStatusError]) -> tuple[int, str]:
    return caught.value.status_code, str(caught.value.code)


@pytest.mark.parametrize("model", ["scripted/greet", "openai/greet", "custom-my-box/greet"])
def test_a_whole_answer_passes_through(caller: NewCaller, model: str) -> None:
    session = caller(model, run_id="run_1")
    answer = ask(session, model, tools=[READ])
    assert answer.choices[0].message.content == "I look at the file first."
    assert answer.choices[0].message.tool_calls[0].function.arguments == '{"path": "a.txt"}'
    row = session.row()
    assert (row.run_id, row.agent_id, row.http_status, row.error_class) == (
        "run_1",
        "finn",
        200,
        "",
    )
    assert (row.tool_call_count, row.has_thinking, row.stop_reason) == (1, True, "tool_calls")
    assert row.output_tokens == answer.usage.completion_tokens > 0
    assert row.provider == model.partition("/")[0]


@pytest.mark.parametrize("model", ["scripted/greet", "openai/greet"])
def test_a_stream_passes_through_in_pieces(caller: NewCaller, model: str) -> None:
    session = caller(model)
    pieces = [
        chunk.choices[0].delta.content or ""  # no chunk without choices: no usage was asked for
        for chunk in ask(session, model, stream=True)
    ]
    assert "".join(pieces) == "I look at the file first."
    assert len([piece for piece in pieces if piece]) > 2
    row = session.row()
    assert row.output_tokens > 0, "usage is counted although the client did not ask for it"
    assert row.ttft_ms is not None
    assert row.ttft_ms <= row.duration_ms


def test_usage_reaches_a_client_that_asks_for_it(caller: NewCaller) -> None:
    session = caller("openai/*")
    chunks = list(ask(session, "openai/greet", stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens == session.row().output_tokens


def test_the_row_is_there_before_the_client_sees_the_end(caller: NewCaller) -> None:
    session = caller("scripted/*")
    for _ in ask(session, "scripted/greet", stream=True):
        pass
    assert len(session.rows()) == 1


@pytest.mark.parametrize("model", ["scripted/greet", "anthropic/greet"])
def test_anthropic_clients_are_served(caller: NewCaller, model: str) -> None:
    session = caller(model)
    client = session.anthropic()
    first = client.messages.create(
        model=model, max_tokens=100, messages=[{"role": "user", "content": "Who is greeted here?"}]
    )
    kinds = [block.type for block in first.content]
    assert kinds == ["thinking", "text", "tool_use"]
    assert isinstance(first.content[2], anthropic.types.ToolUseBlock)
    result = {"type": "tool_result", "tool_use_id": first.content[2].id, "content": "hello Ann"}
    messages: Any = [
        {"role": "user", "content": "Who is greeted here?"},
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    with client.messages.stream(model=model, max_tokens=100, messages=messages) as stream:
        final = stream.get_final_message()
    assert final.content[0].text == "It greets Ann."  # type: ignore[union-attr]
    rows = session.rows()
    assert [row.tool_call_count for row in rows] == [1, 0]
    assert rows[1].cache_read_tokens > 0
    assert rows[1].output_tokens == final.usage.output_tokens
    assert {row.dialect for row in rows} == {"anthropic"}


def test_cost_follows_the_public_price_list(caller: NewCaller) -> None:
    session = caller("openai/*", "anthropic/*")
    ask(session, "openai/gpt-4o")
    row = session.row()
    assert (row.input_tokens, row.cache_read_tokens, row.output_tokens) == (900, 100, 10)
    expected = Decimal("900") * 2500 + 100 * 1250 + 10 * 10000  # micro-cents of a dollar
    assert row.cost_total == expected / 1_000_000_000
    assert row.key_masked == "…1f40"


def test_cost_of_a_model_without_a_price_is_unknown_not_zero(caller: NewCaller) -> None:
    session = caller("openai/greet")
    ask(session, "openai/greet")
    assert session.row().cost_total is None


def test_the_scripted_model_is_free(caller: NewCaller) -> None:
    session = caller("scripted/greet")
    ask(session, "scripted/greet")
    assert session.row().cost_total == 0


def test_a_model_that_was_not_granted_is_refused(caller: NewCaller) -> None:
    session = caller("openai/greet")
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(session, "openai/gpt-4o")
    assert error_code(caught) == (403, "model_not_allowed")
    assert session.row().error_class == "model_not_allowed"


def test_a_session_without_grants_may_use_no_model(caller: NewCaller) -> None:
    with pytest.raises(openai.PermissionDeniedError):
        ask(caller(), "scripted/greet")


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("groq/some-model", 503, "no_provider_key"),
        ("nowhere/some-model", 422, "unknown_provider"),
        ("custom-elsewhere/some-model", 422, "no_base_url"),
        ("some-model", 422, "malformed_model"),
        ("anthropic/greet", 422, "wrong_dialect"),
        ("scripted/none-such", 422, "script_not_found"),
        ("scripted/../secrets", 422, "script_not_found"),
    ],
)
def test_what_cannot_be_answered_is_said(
    caller: NewCaller, model: str, status: int, code: str
) -> None:
    session = caller("*")
    with pytest.raises(openai.APIStatusError) as caught:
        ask(session, model)
    assert error_code(caught) == (status, code)
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_a_missing_key_names_its_variable(caller: NewCaller) -> None:
    session = caller("*")
    with pytest.raises(openai.APIStatusError, match="GROQ_API_KEY"):
        ask(session, "groq/some-model")
    row = session.row()
    assert (row.error_class, row.cost_total) == ("no_provider_key", None)


@pytest.mark.parametrize("token", ["", "dst_unknown", "djb_some.key", "x y"])
def test_who_is_no_session_is_refused(gateway: Gateway, token: str) -> None:
    answer = httpx2.post(
        f"{gateway.live.url}/v1/internal/llm/v1/chat/completions",
        json={"model": "scripted/greet", "messages": []},
        headers={"authorization": f"Bearer {token}"} if token else {},
    )
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_authenticated"


def test_an_expired_or_revoked_token_is_refused(caller: NewCaller) -> None:
    from apps.accounts.services import session_tokens_revoke

    with pytest.raises(openai.AuthenticationError):
        ask(caller("*", ttl_s=-1), "scripted/greet")
    session = caller("*")
    session_tokens_revoke(session.session_id)
    with pytest.raises(openai.AuthenticationError):
        ask(session, "scripted/greet")


def test_a_passing_failure_is_sent_again(caller: NewCaller) -> None:
    session = caller("openai/*")
    assert ask(session, "openai/faulty", "once unavailable").choices[0].message.content
    assert session.row().tries == 2


@pytest.mark.parametrize("model", ["openai/faulty", "scripted/faulty"])
def test_retry_after_is_honoured(caller: NewCaller, model: str) -> None:
    session = caller(model)
    answer = ask(session, model, "slow down")
    assert answer.choices[0].message.content == "Now I can."
    row = session.row()
    assert row.tries == 2
    assert row.duration_ms >= 200


def test_a_long_retry_after_is_left_to_the_client(caller: NewCaller) -> None:
    session = caller("custom-limited/faulty")
    with pytest.raises(openai.RateLimitError) as caught:
        ask(session, "custom-limited/faulty", "far too many")
    assert caught.value.response.headers["retry-after"] == "900"
    row = session.row()
    assert (row.tries, row.http_status, row.error_class) == (1, 429, "upstream_rate_limited")


def test_a_lasting_failure_is_told_after_three_tries(caller: NewCaller) -> None:
    session = caller("openai/faulty")
    with pytest.raises(openai.InternalServerError) as caught:
        ask(session, "openai/faulty", "always unavailable")
    assert error_code(caught) == (500, "upstream_unavailable")
    assert "sk-abcdef123456" not in str(caught.value)
    row = session.row()
    assert (row.tries, row.http_status, row.error_class) == (3, 500, "upstream_unavailable")


def test_a_rejected_request_is_not_sent_again(caller: NewCaller) -> None:
    session = caller("openai/faulty")
    with pytest.raises(openai.BadRequestError, match=r"This is no good\.") as caught:
        ask(session, "openai/faulty", "bad request")
    assert error_code(caught) == (400, "upstream_rejected")
    assert session.row().tries == 1


def test_an_unreachable_provider_is_told(caller: NewCaller) -> None:
    session = caller("mistral/*")
    with pytest.raises(openai.APIStatusError) as caught:
        ask(session, "mistral/some-model")
    assert error_code(caught) == (502, "upstream_unreachable")
    assert session.row().tries == 3


def test_a_refused_provider_key_does_not_look_like_a_refused_session(caller: NewCaller) -> None:
    session = caller("openai/faulty")
    with pytest.raises(openai.APIStatusError) as caught:
        ask(session, "openai/faulty", "refused key")
    assert error_code(caught) == (502, "provider_key_invalid")
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("model", ["openai/faulty", "scripted/faulty"])
def test_a_cut_stream_is_told_and_logged(caller: NewCaller, model: str) -> None:
    session = caller(model)
    stream = iter(ask(session, model, "break off", stream=True))
    assert [next(stream).choices[0].delta.content for _ in range(3)] == ["", "This", " sen"]
    with pytest.raises(openai.APIError, match="broke off"):
        list(stream)
    row = session.row()
    assert (row.error_class, row.cost_total) == ("stream_interrupted", None)


def test_a_cut_anthropic_stream_is_told(caller: NewCaller) -> None:
    session = caller("anthropic/faulty")
    with (
        pytest.raises(anthropic.APIError, match="broke off"),
        session.anthropic().messages.stream(
            model="anthropic/faulty",
            max_tokens=100,
            messages=[{"role": "user", "content": "break off"}],
        ) as stream,
    ):
        stream.until_done()
    assert session.row().error_class == "stream_interrupted"


def test_a_scripted_break_heals_at_the_next_try(caller: NewCaller) -> None:
    session = caller("scripted/faulty")
    with pytest.raises(openai.APIError):
        list(ask(session, "scripted/faulty", "break once", stream=True))
    chunks = list(ask(session, "scripted/faulty", "break once", stream=True))
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert [row.error_class for row in session.rows()] == ["stream_interrupted", ""]


def test_a_silent_stream_is_given_up(caller: NewCaller) -> None:
    session = caller("openai/faulty")
    with pytest.raises(openai.APIError, match="sent nothing for 2 s"):
        list(ask(session, "openai/faulty", "go silent", stream=True))
    assert session.row().error_class == "upstream_timeout"


def test_a_client_that_leaves_ends_the_call(caller: NewCaller) -> None:
    session = caller("openai/faulty")
    stream = ask(session, "openai/faulty", "talk slowly " * 20, stream=True)
    next(iter(stream))
    stream.close()
    row = session.row()
    assert (row.error_class, row.http_status) == ("client_disconnected", None)
    assert row.duration_ms < 5000, "the provider was not listened to till its end"


def test_malformed_requests_are_refused(gateway: Gateway, caller: NewCaller) -> None:
    session = caller("*")
    url = f"{gateway.live.url}/v1/internal/llm/v1/chat/completions"
    headers = {"authorization": f"Bearer {session.token}"}
    for content in (b"{", b"[]", b'{"model": 7}', b'{"model": "openai/x"}', b"\xff"):
        answer = httpx2.post(url, content=content, headers=headers)
        assert answer.status_code in (400, 422), content
        assert answer.json()["error"]["code"].startswith("malformed")
    assert httpx2.get(url, headers=headers).status_code == 405
    assert httpx2.post(url + "x", json={}, headers=headers).status_code == 404


def test_a_request_that_is_too_large_is_refused(gateway: Gateway, caller: NewCaller) -> None:
    session = caller("*")
    answer = httpx2.post(
        f"{gateway.live.url}/v1/internal/llm/v1/chat/completions",
        content=b"x" * (33 << 20),
        headers={"authorization": f"Bearer {session.token}"},
        timeout=60,
    )
    assert answer.status_code == 413


def test_models_are_those_of_the_session(caller: NewCaller) -> None:
    session = caller("openai/gpt-4o", "scripted/gre*")
    listed = {model.id: model.model_extra for model in session.openai().models.list()}
    assert set(listed) == {"openai/gpt-4o", "scripted/greet"}
    assert listed["openai/gpt-4o"] == {"dialects": ["openai"]}


def test_a_tool_call_with_broken_arguments_is_passed_on(caller: NewCaller) -> None:
    answer = ask(caller("openai/faulty"), "openai/faulty", "broken arguments", tools=[READ])
    assert answer.choices[0].message.tool_calls[0].function.arguments == '{"path": "a.t'


def test_pydantic_ai_runs_a_script_with_a_real_tool(caller: NewCaller) -> None:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    session = caller("scripted/greet")
    provider = OpenAIProvider(base_url=f"{session.url}/v1/internal/llm/v1", api_key=session.token)
    agent = Agent(OpenAIChatModel("scripted/greet", provider=provider))

    @agent.tool_plain
    def read(path: str) -> str:
        return f"{path} says: hello Bob"

    assert agent.run_sync("Who is greeted?").output == "It greets Bob."
    assert len(session.rows()) == 2


class _Echo(http.server.BaseHTTPRequestHandler):
    """The worst provider: it tells all headers in its error."""

    def do_POST(self) -> None:
        self.send_response(400)
        self.end_headers()
        self.wfile.write(f'{{"error": {{"message": "Got {self.headers.items()}"}}}}'.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Listener(_Echo):
    """Keeps what it is asked."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        super().do_POST()


class _Break(_Echo):
    """Promises more than it sends, and drops the connection."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", "9999")
        self.end_headers()
        self.wfile.write(b'data: {"choices": [{"index": 0, "delta": {"content": "Hel"}}]}\n\n')


@contextmanager
def foreign_server(handler: type[_Echo]) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def test_a_dropped_connection_is_a_cut_stream(gateway: Gateway, caller: NewCaller) -> None:
    session = caller("custom-breaking/*")
    with foreign_server(_Break) as url:
        web = gateway.live.started["web"]
        web.environment = {**web.environment, "CUSTOM_BREAKING_BASE_URL": url}
        web.restart()
        with pytest.raises(openai.APIError, match="broke off"):
            list(ask(session, "custom-breaking/any", stream=True))
    row = session.row()
    assert (row.error_class, row.key_source, row.key_masked) == ("stream_interrupted", "none", "")


def test_images_thinking_and_cache_marks_arrive_untouched(
    gateway: Gateway, caller: NewCaller
) -> None:
    session = caller("*")
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256))).decode()
    asked: Any = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}},
    ]
    source = {"type": "base64", "media_type": "image/png", "data": picture}
    marked: Any = [
        {"type": "image", "source": source},
        {"type": "text", "text": "What is it?", "cache_control": {"type": "ephemeral"}},
    ]
    with foreign_server(_Listener) as url:
        web = gateway.live.started["web"]
        web.environment = {**web.environment, "OPENAI_BASE_URL": url, "ANTHROPIC_BASE_URL": url}
        web.restart()
        with pytest.raises(openai.BadRequestError):
            session.openai().chat.completions.create(
                model="openai/gpt-4o", messages=[{"role": "user", "content": asked}]
            )
        with pytest.raises(anthropic.BadRequestError):
            session.anthropic().messages.create(
                model="anthropic/claude-sonnet-4-5",
                max_tokens=4000,
                thinking={"type": "enabled", "budget_tokens": 1024},
                messages=[{"role": "user", "content": marked}],
            )
    first, second = _Listener.asked
    assert first["messages"] == [{"role": "user", "content": asked}]
    assert second["messages"] == [{"role": "user", "content": marked}]
    assert second["thinking"] == {"type": "enabled", "budget_tokens": 1024}


def test_no_key_leaves_the_gateway(gateway: Gateway, caller: NewCaller) -> None:
    """A provider that echoes our headers, then everything the calls of this file left behind."""
    from apps.llm.models import LlmCall

    session = caller("*")
    with foreign_server(_Echo) as url:
        web = gateway.live.started["web"]
        web.environment = {**web.environment, "OPENAI_BASE_URL": url, "ANTHROPIC_BASE_URL": url}
        log_before = web.log
        web.restart()
        with pytest.raises(openai.BadRequestError) as caught:
            ask(session, "openai/greet")
        with pytest.raises(anthropic.BadRequestError) as caught_too:
            session.anthropic().messages.create(
                model="anthropic/x", max_tokens=1, messages=[{"role": "user", "content": "go"}]
            )
    eventually(lambda: len(session.rows()) == 2)
    told = f"{caught.value} {caught.value.body} {caught_too.value} {caught_too.value.body}"
    assert "Got" in told, "the provider's own sentence is passed on"
    rows = str(list(LlmCall.objects.values()))
    for text in (told, rows, log_before, web.log):
        assert CANARY not in text
        assert CANARY[3:] not in text
