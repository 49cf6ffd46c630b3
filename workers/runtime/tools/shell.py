"""bash."""

import itertools
import os
from pathlib import Path

from pydantic_ai import ToolFailed

from workers.runtime.tools.context import ToolContext
from workers.runtime.tools.processes import Output, run

DEFAULT_TIMEOUT_S = 300
MAX_TIMEOUT_S = 3600


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
        name = f"bash-output-{os.getpid()}-{next(self._numbers)}.log"
        output = Output(Path(self._context.tmp, name), self._context.output)
        ended = await run(
            ("bash", "-c", command),
            processes=self._context.processes,
            cwd=self._context.workspace,
            env=os.environ,
            limit_s=limit_s,
            output=output,
        )
        if ended.timed_out:
            raise ToolFailed(
                f"{output.text()}\n[Killed: the command ran longer than {limit_s:g} seconds.]"
            )
        if ended.exit_code:
            raise ToolFailed(f"{output.text()}\n[exit code {ended.exit_code}]")
        return f"{output.text()}\n[exit code 0]"
