"""exec_code."""

import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic_ai import BinaryContent, RunContext, ToolFailed, ToolReturn
from pydantic_ai.tools import ToolDefinition

from workers.runtime.code.sdk import functions_of, module_source
from workers.runtime.code.server import Call, CallServer
from workers.runtime.tools.context import ToolContext
from workers.runtime.tools.processes import Output, run

DEFAULT_TIMEOUT_S = 120
MIN_TIMEOUT_S, MAX_TIMEOUT_S = 10, 600
MAX_IMAGES = 5

DESCRIPTION = """\
Run Python code in the workspace. These functions are there, without import; what has no type and \
no other default is text:

{functions}

A failed call raises ToolError. Only what the code prints comes back. Do several steps in one \
call: loops, filters, edits after a look. Packages of this box can be imported."""

# Runs the code with the functions in its namespace; tracebacks show the code's own lines only.
_RUNNER = """\
import linecache, sys, traceback
sys.path.insert(0, {directory!r})
import djinnbot_tools as _tools
sys.path[0] = ""
_source = open({code!r}, encoding="utf-8").read()
linecache.cache["<code>"] = (len(_source), None, _source.splitlines(True), "<code>")
_names = {{"__name__": "__main__", **{{n: getattr(_tools, n) for n in _tools.__all__}}}}
try:
    exec(compile(_source, "<code>", "exec"), _names)
except SystemExit:
    raise
except BaseException as exc:
    frames = [f for f in traceback.extract_tb(exc.__traceback__) if f.filename == "<code>"]
    sys.stdout.flush()
    if frames:
        sys.stderr.write("Traceback (most recent call last):\\n")
        sys.stderr.write("".join(traceback.format_list(frames)))
    sys.stderr.write("".join(traceback.format_exception_only(exc)))
    sys.exit(1)
"""


class CodeTools:
    """`exec_code` over the tools that `definitions` names and `call` makes."""

    def __init__(
        self,
        context: ToolContext,
        *,
        definitions: Callable[[], Sequence[ToolDefinition]],
        call: Callable[[str], Call],
        default_timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        self._context = context
        self._definitions = definitions
        self._call = call
        self._default_timeout_s = default_timeout_s
        self._numbers = itertools.count(1)

    async def prepare(self, ctx: RunContext[None], tool: ToolDefinition) -> ToolDefinition | None:
        """The tool with the functions of the moment in its description."""
        return replace(tool, description=self.description())

    def description(self) -> str:
        lines = (function.line() for function in functions_of(self._definitions()))
        return DESCRIPTION.format(functions="\n".join(lines))

    async def exec_code(
        self,
        ctx: RunContext[None],
        code: str,
        timeout: float | None = None,  # noqa: ASYNC109  the tool's argument
    ) -> str | ToolReturn:
        """Run Python code that calls tools as functions.

        Args:
            code: The Python code.
            timeout: Seconds until it is killed, 10 to 600.
        """
        limit_s = max(MIN_TIMEOUT_S, min(timeout or self._default_timeout_s, MAX_TIMEOUT_S))
        self._context.images.clear()
        number = next(self._numbers)
        directory = Path(self._context.tmp, f"exec-code-{os.getpid()}-{number}")
        server = CallServer(self._call(ctx.tool_call_id or f"code-{number}"))
        try:
            self._write(directory, code, server)
            return await self._run(directory, limit_s)
        except OSError as exc:
            raise ToolFailed(f"The code could not be stored: {exc.strerror}.") from exc
        finally:
            server.close()
            shutil.rmtree(directory, ignore_errors=True)

    def _write(self, directory: Path, code: str, server: CallServer) -> None:
        """The code goes by file: a command line has a limit."""
        directory.mkdir(mode=0o700, parents=True)
        functions = functions_of(self._definitions())
        module = module_source(functions, port=server.port, key=server.key)
        code_file = directory / "code.py"
        code_file.write_text(code, encoding="utf-8", errors="replace")
        (directory / "djinnbot_tools.py").write_text(module, encoding="utf-8")
        runner = _RUNNER.format(directory=str(directory), code=str(code_file))
        (directory / "run.py").write_text(runner, encoding="utf-8")

    async def _run(self, directory: Path, limit_s: float) -> str | ToolReturn:
        name = f"{directory.name}.log"
        output = Output(directory.with_name(name), self._context.output)
        errors = Output(directory.with_name(f"errors-{name}"), lambda text: None)
        ended = await run(
            (shutil.which("python3") or sys.executable, "-u", str(directory / "run.py")),
            processes=self._context.processes,
            cwd=self._context.workspace,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            limit_s=limit_s,
            output=output,
            errors=errors,
        )
        if ended.timed_out:
            raise ToolFailed(
                f"{output.text()}\n[Killed: the code ran longer than {limit_s:g} seconds.]".strip()
            )
        if ended.exit_code:
            said = "\n".join(part for part in (output.text(), errors.text()) if part)
            raise ToolFailed(f"{said}\n[exit code {ended.exit_code}]".strip())
        return self._with_images(output.text() or "[The code printed nothing.]")

    def _with_images(self, text: str) -> str | ToolReturn:
        """Images that the code read are shown, as they would be by a direct call."""
        images = [item for item in self._context.images if isinstance(item, BinaryContent)]
        if not images:
            return text
        return ToolReturn(return_value=text, content=images[:MAX_IMAGES])


def as_code_result(value: object) -> object:
    """What a call gives to code: text as it is, dictionaries and lists as such."""
    if isinstance(value, str | dict | list):
        return value
    return json.dumps(value, default=str)
