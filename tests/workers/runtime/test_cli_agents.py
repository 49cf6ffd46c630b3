"""Another agent's program as the runtime sees it: events, ends, limits. A shell plays the program.

The real programs are run in `tests/workers/agent/test_harness.py`.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest

from apps.pipelines.definition import Harness
from tests.support.boxes import processes_of
from tests.support.live import eventually
from workers.protocol.harness import PROGRAMS
from workers.protocol.masking import Masker
from workers.protocol.messages import AgentStep, CompactSession, Error, Message, StepEnd
from workers.runtime.cli_agents import engine as engines
from workers.runtime.cli_agents import step as steps
from workers.runtime.cli_agents.adapter import (
    Event,
    Failed,
    Said,
    SessionNamed,
    Start,
    Task,
    ToolBegan,
    ToolEnded,
    TurnEnded,
)
from workers.runtime.cli_agents.adapters import ADAPTERS
from workers.runtime.cli_agents.mini import MiniSweAgent
from workers.runtime.cli_agents.opencode import OpenCode
from workers.runtime.config import config_from
from workers.runtime.text import TextBatcher


class Shell:
    """Each line that the script prints is an event: `say …`, `turn`, `session …`, `fail …`."""

    name: ClassVar[str] = "opencode"
    resumable: ClassVar[bool] = True
    script: ClassVar[str] = ""
    tasks: ClassVar[list[Task]] = []

    def start(self, task: Task) -> Start:
        Shell.tasks.append(task)
        return Start(
            command=["bash", "-c", Shell.script], stdin=task.prompt, env={"BASE_URL": task.base_url}
        )

    def events(self, text: str) -> Iterator[Event]:
        word, _, rest = text.partition(" ")
        if word == "say":
            yield Said(rest + "\n", turn="1")
        elif word == "turn":
            yield TurnEnded(input_tokens=3, output_tokens=2)
        elif word == "session":
            yield SessionNamed(rest)
        elif word == "fail":
            yield Failed(rest)


def step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, **command: Any
) -> tuple[StepEnd, list[Message]]:
    """What the program's end makes of the step, and all that was told."""
    monkeypatch.setattr(engines, "ADAPTERS", {"opencode": Shell})
    monkeypatch.setattr(steps, "WATCH_INTERVAL_S", 0.05)
    monkeypatch.setattr(Shell, "script", script)
    Shell.tasks.clear()
    program = tmp_path / "harness" / PROGRAMS["opencode"]
    program.parent.mkdir(parents=True)
    program.touch()
    config = config_from(
        {
            "SESSION_ID": "ses_1",
            "REDIS_URL": "redis://nowhere",
            "DJINNBOT_API_URL": command.pop("api_url", "http://127.0.0.1:9"),
            "AGENT_MODEL": "scripted/test",
            "AGENT_HARNESS": "opencode",
            "AGENT_HARNESS_DIR": str(tmp_path / "harness"),
            "WORKSPACE_PATH": str(tmp_path),
            "TMPDIR": str(tmp_path),
            "DJINNBOT_SESSION_TOKEN": "dst_secret",
        }
    )
    told: list[Message] = []

    async def room() -> None:
        return

    async def work() -> StepEnd:
        text = TextBatcher(told.append, Masker())
        engine = engines.Engine(config, publish=told.append, room=room, text=text, masker=Masker())
        for hint in command.pop("hints", ()):
            engine.conversation.steer(hint)
        end = await engine.work(
            AgentStep(request_id="r1", prompt="Do it.", system_prompt="You are.", **command)
        )
        text.flush()
        assert isinstance(end, StepEnd)
        refused = await engine.work(CompactSession(request_id="r2"))
        assert isinstance(refused, Error)
        return end

    return asyncio.run(work()), told


def test_the_last_answer_and_what_it_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end, told = step(
        tmp_path, monkeypatch, 'read line; echo noise; echo "say got $line"; echo turn; echo turn'
    )
    assert (end.success, end.result, end.explicit_completion) == (True, "got Do it.\n", False)
    assert (end.turns, end.usage.requests, end.usage.input_tokens) == (2, 2, 6)
    assert "got Do it." in "".join(getattr(message, "data", "") for message in told)
    assert Shell.tasks[0].system_prompt == "You are."
    assert Shell.tasks[0].base_url.endswith("/v1/internal/llm/v1")


@pytest.mark.parametrize(
    ("script", "code", "recoverable", "says"),
    [
        ("echo 'say FAILED: no such file'", "agent_failed", True, "no such file"),
        ("echo oops >&2; exit 7", "harness_failed", True, "exit code 7. oops"),
        ("echo 'fail it broke'", "harness_failed", True, "it broke"),
        (
            """echo 'fail 402 {"error":{"code":"budget_exceeded"}}'; exit 1""",
            "budget_exceeded",
            False,
            "402",
        ),  # noqa: E501
        ("""echo '{"code": "unknown_provider"}' >&2; exit 1""", "model_error", False, "unknown"),
        ("for i in 1 2 3 4; do echo turn; done; sleep 60", "turn_limit", True, "3 turns"),
    ],
)
def test_each_end_has_its_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    code: str,
    recoverable: bool,
    says: str,
) -> None:
    end, _ = step(tmp_path, monkeypatch, script, max_steps=3)
    assert (end.success, end.error_code, end.recoverable) == (False, code, recoverable)
    assert says in end.result


class Refusing(BaseHTTPRequestHandler):
    """A gateway whose budget is used up."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b'{"error": {"code": "budget_exceeded", "message": "The budget is used up."}}'
        self.send_response(429)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_program_that_asks_again_and_again_is_ended_by_the_first_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as gateway:
        threading.Thread(target=gateway.serve_forever, daemon=True).start()
        end, _ = step(
            tmp_path,
            monkeypatch,
            "while :; do curl -s $BASE_URL/chat/completions; sleep 0.2; done",
            api_url=f"http://127.0.0.1:{gateway.server_port}",
            deadline_s=60,
        )
        gateway.shutdown()
    assert (end.error_code, end.recoverable) == ("budget_exceeded", False)
    assert "used up" in end.result


def test_the_time_limit_ends_all_that_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, _ = step(tmp_path, monkeypatch, "setsid sleep 97531 & sleep 97531", deadline_s=0.5)
    assert end.error_code == "timeout"
    eventually(lambda: not processes_of("97531"))


def test_what_is_left_running_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, _ = step(tmp_path, monkeypatch, "echo say done; sleep 86420 &")
    assert end.result == "done\n"
    eventually(lambda: not processes_of("86420"))


def test_a_hint_resumes_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'read line; echo session s1; echo "say $line"'
    end, _ = step(tmp_path, monkeypatch, script, hints=["Mind the gap."])
    assert end.result == "Mind the gap.\n"
    assert [(task.prompt, task.resume) for task in Shell.tasks] == [
        ("Do it.", ""), ("Mind the gap.", "s1"),
    ]  # fmt: skip


def test_the_token_is_no_part_of_the_programs_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJINNBOT_SESSION_TOKEN", "dst_secret")
    monkeypatch.setenv("REDIS_URL", "redis://secret")
    end, _ = step(tmp_path, monkeypatch, 'echo "say $(env | grep -c secret)"; true')
    assert end.result == "0\n"


def test_names_of_all_places_agree() -> None:
    assert set(get_args(Harness)) == {"djinnbot", *ADAPTERS}
    assert set(PROGRAMS) == set(ADAPTERS)


def test_opencodes_lines() -> None:
    adapter = OpenCode()
    part = {
        "callID": "c",
        "tool": "bash",
        "state": {"status": "error", "input": {"a": 1}, "error": "no"},
    }  # noqa: E501
    lines: list[dict[str, Any]] = [
        {"type": "text", "sessionID": "s", "part": {"text": "Hi", "messageID": "m"}},
        {"type": "tool_use", "sessionID": "s", "part": part},
        {
            "type": "step_finish",
            "sessionID": "s",
            "part": {"tokens": {"input": 5, "output": 2, "cache": {"read": 1}}},
        },  # noqa: E501
        {
            "type": "error",
            "sessionID": "s",
            "error": {
                "name": "APIError",
                "data": {"message": "no", "responseBody": '{"code":"x"}'},
            },
        },  # noqa: E501
    ]
    found = [event for line in lines for event in adapter.events(json.dumps(line))]
    assert found == [
        SessionNamed("s"),
        Said("Hi", turn="m"),
        ToolBegan(id="c", name="bash", args={"a": 1}),
        ToolEnded(id="c", result="no", success=False),
        TurnEnded(input_tokens=5, output_tokens=2, cache_read_tokens=1),
        Failed('no {"code":"x"}'),
    ]
    assert list(adapter.events("no json")) == []
    assert list(adapter.events("[1]")) == []


def test_minis_trajectory_is_told_once() -> None:
    adapter = MiniSweAgent()
    call = {"id": "c", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "Looking.", "tool_calls": [call],
         "extra": {"response": {"usage": {"prompt_tokens": 4, "completion_tokens": 1}}}},
        {"role": "tool", "tool_call_id": "c", "content": "x", "extra": {"raw_output": "a b", "returncode": 1}},  # noqa: E501
        {"role": "exit", "content": "", "extra": {"exit_status": "Submitted", "submission": "Bye"}},
    ]  # fmt: skip
    first = list(adapter.events(json.dumps({"messages": messages[:3]})))
    assert list(adapter.events('{"messages": [')) == [], "half-written"
    rest = list(adapter.events(json.dumps({"messages": messages})))
    assert first == [
        Said("Looking.", turn="2"),
        ToolBegan(id="c", name="bash", args={"command": "ls"}),
        TurnEnded(input_tokens=4, output_tokens=1),
    ]
    assert rest == [ToolEnded(id="c", result="a b", success=False), Said("Bye", turn="4")]
