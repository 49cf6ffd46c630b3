"""Reads an answer on its way through: tokens, stop reason, tool calls, and whether it is whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from apps.llm.calls import Endpoint
from apps.llm.gateway.sse import event_data
from apps.llm.pricing import Tokens
from apps.llm.providers import Dialect


@dataclass(slots=True)
class Observed:
    tokens: Tokens = field(default_factory=Tokens)
    usage_seen: bool = False
    stop_reason: str = ""
    tool_call_count: int = 0
    has_thinking: bool = False
    complete: bool = False  # the answer came to its end
    malformed: bool = False  # a part of it was not JSON
    is_last: bool = False  # the event just read is the end marker
    is_usage_only: bool = False  # the event just read carries nothing but token counts


class Observer:
    """One a call. Unknown fields are passed over: providers add some every month."""

    def __init__(self) -> None:
        self.seen = Observed()

    def event(self, event: bytes) -> None:
        self.seen.is_last = self.seen.is_usage_only = False
        data = event_data(event)
        if not data:
            return
        if data == b"[DONE]":
            self.seen.is_last = self.seen.complete = True
            return
        if (payload := self._load(data)) is not None:
            self._event(payload)

    def message(self, body: bytes) -> None:
        """A whole answer that was not streamed."""
        payload = self._load(body)
        if payload is not None:
            self._message(payload)
            self.seen.complete = True

    def _load(self, data: bytes) -> dict[str, Any] | None:
        try:
            payload = orjson.loads(data)
        except orjson.JSONDecodeError:
            payload = None
        if not isinstance(payload, dict):
            self.seen.malformed = True
            return None
        return payload

    def _event(self, payload: dict[str, Any]) -> None:
        raise NotImplementedError

    def _message(self, payload: dict[str, Any]) -> None:
        raise NotImplementedError


class OpenAiObserver(Observer):
    def _event(self, payload: dict[str, Any]) -> None:
        self._usage(payload.get("usage"))
        choices = _objects(payload.get("choices"))
        self.seen.is_usage_only = not choices and isinstance(payload.get("usage"), dict)
        for choice in choices:
            delta = _object(choice.get("delta"))
            self.seen.tool_call_count += sum(
                1 for call in _objects(delta.get("tool_calls")) if call.get("id")
            )
            self._thinking(delta)
            self._stop(choice)

    def _message(self, payload: dict[str, Any]) -> None:
        self._usage(payload.get("usage"))
        for choice in _objects(payload.get("choices")):
            message = _object(choice.get("message"))
            self.seen.tool_call_count += len(_objects(message.get("tool_calls")))
            self._thinking(message)
            self._stop(choice)

    def _stop(self, choice: Mapping[str, Any]) -> None:
        if reason := choice.get("finish_reason"):
            self.seen.stop_reason = str(reason)[:32]
            self.seen.complete = True  # some servers leave the end marker out

    def _thinking(self, part: Mapping[str, Any]) -> None:
        if part.get("reasoning_content") or part.get("reasoning"):
            self.seen.has_thinking = True

    def _usage(self, usage: object) -> None:
        if not isinstance(usage, dict):
            return
        details = _object(usage.get("prompt_tokens_details"))
        cached, written = _count(details, "cached_tokens"), _count(details, "cache_write_tokens")
        self.seen.tokens = Tokens(
            input=max(0, _count(usage, "prompt_tokens") - cached - written),
            output=_count(usage, "completion_tokens"),
            cache_read=cached,
            cache_write=written,
        )
        self.seen.usage_seen = True


class AnthropicObserver(Observer):
    def _event(self, payload: dict[str, Any]) -> None:
        kind = payload.get("type")
        if kind == "message_start":
            self._usage(_object(payload.get("message")).get("usage"))
        elif kind == "content_block_start":
            self._block(_object(payload.get("content_block")))
        elif kind == "message_delta":
            self._usage(payload.get("usage"))
            self.seen.stop_reason = str(_object(payload.get("delta")).get("stop_reason") or "")[:32]
        elif kind == "message_stop":
            self.seen.is_last = self.seen.complete = True

    def _message(self, payload: dict[str, Any]) -> None:
        self._usage(payload.get("usage"))
        self.seen.stop_reason = str(payload.get("stop_reason") or "")[:32]
        for block in _objects(payload.get("content")):
            self._block(block)

    def _block(self, block: Mapping[str, Any]) -> None:
        kind = block.get("type")
        self.seen.tool_call_count += kind == "tool_use"
        self.seen.has_thinking |= kind in ("thinking", "redacted_thinking")

    def _usage(self, usage: object) -> None:
        """The start tells the input, each delta the output so far; either may tell both."""
        if not isinstance(usage, dict):
            return
        names = {
            "input": "input_tokens",
            "output": "output_tokens",
            "cache_read": "cache_read_input_tokens",
            "cache_write": "cache_creation_input_tokens",
        }
        told = {ours: _count(usage, theirs) for ours, theirs in names.items() if usage.get(theirs)}
        self.seen.tokens = replace(self.seen.tokens, **told)
        self.seen.usage_seen = True


class ResponsesObserver(Observer):
    """OpenAI's responses: the last event carries the whole answer."""

    _ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})

    def _event(self, payload: dict[str, Any]) -> None:
        if payload.get("type") in self._ENDS:
            self._message(_object(payload.get("response")))
            self.seen.is_last = self.seen.complete = True

    def _message(self, payload: dict[str, Any]) -> None:
        for item in _objects(payload.get("output")):
            self.seen.tool_call_count += str(item.get("type", "")).endswith("_call")
            self.seen.has_thinking |= item.get("type") == "reasoning"
        reason = _object(payload.get("incomplete_details")).get("reason")
        self.seen.stop_reason = str(reason or payload.get("status") or "")[:32]
        usage = payload.get("usage")
        if isinstance(usage, dict):
            cached = _count(_object(usage.get("input_tokens_details")), "cached_tokens")
            self.seen.tokens = Tokens(
                input=max(0, _count(usage, "input_tokens") - cached),
                output=_count(usage, "output_tokens"),
                cache_read=cached,
            )
            self.seen.usage_seen = True


def observer_for(dialect: Dialect, endpoint: Endpoint = "chat") -> Observer:
    """An embedding's answer tells its usage as a chat's does."""
    if endpoint == "responses":
        return ResponsesObserver()
    return OpenAiObserver() if dialect is Dialect.OPENAI else AnthropicObserver()


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0
