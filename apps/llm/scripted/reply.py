"""A played turn in the shape of a dialect: one body, or the events of a stream."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from apps.llm.pricing import Tokens
from apps.llm.providers import Dialect
from apps.llm.scripted.conversation import Conversation
from apps.llm.scripted.script import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    id: str
    name: str
    arguments: str  # JSON text, or what the script gives in its place


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    id: str
    model: str
    thinking: str
    text: str
    calls: tuple[ToolCall, ...]
    stop: str  # as the script says it; empty: the natural one
    tokens: Tokens
    chunk_chars: int = 24


def reply_of(
    turn: Turn, *, seed: str, model: str, conversation: Conversation, chunk_chars: int
) -> Reply:
    """`seed` makes ids that differ between turns and sessions and are equal in a repetition."""
    text, calls = (
        turn.say,
        [(call.tool, _arguments(call.args, call.raw_args)) for call in turn.call],
    )
    if turn.output is not None:
        value = json.dumps(turn.output)
        if conversation.forced_tool:
            calls.append((conversation.forced_tool, value))
        else:
            text = value
    digest = hashlib.sha256(seed.encode()).hexdigest()
    numbered = tuple(
        ToolCall(id=f"call_{digest[:20]}{number}", name=name, arguments=arguments)
        for number, (name, arguments) in enumerate(calls)
    )
    spoken = len(turn.think) + len(text) + sum(len(c.name) + len(c.arguments) for c in numbered)
    return Reply(
        id=f"scripted-{digest[20:40]}",
        model=model,
        thinking=turn.think,
        text=text,
        calls=numbered,
        stop=turn.stop,
        tokens=_tokens(turn, conversation, spoken),
        chunk_chars=turn.chunk_chars or chunk_chars,
    )


def whole(dialect: Dialect, reply: Reply) -> bytes:
    body = _openai_body(reply) if dialect is Dialect.OPENAI else _anthropic_body(reply)
    return orjson.dumps(body)


def stream(dialect: Dialect, reply: Reply) -> Iterator[bytes]:
    return _openai_stream(reply) if dialect is Dialect.OPENAI else _anthropic_stream(reply)


def _arguments(args: Mapping[str, Any], raw: str | None) -> str:
    return json.dumps(args) if raw is None else raw


def _tokens(turn: Turn, conversation: Conversation, spoken: int) -> Tokens:
    """Four characters a token, and a prompt cache that holds what was sent before."""
    given = turn.usage
    cached = conversation.characters_seen_before // 4
    estimate = {
        "input": max(1, conversation.characters // 4 - cached),
        "output": max(1, spoken // 4),
        "cache_read": cached,
        "cache_write": 0,
    }
    told = given.model_dump(exclude_none=True) if given else {}
    return Tokens(**{**estimate, **told})


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


# -- OpenAI ------------------------------------------------------------------------------------


def _openai_usage(tokens: Tokens) -> dict[str, Any]:
    prompt = tokens.input + tokens.cache_read + tokens.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": tokens.output,
        "total_tokens": prompt + tokens.output,
        "prompt_tokens_details": {
            "cached_tokens": tokens.cache_read,
            "cache_write_tokens": tokens.cache_write,
        },
    }


def _openai_stop(reply: Reply) -> str:
    return reply.stop or ("tool_calls" if reply.calls else "stop")


def _openai_body(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.thinking:
        message["reasoning_content"] = reply.thinking
    if reply.calls:
        message["tool_calls"] = [_openai_call(call) for call in reply.calls]
    return {
        "id": reply.id,
        "object": "chat.completion",
        "created": 0,
        "model": reply.model,
        "choices": [{"index": 0, "message": message, "finish_reason": _openai_stop(reply)}],
        "usage": _openai_usage(reply.tokens),
    }


def _openai_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _openai_stream(reply: Reply) -> Iterator[bytes]:
    def event(choices: list[dict[str, Any]], **more: Any) -> bytes:
        chunk = {
            "id": reply.id,
            "object": "chat.completion.chunk",
            "created": 0,
            "model": reply.model,
            "choices": choices,
            **more,
        }
        return b"data: " + orjson.dumps(chunk) + b"\n\n"

    def delta(**fields: Any) -> bytes:
        return event([{"index": 0, "delta": fields, "finish_reason": None}])

    yield delta(role="assistant", content="")
    for piece in _pieces(reply.thinking, reply.chunk_chars):
        yield delta(reasoning_content=piece)
    for piece in _pieces(reply.text, reply.chunk_chars):
        yield delta(content=piece)
    for index, call in enumerate(reply.calls):
        start = {"name": call.name, "arguments": ""}
        yield delta(
            tool_calls=[{"index": index, "id": call.id, "type": "function", "function": start}]
        )
        for piece in _pieces(call.arguments, reply.chunk_chars):
            yield delta(tool_calls=[{"index": index, "function": {"arguments": piece}}])
    yield event([{"index": 0, "delta": {}, "finish_reason": _openai_stop(reply)}])
    yield event([], usage=_openai_usage(reply.tokens))
    yield b"data: [DONE]\n\n"


# -- Anthropic ---------------------------------------------------------------------------------

_ANTHROPIC_STOPS = {"length": "max_tokens", "content_filter": "refusal", "stop": "end_turn"}


def _anthropic_usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cache_read_input_tokens": tokens.cache_read,
        "cache_creation_input_tokens": tokens.cache_write,
    }


def _anthropic_stop(reply: Reply) -> str:
    natural = "tool_use" if reply.calls else "end_turn"
    return _ANTHROPIC_STOPS.get(reply.stop, reply.stop) or natural


def _anthropic_blocks(reply: Reply) -> Iterator[tuple[dict[str, Any], str, str]]:
    """(empty block, its delta's field, content) in order."""
    if reply.thinking:
        yield {"type": "thinking", "thinking": "", "signature": ""}, "thinking", reply.thinking
    if reply.text:
        yield {"type": "text", "text": ""}, "text", reply.text
    for call in reply.calls:
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        yield block, "partial_json", call.arguments


def _anthropic_body(reply: Reply) -> dict[str, Any]:
    return {
        **_anthropic_head(reply),
        "content": [_filled_block(*block) for block in _anthropic_blocks(reply)],
        "stop_reason": _anthropic_stop(reply),
        "usage": _anthropic_usage(reply.tokens),
    }


def _anthropic_head(reply: Reply) -> dict[str, Any]:
    return {
        "id": f"msg_{reply.id}",
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**_anthropic_usage(reply.tokens), "output_tokens": 1},
    }


def _filled_block(block: dict[str, Any], field: str, content: str) -> dict[str, Any]:
    if field == "thinking":
        return {**block, "thinking": content, "signature": "scripted"}
    if field == "text":
        return {**block, "text": content}
    try:
        return {**block, "input": json.loads(content)}
    except json.JSONDecodeError:
        return {**block, "input": {"malformed": content}}  # this dialect has no raw arguments


def _anthropic_stream(reply: Reply) -> Iterator[bytes]:
    def event(kind: str, **fields: Any) -> bytes:
        data = orjson.dumps({"type": kind, **fields})
        return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"

    yield event("message_start", message=_anthropic_head(reply))
    for index, (block, field, content) in enumerate(_anthropic_blocks(reply)):
        yield event("content_block_start", index=index, content_block=block)
        kind = "input_json_delta" if field == "partial_json" else f"{field}_delta"
        for piece in _pieces(content, reply.chunk_chars):
            yield event("content_block_delta", index=index, delta={"type": kind, field: piece})
        if field == "thinking":
            signature = {"type": "signature_delta", "signature": "scripted"}
            yield event("content_block_delta", index=index, delta=signature)
        yield event("content_block_stop", index=index)
    stop = {"stop_reason": _anthropic_stop(reply), "stop_sequence": None}
    yield event("message_delta", delta=stop, usage=_anthropic_usage(reply.tokens))
    yield event("message_stop")
