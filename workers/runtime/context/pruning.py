"""Shorten old tool results: what they said has been used, and can be had again by a call."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ToolReturnPart,
    UserPromptPart,
)

from workers.runtime.context.sizes import CHARS_PER_TOKEN, result_text

KEPT_TURNS = 3
MIN_PRUNABLE_TOKENS = 20_000
PROTECTED_TOKENS = 40_000
LONG_CHARS = 4000
HEAD_CHARS = TAIL_CHARS = 1500
# Not worth a placeholder, which is as long.
_SHORT_CHARS = 200
# What these gave is memory, not something to look up again.
NEVER = frozenset(
    {
        "recall", "remember", "context_query", "graph_query", "rate_memories", "load_skill",
        "skills", "read_document",
    }
)  # fmt: skip
PLACEHOLDER = "[This result was left out to save room. Call the tool again if you need it.]"
_PICTURE = "[A file that stood here was left out to save room.]"


def prune(
    messages: Sequence[ModelMessage], *, window: int, harder: bool = False
) -> list[ModelMessage] | None:
    """The messages with old tool results cut; None when too little could be won.

    Results of the last 3 turns stay, and the newest 40,000 tokens of results (less in a small
    window). `harder`: those tokens are not spared either, and anything is worth it.
    """
    spared = 0 if harder else min(PROTECTED_TOKENS, window * 3 // 10) * CHARS_PER_TOKEN
    wanted = 1 if harder else min(MIN_PRUNABLE_TOKENS, window * 15 // 100) * CHARS_PER_TOKEN
    first_kept = _start_of_last_turns(messages)
    shorter = list(messages)
    seen = won = 0
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if not isinstance(message, ModelRequest):
            continue
        parts = list(message.parts)
        for place in range(len(parts) - 1, -1, -1):
            part = parts[place]
            if isinstance(part, ToolReturnPart):
                length = len(result_text(part))
                seen += length
                if index < first_kept and seen > spared:
                    parts[place] = _cut(part)
                    won += length - len(result_text(parts[place]))  # type: ignore[arg-type]
            elif isinstance(part, UserPromptPart) and 0 < index < first_kept:
                parts[place] = _without_files(part)
        shorter[index] = replace(message, parts=parts)
    return shorter if won >= wanted else None


def _start_of_last_turns(messages: Sequence[ModelMessage]) -> int:
    answers = [i for i, message in enumerate(messages) if isinstance(message, ModelResponse)]
    return answers[-KEPT_TURNS] if len(answers) >= KEPT_TURNS else 0


def _cut(part: ToolReturnPart) -> ToolReturnPart:
    text = result_text(part)
    if part.tool_name in NEVER or len(text) <= _SHORT_CHARS:
        return part
    if len(text) <= LONG_CHARS:
        return replace(part, content=PLACEHOLDER)
    left_out = len(text) - HEAD_CHARS - TAIL_CHARS
    return replace(
        part,
        content=f"{text[:HEAD_CHARS]}\n[… {left_out} characters left out to save room …]\n"
        f"{text[-TAIL_CHARS:]}",
    )


def _without_files(part: UserPromptPart) -> UserPromptPart:
    if isinstance(part.content, str):
        return part
    kept = [_PICTURE if isinstance(item, BinaryContent) else item for item in part.content]
    return replace(part, content=kept)
