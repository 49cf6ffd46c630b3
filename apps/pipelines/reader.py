"""Typed reading of a YAML tree. Each fault becomes a problem and a harmless value goes on."""

import re
from collections.abc import Iterator
from typing import TypeVar

from apps.pipelines.problems import Problem, Severity
from apps.pipelines.yaml_tree import Node

T = TypeVar("T")

_TYPE_NAMES: dict[type, str] = {
    dict: "a mapping",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    type(None): "nothing",
}


class Reader:
    """A mapping in the tree. Keys that nobody asks for are unknown; see `warn_unknown`."""

    def __init__(self, node: Node, path: str, problems: list[Problem]) -> None:
        self.node = node
        self.path = path
        self.problems = problems
        self.fields: dict[str, Node] = node.value if isinstance(node.value, dict) else {}
        self.asked: set[str] = set()
        self.is_mapping = isinstance(node.value, dict)
        if not self.is_mapping:
            self._wrong_type(node, path, "a mapping")

    # -- places --------------------------------------------------------------------------------

    def place(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def line(self, key: str) -> int:
        return self.node.key_lines.get(key, self.node.line)

    def report(self, code: str, key: str, message: str, severity: Severity = "error") -> None:
        self.problems.append(
            Problem(
                code=code,
                message=message,
                severity=severity,
                path=self.place(key),
                line=self.line(key),
            )
        )

    def has(self, key: str) -> bool:
        """Whether the key has a value; an empty one counts as left out."""
        self.asked.add(key)
        return key in self.fields and self.fields[key].value is not None

    def warn_unknown(self) -> None:
        for key in self.fields:
            if key not in self.asked:
                self.report("W01", key, f"Unknown key {key!r} is ignored.", "warning")

    # -- values --------------------------------------------------------------------------------

    def text(self, key: str, *, max_length: int | None = None) -> str | None:
        value = self._typed(key, str)
        if value is not None and max_length is not None and len(value) > max_length:
            self.report("P005", key, f"{key} is longer than {max_length} characters.")
            return None
        return value

    def required_text(self, key: str, *, max_length: int | None = None) -> str:
        """Empty text counts as missing."""
        self._require(key)
        value = self.text(key, max_length=max_length)
        if value is not None and not value.strip():
            self.report("P004", key, f"Required key {key!r} is empty.")
        return value or ""

    def matching(self, key: str, pattern: re.Pattern[str], hint: str) -> str:
        value = self.required_text(key)
        if value.strip() and not pattern.fullmatch(value):
            self.report("P005", key, f"{key} must be {hint}.")
        return value

    def as_text(self, key: str, default: str) -> str:
        """Any scalar, as it was written."""
        if not self.has(key):
            return default
        node = self.fields[key]
        if isinstance(node.value, dict | list):
            self._wrong_type(node, self.place(key), "text", self.line(key))
            return default
        return node.text

    def flag(self, key: str, default: bool) -> bool:
        value = self._typed(key, bool)
        return default if value is None else value

    def whole(self, key: str, low: int, high: int) -> int | None:
        if not self.has(key):
            return None
        node = self.fields[key]
        value = node.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong_type(node, self.place(key), "a whole number", self.line(key))
            return None
        return value if self._in_range(key, value, low, high) else None

    def number(self, key: str, low: float, high: float) -> float | None:
        if not self.has(key):
            return None
        node = self.fields[key]
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            self._wrong_type(node, self.place(key), "a number", self.line(key))
            return None
        return float(node.value) if self._in_range(key, node.value, low, high) else None

    def choice(self, key: str, allowed: tuple[T, ...]) -> T | None:
        value = self._typed(key, str)
        if value is None:
            return None
        for option in allowed:
            if option == value:
                return option
        names = ", ".join(str(option) for option in allowed)
        self.report("P005", key, f"{key} is {value!r}; it must be one of: {names}.")
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        found: list[str] = []
        for index, node in enumerate(self._items(key)):
            if isinstance(node.value, str):
                found.append(node.value)
            else:
                self._wrong_type(node, f"{self.place(key)}.{index}", "text")
        return tuple(found)

    def mapping(self, key: str) -> "Reader | None":
        if not self.has(key):
            return None
        return Reader(self.fields[key], self.place(key), self.problems)

    def required_mapping(self, key: str) -> "Reader | None":
        self._require(key)
        return self.mapping(key)

    def entries(self, key: str) -> "Iterator[tuple[str, Reader]]":
        """The mappings of a mapping; one without a value is an empty mapping."""
        holder = self.mapping(key)
        for name, node in holder.fields.items() if holder else ():
            if node.value is None:
                node = Node(value={}, line=node.line)
            yield name, Reader(node, f"{self.place(key)}.{name}", self.problems)

    def entries_of_list(self, key: str) -> "list[tuple[str, Node]]":
        """(place, node) of each item of a list, whatever its type."""
        return [(f"{self.place(key)}.{index}", node) for index, node in enumerate(self._items(key))]

    def required_readers(self, key: str) -> "list[Reader]":
        self._require(key)
        return [
            Reader(node, f"{self.place(key)}.{index}", self.problems)
            for index, node in enumerate(self._items(key))
        ]

    # -- inside --------------------------------------------------------------------------------

    def _items(self, key: str) -> list[Node]:
        value = self._typed(key, list)
        return value or []

    def _typed(self, key: str, kind: type[T]) -> T | None:
        if not self.has(key):
            return None
        node = self.fields[key]
        if isinstance(node.value, kind):
            return node.value
        self._wrong_type(node, self.place(key), _TYPE_NAMES[kind], self.line(key))
        return None

    def _require(self, key: str) -> None:
        if not self.has(key) and self.is_mapping:
            self.report("P004", key, f"Required key {key!r} is missing.")

    def _in_range(self, key: str, value: float, low: float, high: float) -> bool:
        if low <= value <= high:
            return True
        shown = str(value)[:40]
        self.report("P005", key, f"{key} is {shown}; it must lie between {low} and {high}.")
        return False

    def _wrong_type(self, node: Node, path: str, wanted: str, line: int | None = None) -> None:
        found = _TYPE_NAMES[type(node.value)]
        self.problems.append(
            Problem(
                code="P004",
                message=f"{path} must be {wanted}, not {found}.",
                path=path,
                line=node.line if line is None else line,
            )
        )
