"""bash."""

import asyncio
import codecs
import itertools
import os
from pathlib import Path

from pydantic_ai import ToolFailed

from workers.runtime.tools.context import ToolContext, kill_group
from workers.runtime.tools.limits import MAX_BYTES, tail

DEFAULT_TIMEOUT_S = 300
MAX_TIMEOUT_S = 3600
LIVE_LIMIT_CHARS = 256 * 1024  # of one command's output, sent on as it comes
FILE_LIMIT_BYTES = 50 * 1024 * 1024
_DRAIN_S = 0.5


class ShellTools:
    def __init__(self, context: ToolContext) -> None:
        self._context = context
        self._numbers = itertools.count(1)

    async def bash(self, command: str, timeout: float = DEFAULT_TIMEOUT_S) -> str:  # noqa: ASYNC109  the tool's argument
        """Run a command with bash in the workspace; output and exit code come back.

        There is no stdin. At the time limit the command and its children are killed. Long output
        is cut to its last 2000 lines or 50 KB, and the full text is kept in a file.

        Args:
            command: What to run.
            timeout: Seconds until the command is killed.
        """
        limit_s = max(0.1, min(timeout, MAX_TIMEOUT_S))
        output = _Output(self._context, next(self._numbers))
        process, stream, transport = await self._start(command)
        group = process.pid
        self._context.process_groups.add(group)
        try:
            async with asyncio.timeout(limit_s):
                await _follow(process, stream, output)
        except TimeoutError as exc:
            kill_group(group)
            await process.wait()
            raise ToolFailed(
                f"{output.text()}\n[Killed: the command ran longer than {limit_s:g} seconds.]"
            ) from exc
        except asyncio.CancelledError:
            kill_group(group)
            raise
        finally:
            transport.close()
            output.close()
        if process.returncode:
            raise ToolFailed(f"{output.text()}\n[exit code {process.returncode}]")
        return f"{output.text()}\n[exit code 0]"

    async def _start(
        self, command: str
    ) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader, asyncio.ReadTransport]:
        """Start with a pipe of our own: asyncio would count the command as running for as long
        as a child in the background holds its pipe."""
        read_end, write_end = os.pipe()
        stream = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read_end, "rb", 0)
        )
        try:
            process = await asyncio.create_subprocess_exec(
                "bash",
                "-c",
                command,
                cwd=self._context.workspace,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
                env=command_environment(os.environ),
            )
        except (OSError, ValueError) as exc:
            transport.close()
            raise ToolFailed(f"The command could not be started: {exc}.") from exc
        finally:
            os.close(write_end)
        return process, stream, transport


def command_environment(env: "os._Environ[str] | dict[str, str]") -> dict[str, str]:
    """The environment of a command: without what only the runtime needs."""
    hidden = ("REDIS_URL", "DJINNBOT_SESSION_TOKEN", "PYTHONPATH", "VIRTUAL_ENV")
    return {name: value for name, value in env.items() if name not in hidden}


async def _follow(
    process: asyncio.subprocess.Process, stream: asyncio.StreamReader, output: "_Output"
) -> None:
    """Read until the command has ended. A child left in the background may keep the pipe open."""
    reader = asyncio.create_task(_pump(stream, output))
    try:
        await process.wait()
        await asyncio.wait({reader}, timeout=_DRAIN_S)
    finally:
        reader.cancel()


async def _pump(stream: asyncio.StreamReader, output: "_Output") -> None:
    while chunk := await stream.read(65_536):
        output.add(chunk)


class _Output:
    """The end of the output in memory, all of it (up to a limit) in a file once it is long."""

    def __init__(self, context: ToolContext, number: int) -> None:
        self._context = context
        self._path = Path(context.tmp) / f"bash-output-{os.getpid()}-{number}.log"
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._kept = bytearray()
        self._total = 0
        self._lines = 0
        self._live_chars = 0
        self._file = -1

    def add(self, chunk: bytes) -> None:
        self._total += len(chunk)
        self._lines += chunk.count(b"\n")
        self._kept += chunk
        if self._file >= 0:
            self._to_file(chunk)
        elif self._too_long():
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._to_file(bytes(self._kept))
        if len(self._kept) > 4 * MAX_BYTES:
            del self._kept[: -2 * MAX_BYTES]
        self._live(self._decoder.decode(chunk))

    def text(self) -> str:
        if not self._too_long():
            return self._kept.decode(errors="replace").rstrip("\n")
        kept, _ = tail(self._kept.decode(errors="replace"))
        head = f"[{self._total} bytes of output; the full text is in {self._path}"
        if self._total > FILE_LIMIT_BYTES:
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
        self._context.output(text[:room])
        if len(text) >= room:
            self._context.output("\n[more output; the live view is cut here]\n")
