"""The session's engine when another agent's program does the work.

The box, the streams, the gateway with its budget and call log, the time limit and the stop are
those of every session.
"""

from collections.abc import Awaitable, Callable

from workers.protocol.masking import Masker
from workers.protocol.messages import (
    AgentStep,
    ContextUsage,
    Error,
    GetContextUsage,
    Message,
    StepEnd,
)
from workers.runtime.cli_agents.adapters import ADAPTERS
from workers.runtime.cli_agents.step import Conversation, ProgramStep, Teller
from workers.runtime.config import RuntimeConfig
from workers.runtime.errors import StepFailed
from workers.runtime.inbox import Work
from workers.runtime.text import TextBatcher
from workers.runtime.tools.processes import Processes

_NOT_HERE = "A session whose harness is another agent's program does not do this."


class Engine:
    def __init__(
        self,
        config: RuntimeConfig,
        *,
        publish: Callable[[Message], None],
        room: Callable[[], Awaitable[None]],
        text: TextBatcher,
        masker: Masker,
    ) -> None:
        """`masker` knows nothing here: another agent's program is given no secrets."""
        self._config = config
        self._publish = publish
        self._room = room
        self._text = text
        self._model = config.model
        self._steps = 0
        self._processes = Processes()
        self.conversation = Conversation()

    @property
    def next_step_number(self) -> int:
        return self._steps + 1

    def change_model(self, name: str) -> None:
        """From the next start of the program on."""
        self._model = name

    async def work(self, command: Work) -> Message:
        if not isinstance(command, AgentStep):
            return self._refused(command)
        self._steps += 1
        if command.model:
            self._model = command.model
        self.conversation.activity.turns = 0
        step = ProgramStep(
            command,
            config=self._config,
            adapter=ADAPTERS[self._config.harness](),
            model=self._model,
            conversation=self.conversation,
            processes=self._processes,
            told=Teller(command.request_id, self._publish, self._text),
            room=self._room,
        )
        try:
            said = await step.run()
        except StepFailed as failure:
            return self._end(command, result=failure.message, failure=failure)
        finally:
            self.kill_processes()
        return self._end(command, result=said)

    def stopped(self, command: Work) -> Message:
        self.kill_processes()
        if not isinstance(command, AgentStep):
            return self._refused(command)
        stopped = StepFailed("cancelled", "The step was stopped.", recoverable=False)
        return self._end(command, result=stopped.message, failure=stopped)

    def context_usage(self, command: GetContextUsage) -> ContextUsage:
        """The program keeps its context itself, and does not tell how full that is."""
        return ContextUsage(
            request_id=command.request_id,
            used_tokens=0,
            context_window=self._config.context_window,
            percent=0,
            model=self._model,
        )

    async def refresh_grants(self) -> str:
        return ""

    def kill_processes(self) -> None:
        self._processes.kill()

    async def close(self) -> None:
        self.kill_processes()

    def _end(
        self, command: AgentStep, *, result: str, failure: StepFailed | None = None
    ) -> StepEnd:
        return StepEnd(
            request_id=command.request_id,
            step_number=self._steps,
            result=result,
            success=failure is None,
            error_code=failure.code if failure else "",
            recoverable=failure.recoverable if failure else True,
            usage=self.conversation.usage(),
            model=self._model,
            turns=self.conversation.activity.turns,
        )

    def _refused(self, command: Work) -> Message:
        return Error(
            run_id=self._config.run_id, code="unsupported_command", message=f"{_NOT_HERE} "
            f"It was asked for {command.type}.",
        )  # fmt: skip
