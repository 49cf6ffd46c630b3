"""A small value for a JSON schema, whoever wrote the schema: it ends, and stays small."""

from collections.abc import Mapping
from typing import Any, Final

_OPTIONAL_DEPTH: Final = 8  # deeper, what is not required is left out
_DEPTH_MOST: Final = 60
_VALUES_MOST: Final = 1_000
_TEXT_MOST: Final = 10_000


def sample(schema: Mapping[str, Any]) -> Any:
    """A value that fits a schema of the kinds that models are asked for.

    A schema that refers to itself without end, or asks for more than a thousand values, gets one
    that is cut and does not fit.
    """
    return _Sampler(schema).value(schema, 0)


class _Sampler:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = _VALUES_MOST

    def value(self, schema: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > _DEPTH_MOST:
            return None
        if not isinstance(schema, Mapping):  # `true`: anything will do
            return "example"
        if "$ref" in schema:
            return self.value(self._resolved(str(schema["$ref"])), depth + 1)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        for key in ("anyOf", "oneOf", "allOf"):
            if schema.get(key):
                return self.value(schema[key][0], depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = kind[0]
        return self._of_kind(kind, schema, depth)

    def _of_kind(self, kind: str, schema: Mapping[str, Any], depth: int) -> Any:
        match kind:
            case "object":
                required = set(schema.get("required", ()))
                return {
                    name: self.value(inner, depth + 1)
                    for name, inner in schema.get("properties", {}).items()
                    if name in required or depth < _OPTIONAL_DEPTH
                }
            case "array":
                count = min(max(1, int(schema.get("minItems", 1))), _VALUES_MOST)
                items = schema.get("items", {})
                return [self.value(items, depth + 1) for _ in range(count) if self._left > 0]
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return "example".ljust(min(int(schema.get("minLength", 0)), _TEXT_MOST), ".")

    def _resolved(self, ref: str) -> Any:
        node: Any = self._root
        for part in ref.removeprefix("#").strip("/").split("/"):
            if part:
                node = node.get(part, {}) if isinstance(node, Mapping) else {}
        return node
