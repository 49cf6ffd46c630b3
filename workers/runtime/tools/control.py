"""complete and fail; executor_complete and executor_fail."""

import json
from typing import Any, Literal

from workers.runtime.tools.context import Completion, ToolContext


class ControlTools:
    def __init__(self, context: ToolContext) -> None:
        self._context = context

    async def complete(self, outputs: dict[str, Any] | None = None, summary: str = "") -> str:
        """End the step as a success. Call it once, when the work is done and checked.

        Args:
            outputs: The step's declared outputs, by name.
            summary: What was done, in a sentence or two.
        """
        texts = {name: _as_text(value) for name, value in (outputs or {}).items()}
        self._end(Completion(success=True, outputs=texts, summary=summary))
        return "The step is complete."

    async def fail(self, error: str, details: str = "", recoverable: bool = True) -> str:
        """End the step as a failure, when the task cannot be done.

        Args:
            error: What stands in the way, in one sentence.
            details: What you tried and found.
            recoverable: False when another try could not help.
        """
        text = f"{error}\n{details}".strip()
        self._end(Completion(success=False, error=text, recoverable=recoverable))
        return "The step has failed."

    def _end(self, completion: Completion) -> None:
        self._context.end(completion)


class ExecutorTools:
    """How an executor, a helper with one task of a larger plan, ends its work."""

    def __init__(self, context: ToolContext) -> None:
        self._context = context

    async def executor_complete(
        self,
        status: Literal["success", "partial"],
        commit_hashes: list[str],
        files_changed: list[str],
        deviations: list[str] | None = None,
        blocked_by: list[str] | None = None,
        summary: str = "",
    ) -> str:
        """End the task: report honestly what was done.

        Args:
            status: `partial` when something of the task is left.
            commit_hashes: Commits you made.
            files_changed: Paths you changed.
            deviations: Where you left the plan, and why.
            blocked_by: What kept you from the rest.
            summary: What was done, in a sentence or two.
        """
        outputs = {
            "status": status,
            "commit_hashes": _as_text(commit_hashes),
            "files_changed": _as_text(files_changed),
            "deviations": _as_text(deviations or []),
            "blocked_by": _as_text(blocked_by or []),
            "summary": summary,
        }
        self._context.end(Completion(success=True, outputs=outputs, summary=summary))
        return "The task is complete."

    async def executor_fail(
        self,
        error: str,
        details: str = "",
        blocked_by: list[str] | None = None,
        deviations: list[str] | None = None,
        commit_hashes: list[str] | None = None,
    ) -> str:
        """End the task as a failure, when it cannot be done.

        Args:
            error: What stands in the way, in one sentence.
            details: What you tried and found.
            blocked_by: What would have to be done first.
            deviations: Where you left the plan, and why.
            commit_hashes: Commits you made all the same.
        """
        outputs = {
            "blocked_by": _as_text(blocked_by or []),
            "deviations": _as_text(deviations or []),
            "commit_hashes": _as_text(commit_hashes or []),
        }
        text = f"{error}\n{details}".strip()
        self._context.end(Completion(success=False, error=text, outputs=outputs))
        return "The task has failed."


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
