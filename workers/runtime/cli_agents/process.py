"""The program of another agent: started, read as it speaks, ended with all that it started."""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path

from workers.runtime.cli_agents.adapter import Start
from workers.runtime.endings import tasks_ended
from workers.runtime.tools.processes import Processes

LINE_LIMIT_BYTES = 16 * 1024 * 1024
_LOOK_S = 0.2
_EXIT_LOOK_S = 0.05
_LAST_WORDS_S = 1.0
_KILLED_S = 5.0  # a process that waits for a dead disk does not even end when it is killed
_TAIL_LINES = 40


class Program:
    """One start of the program. `close` leaves nothing of it running."""

    def __init__(self, start: Start, *, workspace: Path, processes: Processes) -> None:
        self._start = start
        self._workspace = workspace
        self._processes = processes
        self._process: asyncio.subprocess.Process | None = None
        self._drains: list[asyncio.Task[None]] = []
        self._ended: asyncio.Task[int] | None = None
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)

    @property
    def last_lines(self) -> str:
        """The end of what it wrote beside its events."""
        return "\n".join(self._tail)

    async def open(self, env: Mapping[str, str]) -> None:
        """Start it. Raises OSError."""
        self._process = await asyncio.create_subprocess_exec(
            *self._start.command,
            cwd=self._workspace,
            env={**self._processes.environment(dict(os.environ)), **env, **self._start.env},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=LINE_LIMIT_BYTES,
        )
        self._processes.groups.add(self._process.pid)
        assert self._process.stderr is not None
        self._drains.append(asyncio.create_task(self._drain(self._process.stderr)))
        self._drains.append(asyncio.create_task(self._feed()))

    async def speech(self) -> AsyncGenerator[str, None]:
        """Lines of stdout, or the watched file whenever it has changed, until the program ends."""
        assert self._process is not None
        assert self._process.stdout is not None
        ended = self._ended = asyncio.create_task(self.exit_code())
        if self._start.watched is None:
            async for line in _until(ended, _lines(self._process.stdout)):
                yield line
            return
        self._drains.append(asyncio.create_task(self._drain(self._process.stdout)))
        seen = (0, 0)
        while True:
            done, _ = await asyncio.wait({ended}, timeout=_LOOK_S)
            if (stamp := _stamp(self._start.watched)) != seen:
                seen = stamp
                yield self._start.watched.read_text(errors="replace")
            if done:
                return

    async def exit_code(self) -> int:
        """Wait for its end; not, as `wait` does, for what it left running to close its pipes."""
        assert self._process is not None
        while self._process.returncode is None:
            await asyncio.sleep(_EXIT_LOOK_S)
        return self._process.returncode

    async def close(self) -> None:
        self._processes.kill()
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_KILLED_S):
                    await self.exit_code()
            with contextlib.suppress(TimeoutError):  # its pipes close with the last of what it left
                async with asyncio.timeout(_LAST_WORDS_S):
                    await self._process.wait()
        await tasks_ended([*self._drains, self._ended], within_s=_KILLED_S)

    async def _feed(self) -> None:
        assert self._process is not None
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(self._start.stdin.encode(errors="replace"))
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return  # it ended before it had read all
        finally:
            stdin.close()

    async def _drain(self, stream: asyncio.StreamReader) -> None:
        async for line in _lines(stream):
            self._tail.append(line[:2000])


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines without their ends; one that is too long is left out."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue
        if not line:
            return
        yield line.decode(errors="replace").rstrip("\r\n")


async def _until(ended: "asyncio.Task[int]", lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """Lines until they end. What the program left running may hold its stdout open for ever."""
    while True:
        line = asyncio.ensure_future(anext(lines, None))
        await asyncio.wait({line, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not line.done():
            await asyncio.wait({line}, timeout=_LAST_WORDS_S)
        if not line.done():
            line.cancel()
            return
        if (text := line.result()) is None:
            return
        yield text


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)
