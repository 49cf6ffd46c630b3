"""Put a summary in the place of old turns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    RetryPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from workers.runtime.context.sizes import CHARS_PER_TOKEN, chars_of, result_text

MIN_MESSAGES = 6
KEPT_USER_TURNS = 3
KEPT_ANSWERS = 3
SUMMARY_TOKENS = 8192
SUMMARY_TEMPERATURE = 0.3
SUMMARY_TIMEOUT_S = 120
_TASK_CHARS = 24_000
_PART_CHARS = 2000
# The kept end may take this share of the window; else fewer turns are kept.
_TAIL_SHARE = 0.3

ASK = """\
Below is the record of a piece of work that you are in the middle of. Its beginning will be replaced
by your summary, so write down everything that you need to go on without it:

1. What was asked, and which goals are reached.
2. Which files were read, made or changed, with their paths, and what matters in them.
3. Decisions, and the reasons for them.
4. Errors that came up, and what became of them.
5. The state of things now, and the next steps.

Keep names, paths, numbers, commands and identifiers exactly as they are. Write only the summary.\
"""
_HEADING = "# The conversation so far, in short\n\nEarlier turns were replaced by this summary."


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Messages to summarise, and the end of the conversation, which stays as it is."""

    old: list[ModelMessage]
    tail: list[ModelMessage]
    task: str  # the first prompt


def split(messages: Sequence[ModelMessage], *, window: int) -> Split | None:
    """Where to cut; None: there is too little to summarise.

    The last 3 turns of the user stay, if they leave enough room; else the last 3 answers with
    the results of their tool calls. A tool call is never parted from its result.
    """
    if len(messages) < MIN_MESSAGES:
        return None
    limit = int(window * _TAIL_SHARE) * CHARS_PER_TOKEN
    answers = _answers(messages)
    starts = [*_user_turns(messages)[-KEPT_USER_TURNS:], *answers[-KEPT_ANSWERS:]]
    for start in starts:
        # What a summary of one or two messages would save is less than what it costs.
        if start >= 3 and chars_of(messages[start:]) <= limit:
            return _split_at(messages, start)
    if answers and answers[-1] >= 3:
        return _split_at(messages, answers[-1])
    return None


def joined(parts: Split, summary: str) -> list[ModelMessage]:
    """The new history: task and summary in one prompt, then the tail."""
    task = parts.task
    if len(task) > _TASK_CHARS:
        task = f"{task[: _TASK_CHARS // 2]}\n[…]\n{task[-_TASK_CHARS // 2 :]}"
    prompt = UserPromptPart(content=f"{task}\n\n{_HEADING}\n\n{summary}")
    first = parts.tail[0]
    if isinstance(first, ModelRequest):
        return [replace(first, parts=[prompt, *first.parts]), *parts.tail[1:]]
    return [_request_like(parts.old, [prompt]), *parts.tail]


def transcript(messages: Sequence[ModelMessage], *, limit_chars: int) -> str:
    """The messages as text for the model that summarises, the middle left out when too long."""
    lines = [line for message in messages for line in _lines(message)]
    text = "\n".join(lines)
    if len(text) <= limit_chars:
        return text
    half = limit_chars // 2
    return f"{text[:half]}\n\n[… {len(text) - limit_chars} characters left out …]\n\n{text[-half:]}"


def bare_summary(messages: Sequence[ModelMessage]) -> str:
    """What can be said without a model: which calls were made, and the last words."""
    calls = [
        f"- {part.tool_name} {part.args_as_json_str()[:120]}"
        for message in messages
        if isinstance(message, ModelResponse)
        for part in message.parts
        if isinstance(part, ToolCallPart)
    ]
    said = [
        part.content
        for message in messages
        if isinstance(message, ModelResponse)
        for part in message.parts
        if isinstance(part, TextPart) and part.content.strip()
    ]
    heading = f"{len(calls)} tool calls were made; the last of them:"
    return "\n".join([heading, *calls[-40:], "", "What you said last:", *said[-3:]])


def _split_at(messages: Sequence[ModelMessage], start: int) -> Split:
    return Split(old=list(messages[:start]), tail=list(messages[start:]), task=_task(messages))


def _task(messages: Sequence[ModelMessage]) -> str:
    for part in messages[0].parts:
        if isinstance(part, UserPromptPart):
            return _text(part).partition(f"\n\n{_HEADING}")[0]
    return ""


def _user_turns(messages: Sequence[ModelMessage]) -> list[int]:
    """Where a prompt stands that answers no tool call."""
    return [
        index
        for index, message in enumerate(messages)
        if isinstance(message, ModelRequest)
        and any(isinstance(part, UserPromptPart) for part in message.parts)
        and not any(isinstance(part, ToolReturnPart | RetryPromptPart) for part in message.parts)
    ]


def _answers(messages: Sequence[ModelMessage]) -> list[int]:
    return [i for i, message in enumerate(messages) if isinstance(message, ModelResponse)]


def _request_like(old: Sequence[ModelMessage], parts: list[ModelRequestPart]) -> ModelRequest:
    """A request with the instructions that the old ones had."""
    for message in reversed(old):
        if isinstance(message, ModelRequest):
            return replace(message, parts=parts)
    return ModelRequest(parts=parts)


def _lines(message: ModelMessage) -> list[str]:
    lines = []
    for part in message.parts:
        match part:
            case UserPromptPart():
                lines.append(f"USER: {_clip(_text(part), _TASK_CHARS)}")
            case TextPart():
                lines.append(f"YOU: {_clip(part.content)}")
            case ToolCallPart():
                lines.append(f"CALL {part.tool_name}: {_clip(part.args_as_json_str())}")
            case ToolReturnPart():
                lines.append(f"RESULT of {part.tool_name}: {_clip(result_text(part))}")
    return lines


def _text(part: UserPromptPart) -> str:
    if isinstance(part.content, str):
        return part.content
    return "\n".join(item if isinstance(item, str) else "[a file]" for item in part.content)


def _clip(text: str, limit: int = _PART_CHARS) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} […] {text[-half:]}"
