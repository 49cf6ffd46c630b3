"""Keeping known values out of what tools give the model."""

import functools
from collections.abc import Callable
from typing import Any

from pydantic_ai import ToolFailed, ToolReturn

from workers.protocol.masking import Masker


def tool_masked(function: Callable[..., Any], masker: Masker) -> Callable[..., Any]:
    """A tool whose answer, also of a failure, holds no known value."""

    @functools.wraps(function)
    async def masked(*args: Any, **kwargs: Any) -> Any:
        try:
            result = await function(*args, **kwargs)
        except ToolFailed as exc:
            raise ToolFailed(masker.masked(exc.message)) from exc
        if isinstance(result, ToolReturn):
            result.return_value = masker.masked_value(result.return_value)
            result.content = masker.masked_value(result.content)
            return result
        return masker.masked_value(result)

    return masked
