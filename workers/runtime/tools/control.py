"""complete and fail."""

import json
from typing import Any

from pydantic_ai import ToolFailed

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
        if self._context.completion is not None:
            raise ToolFailed("The step has already ended.")
        self._context.completion = completion


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
