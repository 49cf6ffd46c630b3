"""opencode (MIT): `opencode run --format json`, one JSON object a line."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from workers.protocol.harness import PROGRAMS
from workers.runtime.cli_agents.adapter import (
    Event,
    Failed,
    Said,
    SessionNamed,
    Start,
    Task,
    Thought,
    ToolBegan,
    ToolEnded,
    TurnEnded,
)

_PROVIDER = "djinnbot"
_OUTPUT_TOKENS = 32_000
_CONTEXT_TOKENS = 128_000
# It must not look for anything outside: there is no network, and each try would cost seconds.
_QUIET = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "OPENCODE_DISABLE_CLAUDE_CODE": "1",
}


class OpenCode:
    name: ClassVar[str] = "opencode"
    resumable: ClassVar[bool] = True

    def __init__(self) -> None:
        self._session = ""

    def start(self, task: Task) -> Start:
        instructions = task.state / "instructions.md"
        instructions.write_text(task.system_prompt)
        config = task.state / "opencode.json"
        config.write_text(json.dumps(_config(task, str(instructions))))
        command = [str(task.directory / PROGRAMS[self.name]), "run", "--pure", "--auto"]
        command += ["--format", "json", "--model", f"{_PROVIDER}/{task.model}"]
        # A title of ours spares the call that would make one.
        command += ["--session", task.resume] if task.resume else ["--title", "step"]
        state = {
            name: str(task.state / name.lower())
            for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
        }
        return Start(
            command=command,
            env={**_QUIET, **state, "OPENCODE_CONFIG": str(config)},
            stdin=task.prompt,
        )

    def events(self, text: str) -> Iterator[Event]:
        message = _object(text)
        session = message.get("sessionID")
        if isinstance(session, str) and session != self._session:
            self._session = session
            yield SessionNamed(session)
        part = message.get("part")
        part = part if isinstance(part, dict) else {}
        match message.get("type"):
            case "text":
                yield Said(str(part.get("text", "")), turn=str(part.get("messageID", "")))
            case "reasoning":
                yield Thought(str(part.get("text", "")))
            case "tool_use":
                yield from _tool(part)
            case "step_finish":
                yield _turn(part)
            case "error":
                yield Failed(_reason(message.get("error")))


def _config(task: Task, instructions: str) -> dict[str, Any]:
    model = {
        "name": task.model,
        "tool_call": True,
        "limit": {"context": _CONTEXT_TOKENS, "output": _OUTPUT_TOKENS},
    }
    return {
        "autoupdate": False,
        "share": "disabled",
        "snapshot": False,
        "lsp": False,
        "formatter": False,
        "instructions": [instructions],
        "permission": {"*": "allow"},
        "small_model": f"{_PROVIDER}/{task.model}",
        "provider": {
            _PROVIDER: {
                "npm": "@ai-sdk/openai-compatible",
                "name": "DjinnBot",
                "options": {"baseURL": task.base_url, "apiKey": task.key},
                "models": {task.model: model},
            }
        },
    }


def _tool(part: Mapping[str, Any]) -> Iterator[Event]:
    """It tells of a tool when that has ended."""
    state = part.get("state")
    if not isinstance(state, dict):
        return
    call = str(part.get("callID", ""))
    args = state.get("input")
    yield ToolBegan(
        id=call, name=str(part.get("tool", "tool")), args=args if isinstance(args, dict) else {}
    )
    succeeded = state.get("status") == "completed"
    times = state.get("time")
    times = times if isinstance(times, dict) else {}
    yield ToolEnded(
        id=call,
        result=str(state.get("output" if succeeded else "error", "")),
        success=succeeded,
        duration_ms=max(0, int(times.get("end", 0)) - int(times.get("start", 0))),
    )


def _turn(part: Mapping[str, Any]) -> TurnEnded:
    tokens = part.get("tokens")
    tokens = tokens if isinstance(tokens, dict) else {}
    cache = tokens.get("cache")
    cache = cache if isinstance(cache, dict) else {}
    return TurnEnded(
        input_tokens=int(tokens.get("input") or 0),
        output_tokens=int(tokens.get("output") or 0) + int(tokens.get("reasoning") or 0),
        cache_read_tokens=int(cache.get("read") or 0),
        cache_write_tokens=int(cache.get("write") or 0),
    )


def _reason(error: object) -> str:
    """With the answer of the server, which may hold a code of our gateway."""
    if not isinstance(error, dict):
        return str(error)
    data = error.get("data")
    data = data if isinstance(data, dict) else {}
    said = [str(data.get("message") or error.get("name") or "It failed.")]
    if body := data.get("responseBody"):
        said.append(str(body))
    return " ".join(said)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
