"""Where template variables come from, and which source wins."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

PROGRESS_FILE = ".djinnbot/progress.md"
RUN_NAMES = frozenset({"task_description", "run_id", "human_context"})
PROJECT_NAMES = frozenset(
    {
        "project_id",
        "project_name",
        "project_description",
        "project_vision",
        "repository",
        "github_repo",
    }
)
LOOP_NAMES = frozenset(
    {"current_item", "completed_items", "progress_file", "item_index", "item_count"}
)
# What callers of the run API pass in the context: an issue to resolve, a plan to refine.
CONTEXT_NAMES = frozenset({"additional_context", "repo_full_name"})
CONTEXT_PREFIX = "issue_"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopContext:
    """The open loop a step works in. `index` counts from 0; `completed`: finished items."""

    item: str
    index: int
    count: int
    completed: tuple[str, ...] = ()


def template_variables(
    *,
    task_description: str,
    run_id: str,
    project: Mapping[str, str] | None = None,
    context: str = "",
    variables: Mapping[str, str] | None = None,
    human_context: str = "",
    outputs: Mapping[str, str] | None = None,
    loop: LoopContext | None = None,
) -> dict[str, str]:
    """All that a template may name; a later source wins over an earlier one."""
    return {
        **(project or {}),
        **context_variables(context),
        **(variables or {}),
        **_human_context(context, human_context),
        **(outputs or {}),
        "task_description": task_description,
        "run_id": run_id,
        **_loop_variables(loop),
    }


def context_variables(context: str) -> dict[str, str]:
    """The text values of a context that is a JSON object; nothing of any other context."""
    try:
        value = json.loads(context)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {key: inner for key, inner in value.items() if isinstance(inner, str)}


def is_json_object(context: str) -> bool:
    try:
        return isinstance(json.loads(context), dict)
    except (ValueError, RecursionError):
        return False


def is_provided_by_caller(name: str) -> bool:
    """Whether a start of a run may bring this name, as far as a file alone can tell."""
    return name in RUN_NAMES | PROJECT_NAMES | CONTEXT_NAMES or name.startswith(CONTEXT_PREFIX)


def provided_names(*, with_loop: bool) -> list[tuple[str, str]]:
    """(name, origin) of all that is there without an output of a step."""
    groups = (("run", RUN_NAMES | CONTEXT_NAMES), ("loop", LOOP_NAMES), ("project", PROJECT_NAMES))
    return [
        (name, origin)
        for origin, names in groups
        if with_loop or origin != "loop"
        for name in sorted(names)
    ]


def _human_context(context: str, human_context: str) -> dict[str, str]:
    given = [
        text.strip()
        for text in (context, human_context)
        if text.strip() and not is_json_object(text)
    ]
    return {"human_context": "\n\n".join(dict.fromkeys(given))} if given else {}


def _loop_variables(loop: LoopContext | None) -> dict[str, str]:
    if loop is None:
        return {}
    return {
        "current_item": loop.item,
        "completed_items": json.dumps([_item_value(data) for data in loop.completed]),
        "progress_file": PROGRESS_FILE,
        "item_index": str(loop.index),
        "item_count": str(loop.count),
    }


def _item_value(data: str) -> object:
    """A stored item back as the value it was made from, where that can be told."""
    if not data.startswith(("{", "[")):
        return data
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return data
