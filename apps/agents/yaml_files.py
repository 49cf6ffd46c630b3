"""YAML of a persona directory: read with line numbers, written back without disturbing the rest."""

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import ConstructorError, DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import SingleQuotedScalarString

MAX_NODES = 10_000
# What a YAML 1.1 reader would not take for text: truth words, null, numbers, sexagesimals, dates.
_NOT_TEXT_IN_YAML_1_1 = re.compile(
    r"y|n|yes|no|on|off|true|false|null|~|[-+]?[\d.][\d_.:eExX+-]*", re.IGNORECASE
)
# A key with nothing behind it, comment lines, then the first item of its list.
_FIRST_LIST = re.compile(
    r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*#[^\n]*\n)*( *)- ", re.MULTILINE
)


class MalformedYaml(Exception):
    """`line` counts from 1; None when the reader could not say."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def load_mapping(text: str) -> CommentedMap:
    """The mapping a file holds; an empty file is an empty mapping. Raises MalformedYaml.

    YAML 1.2: `yes`, `no`, `on`, `off` stay text. The values carry their lines (`line_of`).
    """
    try:
        value = _reader(text).load(text)
    except DuplicateKeyError as exc:
        raise MalformedYaml("A key stands twice.", _line(exc)) from exc
    except ConstructorError as exc:
        raise MalformedYaml(str(exc.problem or "A value cannot be read."), _line(exc)) from exc
    except MarkedYAMLError as exc:
        raise MalformedYaml(str(exc.problem or "This is not YAML."), _line(exc)) from exc
    except (YAMLError, ValueError, OverflowError, RecursionError) as exc:
        raise MalformedYaml(f"This cannot be read as YAML: {type(exc).__name__}.", None) from exc
    if value is None:
        return CommentedMap()
    if not isinstance(value, CommentedMap):
        raise MalformedYaml("The file must hold keys and values.", 1)
    _refuse_too_many_nodes(value)
    return value


def line_of(mapping: Mapping[Any, Any], key: Any) -> int | None:
    """The line, from 1, on which a key of a loaded mapping stands."""
    if not isinstance(mapping, CommentedMap):
        return None
    try:
        return int(mapping.lc.key(key)[0]) + 1
    except (KeyError, AttributeError, TypeError):
        return None


def plain(value: Any) -> Any:
    """The value as JSON has it, without the reader's own types; dates become ISO text."""
    if isinstance(value, Mapping):
        return {storable(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return storable(str(value))
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else hex(value)[:100]
    if isinstance(value, float):
        return float(value) if value == value and abs(value) != float("inf") else str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return storable(str(value))


def dump_with(text: str, changes: Mapping[tuple[str, ...], Any]) -> str:
    """The text with some values set (None removes the key); comments and order of the rest stay.

    Keys are paths into nested mappings. Raises MalformedYaml when `text` is.
    """
    document = load_mapping(text)
    for path, value in changes.items():
        _set(document, path, value)
    if not document:
        return text if not changes else "{}\n"
    stream = io.StringIO()
    _reader(text).dump(document, stream)
    return stream.getvalue()


def _set(document: CommentedMap, path: tuple[str, ...], value: Any) -> None:
    *parents, last = path
    node = document
    for name in parents:
        if not isinstance(node.get(name), CommentedMap):
            if value is None:
                return
            node[name] = CommentedMap()
        node = node[name]
    if value is None:
        node.pop(last, None)
    else:
        node[last] = _quoted(value)


def _quoted(value: Any) -> Any:
    """Text that a YAML 1.1 reader would take for something else gets quotes."""
    if isinstance(value, str) and _NOT_TEXT_IN_YAML_1_1.fullmatch(value):
        return SingleQuotedScalarString(value)
    if isinstance(value, Mapping):
        return CommentedMap((key, _quoted(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return [_quoted(item) for item in value]
    return value


def _reader(text: str) -> YAML:
    reader = YAML(typ="rt", pure=True)
    reader.preserve_quotes = True
    reader.width = 2**16  # never fold a line that the author did not fold
    offset = _sequence_offset(text)
    reader.indent(mapping=2, sequence=2 + offset, offset=offset)
    return reader


def _sequence_offset(text: str) -> int:
    """How far this author indents list items below their key; 2 when the file has no list."""
    found = re.search(
        r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*#[^\n]*\n)*( *)- ", text, re.M
    )
    if found is None:
        return 2
    return max(0, min(8, len(found[2]) - len(found[1])))


def _line(error: MarkedYAMLError) -> int | None:
    mark = error.problem_mark or error.context_mark
    return None if mark is None else int(mark.line) + 1


def _refuse_too_many_nodes(value: Any) -> None:
    """Aliases are shared nodes: a small file can stand for a huge tree, or for an endless one."""
    pending, count = [value], 0
    while pending:
        node = pending.pop()
        count += 1
        if count > MAX_NODES:
            raise MalformedYaml("The file holds too many values.", None)
        if isinstance(node, Mapping):
            pending.extend(node.values())
        elif isinstance(node, list | tuple):
            pending.extend(node)


def storable(text: str) -> str:
    """PostgreSQL stores neither NUL nor lone surrogates."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
