"""How much of the context window messages take: measured where a model told, else estimated."""

import json
from collections.abc import Sequence

from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextContent,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

CHARS_PER_TOKEN = 4
_IMAGE_CHARS = 1_600 * CHARS_PER_TOKEN
_PAGE_BYTES = 50_000  # of a PDF, roughly; a page is sent as text and as an image
_PART_CHARS = 16  # role, identifiers


class Meter:
    """Tokens that the next request takes.

    The last answer told how many tokens its request had; what came or went since then counts by
    its characters.
    """

    def __init__(self) -> None:
        self._measured: ModelResponse | None = None
        self._tokens = 0
        self._chars = 0

    def tokens(self, messages: Sequence[ModelMessage]) -> int:
        self._measure(messages)
        chars = chars_of(messages)
        if self._measured is None:
            return chars // CHARS_PER_TOKEN
        return max(0, self._tokens + (chars - self._chars) // CHARS_PER_TOKEN)

    def _measure(self, messages: Sequence[ModelMessage]) -> None:
        for index in range(len(messages) - 1, -1, -1):
            message = messages[index]
            if isinstance(message, ModelResponse) and message.usage.input_tokens:
                if message is not self._measured:
                    self._measured = message
                    self._tokens = message.usage.input_tokens + message.usage.output_tokens
                    self._chars = chars_of(messages[: index + 1])
                return


def chars_of(messages: Sequence[ModelMessage]) -> int:
    total = 0
    for message in messages:
        for part in message.parts:
            total += part_chars(part) + _PART_CHARS
    if messages and isinstance(messages[-1], ModelRequest):
        total += len(messages[-1].instructions or "")
    return total


def part_chars(part: object) -> int:
    match part:
        case TextPart(content=text) | ThinkingPart(content=text):
            return len(text)
        case ToolCallPart():
            return len(part.tool_name) + len(part.args_as_json_str())
        case ToolReturnPart():
            return len(result_text(part))
        case UserPromptPart(content=str() as text):
            return len(text)
        case UserPromptPart(content=items):
            return sum(_item_chars(item) for item in items)
    content = getattr(part, "content", "")
    return len(content if isinstance(content, str) else str(content))


def result_text(part: ToolReturnPart) -> str:
    if isinstance(part.content, str):
        return part.content
    return json.dumps(part.content, default=str, ensure_ascii=False)


def _item_chars(item: object) -> int:
    match item:
        case str():
            return len(item)
        case TextContent():
            return len(item.content)
        case BinaryContent() if item.is_image:
            return _IMAGE_CHARS
        case BinaryContent():
            return (1 + len(item.data) // _PAGE_BYTES) * _IMAGE_CHARS
    return _IMAGE_CHARS
