"""What a script may know of a request, the same for both dialects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from apps.llm.providers import Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """`rounds` has an entry for each answer that was already given: the tool results after it."""

    system: str = ""
    prompt: str = ""  # all that the user side said before the first answer
    rounds: tuple[tuple[str, ...], ...] = ()
    tools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name → JSON schema
    forced_tool: str = ""
    schema: Mapping[str, Any] | None = None  # of a structured answer
    characters: int = 0
    characters_seen_before: int = 0  # what a prompt cache would hold


def conversation_of(dialect: Dialect, body: Mapping[str, Any]) -> Conversation:
    return _openai(body) if dialect is Dialect.OPENAI else _anthropic(body)


@dataclass(slots=True)
class _Reader:
    system: list[str] = field(default_factory=list)
    prompt: list[str] = field(default_factory=list)
    rounds: list[list[str]] = field(default_factory=list)
    characters: int = 0
    before_last: int = 0

    def count(self, text: str) -> None:
        self.characters += len(text)

    def user(self, text: str) -> None:
        self.count(text)
        if not self.rounds:
            self.prompt.append(text)

    def answer(self, text: str) -> None:
        self.before_last = self.characters
        self.count(text)
        self.rounds.append([])

    def result(self, text: str) -> None:
        self.count(text)
        if self.rounds:
            self.rounds[-1].append(_unwrapped(text))

    def done(self, **more: Any) -> Conversation:
        return Conversation(
            system="\n".join(self.system),
            prompt="\n".join(self.prompt),
            rounds=tuple(tuple(results) for results in self.rounds),
            characters=self.characters + sum(map(len, self.system)),
            characters_seen_before=self.before_last,
            **more,
        )


def _openai(body: Mapping[str, Any]) -> Conversation:
    reader = _Reader()
    for message in _objects(body.get("messages")):
        text = _text(message.get("content"))
        match message.get("role"):
            case "system" | "developer":
                reader.system.append(text)
            case "assistant":
                reader.answer(text + str(message.get("tool_calls") or ""))
            case "tool":
                reader.result(text)
            case _:
                reader.user(text)
    functions = [_object(tool.get("function")) for tool in _objects(body.get("tools"))]
    tools = {str(f.get("name")): _object(f.get("parameters")) for f in functions}
    choice = body.get("tool_choice")
    named = _object(_object(choice).get("function")).get("name")
    return reader.done(
        tools=tools,
        forced_tool=_forced(named, choice == "required", tools),
        schema=_openai_schema(_object(body.get("response_format"))),
    )


def _openai_schema(response_format: Mapping[str, Any]) -> Mapping[str, Any] | None:
    match response_format.get("type"):
        case "json_schema":
            return _object(_object(response_format.get("json_schema")).get("schema"))
        case "json_object":
            return {"type": "object"}
        case _:
            return None


def _anthropic(body: Mapping[str, Any]) -> Conversation:
    reader = _Reader()
    reader.system.append(_text(body.get("system")))
    for message in _objects(body.get("messages")):
        content = message.get("content")
        if message.get("role") == "assistant":
            reader.answer(_text(content) + str([b for b in _objects(content) if "input" in b]))
            continue
        for block in _objects(content):
            if block.get("type") == "tool_result":
                reader.result(_text(block.get("content")))
        reader.user(_text(content))
    tools = {
        str(tool.get("name")): _object(tool.get("input_schema"))
        for tool in _objects(body.get("tools"))
    }
    choice = _object(body.get("tool_choice"))
    output_format = _object(_object(body.get("output_config")).get("format"))
    output_format = output_format or _object(body.get("output_format"))
    return reader.done(
        tools=tools,
        forced_tool=_forced(choice.get("name"), choice.get("type") == "any", tools),
        schema=_object(output_format.get("schema")) or None,
    )


def _forced(named: object, any_tool: bool, tools: Mapping[str, object]) -> str:
    """The one tool that must be called: by its name, or because there is no other."""
    if named:
        return str(named)
    return next(iter(tools)) if any_tool and len(tools) == 1 else ""


def _text(content: object) -> str:
    """The text of a message, whether it is one string or a list of parts."""
    if isinstance(content, str):
        return content
    parts = (part.get("text") for part in _objects(content))
    return "\n".join(part for part in parts if isinstance(part, str))


def _unwrapped(text: str) -> str:
    """A failed tool's words: the agent's library sends them as `{"error": "…"}`."""
    if not text.startswith('{"error":'):
        return text
    try:
        error = orjson.loads(text).get("error")
    except orjson.JSONDecodeError:
        return text
    return error if isinstance(error, str) else text


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
