"""YAML text to a tree of nodes that know their line.

YAML 1.2, core schema: `yes`, `no`, `on`, `off` are strings, so a result key may be called that.
Keys are taken as they are written. No tags beside those of the core schema, no merge keys; aliases
are expanded up to a limit. What JSON cannot hold (`.inf`, `.nan`, huge numbers) stays text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from apps.pipelines.problems import Problem

MAX_BYTES = 1024 * 1024
MAX_ALIAS_NODES = 10_000
MAX_DEPTH = 100
CORE_TAG = "tag:yaml.org,2002:"
INT = re.compile(r"[-+]?[0-9]{1,1000}|0o[0-7]{1,1000}|0x[0-9a-fA-F]{1,1000}")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(slots=True, kw_only=True)
class Node:
    """`value`: a scalar, a list of nodes, or a dict of nodes. `text` is a scalar as written."""

    value: Any
    line: int
    text: str = ""
    size: int = 1  # nodes below and including this one, aliases expanded
    key_lines: dict[str, int] = field(default_factory=dict)

    def plain(self) -> Any:
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def tree_from_plain(value: Any) -> Node:
    """The same tree without lines, from a stored snapshot."""
    if isinstance(value, dict):
        return Node(value={key: tree_from_plain(inner) for key, inner in value.items()}, line=0)
    if isinstance(value, list):
        return Node(value=[tree_from_plain(inner) for inner in value], line=0)
    return Node(value=value, line=0, text="" if value is None else str(value))


def read_tree(data: bytes) -> tuple[Node | None, list[Problem]]:
    """The tree of the only document; None when there is no usable one."""
    if len(data) > MAX_BYTES:
        return None, [Problem(code="P001", message="The file is larger than 1 MiB.")]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return None, [Problem(code="P001", message="The file is not UTF-8.", line=line)]
    return _Builder().build(text)


class _Refused(Exception):
    def __init__(self, message: str, line: int, code: str = "P002") -> None:
        self.problem = Problem(code=code, message=message, line=line)


class _Builder:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node | None] = {}  # None: still being read
        self.alias_nodes = 0

    def build(self, text: str) -> tuple[Node | None, list[Problem]]:
        try:
            root = self._documents(iter(YAML(typ="safe", pure=True).parse(text)))
        except _Refused as refused:
            return None, [*self.problems, refused.problem]
        except MarkedYAMLError as error:
            return None, [_syntax(error)]
        except YAMLError as error:  # the reader's: a character that YAML does not allow
            return None, [Problem(code="P002", message=str(error).splitlines()[0])]
        return root, self.problems

    def _documents(self, events: Iterator[Event]) -> Node:
        roots: list[Node] = []
        for event in events:
            if isinstance(event, DocumentStartEvent):
                if roots:
                    raise _Refused("The file has more than one document.", _line(event), "P003")
                roots.append(self._node(next(events), events, 0))
        if not roots or roots[0].value is None:
            raise _Refused("The file is empty.", 1, "P003")
        if not isinstance(roots[0].value, dict):
            raise _Refused("The file is not a mapping of keys.", roots[0].line, "P003")
        return roots[0]

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise _Refused(f"Nested deeper than {MAX_DEPTH} levels.", _line(event))
        if isinstance(event, AliasEvent):
            return self._alias(event)
        assert isinstance(event, MappingStartEvent | SequenceStartEvent | ScalarEvent)
        if event.anchor:
            self.anchors[event.anchor] = None
        node = self._content(event, events, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _content(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, events, depth)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, events, depth)
        return _scalar(event)

    def _alias(self, event: AliasEvent) -> Node:
        target = self.anchors.get(event.anchor)
        if target is None:
            raise _Refused(f"Alias *{event.anchor} has no finished anchor before it.", _line(event))
        self.alias_nodes += target.size
        if self.alias_nodes > MAX_ALIAS_NODES:
            raise _Refused(f"Aliases expand to more than {MAX_ALIAS_NODES} nodes.", _line(event))
        return target

    def _mapping(self, event: MappingStartEvent, events: Iterator[Event], depth: int) -> Node:
        _check_tag(event, "map")
        node = Node(value={}, line=_line(event))
        for key_event in events:
            if isinstance(key_event, MappingEndEvent):
                break
            key = self._key(key_event, events, depth)
            value = self._node(next(events), events, depth + 1)
            if key in node.value:
                self._duplicate(key, node.key_lines[key], _line(key_event))
            node.value[key] = value
            node.key_lines[key] = _line(key_event)
            node.size += value.size
        return node

    def _key(self, event: Event, events: Iterator[Event], depth: int) -> str:
        key = self._node(event, events, depth + 1)
        if isinstance(key.value, dict | list):
            raise _Refused("A key must be a plain value.", _line(event))
        return key.text

    def _duplicate(self, key: str, first: int, line: int) -> None:
        message = f"Key {key!r} is given twice; first on line {first}."
        self.problems.append(Problem(code="P002", message=message, line=line))

    def _sequence(self, event: SequenceStartEvent, events: Iterator[Event], depth: int) -> Node:
        _check_tag(event, "seq")
        node = Node(value=[], line=_line(event))
        for item_event in events:
            if isinstance(item_event, SequenceEndEvent):
                break
            item = self._node(item_event, events, depth + 1)
            node.value.append(item)
            node.size += item.size
        return node


def _scalar(event: Any) -> Node:
    text: str = event.value
    line = _line(event)
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise _Refused("A value holds a character that is no text (NUL or half a pair).", line)
    _check_tag(event, "str", "int", "float", "bool", "null")
    plain = event.implicit[0] and event.style is None
    tag = event.tag or ""
    resolved = (
        _resolve(text) if plain or tag.removeprefix(CORE_TAG) not in ("", "!", "str") else text
    )
    return Node(value=resolved, line=line, text=text)


def _resolve(text: str) -> Any:
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INT.fullmatch(text):
        whole = int(text, 0) if text.startswith(("0o", "0x")) else int(text)
        return whole if abs(whole) < 2**63 else text
    if FLOAT.fullmatch(text):
        number = float(text)
        return number if abs(number) < float("inf") else text
    return text


def _check_tag(event: Any, *allowed: str) -> None:
    tag = event.tag
    if tag not in (None, "!") and str(tag).removeprefix(CORE_TAG) not in allowed:
        raise _Refused(f"Tag {tag} is not allowed here.", _line(event))


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1


def _syntax(error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    what = error.problem or error.context or "The YAML cannot be read"
    if mark is None:
        return Problem(code="P002", message=what)
    where = f"line {mark.line + 1}, column {mark.column + 1}"
    return Problem(code="P002", message=f"{what} ({where})", line=mark.line + 1)
