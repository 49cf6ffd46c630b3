"""One conversation with the model: turns, tool calls, retries, steering. The history stays here."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pydantic_ai import Agent, Tool, exceptions
from pydantic_ai.messages import (
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    ModelMessage,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    RetryPromptPart,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
    ToolReturnPart,
)
from pydantic_ai.models import Model
from pydantic_ai.run import AgentRun
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage

from workers.protocol.messages import Message, ToolEnd, ToolStart, Usage
from workers.runtime.errors import StepFailed, diagnose
from workers.runtime.text import TextBatcher
from workers.runtime.tools.limits import clip_bytes

logger = logging.getLogger(__name__)

RETRIES = 5
RETRY_BASE_S = 0.5
RETRY_CAP_S = 20.0
RETRY_AFTER_CAP_S = 60.0
PROGRESS_NOTE_EVERY = 50
RESULT_LIMIT_BYTES = 10_000
_ARGS_LIMIT_BYTES = 50_000
_VALIDATION_RETRIES = 20  # bad arguments in a row, of one tool

PROGRESS_NOTE = (
    "You have made {count} tool calls. Say in two sentences what is done and what is left, "
    "then go on."
)


@dataclass(slots=True, kw_only=True)
class Activity:
    """What the watchdogs look at."""

    last_at: float = field(default_factory=time.monotonic)
    tools_running: int = 0
    turns: int = 0
    tool_calls: int = 0

    def touch(self) -> None:
        self.last_at = time.monotonic()

    @property
    def silent_s(self) -> float:
        """Seconds without a sign of life. A running tool is one."""
        return 0 if self.tools_running else time.monotonic() - self.last_at


class Conversation:
    def __init__(
        self,
        *,
        publish: Callable[[Message], None],
        room: Callable[[], Awaitable[None]],
        text: TextBatcher,
    ) -> None:
        self.history: list[ModelMessage] = []
        self.activity = Activity()
        self.usage = RunUsage()
        self._publish = publish
        self._room = room
        self._text = text
        self._run: AgentRun[None, str] | None = None
        self._hints: list[str] = []
        self._started: dict[str, float] = {}

    def steer(self, message: str) -> None:
        """Give the agent a message before its next turn."""
        if self._run is None:
            self._hints.append(message)
            return
        self._run.enqueue(message)

    def tokens(self) -> int:
        return self.usage.input_tokens + self.usage.output_tokens

    def context_tokens(self) -> int:
        """How much of the context window the last answer's request took."""
        for message in reversed(self.history):
            if isinstance(message, ModelResponse):
                return message.usage.input_tokens + message.usage.cache_read_tokens
        return 0

    def usage_message(self) -> Usage:
        return Usage(
            requests=self.usage.requests,
            input_tokens=self.usage.input_tokens,
            output_tokens=self.usage.output_tokens,
            cache_read_tokens=self.usage.cache_read_tokens,
            cache_write_tokens=self.usage.cache_write_tokens,
            tool_calls=self.activity.tool_calls,
        )

    async def converse(
        self,
        prompt: str,
        *,
        request_id: str,
        model: Model,
        instructions: str,
        tools: list[Tool[None]],
        settings: ModelSettings,
        max_turns: int,
        ended: Callable[[], bool],
    ) -> str:
        """Talk until the model stops calling tools or `ended()`; its last text comes back.

        Raises StepFailed. A request that failed for a passing reason is sent again, up to 5 times.
        """
        agent: Agent[None, str] = Agent(
            model,
            instructions=instructions or None,
            tools=tools,
            model_settings=settings,
            retries={"tools": _VALIDATION_RETRIES, "output": 3},
        )
        ask: str | None = prompt
        failures = 0
        while True:
            turns_before = self.activity.turns
            try:
                return await self._run_once(agent, ask, request_id, max_turns, ended)
            except exceptions.AgentRunError as exc:
                found = diagnose(exc)
                # A turn that went through before the failure makes it a new failure.
                failures = 1 if self.activity.turns > turns_before + 1 else failures + 1
                if not found.transient or failures > RETRIES:
                    raise StepFailed(
                        found.code, found.message, recoverable=found.recoverable
                    ) from exc
                logger.warning("model request failed, trying again: %s", found.message)
                await asyncio.sleep(_pause_s(exc, failures))
                self.activity.touch()
                ask = None if self._history_awaits_answer() else prompt

    async def _run_once(
        self,
        agent: Agent[None, str],
        prompt: str | None,
        request_id: str,
        max_turns: int,
        ended: Callable[[], bool],
    ) -> str:
        async with agent.iter(prompt, message_history=self.history, usage=self.usage) as run:
            self._run = run
            for hint in self._hints:
                run.enqueue(hint)
            self._hints.clear()
            try:
                async for node in run:
                    if Agent.is_model_request_node(node):
                        if self.activity.turns >= max_turns:
                            raise StepFailed(
                                "turn_limit", f"The limit of {max_turns} turns is used up."
                            )
                        self.activity.turns += 1
                        async with node.stream(run.ctx) as stream:
                            async for event in stream:
                                await self._on_model_event(event)
                    elif Agent.is_call_tools_node(node):
                        async with node.stream(run.ctx) as events:
                            async for tool_event in events:
                                await self._on_tool_event(tool_event, request_id)
                        if ended():
                            return ""
            finally:
                self._text.flush()
                self._run = None
                self._started.clear()
                self.activity.tools_running = 0
                self.history = _without_partial_answer(
                    run.all_messages(), finished=run.result is not None
                )
            assert run.result is not None
            return run.result.output

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
        await self._room()

    async def _on_tool_event(self, event: object, request_id: str) -> None:
        self.activity.touch()
        match event:
            case FunctionToolCallEvent(part=part):
                self._text.flush()
                self._started[part.tool_call_id] = time.monotonic()
                self.activity.tools_running += 1
                self._publish(
                    ToolStart(
                        request_id=request_id,
                        tool_name=part.tool_name,
                        args=clip_bytes(part.args_as_json_str(), _ARGS_LIMIT_BYTES),
                        tool_call_id=part.tool_call_id,
                    )
                )
            case FunctionToolResultEvent(part=part):
                self._on_tool_result(part, request_id)
        await self._room()

    def _on_tool_result(self, part: ToolReturnPart | RetryPromptPart, request_id: str) -> None:
        self._text.flush()
        started = self._started.pop(part.tool_call_id, None)
        self.activity.tools_running = max(0, self.activity.tools_running - 1)
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
        if self.activity.tool_calls % PROGRESS_NOTE_EVERY == 0 and self._run is not None:
            self._run.enqueue(PROGRESS_NOTE.format(count=self.activity.tool_calls))

    def _history_awaits_answer(self) -> bool:
        return bool(self.history) and not isinstance(self.history[-1], ModelResponse)


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
