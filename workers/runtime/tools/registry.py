"""Which tools a session gets."""

from collections.abc import Collection
from typing import Literal

from pydantic_ai import Tool

from workers.runtime.tools.context import ToolContext
from workers.runtime.tools.control import ControlTools
from workers.runtime.tools.files import FileTools
from workers.runtime.tools.search import SearchTools
from workers.runtime.tools.shell import ShellTools

WORKSPACE_TOOLS = ("read", "write", "edit", "multiedit", "bash", "grep", "find", "ls")
CONTROL_TOOLS = ("complete", "fail")
# These only look: several calls of one answer may run side by side.
PARALLEL_SAFE = frozenset({"read", "grep", "find", "ls"})


def tools_for(
    context: ToolContext,
    *,
    listed: Collection[str],
    mode: Literal["filter", "strict"],
    must_complete: bool,
) -> list[Tool[None]]:
    """The tools of a step. An empty list means all; it filters the workspace tools only.

    In mode `strict` the list is the whole list, and `complete` and `fail` stay with it: without
    them a step could not end.
    """
    groups = (FileTools(context), ShellTools(context), SearchTools(context), ControlTools(context))
    names = [name for name in WORKSPACE_TOOLS if not listed or name in listed]
    if mode == "strict" and not listed:
        names = []
    if must_complete:
        names += CONTROL_TOOLS
    functions = {
        name: getattr(group, name)
        for group in groups
        for name in (*WORKSPACE_TOOLS, *CONTROL_TOOLS)
        if hasattr(group, name)
    }
    return [
        Tool(functions[name], name=name, takes_ctx=False, sequential=name not in PARALLEL_SAFE)
        for name in names
    ]
