"""Errors in the shape that the client of each dialect understands."""

import math
from typing import Any, assert_never

import orjson

from apps.llm.errors import GatewayError
from apps.llm.providers import Dialect

_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def error_body(dialect: Dialect, error: GatewayError) -> bytes:
    match dialect:
        case Dialect.OPENAI:
            return orjson.dumps({"error": _openai(error)})
        case Dialect.ANTHROPIC:
            return orjson.dumps(_anthropic(error))
        case _:
            assert_never(dialect)


def error_event(dialect: Dialect, error: GatewayError) -> bytes:
    """How a stream that has begun says that it failed: both clients raise on it."""
    name = b"event: error\n" if dialect is Dialect.ANTHROPIC else b""
    return name + b"data: " + error_body(dialect, error) + b"\n\n"


def error_headers(error: GatewayError) -> dict[str, str]:
    """Both clients obey `x-should-retry`; without it they would try a 409 or a 5xx again."""
    headers = {"x-should-retry": "true" if error.transient else "false"}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after_s))
    return headers


def _openai(error: GatewayError) -> dict[str, Any]:
    kind = "server_error" if error.http_status >= 500 else "invalid_request_error"
    return {"message": error.message, "type": kind, "param": None, "code": error.code}


def _anthropic(error: GatewayError) -> dict[str, Any]:
    kind = _ANTHROPIC_TYPES.get(error.http_status, "api_error")
    return {
        "type": "error",
        "error": {"type": kind, "message": error.message, "code": error.code},
    }
