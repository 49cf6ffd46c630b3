"""A conversation stays within the context window: pruned, then summarised, never out of order."""

import json
from typing import Any

import pytest
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.usage import RequestUsage

from tests.support.model_server import Answer, calls, says, tokens_of
from tests.workers.runtime.conftest import Driver, Start
from workers.protocol.messages import CompactionComplete, CompactSession, ContextUsage, Error
from workers.runtime.context import compaction
from workers.runtime.context.pruning import PLACEHOLDER, prune
from workers.runtime.context.sizes import Meter, chars_of
from workers.runtime.model_facts import context_window, reads_pdf, sees_images

WINDOW = 8_000


def turn(number: int, result: str, tool: str = "bash") -> list[ModelMessage]:
    call = ToolCallPart(tool, {"command": f"run {number}"}, tool_call_id=f"c{number}")
    back = ToolReturnPart(tool, result, tool_call_id=f"c{number}")
    return [ModelResponse(parts=[call]), ModelRequest(parts=[back])]


def talk(turns: int, result: str = "x" * 5000, tool: str = "bash") -> list[ModelMessage]:
    messages: list[ModelMessage] = [ModelRequest(parts=[UserPromptPart("Do it.")])]
    for number in range(turns):
        messages += turn(number, result, tool)
    return messages


def results(messages: list[ModelMessage]) -> list[str]:
    parts = [part for message in messages for part in message.parts]
    return [str(part.content) for part in parts if isinstance(part, ToolReturnPart)]


def requests(driver: Driver) -> list[dict[str, Any]]:
    return driver.server.requests  # type: ignore[attr-defined, no-any-return]


def assert_pairs_are_whole(sent: list[dict[str, Any]]) -> None:
    """As providers demand: each tool call is answered, and answers only follow their calls."""
    open_calls: set[str] = set()
    for message in sent:
        if message["role"] == "tool":
            assert message["tool_call_id"] in open_calls
            open_calls.remove(message["tool_call_id"])
            continue
        assert not open_calls, message
        open_calls = {call["id"] for call in message.get("tool_calls") or ()}
    assert not open_calls


# Pruning


def test_old_results_are_cut_and_new_ones_are_not() -> None:
    messages = talk(100)
    shorter = prune(messages, window=200_000)
    assert shorter is not None
    kept = results(shorter)
    assert len(shorter) == len(messages)
    assert kept[0].startswith("x" * 1500 + "\n[… 2000 characters left out")
    assert kept[0].endswith("x" * 1500)
    assert kept[-1] == "x" * 5000
    whole = sum(1 for text in kept if len(text) == 5000)
    assert whole == 32  # 40,000 tokens of results
    assert results(messages)[0] == "x" * 5000  # the given messages are as they were


def test_too_little_to_win_changes_nothing() -> None:
    assert prune(talk(20), window=200_000) is None
    assert prune(talk(100, "short"), window=200_000) is None


def test_a_middling_result_becomes_a_placeholder_and_memory_stays() -> None:
    shorter = prune(talk(200, "y" * 3000), window=200_000)
    assert shorter is not None
    assert results(shorter)[0] == PLACEHOLDER
    assert prune(talk(200, "y" * 3000, tool="recall"), window=200_000) is None


def test_in_need_only_the_last_three_turns_are_spared() -> None:
    shorter = prune(talk(10), window=200_000, harder=True)
    assert shorter is not None
    assert [len(text) for text in results(shorter)][-4:] == [3045, 5000, 5000, 5000]


def test_images_of_old_turns_go_and_the_first_prompt_stays() -> None:
    image = BinaryContent(data=b"\x89PNG", media_type="image/png")
    messages = talk(6)
    messages[0] = ModelRequest(parts=[UserPromptPart([image, "Look."])])
    messages[2] = ModelRequest(parts=[*messages[2].parts, UserPromptPart([image])])
    shorter = prune(messages, window=200_000, harder=True)
    assert shorter is not None
    assert shorter[0].parts[0].content == [image, "Look."]  # type: ignore[union-attr]
    assert "left out" in str(shorter[2].parts[1].content)  # type: ignore[union-attr]


# Measuring


def test_what_a_model_told_counts_more_than_characters() -> None:
    meter = Meter()
    messages = talk(3)
    assert meter.tokens(messages) == chars_of(messages) // 4
    answer = ModelResponse(
        parts=[TextPart("a" * 400)], usage=RequestUsage(input_tokens=9000, output_tokens=100)
    )
    assert meter.tokens([*messages, answer]) == 9100
    longer = [*messages, answer, ModelRequest(parts=[UserPromptPart("b" * 4000)])]
    assert 10_100 <= meter.tokens(longer) <= 10_120
    shorter = prune(longer, window=200_000, harder=True)
    assert shorter is None or meter.tokens(shorter) < meter.tokens(longer)


@pytest.mark.parametrize(
    ("model", "window"),
    [
        ("anthropic/claude-sonnet-4-5", 200_000),
        ("openai/gpt-5-mini", 400_000),
        ("openai/gpt-4.1", 1_047_576),
        ("openai/gpt-4o", 128_000),
        ("openrouter/moonshotai/kimi-k2.5", 262_144),
        ("openrouter/minimax/minimax-m2.5", 204_800),
        ("nobody/knows", 128_000),
    ],
)
def test_windows_are_known_by_prefix(model: str, window: int) -> None:
    assert context_window(model) == window
    assert context_window(model, override=5000) == 5000


def test_what_models_can_look_at() -> None:
    assert sees_images("anthropic/claude-sonnet-4-5")
    assert sees_images("openrouter/qwen/qwen3-vl-30b")
    assert not sees_images("openrouter/deepseek/deepseek-chat")
    assert not sees_images("openai/o3-mini")
    assert reads_pdf("google/gemini-2.5-pro")
    assert not reads_pdf("openrouter/moonshotai/kimi-k2.5")


# Compaction


def test_a_short_conversation_is_not_summarised() -> None:
    assert compaction.split(talk(2), window=1000) is None


def test_in_one_long_step_the_last_answers_stay() -> None:
    parts = compaction.split(talk(20, "z" * 800), window=10_000)
    assert parts is not None
    assert len(parts.tail) == 6
    assert parts.task == "Do it."
    kept = compaction.joined(parts, "All is well.")
    assert isinstance(kept[0], ModelRequest)
    assert "Do it." in str(kept[0].parts[0].content)  # type: ignore[union-attr]
    assert "All is well." in str(kept[0].parts[0].content)  # type: ignore[union-attr]
    assert isinstance(kept[1], ModelResponse)


def test_the_last_three_turns_of_the_user_stay() -> None:
    messages = talk(4, "small")
    for number in range(5):
        messages += [
            ModelRequest(parts=[UserPromptPart(f"Question {number}")]),
            ModelResponse(parts=[TextPart(f"Answer {number}")]),
        ]
    messages.append(ModelRequest(parts=[UserPromptPart("Question 5")]))
    parts = compaction.split(messages, window=100_000)
    assert parts is not None
    assert [str(m.parts[0].content) for m in parts.tail] == [  # type: ignore[union-attr]
        "Question 3", "Answer 3", "Question 4", "Answer 4", "Question 5",
    ]  # fmt: skip


def test_without_a_model_the_summary_names_the_calls() -> None:
    text = compaction.bare_summary([*talk(3), ModelResponse(parts=[TextPart("Half is done.")])])
    assert "3 tool calls" in text
    assert "run 2" in text
    assert "Half is done." in text


# In a session


async def test_two_hundred_turns_stay_under_the_window_and_complete(start: Start) -> None:
    turns = [
        calls("bash", command=f"echo turn {number}; head -c 1500 /dev/zero | tr '\\0' 'x'")
        for number in range(199)
    ]
    driver = start(
        [*turns, calls("complete", summary="All 200 turns.")],
        beside=says("The work so far: turns were run. Next: go on."),
        window_tokens=WINDOW,
        context_window=WINDOW,
    )
    end = await driver.step("Run 200 turns.", wait_s=120)
    assert (end.success, end.turns, end.summary) == (True, 200, "All 200 turns.")
    streamed = [request for request in requests(driver) if request.get("stream")]
    assert len(streamed) == 200  # none was refused and sent again
    assert max(tokens_of(request) for request in streamed) < WINDOW
    for request in streamed:
        assert_pairs_are_whole(request["messages"])
    compactions = driver.messages(CompactionComplete)
    assert compactions
    assert [c.compaction_number for c in compactions] == list(range(1, len(compactions) + 1))
    assert all(c.tokens_after < c.tokens_before for c in compactions)
    last = streamed[-1]["messages"]
    assert "Run 200 turns." in str(last[0])
    assert "The work so far" in str(last[0])
    assert driver.messages(ContextUsage)


async def test_a_provider_that_finds_it_too_long_is_asked_again_with_less(start: Start) -> None:
    turns = [calls("bash", command=f"seq {n} {n + 900}") for n in range(6)]
    driver = start(
        [*turns, calls("complete")],
        beside=says("Numbers were counted."),
        window_tokens=4000,
        context_window=100_000,  # more than the provider has
    )
    end = await driver.step()
    assert (end.success, end.error_code) == (True, "")
    assert len(driver.messages(CompactionComplete)) >= 1


async def test_what_cannot_be_made_shorter_ends_the_step_with_its_reason(start: Start) -> None:
    driver = start([says("x")], window_tokens=500, context_window=100_000)
    end = await driver.step("long " * 4000)
    assert (end.success, end.error_code) == (False, "context_overflow")


async def test_a_summary_can_be_asked_for(start: Start) -> None:
    driver = start(
        [says(f"Answer {n}. " + "word " * 300) for n in range(6)],
        beside=says("They talked about numbers."),
        kind="chat",
    )
    for number in range(5):
        await driver.step(f"Question {number}?")
    driver.send(CompactSession(request_id="c1", instructions="Keep the numbers."))
    (done,) = await driver.until(lambda: driver.messages(CompactionComplete))
    assert (done.request_id, done.summary) == ("c1", "They talked about numbers.")
    assert done.tokens_after < done.tokens_before
    asked = next(r for r in requests(driver) if not r.get("stream"))
    assert "Keep the numbers." in json.dumps(asked["messages"])
    driver.send(CompactSession(request_id="c1"))
    await driver.until(lambda: len(driver.messages(CompactionComplete)) == 2)
    assert len([r for r in requests(driver) if not r.get("stream")]) == 1
    await driver.step("Question 5?")
    last = requests(driver)[-1]["messages"]
    assert "They talked about numbers." in json.dumps(last[0])
    assert last[-1]["content"] == "Question 5?"


async def test_there_may_be_nothing_to_summarise(start: Start) -> None:
    driver = start([says("Hi.")], kind="chat")
    await driver.step("Hello")
    driver.send(CompactSession(request_id="c1"))
    (error,) = await driver.until(lambda: driver.messages(Error))
    assert error.code == "nothing_to_compact"


async def test_a_summary_that_fails_does_not_end_the_step(start: Start) -> None:
    turns = [calls("bash", command=f"echo {n} # {'-' * 1200}") for n in range(30)]
    driver = start(
        [*turns, calls("complete")],
        beside=Answer(status=400, error={"message": "no", "code": "bad", "type": "bad"}),
        window_tokens=WINDOW,
        context_window=WINDOW,
    )
    assert (await driver.step(wait_s=60)).success
    assert "tool calls were made" in driver.messages(CompactionComplete)[0].summary
