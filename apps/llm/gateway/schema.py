"""The gateway in the API's description, from its own table."""

from typing import Any

from apps.llm.gateway.table import CALLERS, ROUTES, GatewayRoute
from apps.llm.providers import Dialect

_ERRORS = {
    Dialect.OPENAI: "GatewayErrorOpenAI",
    Dialect.ANTHROPIC: "GatewayErrorAnthropic",
}
_TEXT = {"type": "string"}
_COMPONENTS = {
    "GatewayErrorOpenAI": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "code"],
                "properties": {
                    "message": _TEXT,
                    "type": _TEXT,
                    "param": {"type": "string", "nullable": True},
                    "code": _TEXT,
                },
            }
        },
    },
    "GatewayErrorAnthropic": {
        "type": "object",
        "required": ["type", "error"],
        "properties": {
            "type": {"type": "string", "enum": ["error"]},
            "error": {
                "type": "object",
                "required": ["type", "message", "code"],
                "properties": {"type": _TEXT, "message": _TEXT, "code": _TEXT},
            },
        },
    },
}
_STATUSES = {
    "400": "The request is malformed.",
    "401": "No session's token, or one that is good no more.",
    "403": "Not granted to this session.",
    "404": "The provider knows no such model.",
    "413": "The request is too large.",
    "422": "Values are wrong: no model, an unknown one, nothing to answer.",
    "429": "The provider's limit, or the budget's.",
    "502": "The provider failed.",
    "503": "No key, no provider, or the ledger cannot be written. Try again.",
    "504": "The provider took too long.",
}


def describe_gateway(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular: add what lies below Django's URLs."""
    result["components"]["schemas"].update(_COMPONENTS)
    for route in ROUTES:
        result["paths"].setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return result


def _operation(route: GatewayRoute) -> dict[str, Any]:
    error = {"$ref": f"#/components/schemas/{_ERRORS[route.dialect]}"}
    problems = {
        status: {"description": text, "content": {"application/json": {"schema": error}}}
        for status, text in _STATUSES.items()
    }
    operation: dict[str, Any] = {
        "operationId": route.name,
        "description": f"{route.about} Bodies and errors are of the `{route.dialect}` shape.",
        "tags": ["internal"],
        "security": [{"sessionToken": []}],
        "responses": {"200": _answer(route), **problems},
        "x-callers": sorted(CALLERS),
        "x-scope": route.scope,
    }
    if route.method != "GET":
        operation["requestBody"] = {"required": True, "content": _json()}
    return operation


def _answer(route: GatewayRoute) -> dict[str, Any]:
    content = _json()
    if route.streams:
        content["text/event-stream"] = {"schema": _TEXT}
    return {"description": "As the provider answers.", "content": content}


def _json() -> dict[str, Any]:
    """The providers' own shapes, which change without us: passed through, not described here."""
    return {"application/json": {"schema": {"type": "object", "additionalProperties": True}}}
