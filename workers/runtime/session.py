"""A session from boot to exit: takes commands one at a time, answers repeats, never goes silent.

The heavy imports (model library, tools) happen after `ready` is out, in a thread, so that the
control plane can send the first command meanwhile.
"""

import asyncio
import importlib
import logging
import os
import resource
import signal
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from workers.protocol.messages import (
    Abort,
    AgentStep,
    Busy,
    ChangeModel,
    ContextUsage,
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
)
from workers.protocol.wire import MalformedMessage
from workers.runtime.bus import Bus
from workers.runtime.config import RuntimeConfig
from workers.runtime.text import TextBatcher

if TYPE_CHECKING:
    from workers.runtime.engine import Engine

logger = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
# The control plane gives up after 10 minutes without Redis: nobody will hear of us then.
ORPHAN_AFTER_S = 900.0
KEPT_RESULTS = 100
LAST_FLUSH_S = 10.0
DEFAULT_CONTEXT_WINDOW = 128_000
_PAGE = resource.getpagesize()

Work = AgentStep | StructuredOutput


class Session:
    def __init__(self, config: RuntimeConfig) -> None:
        self._config = config
        self._bus = Bus(config.redis_url, config.session_id)
        self._text = TextBatcher(self._bus.publish)
        self._queue: asyncio.Queue[Work] = asyncio.Queue()
        self._results: OrderedDict[str, StepEnd] = OrderedDict()
        self._waiting: set[str] = set()
        self._current: asyncio.Task[StepEnd] | None = None
        self._current_id = ""
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
        self._bus.publish(Ready(run_id=self._config.run_id))
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._read_commands(), name="commands"),
            asyncio.create_task(self._heartbeats(), name="heartbeats"),
            asyncio.create_task(self._work(), name="work"),
            asyncio.create_task(self._watch(), name="files"),
            asyncio.create_task(self._stop.wait(), name="stop"),
        ]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        crashed = next((task for task in done if not task.cancelled() and task.exception()), None)
        return await self._end(tasks, crashed)

    async def _end(self, tasks: "list[asyncio.Task[Any]]", crashed: object) -> int:
        code = 0
        if isinstance(crashed, asyncio.Task):
            code = 1
            logger.error("the session crashed", exc_info=crashed.exception())
            self._bus.publish(
                Error(
                    run_id=self._config.run_id,
                    message=f"The runtime failed: {type(crashed.exception()).__name__}.",
                    code="internal_error",
                )
            )
        if self._current is not None and not self._current.done():
            self._current.cancel()
            await asyncio.wait({self._current}, timeout=5)
            await asyncio.sleep(0.05)  # `_work` publishes how the step ended
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=5)
        if self._engine is not None:
            self._engine.close()
        self._text.flush()
        self._bus.publish(Exiting(run_id=self._config.run_id, code=code))
        await self._bus.flushed(LAST_FLUSH_S)
        await self._bus.close()
        return code

    async def _read_commands(self) -> None:
        async for command in self._bus.commands():
            if isinstance(command, MalformedMessage):
                self._bus.publish(
                    Error(run_id=self._config.run_id, message=str(command), code="protocol_error")
                )
                continue
            await self._take(command)

    async def _take(self, command: Message) -> None:
        match command:
            case AgentStep() | StructuredOutput():
                self._take_work(command)
            case Abort():
                self._abort(command.request_id)
            case Shutdown():
                self._stop.set()
            case Steer():
                self._steer(command.message)
            case ChangeModel():
                await self._change_model(command)
            case GetContextUsage():
                await self._context_usage(command)
            case RefreshGrants():
                logger.info("no granted tools to refresh")
            case _:
                self._bus.publish(
                    Error(
                        run_id=self._config.run_id,
                        message=f"This runtime does not do {command.type}.",
                        code="unsupported_command",
                    )
                )

    def _take_work(self, command: Work) -> None:
        """Queue a step, unless it is known: then say again how it ended, or that it goes on."""
        known = self._results.get(command.request_id)
        if known is not None:
            self._bus.publish(known)
        elif command.request_id in self._waiting:
            self._bus.publish(Busy(run_id=self._config.run_id, request_id=command.request_id))
        else:
            self._waiting.add(command.request_id)
            self._queue.put_nowait(command)

    def _abort(self, request_id: str) -> None:
        running = self._current is not None and not self._current.done()
        if running and request_id in ("", self._current_id) and self._current is not None:
            self._current.cancel()

    def _steer(self, message: str) -> None:
        if self._engine is None:
            self._early_hints.append(message)
        else:
            self._engine.conversation.steer(message)

    async def _change_model(self, command: ChangeModel) -> None:
        engine = await self._engine_ready()
        try:
            engine.change_model(command.model)
        except ValueError as exc:
            self._bus.publish(
                Error(run_id=self._config.run_id, message=str(exc), code="model_unknown")
            )

    async def _context_usage(self, command: GetContextUsage) -> None:
        used = (await self._engine_ready()).conversation.context_tokens()
        self._bus.publish(
            ContextUsage(
                request_id=command.request_id,
                used_tokens=used,
                context_window=DEFAULT_CONTEXT_WINDOW,
                percent=round(100 * used / DEFAULT_CONTEXT_WINDOW, 1),
                model=self._config.model,
            )
        )

    async def _work(self) -> None:
        engine = await self._load()
        while True:
            command = await self._queue.get()
            self._current_id = command.request_id
            self._text.begin(command.request_id)
            self._bus.publish(Busy(run_id=self._config.run_id, request_id=command.request_id))
            self._bus.publish(
                StepStart(request_id=command.request_id, step_number=engine.next_step_number)
            )
            end = await self._ending_of(command, engine)
            self._text.flush()
            self._remember(end)
            self._bus.publish(end)
            self._bus.publish(Idle(run_id=self._config.run_id))

    async def _ending_of(self, command: Work, engine: "Engine") -> StepEnd:
        run = engine.step(command) if isinstance(command, AgentStep) else engine.structured(command)
        self._current = asyncio.create_task(run, name=command.request_id)
        await asyncio.wait({self._current})
        if self._current.cancelled():
            return engine.aborted(command.request_id)
        error = self._current.exception()
        if error is None:
            return self._current.result()
        logger.error("the step failed unexpectedly", exc_info=error)
        return engine.aborted(command.request_id).model_copy(
            update={
                "error_code": "internal_error",
                "result": f"The runtime failed: {type(error).__name__}: {error}",
                "recoverable": True,
            }
        )

    def _remember(self, end: StepEnd) -> None:
        self._waiting.discard(end.request_id)
        self._results[end.request_id] = end
        while len(self._results) > KEPT_RESULTS:
            self._results.popitem(last=False)

    async def _load(self) -> "Engine":
        module = await asyncio.to_thread(importlib.import_module, "workers.runtime.engine")
        self._engine = module.Engine(
            self._config, publish=self._bus.publish, room=self._bus.room, text=self._text
        )
        for hint in self._early_hints:
            self._engine.conversation.steer(hint)
        self._loaded.set()
        return self._engine

    async def _engine_ready(self) -> "Engine":
        await self._loaded.wait()
        assert self._engine is not None
        return self._engine

    async def _watch(self) -> None:
        await self._loaded.wait()
        from workers.runtime.watch import watch_files  # late: it starts a thread of its own

        await watch_files(
            self._config.workspace, self._bus.publish, request_id=lambda: self._current_id
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
            self._bus.publish(
                Heartbeat(
                    rss=_rss_bytes(),
                    cpu=times.user + times.system,
                    turn=conversation.activity.turns if conversation else 0,
                    tokens=conversation.tokens() if conversation else 0,
                )
            )


def _rss_bytes() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:  # no /proc: not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
