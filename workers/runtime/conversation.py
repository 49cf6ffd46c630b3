"""One conversation with the model: turns, tool calls, retries, steering. The history stays here."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from pydantic_ai import Agent, exceptions
from pydantic_ai.messages import (
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    RetryPromptPart,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)
from pydantic_ai.run import AgentRun
from pydantic_ai.usage import RunUsage, UsageLimits

from workers.protocol.messages import (
    CompactionComplete,
    Error,
    Message,
    Said,
    Text,
    ToolEnd,
    ToolStart,
    Usage,
)
from workers.runtime.context.compaction import (
    SUMMARY_TEMPERATURE,
    SUMMARY_TIMEOUT_S,
    SUMMARY_TOKENS,
)
from workers.runtime.context.keeper import ContextKeeper
from workers.runtime.delegate import delegate
from workers.runtime.errors import Diagnosis, StepFailed, diagnose, refuses_thinking
from workers.runtime.loops import LoopBreaker
from workers.runtime.switch import SwitchModel
from workers.runtime.text import TextBatcher
from workers.runtime.tools.limits import clip_bytes

logger = logging.getLogger(__name__)

RETRIES = 5
RETRY_BASE_S = 0.5
RETRY_CAP_S = 20.0
RETRY_AFTER_CAP_S = 60.0
PROGRESS_NOTE_EVERY = 50
RESULT_LIMIT_BYTES = 10_000
ARGS_LIMIT_BYTES = 50_000
# The library would end a conversation after 50 requests; the limit of turns is ours.
NO_LIMITS = UsageLimits(request_limit=None)

PROGRESS_NOTE = (
    "You have made {count} tool calls. Say in two sentences what is done and what is left, "
    "then go on."
)
REPEATING_NOTE = (
    "You have called `{tool}` with these arguments several times, and nothing new came of it. "
    "Try something else, or end the step."
)

Prompt = str | Sequence[UserContent]


@dataclass(slots=True, kw_only=True)
class Activity:
    """What the watchdogs look at."""

    last_at: float = field(default_factory=time.monotonic)
    busy: int = 0  # tools that run, or other work that is not the model's to be quick about
    turns: int = 0
    tool_calls: int = 0

    def touch(self) -> None:
        self.last_at = time.monotonic()

    @property
    def silent_s(self) -> float:
        """Seconds without a sign of life. A running tool is one."""
        return 0 if self.busy else time.monotonic() - self.last_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What one round of talking needs besides the prompt."""

    request_id: str
    agent: Agent[None, str]
    max_turns: int
    ended: Callable[[], bool]
    breaker: LoopBreaker


class Conversation:
    def __init__(
        self,
        *,
        publish: Callable[[Message], None],
        room: Callable[[], Awaitable[None]],
        text: TextBatcher,
        model: SwitchModel,
        window: Callable[[], int],
    ) -> None:
        self.history: list[ModelMessage] = []
        self.activity = Activity()
        self.usage = RunUsage()
        self.model = model
        self.keeper = ContextKeeper(
            publish=publish,
            window=window,
            model_name=lambda: model.name,
            summarise=self._summarise,
            shortened=self._shortened,
        )
        self._publish = publish
        self._room = room
        self._text = text
        self._run: AgentRun[None, str] | None = None
        self._hints: list[str] = []
        self._started: dict[str, tuple[float, str]] = {}
        self._breaker = LoopBreaker(0)

    def seed(self, said: Sequence[Said]) -> None:
        """Begin with what was said elsewhere, unless something was said here already."""
        if self.history:
            return
        for message in said:
            if message.role == "user":
                self.history.append(ModelRequest(parts=[UserPromptPart(content=message.content)]))
            else:
                self.history.append(ModelResponse(parts=[TextPart(content=message.content)]))

    def steer(self, message: str) -> None:
        """Give the agent a message before its next turn."""
        if self._run is None:
            self._hints.append(message)
            return
        self._run.enqueue(message)

    def tokens(self) -> int:
        return self.usage.input_tokens + self.usage.output_tokens

    def usage_since(self, before: RunUsage) -> Usage:
        used = self.usage
        return Usage(
            requests=used.requests - before.requests,
            input_tokens=used.input_tokens - before.input_tokens,
            output_tokens=used.output_tokens - before.output_tokens,
            cache_read_tokens=used.cache_read_tokens - before.cache_read_tokens,
            cache_write_tokens=used.cache_write_tokens - before.cache_write_tokens,
            tool_calls=self.activity.tool_calls,
        )

    async def converse(self, prompt: Prompt, talk: Talk) -> str:
        """Talk until the model stops calling tools or `talk.ended()`; its last text comes back.

        Raises StepFailed. A request that failed for a passing reason is sent again, up to 5 times;
        then the next model of the list takes over.
        """
        ask: Prompt | None = prompt
        failures, made_room = 0, False
        while True:
            turns_before = self.activity.turns
            try:
                return await self._run_once(ask, talk)
            except exceptions.AgentRunError as exc:
                found = diagnose(exc)
                if self.activity.turns > turns_before + 1:
                    # A turn that went through before the failure makes it a new failure.
                    failures, made_room = 0, False
                if found.code == "context_overflow" and not made_room:
                    made_room = await self._made_room()
                    if not made_room:
                        raise _failed(found) from exc
                elif found.transient and failures < RETRIES:
                    failures += 1
                    logger.warning("model request failed, trying again: %s", found.message)
                    await asyncio.sleep(_pause_s(exc, failures))
                elif self._other_way(found, exc):
                    failures = 0
                else:
                    raise _failed(found) from exc
                self.activity.touch()
                ask = None if self._history_awaits_answer() else prompt

    async def compacted(self, request_id: str, instructions: str) -> CompactionComplete | None:
        """Put a summary in the place of old turns, as asked. None: there is too little to do."""
        self.activity.busy += 1
        try:
            shorter = await self.keeper.compact(self.history, request_id, instructions)
        finally:
            self.activity.busy -= 1
        if shorter is None:
            return None
        self.history, told = shorter
        return told

    def _other_way(self, found: Diagnosis, error: Exception) -> bool:
        """Whether the request may be sent again in another way than it was: that is set then."""
        if self.model.thinks and refuses_thinking(error):
            self.model.thinks = False
            self._tell("thinking_unsupported", f"{self.model.name} takes no thinking level.")
            return True
        if found.code not in {
            "model_unavailable", "model_error", "model_refused", "no_provider_key",
            "provider_rate_limited", "provider_down",
        }:  # fmt: skip
            return False
        failed = self.model.name
        if back := self.model.revert():
            self._tell("model_change_failed", f"{failed}: {found.message}. Back to {back}.")
            return True
        if following := self.model.fall_back():
            self._tell("model_fallback", f"{failed}: {found.message}. Going on with {following}.")
            return True
        return False

    def _tell(self, code: str, message: str) -> None:
        self._publish(Error(message=message, code=code))

    async def _made_room(self) -> bool:
        self.activity.busy += 1
        try:
            shorter = await self.keeper.make_room(self.history)
        finally:
            self.activity.busy -= 1
        if shorter is not None:
            self.history = shorter
        return shorter is not None

    async def before_request(self, messages: list[ModelMessage]) -> list[ModelMessage]:
        """The messages of the next request, shortened when the context window is nearly full."""
        self.activity.busy += 1
        try:
            return await self.keeper.before_request(messages)
        finally:
            self.activity.busy -= 1
            self.activity.touch()

    async def _summarise(self, ask: str, record: str) -> str:
        """One answer by the session's model, outside of the conversation."""
        return await delegate(
            self.model,
            instructions=ask,
            prompt=record,
            usage=self.usage,
            max_tokens=SUMMARY_TOKENS,
            temperature=SUMMARY_TEMPERATURE,
            timeout_s=SUMMARY_TIMEOUT_S,
        )

    def _shortened(self) -> None:
        self._breaker.forget()

    async def _run_once(self, prompt: Prompt | None, talk: Talk) -> str:
        self._breaker = talk.breaker
        self.keeper.request_id = talk.request_id
        async with talk.agent.iter(
            prompt,
            model=self.model,
            message_history=self.history,
            usage=self.usage,
            usage_limits=NO_LIMITS,
        ) as run:
            self._run = run
            for hint in self._hints:
                run.enqueue(hint)
            self._hints.clear()
            try:
                async for node in run:
                    if Agent.is_model_request_node(node):
                        self._count_turn(talk.max_turns)
                        async with node.stream(run.ctx) as stream:
                            async for event in stream:
                                await self._on_model_event(event)
                        self.model.answered()
                    elif Agent.is_call_tools_node(node):
                        async with node.stream(run.ctx) as events:
                            async for tool_event in events:
                                await self._on_tool_event(tool_event, talk.request_id)
                        if talk.ended():
                            return ""
            finally:
                self._text.flush()
                self._run = None
                self.activity.busy -= len(self._started)
                self._started.clear()
                self.history = _without_partial_answer(
                    run.all_messages(), finished=run.result is not None
                )
            assert run.result is not None
            return run.result.output

    def _count_turn(self, limit: int) -> None:
        if self.activity.turns >= limit:
            raise StepFailed("turn_limit", f"The limit of {limit} turns is used up.")
        self.activity.turns += 1

    async def _on_model_event(self, event: object) -> None:
        self.activity.touch()
        match event:
            case PartStartEvent(part=TextPart(content=text)):
                self._text.add("assistant", text)
            case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                self._text.add("assistant", text)
            case PartStartEvent(part=ThinkingPart(content=text)):
                self._text.add("thinking", text)
            case PartDeltaEvent(delta=ThinkingPartDelta(content_delta=delta)):
                self._text.add("thinking", delta or "")
        await self._wait_for_room()

    async def _on_tool_event(self, event: object, request_id: str) -> None:
        self.activity.touch()
        match event:
            case FunctionToolCallEvent(part=part):
                self._on_tool_call(part, request_id)
            case FunctionToolResultEvent(part=part):
                self._on_tool_result(part, request_id)
        await self._wait_for_room()

    async def _wait_for_room(self) -> None:
        """While Redis takes nothing and the buffer is full, it is not the model that is silent."""
        self.activity.busy += 1
        try:
            await self._room()
        finally:
            self.activity.busy -= 1

    def _on_tool_call(self, part: ToolCallPart, request_id: str) -> None:
        self._text.flush()
        args = part.args_as_json_str()
        found = self._breaker.call(part.tool_name, args)
        if found is not None:
            raise StepFailed("loop_detected", found.reason)
        self._started[part.tool_call_id] = (time.monotonic(), args)
        self.activity.busy += 1
        self._publish(
            ToolStart(
                request_id=request_id,
                tool_name=part.tool_name,
                args=clip_bytes(args, ARGS_LIMIT_BYTES),
                tool_call_id=part.tool_call_id,
            )
        )

    def _on_tool_result(self, part: ToolReturnPart | RetryPromptPart, request_id: str) -> None:
        self._text.flush()
        started, args = self._started.pop(part.tool_call_id, (None, ""))
        if started is not None:
            self.activity.busy -= 1
        self.activity.tool_calls += 1
        success = isinstance(part, ToolReturnPart) and part.outcome == "success"
        if isinstance(part, ToolReturnPart):
            result = part.model_response_str(wrap_if_error=False)
        else:
            result = part.model_response()
        self._publish(
            ToolEnd(
                request_id=request_id,
                tool_name=part.tool_name or "",
                result=clip_bytes(result, RESULT_LIMIT_BYTES),
                success=success,
                duration_ms=None if started is None else round((time.monotonic() - started) * 1000),
                tool_call_id=part.tool_call_id,
            )
        )
        if self._breaker.result(part.tool_name or "", args, result):
            self._note(REPEATING_NOTE.format(tool=part.tool_name), request_id)
        if self.activity.tool_calls % PROGRESS_NOTE_EVERY == 0:
            self._note(PROGRESS_NOTE.format(count=self.activity.tool_calls), request_id)

    def _note(self, message: str, request_id: str) -> None:
        """Say something to the agent with the results of its tool calls."""
        if self._run is not None:
            self._run.enqueue(message)
            self._publish(Text(request_id=request_id, role="system", content=message))

    def _history_awaits_answer(self) -> bool:
        return bool(self.history) and not isinstance(self.history[-1], ModelResponse)


def _failed(found: Diagnosis) -> StepFailed:
    return StepFailed(found.code, found.message, recoverable=found.recoverable)


def _without_partial_answer(messages: list[ModelMessage], *, finished: bool) -> list[ModelMessage]:
    """The history without an answer that was cut, or whose tool calls were not all answered."""
    if finished or not messages or not isinstance(messages[-1], ModelResponse):
        return list(messages)
    return list(messages[:-1])


def _pause_s(error: Exception, failures: int) -> float:
    asked_s = error.retry_after if isinstance(error, exceptions.ModelAPIError) else None
    if asked_s is not None:
        return min(asked_s, RETRY_AFTER_CAP_S)
    pause: float = min(RETRY_CAP_S, RETRY_BASE_S * 2 ** (failures - 1))
    return pause * random.uniform(0.5, 1)  # noqa: S311  jitter
