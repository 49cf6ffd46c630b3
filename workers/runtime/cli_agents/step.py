"""One `agentStep` done by another agent's program: started, watched, told of, and how it ended.

Its events become ours; its exit code, its last answer and the files it left say how the step ended.
It has no `complete`: a last line `FAILED: …` is its `fail`.
"""

import asyncio
import contextlib
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from workers.protocol.harness import PROGRAMS
from workers.protocol.messages import AgentStep, Message, ToolEnd, ToolStart, Usage
from workers.runtime.cli_agents.adapter import (
    Adapter,
    Event,
    Failed,
    Said,
    SessionNamed,
    Task,
    Thought,
    ToolBegan,
    ToolEnded,
    TurnEnded,
)
from workers.runtime.cli_agents.process import Program
from workers.runtime.cli_agents.relay import Relay
from workers.runtime.config import RuntimeConfig
from workers.runtime.endings import tasks_ended
from workers.runtime.errors import GATEWAY_CODES, HOPELESS, StepFailed
from workers.runtime.models import GATEWAY_PATH
from workers.runtime.text import TextBatcher
from workers.runtime.tools.processes import Processes

WATCH_INTERVAL_S = 0.5
RESULT_CHARS = 10_000
_END_S = 10.0
_FAILED = re.compile(r"^\s*FAILED:\s*(.+)\Z", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r'"code"\s*:\s*"([a-z_]+)"')


@dataclass(slots=True)
class Activity:
    turns: int = 0


@dataclass(slots=True)
class Conversation:
    """What the session asks of any engine's conversation."""

    activity: Activity = field(default_factory=Activity)
    hints: list[str] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    tool_calls: int = 0

    def steer(self, message: str) -> None:
        """Kept until the program has ended its turn; then it goes on with this."""
        self.hints.append(message)

    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def usage(self) -> Usage:
        return Usage(
            requests=self.activity.turns,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_read_tokens=self.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens,
            tool_calls=self.tool_calls,
        )


class Teller:
    """The program's events as messages of the session."""

    def __init__(
        self, request_id: str, publish: Callable[[Message], None], text: TextBatcher
    ) -> None:
        self._request_id = request_id
        self._publish = publish
        self._text = text
        self._names: dict[str, str] = {}

    def said(self, event: Said | Thought) -> None:
        kind = "assistant" if isinstance(event, Said) else "thinking"
        self._text.add(kind, event.text)  # type: ignore[arg-type]  # one of its kinds

    def began(self, event: ToolBegan) -> None:
        self._text.flush()
        self._names[event.id] = event.name
        self._publish(
            ToolStart(
                request_id=self._request_id,
                tool_name=event.name,
                args=json.dumps(dict(event.args), ensure_ascii=False),
                tool_call_id=event.id,
            )
        )

    def ended(self, event: ToolEnded) -> None:
        self._publish(
            ToolEnd(
                request_id=self._request_id,
                tool_name=self._names.pop(event.id, "tool"),
                result=event.result[:RESULT_CHARS],
                success=event.success,
                duration_ms=event.duration_ms,
                tool_call_id=event.id,
            )
        )


@dataclass(slots=True, kw_only=True)
class _Answer:
    """What one start of the program has come to. `text` is that of its last turn."""

    turn: str = ""
    text: str = ""
    failed: str = ""


class ProgramStep:
    """One `agentStep`: the program, started once, and again for each word from outside."""

    def __init__(
        self,
        command: AgentStep,
        *,
        config: RuntimeConfig,
        adapter: Adapter,
        model: str,
        conversation: Conversation,
        processes: Processes,
        told: Teller,
        room: Callable[[], Awaitable[None]],
    ) -> None:
        self._command = command
        self._config = config
        self._adapter = adapter
        self._model = model
        self._conversation = conversation
        self._processes = processes
        self._told = told
        self._room = room
        self._relay = Relay(config)
        self._resume = ""
        self._began = time.monotonic()

    async def run(self) -> str:
        """The last answer. Raises StepFailed."""
        program = Path(self._config.harness_dir, PROGRAMS[self._adapter.name])
        if not program.is_file():
            raise StepFailed(
                "harness_missing", f"{self._adapter.name} is not installed.", recoverable=False
            )
        state = self._config.tmp / f"harness-{secrets.token_hex(4)}"
        state.mkdir(mode=0o700, parents=True)
        await self._relay.open()
        try:
            return await self._until_said(state)
        finally:
            await self._relay.close()

    async def _until_said(self, state: Path) -> str:
        prompt = self._command.prompt
        while True:
            answer = await self._watched(self._task(prompt, state))
            reason = _FAILED.search(answer.text)
            if reason is not None:
                raise StepFailed("agent_failed", reason[1].strip())
            hints, self._conversation.hints[:] = list(self._conversation.hints), []
            if not hints:
                return answer.text
            if not (self._adapter.resumable and self._resume):
                return answer.text  # it cannot be told any more
            prompt = "\n\n".join(hints)

    def _task(self, prompt: str, state: Path) -> Task:
        return Task(
            prompt=prompt,
            system_prompt=self._command.system_prompt,
            model=self._model,
            base_url=f"{self._relay.url}{GATEWAY_PATH}/v1",
            key=self._config.token,
            directory=Path(self._config.harness_dir),
            workspace=self._config.workspace,
            state=state,
            max_turns=self._command.max_steps,
            resume=self._resume,
        )

    async def _watched(self, task: Task) -> _Answer:
        work = asyncio.create_task(self._once(task), name="harness")
        try:
            while True:
                done, _ = await asyncio.wait({work}, timeout=WATCH_INTERVAL_S)
                if done:
                    return work.result()
                self._check()
        finally:
            await tasks_ended([work], within_s=_END_S)

    def _check(self) -> None:
        """Time, silence, and a refusal that asking again does not change. Raises StepFailed."""
        refused = self._relay.refused.decode(errors="replace")
        for code in _CODE.findall(refused):
            if not GATEWAY_CODES.get(code, True):
                raise StepFailed(code, refused.partition("\r\n\r\n")[2][:2000], recoverable=False)
        limit_s = self._command.deadline_s
        if limit_s is not None and time.monotonic() - self._began > limit_s:
            raise StepFailed("timeout", f"The step ran longer than {limit_s:g} seconds.")
        if self._relay.silent_s > self._config.inactivity_s:
            raise StepFailed(
                "model_unavailable",
                f"The model said nothing for {self._config.inactivity_s:g} seconds.",
            )

    async def _once(self, task: Task) -> _Answer:
        answer = _Answer()
        program = Program(
            self._adapter.start(task), workspace=task.workspace, processes=self._processes
        )
        try:
            try:
                await program.open({})
            except OSError as exc:
                reason = f"{self._adapter.name} could not be started: {exc.strerror}."
                raise StepFailed("harness_failed", reason) from exc
            async with contextlib.aclosing(program.speech()) as speech:
                async for text in speech:
                    for event in self._adapter.events(text):
                        self._take(event, answer)
                    await self._room()
            code = await program.exit_code()
        finally:
            await program.close()
        if answer.failed or code != 0:
            raise self._failure(answer.failed or program.last_lines, code)
        return answer

    def _take(self, event: Event, answer: _Answer) -> None:
        match event:
            case Said():
                if event.turn != answer.turn:
                    answer.turn, answer.text = event.turn, ""
                answer.text += event.text
                self._told.said(event)
            case Thought():
                self._told.said(event)
            case ToolBegan():
                self._conversation.tool_calls += 1
                self._told.began(event)
            case ToolEnded():
                self._told.ended(event)
            case SessionNamed():
                self._resume = event.id
            case Failed():
                answer.failed = event.message
            case TurnEnded():
                self._count(event)

    def _count(self, turn: TurnEnded) -> None:
        talk = self._conversation
        talk.activity.turns += 1
        talk.input_tokens += turn.input_tokens
        talk.output_tokens += turn.output_tokens
        talk.cache_read_tokens += turn.cache_read_tokens
        talk.cache_write_tokens += turn.cache_write_tokens
        if talk.activity.turns > self._command.max_steps:
            raise StepFailed("turn_limit", f"The step took {self._command.max_steps} turns.")

    def _failure(self, said: str, code: int) -> StepFailed:
        """What our gateway refused keeps its code, whatever the program made of it."""
        for found in _CODE.findall(said.replace('\\"', '"')):
            if found in GATEWAY_CODES:
                return StepFailed(found, said[:2000], recoverable=GATEWAY_CODES[found])
            if found in HOPELESS or found.startswith("script_"):
                return StepFailed(
                    HOPELESS.get(found, "model_error"), said[:2000], recoverable=False
                )
        name = self._adapter.name
        return StepFailed("harness_failed", f"{name} ended with exit code {code}. {said[-2000:]}")
