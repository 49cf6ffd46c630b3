"""One `agentStep`: the conversation, its watchdogs, nudges and honest completion."""

import asyncio
import time
from dataclasses import replace

from pydantic_ai import Agent
from pydantic_ai.capabilities import ProcessHistory

from workers.protocol.messages import AgentStep, StepEnd
from workers.runtime.attachments import Attachments
from workers.runtime.config import RuntimeConfig
from workers.runtime.conversation import Conversation, Prompt, Talk
from workers.runtime.endings import tasks_ended
from workers.runtime.errors import StepFailed
from workers.runtime.loops import LoopBreaker
from workers.runtime.models import model_settings
from workers.runtime.tools.context import Completion
from workers.runtime.tools.registry import ToolBox, completion_tools

WATCH_INTERVAL_S = 1.0
_END_S = 10.0
VALIDATION_RETRIES = 20  # bad arguments in a row, of one tool

NUDGE = (
    "You answered with text only. The step is not over until you call `{complete}`{outputs}, or "
    "`{fail}` if it cannot be done. Go on, or end it now."
)
WRAP_UP = (
    "Time is up. Call `{complete}` now{outputs} with what you have, if that is honest; "
    "else call `{fail}`. Do nothing else."
)


class StepRunner:
    """Runs one step in a conversation. `run` never raises but for cancellation."""

    def __init__(
        self,
        command: AgentStep,
        *,
        config: RuntimeConfig,
        conversation: Conversation,
        tools: ToolBox,
        attachments: Attachments,
        step_number: int,
    ) -> None:
        self._command = command
        self._config = config
        self._conversation = conversation
        self._tools = tools
        self._context = tools.context
        self._attachments = attachments
        self._step_number = step_number
        self._said = ""
        self._used_before = replace(conversation.usage)
        self._breaker = LoopBreaker(command.max_equal_calls)
        self._agent: Agent[None, str] = Agent(
            conversation.model,
            instructions=command.system_prompt or None,
            tools=tools.tools,
            model_settings=model_settings(
                thinking=command.thinking_level,
                temperature=command.temperature,
                max_tokens=command.max_output_tokens,
            ),
            retries={"tools": VALIDATION_RETRIES, "output": 3},
            capabilities=[ProcessHistory(conversation.before_request)],
        )

    async def run(self) -> StepEnd:
        self._context.completion = None
        self._conversation.activity.touch()
        self._conversation.activity.turns = 0
        self._conversation.activity.tool_calls = 0
        try:
            return await self._watched()
        except StepFailed as failure:
            return self._end(success=False, result=failure.message, failure=failure)
        finally:
            self._context.kill_processes()

    async def _watched(self) -> StepEnd:
        work = asyncio.create_task(self._until_completed(), name="agent-step")
        started = time.monotonic()
        try:
            while True:
                done, _ = await asyncio.wait({work}, timeout=WATCH_INTERVAL_S)
                if done:
                    return work.result()
                if self._conversation.activity.silent_s > self._config.inactivity_s:
                    raise StepFailed(
                        "model_unavailable",
                        f"The model said nothing for {self._config.inactivity_s:g} seconds.",
                    )
                deadline_s = self._command.deadline_s
                if deadline_s is not None and time.monotonic() - started > deadline_s:
                    # Nothing of the work may still be going on when the agent is asked once more.
                    if not await tasks_ended([work], within_s=_END_S):
                        raise _timeout(deadline_s)
                    return await self._wrap_up(deadline_s)
        finally:
            await tasks_ended([work], within_s=_END_S)

    async def _until_completed(self) -> StepEnd:
        prompt: Prompt = await self._attachments.with_prompt(
            self._command.prompt,
            self._command.attachments,
            model=self._conversation.model.name,
        )
        nudges = 0
        while True:
            self._said = await self._converse(prompt, max_turns=self._command.max_steps)
            if self._context.completion is not None:
                return self._end_of(self._context.completion)
            if not self._config.must_complete or nudges == self._config.max_nudges:
                return self._end(success=True, result=self._said)
            nudges += 1
            prompt = self._worded(NUDGE)

    async def _wrap_up(self, deadline_s: float) -> StepEnd:
        """The last chance after the time limit: one turn in which the agent may end the step."""
        timeout = _timeout(deadline_s)
        self._context.kill_processes()
        if not self._config.must_complete or not self._command.wrap_up_s:
            raise timeout
        turns = self._conversation.activity.turns + 1
        try:
            async with asyncio.timeout(self._command.wrap_up_s):
                await self._converse(self._worded(WRAP_UP), max_turns=turns)
        except (TimeoutError, StepFailed):
            pass  # the first reason stands
        if self._context.completion is None:
            raise timeout
        return self._end_of(self._context.completion)

    async def _converse(self, prompt: Prompt, *, max_turns: int) -> str:
        talk = Talk(
            request_id=self._command.request_id,
            agent=self._agent,
            max_turns=max_turns,
            ended=lambda: self._context.completion is not None,
            breaker=self._breaker,
        )
        return await self._conversation.converse(prompt, talk)

    def _worded(self, text: str) -> str:
        names = ", ".join(self._command.outputs)
        complete, fail = completion_tools(self._config.kind)
        outputs = f" with the outputs {names}" if names else ""
        return text.format(complete=complete, fail=fail, outputs=outputs)

    def _end_of(self, completion: Completion) -> StepEnd:
        if completion.success:
            return self._end(
                success=True, result=completion.summary or self._said, completion=completion
            )
        failure = StepFailed("agent_failed", completion.error, recoverable=completion.recoverable)
        return self._end(
            success=False, result=completion.error, failure=failure, completion=completion
        )

    def _end(
        self,
        *,
        success: bool,
        result: str,
        failure: StepFailed | None = None,
        completion: Completion | None = None,
    ) -> StepEnd:
        return StepEnd(
            request_id=self._command.request_id,
            step_number=self._step_number,
            result=result,
            success=success,
            explicit_completion=completion is not None,
            outputs=completion.outputs if completion else {},
            summary=completion.summary if completion else "",
            error_code=failure.code if failure else "",
            recoverable=failure.recoverable if failure else True,
            usage=self._conversation.usage_since(self._used_before),
            model=self._conversation.model.name,
            turns=self._conversation.activity.turns,
        )


def _timeout(deadline_s: float) -> StepFailed:
    return StepFailed("timeout", f"The step ran longer than {deadline_s:g} seconds.")
