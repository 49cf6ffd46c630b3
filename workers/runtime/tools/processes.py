"""Commands and code that a tool runs: in a group of their own, with an end to all they started."""

import asyncio
import codecs
import contextlib
import os
import secrets
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_ai import ToolFailed

from workers.runtime.tools.limits import MAX_BYTES, tail

LIVE_LIMIT_CHARS = 256 * 1024  # of one command's output, sent on as it comes
FILE_LIMIT_BYTES = 50 * 1024 * 1024
_DRAIN_S = 0.5
_KILLED_S = 5.0
_SCOPE = "DJINNBOT_TOOL_SCOPE"
_HIDDEN = ("REDIS_URL", "DJINNBOT_SESSION_TOKEN", "PYTHONPATH", "VIRTUAL_ENV")


@dataclass(slots=True)
class Processes:
    """Everything that the tools of one session have started and that may still run."""

    groups: set[int] = field(default_factory=set)
    scope: str = field(default_factory=lambda: secrets.token_hex(16))
    _started: bool = False  # something ran since the last kill

    def environment(self, env: "os._Environ[str] | dict[str, str]") -> dict[str, str]:
        """The environment of a command: without what only the runtime needs."""
        return {**command_environment(env), _SCOPE: self.scope}

    def forget(self, group: int) -> None:
        """A command has ended. Its group is kept only while something of it is left: the number
        of an empty one may be given to somebody else."""
        self._started = True
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            self.groups.discard(group)
        except PermissionError:
            return  # it lives

    def kill(self) -> None:
        """End them all, also those that left their group for one of their own."""
        for group in tuple(self.groups):
            kill_group(group)
        if self.groups or self._started:
            self._started = False
            for pid in _marked(f"{_SCOPE}={self.scope}".encode()):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        self.groups.clear()


def command_environment(env: "os._Environ[str] | dict[str, str]") -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in _HIDDEN}


def kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _marked(mark: bytes) -> list[int]:
    """Processes of this user whose environment holds `mark`. Linux; elsewhere none is found."""
    found = []
    own = os.getpid()
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if not name.isdigit() or int(name) == own:
            continue
        with contextlib.suppress(OSError):
            if mark in Path("/proc", name, "environ").read_bytes().split(b"\0"):
                found.append(int(name))
    return found


@dataclass(frozen=True, slots=True)
class Ended:
    exit_code: int
    timed_out: bool


async def run(
    command: Sequence[str],
    *,
    processes: Processes,
    cwd: Path,
    env: Mapping[str, str],
    limit_s: float,
    output: "Output",
    errors: "Output | None" = None,
) -> Ended:
    """Run a program to its end or to its time limit; then its whole group is killed.

    `errors` takes what goes to stderr; without it, both go to `output`. Raises ToolFailed when the
    program cannot be started.
    """
    pipes = [await _Pipe.open(output)]
    if errors is not None:
        pipes.append(await _Pipe.open(errors))
    process = await _start(command, cwd, {**processes.environment(dict(env))}, pipes)
    group = process.pid
    processes.groups.add(group)
    try:
        async with asyncio.timeout(limit_s):
            await _follow(process, pipes)
    except TimeoutError:
        kill_group(group)
        with contextlib.suppress(TimeoutError):  # one that waits for a dead disk cannot be killed
            async with asyncio.timeout(_KILLED_S):
                await process.wait()
        return Ended(exit_code=-9, timed_out=True)
    except BaseException:
        kill_group(group)
        raise
    finally:
        for pipe in pipes:
            pipe.close()
    processes.forget(group)
    assert process.returncode is not None
    return Ended(exit_code=process.returncode, timed_out=False)


class _Pipe:
    """A pipe of our own: asyncio would count a command as running for as long as a child in the
    background holds its pipe."""

    def __init__(
        self,
        stream: asyncio.StreamReader,
        transport: asyncio.ReadTransport,
        write_end: int,
        output: "Output",
    ) -> None:
        self._stream, self._transport, self._output = stream, transport, output
        self.write_end = write_end

    @classmethod
    async def open(cls, output: "Output") -> "_Pipe":
        read_end, write_end = os.pipe()
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read_end, "rb", 0)
        )
        return cls(stream, transport, write_end, output)

    async def pump(self) -> None:
        while chunk := await self._stream.read(65_536):
            self._output.add(chunk)

    def close(self) -> None:
        self._transport.close()
        self._output.close()


async def _start(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], pipes: Sequence[_Pipe]
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipes[0].write_end,
            stderr=pipes[-1].write_end,
            start_new_session=True,
            env=env,
        )
    except (OSError, ValueError) as exc:
        for pipe in pipes:
            pipe.close()
        raise ToolFailed(f"The command could not be started: {exc}.") from exc
    finally:
        for pipe in pipes:
            os.close(pipe.write_end)


async def _follow(process: asyncio.subprocess.Process, pipes: Sequence[_Pipe]) -> None:
    """Read until the command has ended. A child left in the background may keep a pipe open."""
    readers = {asyncio.create_task(pipe.pump()) for pipe in pipes}
    try:
        await process.wait()
        await asyncio.wait(readers, timeout=_DRAIN_S)
    finally:
        for reader in readers:
            reader.cancel()


class Output:
    """The end of an output in memory, all of it (up to a limit) in a file once it is long."""

    def __init__(self, path: Path, live: Callable[[str], None]) -> None:
        self._path = path
        self._send = live
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._kept = bytearray()
        self._total = 0
        self._lines = 0
        self._live_chars = 0
        self._file = -1
        self._lost = ""  # why the file does not hold it

    def add(self, chunk: bytes) -> None:
        self._total += len(chunk)
        self._lines += chunk.count(b"\n")
        self._kept += chunk
        try:
            if self._file >= 0:
                self._to_file(chunk)
            elif self._too_long() and not self._lost:
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                self._to_file(bytes(self._kept))
        except OSError as exc:  # a full /tmp, say: who stopped reading would stop the command
            self._lost = exc.strerror or type(exc).__name__
            self.close()
        if len(self._kept) > 4 * MAX_BYTES:
            del self._kept[: -2 * MAX_BYTES]
        self._live(self._decoder.decode(chunk))

    def text(self) -> str:
        if not self._too_long():
            return self._kept.decode(errors="replace").rstrip("\n")
        kept, _ = tail(self._kept.decode(errors="replace"))
        head = f"[{self._total} bytes of output; the full text is in {self._path}"
        if self._lost:
            head = f"[{self._total} bytes of output; the full text was not kept: {self._lost}"
        elif self._total > FILE_LIMIT_BYTES:
            head += ", cut at 50 MB"
        return f"{head}. Its end:]\n{kept.rstrip(chr(10))}"

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _too_long(self) -> bool:
        return self._total > MAX_BYTES or self._lines > 2000

    def _to_file(self, chunk: bytes) -> None:
        room = FILE_LIMIT_BYTES - os.fstat(self._file).st_size
        if room > 0:
            os.write(self._file, chunk[:room])

    def _live(self, text: str) -> None:
        room = LIVE_LIMIT_CHARS - self._live_chars
        if room <= 0:
            return
        self._live_chars += len(text)
        self._send(text[:room])
        if len(text) >= room:
            self._send("\n[more output; the live view is cut here]\n")
