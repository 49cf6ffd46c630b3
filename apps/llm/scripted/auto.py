"""`scripted/auto`: completes any step at once, with a plausible value for each declared output.

For benchmarks and smoke tests. It reads nothing and changes nothing; it says so in its summary.
"""

import json
from collections.abc import Mapping
from typing import Any

from apps.llm.facts import SessionFacts
from apps.llm.scripted.conversation import Conversation
from apps.llm.scripted.script import Call, Turn

_SAID = "This step was completed by the automatic script; nothing was read or changed."
_ITEMS = [{"title": "First item"}, {"title": "Second item"}]
_DEPTH_LIMIT = 8


def auto_turn(facts: SessionFacts, conversation: Conversation) -> Turn:
    if conversation.forced_tool:
        schema = conversation.tools.get(conversation.forced_tool, {})
        return Turn(output=sample(schema, schema))
    if conversation.schema is not None:
        return Turn(output=sample(conversation.schema, conversation.schema))
    if "complete" in conversation.tools and not conversation.rounds:
        outputs = auto_outputs(facts)
        return Turn(call=[Call(tool="complete", args={"outputs": outputs, "summary": _SAID})])
    return Turn(say=_SAID)


def auto_outputs(facts: SessionFacts) -> dict[str, str]:
    return {name: _output(name, facts) for name in facts.outputs}


def _output(name: str, facts: SessionFacts) -> str:
    """A list where a loop wants one, the first routed result where routing wants one."""
    if name in facts.loop_names:
        return json.dumps(_ITEMS)
    if name.endswith("_json"):
        return json.dumps({"summary": _SAID})
    if facts.results and name == _routing_output(facts):
        return facts.results[0]
    return f"{name.replace('_', ' ').capitalize()} of {facts.step}."


def _routing_output(facts: SessionFacts) -> str:
    """Routing looks at every output, so one is enough: the one that is named like a result."""
    for ending in ("result", "status", "verdict", "decision"):
        for name in facts.outputs:
            if name.endswith(ending):
                return name
    return facts.outputs[0]


def sample(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int = 0) -> Any:
    """A small value that fits a JSON schema of the kinds that models are asked for."""
    if "$ref" in schema:
        return sample(_resolved(schema["$ref"], root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return sample(schema[key][0], root, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0]
    return _of_kind(kind, schema, root, depth)


def _of_kind(kind: str, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    match kind:
        case "object":
            required = set(schema.get("required", ()))
            return {
                name: sample(inner, root, depth + 1)
                for name, inner in schema.get("properties", {}).items()
                if name in required or depth < _DEPTH_LIMIT
            }
        case "array":
            count = max(1, int(schema.get("minItems", 1)))
            return [sample(schema.get("items", {}), root, depth + 1) for _ in range(count)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "example".ljust(int(schema.get("minLength", 0)), ".")


def _resolved(ref: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    node: Any = root
    for part in ref.removeprefix("#/").split("/"):
        node = node.get(part, {}) if isinstance(node, Mapping) else {}
    return node if isinstance(node, Mapping) else {}
