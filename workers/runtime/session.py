"""A session from boot to exit: takes commands one at a time, answers repeats, never goes silent.

The heavy imports (model library, tools) happen after `ready` is out, in a thread, so that the
control plane can send the first command meanwhile.
"""

import asyncio
import contextlib
import gc
import importlib
import logging
import os
import resource
import signal
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from workers.protocol.masking import Masker
from workers.protocol.messages import (
    Abort,
    AgentStep,
    Busy,
    ChangeModel,
    CompactSession,
    Error,
    Exiting,
    GetContextUsage,
    Heartbeat,
    Idle,
    Message,
    Ready,
    RefreshGrants,
    Shutdown,
    Steer,
    StepEnd,
    StepStart,
    StructuredOutput,
    ToolCommand,
)
from workers.protocol.wire import MalformedMessage
from workers.runtime.bus import Bus
from workers.runtime.config import RuntimeConfig
from workers.runtime.endings import tasks_ended
from workers.runtime.inbox import Inbox, Work
from workers.runtime.masked import message_masked
from workers.runtime.text import TextBatcher

if TYPE_CHECKING:
    from workers.runtime.engine import Engine

logger = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
# The control plane gives up after 10 minutes without Redis: nobody will hear of us then.
ORPHAN_AFTER_S = 900.0
LAST_FLUSH_S = 10.0
_END_S = 5.0
_ABORT_S = 60.0
_PAGE = resource.getpagesize()


class Session:
    def __init__(self, config: RuntimeConfig) -> None:
        self._config = config
        self._bus = Bus(config.redis_url, config.session_id)
        self._masker = Masker()  # learns each secret before a tool gets it
        self._text = TextBatcher(self._publish, self._masker)
        self._inbox = Inbox(self._publish, run_id=config.run_id)
        self._current: asyncio.Task[Message] | None = None
        self._current_id = ""
        self._aside: set[asyncio.Task[object]] = set()  # what commands began beside the work
        self._stop = asyncio.Event()
        self._loaded = asyncio.Event()
        self._engine: Engine | None = None
        self._early_hints: list[str] = []

    async def run(self) -> int:
        """Serve until a shutdown command or SIGTERM. The exit code comes back."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop.set)
        self._bus.start()
        self._publish(Ready(run_id=self._config.run_id))
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._read_commands(), name="commands"),
            asyncio.create_task(self._heartbeats(), name="heartbeats"),
            asyncio.create_task(self._work(), name="work"),
            asyncio.create_task(self._watch(), name="files"),
            asyncio.create_task(self._stop.wait(), name="stop"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            crashed = next(
                (t.exception() for t in done if not t.cancelled() and t.exception()), None
            )
            return await self._end(tasks, crashed)
        finally:  # also when this very task is cancelled: nothing of it outlives it
            await self._stop_all(tasks)
            await self._bus.close()

    async def _end(self, tasks: "list[asyncio.Task[Any]]", crashed: BaseException | None) -> int:
        code = 0
        if crashed is not None:
            code = 1
            logger.error("the session crashed", exc_info=crashed)
            self._report("internal_error", f"The runtime failed: {_named(crashed)}.")
        if self._current is not None and not self._current.done():
            await tasks_ended([self._current], within_s=_END_S)
            await asyncio.sleep(0.05)  # `_work` publishes how the step ended
        await self._stop_all(tasks)
        self._text.flush()
        self._publish(Exiting(run_id=self._config.run_id, code=code))
        await self._bus.flushed(LAST_FLUSH_S)
        return code

    async def _stop_all(self, tasks: "list[asyncio.Task[Any]]") -> None:
        await tasks_ended([*tasks, *self._aside, self._current], within_s=_END_S)
        engine, self._engine = self._engine, None
        if engine is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END_S):
                    await engine.close()

    def _publish(self, message: Message) -> None:
        self._bus.publish(message_masked(message, self._masker))

    def _report(self, code: str, message: str) -> None:
        self._publish(Error(run_id=self._config.run_id, message=message, code=code))

    # Commands

    async def _read_commands(self) -> None:
        async for command in self._bus.commands():
            if isinstance(command, MalformedMessage):
                self._report("protocol_error", str(command))
            else:
                await self._take(command)

    async def _take(self, command: Message) -> None:
        """Work waits its turn; what is about the work under way does not."""
        match command:
            case AgentStep() | StructuredOutput() | ToolCommand() | CompactSession():
                self._inbox.put(command)
            case Abort():
                self._abort(command.request_id)
            case Shutdown():
                await self._shut_down(graceful=command.graceful)
            case Steer():
                self._steer(command.message)
            case ChangeModel():
                await self._change_model(command)
            case GetContextUsage():
                await self._context_usage(command)
            case RefreshGrants():
                self._do_aside(self._refresh_grants())  # it asks the API: an abort must not wait

    def _abort(self, request_id: str) -> None:
        """Stop a step, also one that still waits; an empty id means all of them."""
        self._inbox.abort(request_id)
        running = self._current is not None and not self._current.done()
        if running and request_id in ("", self._current_id):
            self._do_aside(tasks_ended([self._current], within_s=_ABORT_S))

    async def _shut_down(self, *, graceful: bool) -> None:
        if not graceful and self._engine is not None:
            self._engine.kill_processes()
        self._stop.set()

    def _steer(self, message: str) -> None:
        if self._engine is None:
            self._early_hints.append(message)
        else:
            self._engine.conversation.steer(message)

    async def _change_model(self, command: ChangeModel) -> None:
        if "/" not in command.model.strip("/"):
            self._report("model_unknown", f"{command.model!r} is not of the form provider/model.")
            return
        (await self._engine_ready()).change_model(command.model)

    async def _context_usage(self, command: GetContextUsage) -> None:
        self._publish((await self._engine_ready()).context_usage(command))

    async def _refresh_grants(self) -> None:
        problem = await (await self._engine_ready()).refresh_grants()
        if problem:
            self._report("grants_not_refreshed", problem)

    # Work

    async def _work(self) -> None:
        engine = await self._load()
        while True:
            command = await self._inbox.get()
            self._current_id = command.request_id
            self._text.begin(command.request_id)
            self._publish(Busy(run_id=self._config.run_id, request_id=command.request_id))
            if isinstance(command, AgentStep | StructuredOutput):
                number = engine.next_step_number
                self._publish(StepStart(request_id=command.request_id, step_number=number))
            answer = await self._answer_of(command, engine)
            self._text.flush()
            self._inbox.answer(command.request_id, answer)
            self._publish(Idle(run_id=self._config.run_id))

    async def _answer_of(self, command: Work, engine: "Engine") -> Message:
        if self._inbox.is_aborted(command.request_id):
            return engine.stopped(command)
        self._current = asyncio.create_task(engine.work(command), name=command.request_id)
        await asyncio.wait({self._current})
        if self._current.cancelled():
            return engine.stopped(command)
        error = self._current.exception()
        if error is None:
            return self._current.result()
        logger.error("the work failed unexpectedly", exc_info=error)
        stopped = engine.stopped(command)
        reason = f"The runtime failed: {_named(error)}: {error}"
        if not isinstance(stopped, StepEnd):
            return Error(run_id=self._config.run_id, message=reason, code="internal_error")
        return stopped.model_copy(
            update={"error_code": "internal_error", "result": reason, "recoverable": True}
        )

    async def _load(self) -> "Engine":
        name = "cli_agents.engine" if self._config.harness else "engine"
        gc.disable()  # what is loaded stays; looking through it meanwhile takes a tenth of the time
        try:
            module = await asyncio.to_thread(importlib.import_module, f"workers.runtime.{name}")
        finally:
            gc.freeze()
            gc.enable()
        self._engine = module.Engine(
            self._config,
            publish=self._publish,
            room=self._bus.room,
            text=self._text,
            masker=self._masker,
        )
        for hint in self._early_hints:
            self._engine.conversation.steer(hint)
        self._loaded.set()
        return self._engine

    async def _engine_ready(self) -> "Engine":
        await self._loaded.wait()
        assert self._engine is not None
        return self._engine

    # Beside the work

    def _do_aside(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work, name="aside")
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def _watch(self) -> None:
        await self._loaded.wait()
        from workers.runtime.watch import watch_files  # late: it starts a thread of its own

        await watch_files(
            self._config.workspace, self._publish, request_id=lambda: self._current_id
        )
        await asyncio.Event().wait()  # watching may end; the session does not

    async def _heartbeats(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if self._bus.away_s > ORPHAN_AFTER_S:
                logger.error("Redis has been away for too long; this session ends")
                self._stop.set()
            conversation = None if self._engine is None else self._engine.conversation
            times = os.times()
            self._publish(
                Heartbeat(
                    rss=_rss_bytes(),
                    cpu=times.user + times.system,
                    turn=conversation.activity.turns if conversation else 0,
                    tokens=conversation.tokens() if conversation else 0,
                )
            )


def _named(error: BaseException | None) -> str:
    return type(error).__name__


def _rss_bytes() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:  # no /proc: not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
