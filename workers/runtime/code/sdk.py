"""Python functions made from tool schemas: one line each for the model, a module for its code."""

import builtins
import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_ai.tools import ToolDefinition

LINE_CHARS = 60
DOC_CHARS = 120
_RESERVED = frozenset(keyword.kwlist) | {"match", "case", "type", "_"}
_SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_LITERALS_SHOWN = 12
_KEYS_SHOWN = 8

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    name: str  # in Python
    key: str  # in the schema
    type: str
    shown: str  # the type for the model: an object with its keys
    required: bool
    default: Any = None
    has_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    name: str
    tool: str
    description: str
    parameters: Sequence[Parameter]

    def line(self) -> str:
        """`name(required: type, optional=default)  # what it does`."""
        arguments = ", ".join(_shown(parameter) for parameter in self.parameters)
        return f"{self.name}({arguments})  # {_cut(self.description, LINE_CHARS)}"

    def source(self) -> str:
        arguments = ", ".join(_declared(parameter) for parameter in self.parameters)
        keys = ", ".join(f"{item.key!r}: {item.name}" for item in self.parameters)
        optional = sorted(i.key for i in self.parameters if not i.required and not i.has_default)
        doc = _cut(self.description, DOC_CHARS)
        return (
            f"def {self.name}({arguments}) -> Any:\n"
            f"    {doc!r}\n"
            f"    return _call({self.tool!r}, {{{keys}}}, {optional!r})\n"
        )


def functions_of(tools: Iterable[ToolDefinition]) -> list[Function]:
    taken: set[str] = set()
    found = []
    for tool in tools:
        name = _unique(_python_name(tool.name, frozenset(dir(builtins)) | _RESERVED), taken)
        found.append(
            Function(
                name=name,
                tool=tool.name,
                description=_first_line(tool.description or ""),
                parameters=_parameters(tool.parameters_json_schema),
            )
        )
    return found


def module_source(functions: Sequence[Function], *, port: int, key: str) -> str:
    """A module whose functions call the tools of the session over HTTP."""
    names = [function.name for function in functions]
    head = _MODULE.format(port=port, key=key, names=[*names, "ToolError"])
    return "\n\n".join([head, *(function.source() for function in functions)])


def _parameters(schema: Schema) -> list[Parameter]:
    definitions: Schema = schema.get("$defs") or {}
    required = set(schema.get("required") or ())
    taken: set[str] = set()
    found = []
    for key, value in (schema.get("properties") or {}).items():
        plain = value if isinstance(value, dict) else {}
        found.append(
            Parameter(
                name=_unique(_python_name(key, _RESERVED), taken),
                key=key,
                type=_type(plain, definitions, keys=False),
                shown=_type(plain, definitions, keys=True),
                required=key in required,
                default=plain.get("default"),
                has_default="default" in plain,
            )
        )
    return sorted(found, key=lambda parameter: not parameter.required)


def _type(schema: Schema, definitions: Schema, *, keys: bool, depth: int = 0) -> str:
    if depth > 5:
        return "Any"
    reference = str(schema.get("$ref", "")).rpartition("/")[2]
    if reference:
        target = definitions.get(reference)
        found = target if isinstance(target, dict) else {}
        return _type(found, definitions, keys=keys, depth=depth + 1)
    if "const" in schema:
        return _literal([schema["const"]], keys=keys)
    if isinstance(schema.get("enum"), list):
        return _literal(schema["enum"], keys=keys)
    options = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list):
        below = (option for option in options if isinstance(option, dict))
        return _union(_type(option, definitions, keys=keys, depth=depth + 1) for option in below)
    kind = schema.get("type")
    if isinstance(kind, list):
        return _union(_SIMPLE.get(str(item), "Any") for item in kind)
    if kind == "array":
        items = schema.get("items")
        inner = items if isinstance(items, dict) else {}
        return f"list[{_type(inner, definitions, keys=keys, depth=depth + 1)}]"
    if kind == "object":
        return _object(schema, definitions, keys=keys, depth=depth)
    return _SIMPLE.get(str(kind), "Any")


def _object(schema: Schema, definitions: Schema, *, keys: bool, depth: int) -> str:
    properties = schema.get("properties")
    if not keys or not isinstance(properties, dict) or not 0 < len(properties) <= _KEYS_SHOWN:
        return "dict"
    required = set(schema.get("required") or ())
    inside = ", ".join(
        f"{key}{'' if key in required else '?'}: "
        + _type(value if isinstance(value, dict) else {}, definitions, keys=keys, depth=depth + 1)
        for key, value in properties.items()
    )
    return f"{{{inside}}}"


def _literal(values: Sequence[Any], *, keys: bool) -> str:
    plain = [value for value in values if isinstance(value, str | int | bool) or value is None]
    if not plain or len(plain) != len(values) or len(values) > _LITERALS_SHOWN:
        return "Any"
    shown = [repr(value) for value in plain]
    return "|".join(shown) if keys else f"Literal[{', '.join(shown)}]"


def _union(types: Iterable[str]) -> str:
    found = list(dict.fromkeys(types))
    return "Any" if "Any" in found or not found else " | ".join(found)


def _shown(parameter: Parameter) -> str:
    """The type where it must be known; a default says it by itself."""
    if parameter.required:
        return f"{parameter.name}: {parameter.shown}"
    if parameter.has_default and isinstance(parameter.default, str | int | float | bool):
        if not parameter.type.startswith("Literal"):
            return f"{parameter.name}={parameter.default!r}"
        return f"{parameter.name}: {parameter.shown}={parameter.default!r}"
    if parameter.shown in {"dict", "Any", "dict | None", "str", "str | None"}:
        return f"{parameter.name}=None"
    return f"{parameter.name}: {parameter.shown.removesuffix(' | None')}=None"


def _declared(parameter: Parameter) -> str:
    if parameter.required:
        return f"{parameter.name}: {parameter.type}"
    default = parameter.default if parameter.has_default else None
    return f"{parameter.name}: {parameter.type} = {default!r}"


def _python_name(name: str, reserved: frozenset[str]) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    snake = re.sub(r"[^0-9a-zA-Z_]", "_", snake).lower()
    if not snake or snake[0].isdigit():
        snake = f"_{snake}"
    return f"{snake}_" if snake in reserved else snake


def _unique(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


_MODULE = '''\
"""The tools of this session, as functions."""

from __future__ import annotations

import http.client as _http
import json as _json
from typing import Any, Literal

__all__ = {names!r}


class ToolError(Exception):
    """A tool said why it failed."""


def _call(tool, arguments, optional):
    sent = {{k: v for k, v in arguments.items() if not (v is None and k in optional)}}
    connection = _http.HTTPConnection("127.0.0.1", {port})
    try:
        connection.request(
            "POST",
            "/tool/" + tool,
            _json.dumps(sent).encode(),
            {{"content-type": "application/json", "x-djinnbot-key": {key!r}}},
        )
        answer = connection.getresponse()
        text = answer.read().decode()
    except (OSError, _http.HTTPException) as exc:
        raise ToolError("the session does not answer: " + str(exc)) from None
    finally:
        connection.close()
    if answer.status != 200:
        raise ToolError(text)
    is_json = answer.getheader("content-type", "").startswith("application/json")
    return _json.loads(text) if is_json else text
'''
