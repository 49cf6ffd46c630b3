"""A step from its command to its end, against a real model server and real streams."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from tests.support.model_server import Answer, calls, fails, says
from tests.workers.runtime.conftest import Start
from workers.protocol.messages import (
    Abort,
    AgentStep,
    Busy,
    ChangeModel,
    ContextUsage,
    Error,
    FileChange,
    GetContextUsage,
    Idle,
    Output,
    Ready,
    Shutdown,
    Steer,
    StepEnd,
    StepStart,
    Thinking,
)


async def test_a_step_reads_writes_runs_and_completes(start: Start) -> None:
    driver = start(
        [
            Answer(text="Let me look.", tools=[("ls", {})]),
            calls("write", path="hello.py", content="print('hello')\n"),
            calls("bash", command="python3 hello.py"),
            calls("complete", outputs={"result": "DONE"}, summary="Wrote hello.py"),
        ]
    )
    end = await driver.step(system_prompt="You build.", outputs=["result"])
    assert end.success
    assert end.explicit_completion
    assert end.outputs == {"result": "DONE"}
    assert end.summary == "Wrote hello.py"
    assert end.turns == 4
    assert (end.usage.requests, end.usage.input_tokens, end.usage.output_tokens) == (4, 400, 40)
    assert end.usage.tool_calls == 4
    assert driver.said() == "Let me look."
    assert driver.said("tool") == "hello\n"
    assert [name for name, ok, _ in driver.tools() if ok] == ["ls", "write", "bash", "complete"]
    assert (driver.config.workspace / "hello.py").read_text() == "print('hello')\n"
    kinds = [type(message) for message in driver.messages(Ready, Busy, StepStart, StepEnd, Idle)]
    await driver.until(lambda: driver.messages(Idle))
    assert kinds[:4] == [Ready, Busy, StepStart, StepEnd]
    first = driver.server.requests[0]  # type: ignore[attr-defined]
    assert first["messages"][0] == {"role": "system", "content": "You build."}
    assert first["messages"][1]["content"] == "Do it."
    assert first["model"] == "scripted/test"
    assert first["_path"] == "/v1/internal/llm/v1/chat/completions"
    assert driver.server.headers[0]["authorization"] == "Bearer dst_test"  # type: ignore[attr-defined]
    named = {tool["function"]["name"] for tool in first["tools"]}
    assert named == {"exec_code", "complete", "fail"}


async def test_the_gateway_is_reached_over_a_unix_socket(start: Start) -> None:
    driver = start([calls("complete")], unix=True)
    assert (await driver.step()).success


async def test_an_agent_that_fails_says_why(start: Start) -> None:
    driver = start(
        [calls("fail", error="No compiler.", details="gcc is missing", recoverable=False)]
    )
    end = await driver.step()
    assert not end.success
    assert (end.error_code, end.recoverable) == ("agent_failed", False)
    assert end.result == "No compiler.\ngcc is missing"


async def test_text_without_completion_is_nudged_three_times(start: Start) -> None:
    driver = start([says(f"I think so {n}.") for n in range(4)])
    end = await driver.step(outputs=["verdict"])
    assert end.success
    assert not end.explicit_completion
    assert end.result == "I think so 3."
    requests = driver.server.requests  # type: ignore[attr-defined]
    nudges = [m["content"] for m in requests[-1]["messages"] if m["role"] == "user"][1:]
    assert len(nudges) == 3
    assert all("`complete` with the outputs verdict" in nudge for nudge in nudges)


async def test_a_nudged_agent_may_still_complete(start: Start) -> None:
    driver = start([says("Done, I think."), calls("complete", summary="ok")])
    assert (await driver.step()).explicit_completion


async def test_a_chat_ends_with_its_text(start: Start) -> None:
    driver = start([says("Hello there.")], kind="chat")
    end = await driver.step()
    assert (end.success, end.result, end.turns) == (True, "Hello there.", 1)
    offered = driver.server.requests[0]["tools"]  # type: ignore[attr-defined]
    assert not {"complete", "fail"} & {tool["function"]["name"] for tool in offered}


async def test_the_conversation_goes_on_over_several_steps(start: Start) -> None:
    driver = start([says("Blue."), says("You said blue.")], kind="chat")
    await driver.step("What is my colour?")
    await driver.step("And what did I say?")
    contents = [m["content"] for m in driver.server.requests[1]["messages"]]  # type: ignore[attr-defined]
    assert contents == ["What is my colour?", "Blue.", "And what did I say?"]


async def test_a_tool_list_filters_workspace_tools_and_keeps_completion(start: Start) -> None:
    driver = start([calls("complete"), calls("complete")], code=False)
    await driver.step(tools=["read", "bash"])
    await driver.step(tools=["read", "nonsense"], tools_mode="strict")
    offered = [
        {tool["function"]["name"] for tool in request["tools"]}
        for request in driver.server.requests  # type: ignore[attr-defined]
    ]
    assert offered == [
        {
            "read", "bash", "focused_analysis", "get_run_history", "share_knowledge", "complete",
            "fail",
        },
        {"read", "complete", "fail"},
    ]  # fmt: skip


async def test_thinking_and_text_are_batched_in_order(start: Start) -> None:
    words = " ".join(str(number) for number in range(200))
    driver = start([Answer(text=words, thinking="Hm, well."), calls("complete")])
    await driver.step()
    assert driver.said() == words
    assert "".join(t.thinking for t in driver.messages(Thinking)) == "Hm, well."
    assert len(driver.messages(Output)) < 50
    seqs = [envelope.seq for envelope in driver.read()]
    assert seqs == sorted(set(seqs))


async def test_wrong_arguments_come_back_to_the_model(start: Start) -> None:
    driver = start(
        [
            Answer(tools=[("read", {"file": "a"})]),
            Answer(tools=[("read", "{not json")]),
            Answer(tools=[("no_such_tool", {})]),
            calls("complete"),
        ]
    )
    assert (await driver.step()).success
    failed = [name for name, ok, _ in driver.tools() if not ok]
    assert failed == ["read", "read", "no_such_tool"]
    assert "path" in driver.tools()[0][2]


async def test_a_failing_tool_does_not_end_the_step(start: Start) -> None:
    driver = start([calls("bash", command="echo oops >&2; exit 3"), calls("complete")])
    assert (await driver.step()).success
    name, ok, result = driver.tools()[0]
    assert (name, ok) == ("bash", False)
    assert result == "oops\n[exit code 3]"


@pytest.mark.parametrize(
    ("status", "code", "expected", "recoverable"),
    [
        (401, "not_authenticated", "no_provider_key", False),
        (402, "budget_exceeded", "budget_exceeded", False),
        (400, "bad_request", "model_error", True),
        (422, "cassette_miss", "cassette_miss", False),
        (422, "no_provider_key", "no_provider_key", False),
    ],
)
async def test_an_error_of_the_provider_gets_its_code(
    start: Start, status: int, code: str, expected: str, recoverable: bool
) -> None:
    driver = start([fails(status, code, "So it is.")])
    end = await driver.step()
    assert (end.success, end.error_code, end.recoverable) == (False, expected, recoverable)
    assert "So it is." in end.result
    assert len(driver.server.requests) == 1  # type: ignore[attr-defined]


async def test_passing_errors_are_tried_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.runtime.conversation.RETRY_BASE_S", 0.01)
    driver = start(
        [calls("ls"), fails(503), fails(429), fails(500), calls("complete", summary="after all")]
    )
    end = await driver.step()
    assert (end.success, end.summary) == (True, "after all")
    last = driver.server.requests[-1]["messages"]  # type: ignore[attr-defined]
    assert [m["role"] for m in last] == ["user", "assistant", "tool"]


async def test_a_model_that_stays_away_ends_the_step(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.runtime.conversation.RETRY_BASE_S", 0.01)
    driver = start([fails(503, "", "overloaded")] * 10)
    end = await driver.step()
    assert (end.success, end.error_code, end.recoverable) == (False, "model_unavailable", True)
    assert len(driver.server.requests) == 6  # type: ignore[attr-defined]


async def test_a_cut_stream_is_asked_for_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.runtime.conversation.RETRY_BASE_S", 0.01)
    driver = start([calls("ls"), says("one two three four", cut=True), calls("complete")])
    assert (await driver.step()).success
    last = driver.server.requests[-1]["messages"]  # type: ignore[attr-defined]
    assert [m["role"] for m in last] == ["user", "assistant", "tool"]


async def test_the_limit_of_turns_holds(start: Start) -> None:
    driver = start([calls("ls")] * 5)
    end = await driver.step(max_steps=3)
    assert (end.success, end.error_code, end.turns) == (False, "turn_limit", 3)


async def test_at_the_time_limit_the_agent_may_still_complete(start: Start) -> None:
    driver = start(
        [calls("bash", command="sleep 30"), calls("complete", outputs={"found": "half"})]
    )
    began = time.monotonic()
    end = await driver.step(deadline_s=3.0, outputs=["found"])
    assert time.monotonic() - began < 25
    assert (end.success, end.outputs) == (True, {"found": "half"})
    last = driver.server.requests[-1]["messages"][-1]  # type: ignore[attr-defined]
    assert last["role"] == "user"
    assert "Time is up" in last["content"]


async def test_past_the_time_limit_the_step_fails(start: Start) -> None:
    driver = start([says("x", delay_s=30), says("y", delay_s=30)])
    began = time.monotonic()
    end = await driver.step(deadline_s=0.5, wrap_up_s=0.5)
    assert time.monotonic() - began < 25
    assert (end.success, end.error_code) == (False, "timeout")


async def test_a_silent_model_is_noticed(start: Start) -> None:
    driver = start([says("x", delay_s=30)], inactivity_s=0.5)
    end = await driver.step()
    assert (end.success, end.error_code) == (False, "model_unavailable")
    assert "said nothing" in end.result


async def test_a_long_command_is_no_silence(start: Start) -> None:
    driver = start([calls("bash", command="sleep 2.5"), calls("complete")], inactivity_s=0.5)
    assert (await driver.step()).success


async def test_abort_ends_the_step_and_kills_what_it_started(start: Start, tmp_path: Path) -> None:
    marker = tmp_path / "alive"
    loop = f"(trap '' TERM; while true; do date > {marker}; sleep 0.1; done) & wait"
    driver = start([calls("bash", command=loop)])
    driver.send(AgentStep(request_id="r1", prompt="go"))
    await driver.until(marker.exists)
    driver.send(Abort(request_id="r1"))
    end = await driver.end_of("r1")
    assert (end.success, end.error_code, end.recoverable) == (False, "cancelled", False)
    marker.unlink()
    await asyncio.sleep(0.4)
    assert not marker.exists()


async def test_what_a_command_leaves_in_the_background_ends_with_the_step(
    start: Start, tmp_path: Path
) -> None:
    marker = tmp_path / "alive"
    loop = f"(while true; do date > {marker}; sleep 0.1; done) > /dev/null 2>&1 &"
    wait = f"until [ -e {marker} ]; do sleep 0.1; done"
    driver = start([calls("bash", command=loop), calls("bash", command=wait), calls("complete")])
    assert (await driver.step()).success
    marker.unlink()
    await asyncio.sleep(0.4)
    assert not marker.exists()


async def test_a_hint_reaches_the_agent_before_its_next_turn(start: Start) -> None:
    driver = start([calls("bash", command="sleep 1"), calls("complete")])
    driver.send(AgentStep(request_id="r1", prompt="go"))
    await driver.until(driver.tool_starts)
    driver.send(Steer(request_id="r1", message="Use tabs."))
    await driver.end_of("r1")
    last = driver.server.requests[-1]["messages"]  # type: ignore[attr-defined]
    assert last[-1] == {"role": "user", "content": "Use tabs."}


async def test_a_repeated_command_is_answered_from_memory(start: Start) -> None:
    driver = start([calls("complete", summary="once")])
    await driver.step(request_id="r1")
    driver.send(AgentStep(request_id="r1", prompt="again"))
    ends = await driver.until(
        lambda: len(driver.messages(StepEnd)) == 2 and driver.messages(StepEnd)
    )
    assert ends[0] == ends[1]
    assert len(driver.server.requests) == 1  # type: ignore[attr-defined]


async def test_a_malformed_command_is_reported_and_the_session_goes_on(start: Start) -> None:
    driver = start([calls("complete")])
    driver.redis.xadd(driver.keys.cmd, {"type": "agentStep", "seq": "1", "ts": "1", "data": "{}"})
    driver.redis.xadd(driver.keys.cmd, {"type": "sing", "seq": "2", "ts": "1", "data": "{}"})
    assert (await driver.step()).success
    (error,) = driver.messages(Error)
    assert error.code == "protocol_error"
    assert "prompt" in error.message


async def test_the_model_can_be_changed_between_steps(start: Start) -> None:
    driver = start([says("a"), says("b")], kind="chat")
    await driver.step("one")
    driver.send(ChangeModel(model="scripted/other"))
    await driver.step("two")
    names = [request["model"] for request in driver.server.requests]  # type: ignore[attr-defined]
    assert names == ["scripted/test", "scripted/other"]


async def test_context_usage_is_what_the_last_request_and_its_answer_took(start: Start) -> None:
    driver = start([says("a")], kind="chat")
    await driver.step("one")
    driver.send(GetContextUsage(request_id="u1"))
    (usage,) = await driver.until(lambda: driver.messages(ContextUsage))
    assert (usage.request_id, usage.used_tokens) == ("u1", 110)


async def test_file_changes_are_told(start: Start) -> None:
    driver = start(
        [
            calls("write", path="src/new.py", content="x = 1\n"),
            calls("write", path="node_modules/x.js", content="1"),
            calls("write", path="last.txt", content="1"),
            calls("complete"),
        ]
    )

    def told() -> set[tuple[str, str]]:
        return {(change.path, change.change_type) for change in driver.messages(FileChange)}

    def watching() -> object:
        (driver.config.workspace / "probe.txt").write_text(str(time.monotonic()))
        return told()

    await driver.until(watching)
    await driver.step()
    await driver.until(lambda: ("last.txt", "create") in told())
    assert ("src/new.py", "create") in told()
    assert not any("node_modules" in path for path, _ in told())


async def test_shutdown_ends_the_session_cleanly(start: Start) -> None:
    driver = start([says("x", delay_s=20)])
    driver.send(AgentStep(request_id="r1", prompt="go"))
    await driver.until(lambda: driver.server.requests)  # type: ignore[attr-defined]
    driver.send(Shutdown())
    assert driver.session is not None
    assert await asyncio.wait_for(driver.session, 10) == 0
    last = [envelope.message.type for envelope in driver.read()][-2:]
    assert last[-1] == "exiting"
    assert [end.error_code for end in driver.messages(StepEnd)] == ["cancelled"]


async def test_output_of_any_size_stays_bounded(start: Start) -> None:
    """F25: 200 MB of output and a line of 50 MB reach neither the model nor the stream whole."""
    driver = start(
        [
            calls("bash", command="head -c 200000000 /dev/zero | tr '\\0' 'a'"),
            calls("complete"),
        ]
    )
    assert (await driver.step(wait_s=60)).success
    assert sum(len(json.dumps(e.message.model_dump())) for e in driver.read()) < 1_000_000
    second = driver.server.requests[1]["messages"][-1]["content"]  # type: ignore[attr-defined]
    assert len(second) < 60_000
    assert "full text is in" in second
