"""Which model answers, and what becomes of a request that it refuses."""

from typing import Any

import pytest

from tests.support.model_server import calls, fails, says
from tests.workers.runtime.conftest import Driver, Start
from workers.protocol.messages import AgentStep, ChangeModel, Error, Said
from workers.runtime.config import RuntimeConfig
from workers.runtime.models import build_model


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.runtime.conversation.RETRY_BASE_S", 0.01)


def requests(driver: Driver) -> list[dict[str, Any]]:
    return driver.server.requests  # type: ignore[attr-defined, no-any-return]


def models(driver: Driver) -> list[str]:
    return [request["model"] for request in requests(driver)]


def codes(driver: Driver) -> list[str]:
    return [error.code for error in driver.messages(Error)]


async def test_the_next_model_takes_over_from_one_that_stays_away(start: Start) -> None:
    driver = start([calls("ls"), *[fails(503)] * 6, calls("complete")])
    end = await driver.step(fallback_models=["scripted/second", "scripted/third"])
    assert (end.success, end.model) == (True, "scripted/second")
    assert models(driver) == ["scripted/test"] * 7 + ["scripted/second"]
    assert codes(driver) == ["model_fallback"]
    roles = [message["role"] for message in requests(driver)[-1]["messages"]]
    assert roles == ["user", "assistant", "tool"]  # it goes on where the first one stopped


async def test_a_key_that_is_refused_is_not_tried_again(start: Start) -> None:
    driver = start([fails(401, "invalid_api_key", "bad key sk-…abcd"), calls("complete")])
    assert (await driver.step(fallback_models=["scripted/second"])).success
    assert models(driver) == ["scripted/test", "scripted/second"]
    (error,) = driver.messages(Error)
    assert "sk-…abcd" in error.message


async def test_when_all_models_fail_the_last_reason_counts(start: Start) -> None:
    driver = start([fails(401, "", "no key"), fails(400, "", "so not")])
    end = await driver.step(fallback_models=["scripted/second"])
    assert (end.success, end.error_code) == (False, "model_error")
    assert "so not" in end.result


@pytest.mark.parametrize("code", ["budget_exceeded", "cassette_miss"])
async def test_another_model_does_not_help_against_a_limit_of_ours(start: Start, code: str) -> None:
    driver = start([fails(402, code, "No."), calls("complete")])
    end = await driver.step(fallback_models=["scripted/second"])
    assert (end.success, end.error_code) == (False, code)


async def test_the_model_can_be_changed_in_the_middle_of_a_step(start: Start) -> None:
    driver = start([calls("bash", command="sleep 1"), calls("complete")])
    driver.send(AgentStep(request_id="r1", prompt="go"))
    await driver.until(driver.tool_starts)
    driver.send(ChangeModel(model="scripted/other"))
    end = await driver.end_of("r1")
    assert (end.success, end.model) == (True, "scripted/other")
    assert models(driver) == ["scripted/test", "scripted/other"]


async def test_a_change_that_fails_is_taken_back(start: Start) -> None:
    driver = start(
        [says("one"), fails(422, "model_not_allowed", "not yours"), says("two")], kind="chat"
    )
    await driver.step("one?")
    driver.send(ChangeModel(model="scripted/forbidden"))
    end = await driver.step("two?")
    assert (end.success, end.result, end.model) == (True, "two", "scripted/test")
    assert models(driver) == ["scripted/test", "scripted/forbidden", "scripted/test"]
    assert codes(driver) == ["model_change_failed"]


async def test_a_name_that_is_no_model_is_refused_at_once(start: Start) -> None:
    driver = start()
    driver.send(ChangeModel(model="gpt"))
    await driver.until(lambda: codes(driver) == ["model_unknown"])


async def test_a_conversation_from_before_is_gone_on_with(start: Start) -> None:
    driver = start([says("Blue."), says("Still blue.")], kind="chat")
    before = [
        Said(role="user", content="My colour is blue."),
        Said(role="assistant", content="Noted."),
    ]
    await driver.step("Which colour?", history=before)
    await driver.step("And now?", history=before)  # said here already: not said again
    contents = [message["content"] for message in requests(driver)[1]["messages"]]
    assert contents == [
        "My colour is blue.", "Noted.", "Which colour?", "Blue.", "And now?",
    ]  # fmt: skip


async def test_usage_is_of_the_step_and_not_of_the_session(start: Start) -> None:
    driver = start([says("a"), says("b")], kind="chat")
    for prompt in ("one", "two"):
        usage = (await driver.step(prompt)).usage
        assert (usage.requests, usage.input_tokens, usage.output_tokens) == (1, 100, 10)


# Thinking


async def test_a_thinking_level_reaches_the_model(start: Start) -> None:
    driver = start([says("a")], kind="chat")
    await driver.step(thinking_level="high")
    assert requests(driver)[0]["reasoning_effort"] == "high"


async def test_a_model_that_takes_no_level_is_asked_without(start: Start) -> None:
    refusal = fails(400, "bad_request", "Unsupported parameter: reasoning_effort")
    driver = start([refusal, calls("ls"), calls("complete")])
    assert (await driver.step(thinking_level="low")).success
    assert ["reasoning_effort" in request for request in requests(driver)] == [True, False, False]
    assert codes(driver) == ["thinking_unsupported"]


@pytest.mark.parametrize(
    ("model", "level", "sent"),
    [
        ("openai/gpt-5", "minimal", "minimal"),
        ("xai/grok-3-mini", "minimal", "low"),
        ("xai/grok-3-mini", "medium", "high"),
        ("google/gemini-2.5-pro", "xhigh", "high"),
        ("openrouter/moonshotai/kimi-k2.5", "xhigh", "xhigh"),
        ("mistral/devstral", "high", None),
    ],
)
async def test_the_nearest_level_that_a_vendor_takes_is_sent(
    start: Start, model: str, level: Any, sent: str | None
) -> None:
    driver = start([says("a")], kind="chat", model=model)
    await driver.step(thinking_level=level)
    assert requests(driver)[0].get("reasoning_effort") == sent


def test_an_anthropic_model_speaks_its_own_shape(tmp_path: Any) -> None:
    config = RuntimeConfig(
        session_id="s", run_id="", step_id="", attempt=1, agent_id="", kind="chat",
        redis_url="redis://x", api_url="http://platform", api_socket="", token="dst_x",
        model="anthropic/claude-sonnet-4-5", thinking_level="off", home=tmp_path,
        workspace=tmp_path, tmp=tmp_path, inactivity_s=1, max_nudges=1,
    )  # fmt: skip
    model = build_model(config.model, config)
    assert model.system == "anthropic"
    assert str(model.base_url).startswith("http://platform/v1/internal/llm")
