"""The heavy half of a session: model, conversation and tools.

`session.py` imports this module late, when the box has already said that it is ready.
"""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from pydantic_ai import Agent
from pydantic_ai.models import Model

from workers.protocol.messages import (
    AgentStep,
    Message,
    StepEnd,
    StructuredOutput,
    Usage,
)
from workers.runtime.config import RuntimeConfig, config_from
from workers.runtime.conversation import Conversation
from workers.runtime.errors import StepFailed
from workers.runtime.models import build_model
from workers.runtime.step import StepRunner
from workers.runtime.structured import structured_answer
from workers.runtime.text import TextBatcher
from workers.runtime.tools.context import ToolContext
from workers.runtime.tools.registry import tools_for


class Engine:
    def __init__(
        self,
        config: RuntimeConfig,
        *,
        publish: Callable[[Message], None],
        room: Callable[[], Awaitable[None]],
        text: TextBatcher,
    ) -> None:
        self._config = config
        self._model_name = config.model
        self._models: dict[str, Model] = {}
        self._steps = 0
        self._context = ToolContext(
            workspace=config.workspace,
            home=config.home,
            tmp=config.tmp,
            output=lambda chunk: text.add("tool", chunk),
        )
        self.conversation = Conversation(publish=publish, room=room, text=text)

    @property
    def next_step_number(self) -> int:
        return self._steps + 1

    def change_model(self, name: str) -> None:
        """Use another model from the next turn on; the conversation stays. Raises ValueError."""
        self._models.setdefault(name, build_model(name, self._config))
        self._model_name = name

    async def step(self, command: AgentStep) -> StepEnd:
        self._steps += 1
        if command.model:
            self._model_name = command.model
        runner = StepRunner(
            command,
            config=self._config,
            conversation=self.conversation,
            model=self._model,
            context=self._context,
            step_number=self._steps,
        )
        return await runner.run()

    async def structured(self, command: StructuredOutput) -> StepEnd:
        self._steps += 1
        if command.model:
            self._model_name = command.model
        success, code, recoverable = True, "", True
        usage = self.conversation.usage
        started = time.monotonic()
        try:
            result = await structured_answer(
                command, model=self._model(), usage=usage, deadline_s=command.deadline_s
            )
        except StepFailed as failure:
            success, result = False, failure.message
            code, recoverable = failure.code, failure.recoverable
        return StepEnd(
            request_id=command.request_id,
            step_number=self._steps,
            result=result,
            success=success,
            explicit_completion=success,
            error_code=code,
            recoverable=recoverable,
            usage=self.conversation.usage_message(),
            model=self._model_name,
            turns=1,
            summary=f"structured answer in {time.monotonic() - started:.1f} s" if success else "",
        )

    def aborted(self, request_id: str) -> StepEnd:
        """What to say of a step that was stopped from outside."""
        self._context.kill_processes()
        return StepEnd(
            request_id=request_id,
            step_number=self._steps,
            result="The step was stopped.",
            success=False,
            error_code="cancelled",
            recoverable=False,
            usage=self.conversation.usage_message() if self._steps else Usage(),
            model=self._model_name,
            turns=self.conversation.activity.turns,
        )

    def close(self) -> None:
        self._context.kill_processes()

    def _model(self) -> Model:
        if self._model_name not in self._models:
            self._models[self._model_name] = build_model(self._model_name, self._config)
        return self._models[self._model_name]


def rehearse() -> None:
    """Make a model and the tools once, for what that imports and builds."""
    nowhere = Path("/")
    context = ToolContext(workspace=nowhere, home=nowhere, tmp=nowhere, output=lambda text: None)
    tools = tools_for(context, listed=(), mode="filter", must_complete=True)
    names = ("SESSION_ID", "REDIS_URL", "DJINNBOT_API_URL", "DJINNBOT_SESSION_TOKEN")
    config = config_from(dict.fromkeys(names, "http://nowhere"))
    Agent(build_model("rehearsal/none", config), tools=tools)
