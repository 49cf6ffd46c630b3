"""Commands beside the step itself: tools, grants, abort of what waits, repeats, bad messages."""

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.model_server import calls, says
from tests.workers.runtime.conftest import Driver, Start
from workers.protocol.messages import (
    Abort,
    AgentStep,
    Busy,
    Error,
    RefreshGrants,
    StepEnd,
    ToolCommand,
    ToolEnd,
    ToolStart,
)
from workers.protocol.wire import encode


async def ask(driver: Driver, tool: str, request_id: str = "t1", **args: Any) -> ToolEnd:
    driver.send(ToolCommand(request_id=request_id, tool_name=tool, args=args))

    def answer() -> ToolEnd | None:
        ends = [end for end in driver.messages(ToolEnd) if end.request_id == request_id]
        return ends[-1] if ends else None

    return await driver.until(answer)  # type: ignore[no-any-return]


async def test_a_tool_can_be_called_without_a_model(start: Start) -> None:
    driver = start()
    end = await ask(driver, "write", path="a.txt", content="x")
    assert (end.success, end.result) == (True, "Created a.txt (1 bytes).")
    assert [s.request_id for s in driver.messages(ToolStart)] == ["t1"]
    end = await ask(driver, "exec_code", "t2", code="print(read('a.txt'))")
    assert (end.success, end.result) == (True, "x")
    assert driver.server.requests == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("tool", "args", "said"),
    [
        ("nonsense", {}, "There is no tool nonsense"),
        ("complete", {}, "There is no tool"),
        ("read", {}, "path: Field required"),
        ("read", {"path": "/etc/shadow"}, "outside"),
    ],
)
async def test_a_call_that_cannot_be_made_says_why(
    start: Start, tool: str, args: dict[str, Any], said: str
) -> None:
    end = await ask(start(), tool, **args)
    assert (end.success, said in end.result) == (False, True)
    assert end.tool_name == tool


async def test_a_repeated_call_is_not_made_again(start: Start) -> None:
    driver = start()
    first = await ask(driver, "bash", command="date +%N >> log; wc -l < log")
    driver.send(ToolCommand(request_id="t1", tool_name="bash", args={"command": "date"}))
    ends = await driver.until(
        lambda: len(driver.messages(ToolEnd)) == 2 and driver.messages(ToolEnd)
    )
    assert ends[0] == ends[1] == first


async def test_a_call_can_be_aborted(start: Start) -> None:
    driver = start()
    driver.send(ToolCommand(request_id="t1", tool_name="bash", args={"command": "sleep 60"}))
    await driver.until(lambda: driver.messages(ToolStart))
    driver.send(Abort(request_id="t1"))
    ends = await driver.until(lambda: driver.messages(ToolEnd))
    assert not ends[-1].success


async def test_a_step_that_waits_can_be_aborted(start: Start) -> None:
    driver = start([calls("bash", command="sleep 60")])
    driver.send(AgentStep(request_id="r1", prompt="go"))
    driver.send(AgentStep(request_id="r2", prompt="go"))
    await driver.until(driver.tool_starts)
    driver.send(Abort(request_id="r2"))
    driver.send(Abort(request_id="r1"))
    assert (await driver.end_of("r1")).error_code == "cancelled"
    assert (await driver.end_of("r2")).error_code == "cancelled"
    assert len(driver.server.requests) == 1  # type: ignore[attr-defined]


async def test_an_abort_without_an_id_stops_all(start: Start) -> None:
    driver = start([calls("bash", command="sleep 60")])
    driver.send(AgentStep(request_id="r1", prompt="go"))
    driver.send(AgentStep(request_id="r2", prompt="go"))
    await driver.until(driver.tool_starts)
    driver.send(Abort(request_id=""))
    for request_id in ("r1", "r2"):
        assert (await driver.end_of(request_id)).error_code == "cancelled"


async def test_a_repeat_of_work_under_way_is_told_that_it_goes_on(start: Start) -> None:
    driver = start([says("x", delay_s=1)], kind="chat")
    driver.send(AgentStep(request_id="r1", prompt="go"))
    driver.send(AgentStep(request_id="r1", prompt="go"))
    await driver.until(lambda: len(driver.messages(Busy)) == 2)
    await driver.end_of("r1")
    assert len(driver.server.requests) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "tool", "data": "{}"},
        {"type": "tool", "data": "not json"},
        {"type": "changeModel", "data": "[]"},
        {"type": "agentStep", "data": '{"prompt": "p", "maxSteps": 0}'},
        {"seq": "x", "type": "steer", "data": "{}"},
        {"no": "type"},
    ],
)
async def test_a_malformed_command_is_reported_and_stops_nothing(
    start: Start, fields: dict[str, str]
) -> None:
    driver = start([calls("complete")])
    driver.redis.xadd(driver.keys.cmd, fields)  # type: ignore[arg-type]
    driver.redis.xadd(driver.keys.cmd, {**encode(Abort(request_id="x"), seq=1, ts=1), "type": "?"})  # type: ignore[dict-item]
    assert (await driver.step()).success
    (error,) = driver.messages(Error)
    assert error.code == "protocol_error"


# Grants


@pytest.fixture
def api() -> Iterator[tuple[str, list[str]]]:
    disabled: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/v1/agents/yukihiro/tools/disabled"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(json.dumps({"agent_id": "yukihiro", "tools": disabled}).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", disabled
    server.shutdown()
    server.server_close()


async def test_a_tool_that_is_disabled_is_gone_at_once(
    start: Start, api: tuple[str, list[str]]
) -> None:
    url, disabled = api
    driver = start(api_url=url)
    assert (await ask(driver, "ls")).success
    disabled += ["bash", "complete"]
    driver.send(RefreshGrants(what="tools"))
    for attempt in range(200):
        end = await ask(driver, "bash", f"b{attempt}", command="true")
        if not end.success:
            break
    assert end.result == "bash is disabled for this agent."
    assert (await ask(driver, "ls", "t3")).success
    code = await ask(driver, "exec_code", "t4", code="print(1)")
    assert not code.success  # to run code is to run anything
    assert driver.messages(Error) == []


async def test_grants_that_cannot_be_had_stay_as_they_are(start: Start) -> None:
    driver = start()
    driver.send(RefreshGrants())
    (error,) = await driver.until(lambda: driver.messages(Error))
    assert error.code == "grants_not_refreshed"
    assert (await ask(driver, "ls")).success


# What commands leave behind


async def test_a_process_that_left_its_group_ends_with_the_step(
    start: Start, tmp_path: Path
) -> None:
    marker = tmp_path / "alive"
    loop = f"while true; do date > {marker}; sleep 0.1; done"
    wait = f"until [ -e {marker} ]; do sleep 0.1; done"
    driver = start(
        [
            calls("bash", command=f"setsid bash -c '{loop}' > /dev/null 2>&1 & {wait}"),
            calls("complete"),
        ]
    )
    assert (await driver.step()).success
    marker.unlink()
    await asyncio.sleep(0.5)
    assert not marker.exists()


async def test_an_abort_reaches_processes_that_left_their_group(
    start: Start, tmp_path: Path
) -> None:
    marker = tmp_path / "alive"
    loop = f"while true; do date > {marker}; sleep 0.1; done"
    driver = start([calls("bash", command=f"setsid bash -c '{loop}' & wait")])
    driver.send(AgentStep(request_id="r1", prompt="go"))
    await driver.until(marker.exists)
    driver.send(Abort(request_id="r1"))
    (end,) = [await driver.end_of("r1")]
    assert isinstance(end, StepEnd)
    marker.unlink()
    await asyncio.sleep(0.5)
    assert not marker.exists()


async def test_a_named_pipe_stops_nothing(start: Start) -> None:
    driver = start()
    os.mkfifo(driver.config.workspace / "pipe")
    end = await ask(driver, "read", path="pipe")
    assert (end.success, "does not exist" in end.result) == (False, True)


async def test_a_pattern_that_never_ends_is_given_up(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.runtime.tools.search.shutil.which", lambda name: None)
    monkeypatch.setattr("workers.runtime.tools.search._LINE_TIMEOUT_S", 0.5)
    driver = start()
    (driver.config.workspace / "a.txt").write_text("a" * 60 + "!\n")
    end = await ask(driver, "grep", pattern="(a|aa|a?)+$", path="a.txt")
    assert (end.success, "takes too long" in end.result) == (False, True)
