"""The heavy half of a session: model, conversation and tools.

`session.py` imports this module late, when the box has already said that it is ready.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic_ai import Agent, ToolFailed
from pydantic_ai.models import Model
from pydantic_ai.usage import RunUsage

from workers.protocol.masking import Masker
from workers.protocol.messages import (
    MESSAGES,
    AgentStep,
    CompactionComplete,
    CompactSession,
    ContextUsage,
    Error,
    GetContextUsage,
    Message,
    StepEnd,
    StructuredOutput,
    ToolCommand,
    ToolEnd,
)
from workers.runtime.api import Api, ApiError
from workers.runtime.attachments import Attachments
from workers.runtime.code.server import UnknownTool
from workers.runtime.config import RuntimeConfig, config_from
from workers.runtime.conversation import Conversation
from workers.runtime.errors import StepFailed
from workers.runtime.inbox import Work
from workers.runtime.model_facts import context_window, sees_images
from workers.runtime.models import build_model
from workers.runtime.step import StepRunner
from workers.runtime.switch import SwitchModel
from workers.runtime.text import TextBatcher
from workers.runtime.tools.analysis import AnalysisTools
from workers.runtime.tools.context import ToolContext
from workers.runtime.tools.platform import PlatformTools
from workers.runtime.tools.registry import Choice, ToolBox, completion_tools
from workers.runtime.tools.secrets import SecretTools


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
        self._config = config
        self._publish = publish
        self._steps = 0
        self._disabled: frozenset[str] = frozenset()
        self._api = Api(config, masker)
        self._model = SwitchModel(config.model, lambda name: build_model(name, config))
        self._context = ToolContext(
            workspace=config.workspace,
            home=config.home,
            tmp=config.tmp,
            output=lambda chunk: text.add("tool", chunk),
            masker=masker,
            sees_images=lambda: sees_images(self._model.name),
        )
        self.conversation = Conversation(
            publish=publish, room=room, text=text, model=self._model, window=self._window
        )
        self._used_before = replace(self.conversation.usage)

    @property
    def next_step_number(self) -> int:
        return self._steps + 1

    def change_model(self, name: str) -> None:
        """Use another model from the next request on; the conversation stays."""
        self._model.use(name)

    async def work(self, command: Work) -> Message:
        """Do what a command asks for; the answer comes back."""
        match command:
            case AgentStep():
                return await self.step(command)
            case StructuredOutput():
                return await self.structured(command)
            case ToolCommand():
                return await self.tool(command)
            case CompactSession():
                return await self.compact(command)

    def stopped(self, command: Work) -> Message:
        """The answer to a command that was stopped from outside."""
        self.kill_processes()
        match command:
            case AgentStep() | StructuredOutput():
                return self._aborted(command.request_id)
            case ToolCommand():
                return ToolEnd(
                    request_id=command.request_id,
                    tool_name=command.tool_name,
                    result="The call was stopped.",
                    success=False,
                    tool_call_id=command.request_id,
                )
            case CompactSession():
                message = "The summary was stopped; the conversation is as it was."
                return Error(run_id=self._config.run_id, code="cancelled", message=message)

    async def step(self, command: AgentStep) -> StepEnd:
        self._steps += 1
        self._used_before = replace(self.conversation.usage)
        if command.model and command.model != self._model.name:
            self._model.use(command.model)
        self._model.use_fallbacks(command.fallback_models)
        self.conversation.seed(command.history)
        choice = Choice(
            listed=command.tools,
            mode=command.tools_mode,
            kind=self._config.kind,
            code=self._config.code and command.exec_code,
            code_timeout_s=self._config.code_timeout_s,
        )
        tools = self._tool_box(choice, command.request_id)
        self._model.shown = tools.shown
        runner = StepRunner(
            command,
            config=self._config,
            conversation=self.conversation,
            tools=tools,
            attachments=Attachments(self._config, self._api),
            step_number=self._steps,
        )
        return await runner.run()

    async def structured(self, command: StructuredOutput) -> StepEnd:
        from workers.runtime.structured import structured_answer  # late: few sessions need it

        self._steps += 1
        if command.model and command.model != self._model.name:
            self._model.use(command.model)
        success, code, recoverable = True, "", True
        self._used_before = replace(self.conversation.usage)
        started = time.monotonic()
        try:
            result = await structured_answer(
                command,
                model=self._model.wrapped,
                usage=self.conversation.usage,
                deadline_s=command.deadline_s,
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
            usage=self.conversation.usage_since(self._used_before),
            model=self._model.name,
            turns=1,
            summary=f"structured answer in {time.monotonic() - started:.1f} s" if success else "",
        )

    async def tool(self, command: ToolCommand) -> ToolEnd:
        """One call of one tool, as the control plane asks for it. Completion tools are the
        agent's own."""
        own = completion_tools(self._config.kind)
        told: list[ToolEnd] = []

        def publish(message: Message) -> None:
            if isinstance(message, ToolEnd):
                told.append(message)  # the answer to the command, published as such
            else:
                self._publish(message)

        choice = Choice(kind=self._config.kind, code=self._config.code)
        tools = self._tool_box(choice, command.request_id, publish)
        name = "" if command.tool_name in own else command.tool_name
        arguments: dict[str, Any] = dict(command.args)
        try:
            await tools.call_told(name, arguments, call_id=command.request_id, via_code=False)
        except (UnknownTool, ToolFailed):
            pass  # `toolEnd` says so
        finally:
            self._context.kill_processes()
        return told[-1].model_copy(update={"tool_name": command.tool_name})

    async def compact(self, command: CompactSession) -> CompactionComplete | Error:
        """Put a summary in the place of old turns, as a person asked for."""
        done = await self.conversation.compacted(command.request_id, command.instructions)
        if done is not None:
            return done
        history = self.conversation.history
        used = self.conversation.keeper.usage(history, command.request_id).used_tokens
        return Error(
            run_id=self._config.run_id,
            code="nothing_to_compact",
            message=f"The conversation takes {used} tokens in {len(history)} messages: "
            "too little to be summarised.",
        )

    def context_usage(self, command: GetContextUsage) -> ContextUsage:
        history = self.conversation.history
        return self.conversation.keeper.usage(history, command.request_id)

    async def refresh_grants(self) -> str:
        """Ask anew which tools this agent may not use; it holds from the next request on.

        What went wrong comes back, empty when nothing did; the list is then as it was.
        """
        try:
            found = await self._api.json(f"/agents/{self._config.agent_id}/tools/disabled")
        except ApiError as exc:
            return f"The disabled tools could not be asked for: {exc}."
        names = found.get("tools") if isinstance(found, dict) else None
        if not isinstance(names, list):
            return "The list of disabled tools has an unknown form."
        disabled = frozenset(map(str, names))
        if "bash" in disabled:
            disabled |= {"run_with_secrets"}  # the same right in another form
        self._disabled = disabled - frozenset(completion_tools(self._config.kind))
        return ""

    def kill_processes(self) -> None:
        self._context.kill_processes()

    def _aborted(self, request_id: str) -> StepEnd:
        return StepEnd(
            request_id=request_id,
            step_number=self._steps,
            result="The step was stopped.",
            success=False,
            error_code="cancelled",
            recoverable=False,
            usage=self.conversation.usage_since(self._used_before),
            model=self._model.name,
            turns=self.conversation.activity.turns,
        )

    async def close(self) -> None:
        self.kill_processes()
        await self._api.close()

    def _window(self) -> int:
        return context_window(self._model.name, self._config.context_window)

    def _tool_box(
        self,
        choice: Choice,
        request_id: str,
        publish: Callable[[Message], None] | None = None,
    ) -> ToolBox:
        return ToolBox(
            context=self._context,
            choice=choice,
            analysis=AnalysisTools(
                model=self._model_named,
                usage=self.conversation.usage,
                analysis_model=self._config.analysis_model,
                research_model=self._config.research_model,
            ),
            platform=PlatformTools(
                api=self._api, run_id=self._config.run_id, agent_id=self._config.agent_id
            ),
            secrets=SecretTools(
                self._context,
                self._api,
                agent_id=self._config.agent_id,
                names=self._config.secrets,
            ),
            disabled=lambda: self._disabled,
            publish=publish or self._publish,
            request_id=request_id,
        )

    def _model_named(self, name: str) -> Model:
        if not name or name == self._model.name:
            return self._model.wrapped
        return build_model(name, self._config)


def rehearse() -> None:
    """Make a model and the tools once, for what that imports and builds."""
    import workers.runtime.structured  # noqa: F401  loaded for the forks

    for kind in MESSAGES.values():
        kind.model_rebuild()
    nowhere = Path("/")
    names = ("SESSION_ID", "REDIS_URL", "DJINNBOT_API_URL", "DJINNBOT_SESSION_TOKEN")
    config = config_from(
        {**dict.fromkeys(names, "http://nowhere"), "AGENT_MODEL": "rehearsal/none"}
    )
    context = ToolContext(workspace=nowhere, home=nowhere, tmp=nowhere, output=lambda text: None)
    model = build_model(config.model, config)
    analysis = AnalysisTools(model=lambda name: model, usage=RunUsage())
    api = Api(config)
    platform = PlatformTools(api=api, run_id="", agent_id="")
    secrets = SecretTools(context, api, agent_id="", names=())
    box = ToolBox(
        context=context, choice=Choice(), analysis=analysis, platform=platform, secrets=secrets
    )
    Agent(model, tools=box.tools)
