"""The list a loop runs over, read from the text of a variable."""

import json
import re
from typing import Any

FENCED = re.compile(r"\A\s*```[^\n]*\n(.*?)\n?[ \t]*```\s*\Z", re.DOTALL)


def parse_items(text: str) -> list[str] | None:
    """The items as text: strings as they are, anything else as JSON. None: not a list.

    Accepts a JSON array, an object with exactly one array property (structured outputs wrap
    arrays), and either of them inside a Markdown fence.
    """
    fenced = FENCED.match(text)
    try:
        value = json.loads(fenced[1] if fenced else text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    array = _array_of(value)
    return None if array is None else [_as_text(item) for item in array]


def _array_of(value: Any) -> list[Any] | None:
    if isinstance(value, dict):
        arrays = [inner for inner in value.values() if isinstance(inner, list)]
        return arrays[0] if len(arrays) == 1 else None
    return value if isinstance(value, list) else None


def _as_text(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
