"""Which tools a session gets, and how they are called: by the model, by its code, by a command."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from pydantic import ValidationError
from pydantic_ai import BinaryContent, RunContext, Tool, ToolFailed, ToolReturn
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.usage import RunUsage

from workers.protocol.messages import Message, SessionKind, ToolEnd, ToolStart
from workers.runtime.code.server import UnknownTool
from workers.runtime.code.tool import DEFAULT_TIMEOUT_S, CodeTools, as_code_result
from workers.runtime.tools.analysis import AnalysisTools
from workers.runtime.tools.context import ToolContext
from workers.runtime.tools.control import ControlTools, ExecutorTools
from workers.runtime.tools.files import FileTools
from workers.runtime.tools.limits import clip_bytes
from workers.runtime.tools.masked import tool_masked
from workers.runtime.tools.platform import PlatformTools
from workers.runtime.tools.search import SearchTools
from workers.runtime.tools.secrets import SecretTools
from workers.runtime.tools.shell import ShellTools

WORKSPACE_TOOLS = (
    "read", "write", "edit", "multiedit", "bash", "grep", "find", "ls", "web_search",
)  # fmt: skip
HELP_TOOLS = ("focused_analysis", "get_run_history", "share_knowledge")
SECRET_TOOLS = ("get_secret", "run_with_secrets", "get_totp_code")
CONTROL_TOOLS = ("complete", "fail")
EXECUTOR_TOOLS = ("executor_complete", "executor_fail")
CODE_TOOL = "exec_code"
# These only look: several calls of one answer may run side by side.
PARALLEL_SAFE = frozenset(
    {"read", "grep", "find", "ls", "web_search", "focused_analysis", "get_run_history"}
)
# These have a time limit of their own.
_OWN_LIMIT = frozenset({"bash", CODE_TOOL, "web_search", "focused_analysis", "run_with_secrets"})
# What these answer is meant for the model: it asked for a value that may be seen.
_UNMASKED = frozenset({"get_secret", "get_totp_code"})
TOOL_TIMEOUT_S = 300
RESULT_LIMIT_BYTES = 10_000
ARGS_LIMIT_BYTES = 50_000


def completion_tools(kind: SessionKind) -> tuple[str, ...]:
    """The tools by which a session of this kind ends its work; none: it ends with its text."""
    if kind == "executor":
        return EXECUTOR_TOOLS
    return CONTROL_TOOLS if kind in {"pipeline", "onboarding"} else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the control plane wants offered."""

    listed: Collection[str] = ()  # empty: all; it filters the workspace tools only
    mode: Literal["filter", "strict"] = "filter"  # strict: the list is the whole list
    kind: SessionKind = "pipeline"
    code: bool = True  # offer exec_code in place of what it can call
    code_timeout_s: float = DEFAULT_TIMEOUT_S

    def names(self) -> list[str]:
        """Completion tools stay whatever the list says: without them a step could not end."""
        listed = {"web_search" if name == "research" else name for name in self.listed}
        if self.mode == "strict":
            known = (*WORKSPACE_TOOLS, *HELP_TOOLS, *SECRET_TOOLS)
            names = [name for name in known if name in listed]
        else:
            names = [name for name in WORKSPACE_TOOLS if not listed or name in listed]
            names += (*HELP_TOOLS, *SECRET_TOOLS)
        return [*names, *completion_tools(self.kind)]


@dataclass(slots=True, kw_only=True)
class ToolBox:
    """The tools of one step.

    With `exec_code` the model is shown that tool and the completion tools, which saves the schemas
    of all others; a model that calls one of those directly is answered all the same. It is offered
    only where `bash` is: to run code is to run anything.
    """

    context: ToolContext
    choice: Choice
    analysis: AnalysisTools
    platform: PlatformTools
    secrets: SecretTools
    disabled: Callable[[], frozenset[str]] = frozenset
    publish: Callable[[Message], None] = lambda message: None
    request_id: str = ""
    _tools: dict[str, Tool[None]] = field(init=False)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        context = self.context
        groups = (
            FileTools(context),
            ShellTools(context),
            SearchTools(context),
            ControlTools(context),
            ExecutorTools(context),
            self.analysis,
            self.platform,
            self.secrets,
        )
        self._tools = {}
        for name in self.choice.names():
            function = next(getattr(group, name) for group in groups if hasattr(group, name))
            if not self._can(name):
                continue
            self._tools[name] = Tool(
                self._masked(name, function),
                name=name,
                takes_ctx=False,
                sequential=name not in PARALLEL_SAFE,
                prepare=self._unless_disabled,
                timeout=None if name in _OWN_LIMIT else TOOL_TIMEOUT_S,
            )
        if self.choice.code and "bash" in self._tools:
            self._add_code_tool()

    @property
    def tools(self) -> list[Tool[None]]:
        return list(self._tools.values())

    def shown(self) -> frozenset[str] | None:
        """The tools whose schemas the model gets. None: all of them."""
        if not self._runs_code():
            return None
        return frozenset({CODE_TOOL, *completion_tools(self.choice.kind)})

    def callable_by_code(self) -> list[ToolDefinition]:
        direct = {CODE_TOOL, *completion_tools(self.choice.kind), *self.disabled()}
        return [tool.tool_def for name, tool in self._tools.items() if name not in direct]

    async def call(self, name: str, arguments: dict[str, Any], *, call_id: str = "") -> Any:
        """Make a call outside of the model's own. Raises UnknownTool and ToolFailed."""
        tool = self._tools.get(name)
        if tool is None:
            raise UnknownTool(name)
        if name in self.disabled() or (name == CODE_TOOL and not self._runs_code()):
            raise ToolFailed(f"{name} is disabled for this agent.")
        schema = tool.function_schema
        try:
            checked = schema.validator.validate_python(arguments)
        except ValidationError as exc:
            raise ToolFailed(_problems(exc)) from exc
        context = RunContext[None](
            deps=None, model=cast(Any, None), usage=RunUsage(), tool_call_id=call_id or None
        )
        try:
            async with asyncio.timeout(tool.timeout):
                if name in PARALLEL_SAFE:
                    return await schema.call(checked, context)
                async with self._one_at_a_time:
                    return await schema.call(checked, context)
        except TimeoutError as exc:
            raise ToolFailed(f"{name} took longer than {tool.timeout:g} seconds.") from exc

    async def call_told(
        self, name: str, arguments: dict[str, Any], *, call_id: str, via_code: bool
    ) -> Any:
        """`call`, with `toolStart` and `toolEnd`."""
        self.publish(
            ToolStart(
                request_id=self.request_id,
                tool_name=name,
                args=clip_bytes(_as_json(arguments), ARGS_LIMIT_BYTES),
                tool_call_id=call_id,
                via_code=via_code,
            )
        )
        started, success, told = time.monotonic(), False, "The call was stopped."
        try:
            result = await self.call(name, arguments, call_id=call_id)
            success, told = True, as_text(result)
            return result
        except UnknownTool:
            told = f"There is no tool {name}."
            raise
        except ToolFailed as exc:
            told = exc.message
            raise
        finally:
            self.publish(
                ToolEnd(
                    request_id=self.request_id,
                    tool_name=name,
                    result=clip_bytes(told, RESULT_LIMIT_BYTES),
                    success=success,
                    duration_ms=round((time.monotonic() - started) * 1000),
                    tool_call_id=call_id,
                    via_code=via_code,
                )
            )

    def _can(self, name: str) -> bool:
        """Whether the session has what a tool needs."""
        if name in SECRET_TOOLS:
            return bool(self.secrets.names) and (
                name != "run_with_secrets" or "bash" in self._tools
            )
        if name == "web_search":
            return self.analysis.can_research
        return name != "share_knowledge" or bool(self.platform.run_id)

    def _masked(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        if name in _UNMASKED or not self.secrets.names:
            return function
        return tool_masked(function, self.context.masker)

    def _runs_code(self) -> bool:
        return CODE_TOOL in self._tools and not {CODE_TOOL, "bash"} & self.disabled()

    def _add_code_tool(self) -> None:
        code = CodeTools(
            self.context,
            definitions=self.callable_by_code,
            call=self._call_for_code,
            default_timeout_s=self.choice.code_timeout_s,
        )

        async def prepare(ctx: RunContext[None], tool: ToolDefinition) -> ToolDefinition | None:
            return await code.prepare(ctx, tool) if self._runs_code() else None

        self._tools[CODE_TOOL] = Tool(
            self._masked(CODE_TOOL, code.exec_code),
            name=CODE_TOOL,
            takes_ctx=True,
            sequential=True,
            prepare=prepare,
        )

    def _call_for_code(self, outer_id: str) -> Callable[[str, dict[str, Any]], Awaitable[Any]]:
        numbers = itertools.count(1)

        async def call(name: str, arguments: dict[str, Any]) -> Any:
            if name not in {tool.name for tool in self.callable_by_code()}:
                raise UnknownTool(name)
            call_id = f"{outer_id}:{next(numbers)}"
            result = await self.call_told(name, arguments, call_id=call_id, via_code=True)
            if isinstance(result, ToolReturn):
                self.context.images += _images(result)
                result = result.return_value
            return as_code_result(result)

        return call

    async def _unless_disabled(
        self, ctx: RunContext[None], tool: ToolDefinition
    ) -> ToolDefinition | None:
        return None if tool.name in self.disabled() else tool


def as_text(result: object) -> str:
    """A tool's result as people and streams get it."""
    if isinstance(result, ToolReturn):
        result = result.return_value
    return result if isinstance(result, str) else _as_json(result)


def _images(result: ToolReturn) -> list[BinaryContent]:
    content = result.content
    items: Sequence[object] = () if content is None or isinstance(content, str) else content
    return [item for item in items if isinstance(item, BinaryContent)]


def _as_json(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def _problems(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in found
    )
