"""mini-swe-agent (MIT): one tool, a shell; it rewrites its trajectory after each step."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from workers.protocol.harness import PROGRAMS
from workers.runtime.cli_agents.adapter import (
    Event,
    Failed,
    Said,
    Start,
    Task,
    ToolBegan,
    ToolEnded,
    TurnEnded,
)

_LIBRARY = "lib"
# How it says that it is done; the rest of that output is its last word.
_DONE = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
# What it answers to the command that ends its work.
_NOT_RUN = "action was not executed"
_RULES = f"""\
{{{{task}}}}

# How to work here

Each answer calls the bash tool at least once. A command starts anew in the workspace. When all is
done, give your last answer by one command of its own, whose output begins with the line {_DONE}
and goes on with the answer:

printf '%s\\n' {_DONE} 'your answer'
"""


class MiniSweAgent:
    name: ClassVar[str] = "mini-swe-agent"
    resumable: ClassVar[bool] = False

    def __init__(self) -> None:
        self._told = 0

    def start(self, task: Task) -> Start:
        config = task.state / "config.yaml"  # JSON is YAML
        config.write_text(json.dumps(_config(task)))
        trajectory = task.state / "trajectory.json"
        trajectory.unlink(missing_ok=True)
        self._told = 0
        command = [sys.executable, str(task.directory / PROGRAMS[self.name])]
        command += ["--yolo", "--exit-immediately", "--cost-limit", "0"]
        command += ["--config", "mini.yaml", "--config", str(config), "--output", str(trajectory)]
        return Start(
            command=command,
            env={
                "PYTHONPATH": str(task.directory / _LIBRARY),
                "PYTHONDONTWRITEBYTECODE": "1",
                "MSWEA_CONFIGURED": "true",
                "MSWEA_COST_TRACKING": "ignore_errors",
                "MSWEA_GLOBAL_CONFIG_DIR": str(task.state / "settings"),
                "MSWEA_SILENT_STARTUP": "1",
                "MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT": "3",
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            },
            watched=trajectory,
        )

    def events(self, text: str) -> Iterator[Event]:
        """The messages of the trajectory that have not been told yet."""
        messages = _messages(text)
        new, self._told = messages[self._told :], max(self._told, len(messages))
        for index, message in enumerate(new, start=len(messages) - len(new)):
            match message.get("role"):
                case "assistant":
                    yield from _answer(message, str(index))
                case "tool":
                    yield _result(message)
                case "exit":
                    yield from _end(message, str(index))


def _config(task: Task) -> dict[str, Any]:
    return {
        "run": {"task": f"{task.system_prompt}\n\n{task.prompt}".strip()},
        "agent": {
            "system_template": "You are an agent of a team, at work in a shell.",
            "instance_template": _RULES,
            "step_limit": task.max_turns,
            "mode": "yolo",
            "confirm_exit": False,
        },
        "model": {
            "model_name": f"openai/{task.model}",
            "model_class": "litellm",
            "cost_tracking": "ignore_errors",
            "model_kwargs": {"api_base": task.base_url, "api_key": task.key, "drop_params": True},
        },
        "environment": {"cwd": str(task.workspace), "timeout": 300},
    }


def _answer(message: Mapping[str, Any], turn: str) -> Iterator[Event]:
    if isinstance(text := message.get("content"), str) and text:
        yield Said(text, turn=turn)
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        yield ToolBegan(
            id=str(call.get("id", "")),
            name=str(function.get("name", "bash")),
            args=_arguments(function.get("arguments")),
        )
    usage = ((message.get("extra") or {}).get("response") or {}).get("usage") or {}
    yield TurnEnded(
        input_tokens=int(usage.get("prompt_tokens") or 0),
        output_tokens=int(usage.get("completion_tokens") or 0),
    )


def _result(message: Mapping[str, Any]) -> ToolEnded:
    extra = message.get("extra") or {}
    return ToolEnded(
        id=str(message.get("tool_call_id", "")),
        result=str(extra.get("raw_output") or message.get("content") or ""),
        success=not extra.get("returncode") or extra.get("exception_info") == _NOT_RUN,
    )


def _end(message: Mapping[str, Any], turn: str) -> Iterator[Event]:
    extra = message.get("extra") or {}
    if extra.get("exit_status") == "Submitted":
        yield Said(str(extra.get("submission") or ""), turn=turn)
    else:
        yield Failed(str(message.get("content") or extra.get("exit_status") or "It failed."))


def _arguments(text: object) -> Mapping[str, object]:
    try:
        value = json.loads(str(text))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _messages(text: str) -> list[dict[str, Any]]:
    """Of a file that may be half-written at this moment."""
    try:
        value = json.loads(text)
    except ValueError:
        return []
    found = value.get("messages") if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
