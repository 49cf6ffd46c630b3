"""A call as a session makes it, checked and taken apart."""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from apps.llm.errors import GatewayError
from apps.llm.facts import SessionFacts
from apps.llm.providers import Dialect, split_model

# Headers of a client that change what a provider does. All others stay here.
_PASSED_ON = frozenset({"anthropic-version", "anthropic-beta", "openai-beta", "user-agent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    session_id: str
    agent_id: str = ""
    run_id: str = ""
    user_id: str = ""
    models: tuple[str, ...] = ()  # patterns of allowed names; none: no model at all


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """`body` is as the client sent it, but with the provider's own name of the model."""

    dialect: Dialect
    provider_id: str
    model: str
    body: Mapping[str, Any]
    caller: Caller
    headers: Mapping[str, str] = field(default_factory=dict)
    facts: SessionFacts = field(default_factory=SessionFacts)

    @property
    def name(self) -> str:
        return f"{self.provider_id}/{self.model}"

    @property
    def stream(self) -> bool:
        return self.body.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        options = self.body.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True


def parse_request(
    *, dialect: Dialect, raw: bytes, headers: Mapping[str, str], caller: Caller, facts: SessionFacts
) -> ModelRequest:
    body = _object(raw)
    name = body.get("model")
    if not isinstance(name, str):
        raise GatewayError("The request names no model.", code="malformed_model", http_status=422)
    if not isinstance(body.get("messages"), list):
        raise GatewayError(
            "The request has no list of messages.", code="malformed_request", http_status=422
        )
    provider_id, model = split_model(name)
    return ModelRequest(
        dialect=dialect,
        provider_id=provider_id,
        model=model,
        body={**body, "model": model},
        caller=caller,
        headers={key: value for key, value in headers.items() if key in _PASSED_ON},
        facts=facts,
    )


def check_allowed(request: ModelRequest) -> None:
    if not is_allowed(request.name, request.caller.models):
        raise GatewayError(
            f"This session may not use the model {request.name!r}.",
            code="model_not_allowed",
            http_status=403,
        )


def is_allowed(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise GatewayError(
            "The request is not JSON.", code="malformed_request", http_status=400
        ) from exc
    if not isinstance(body, dict):
        raise GatewayError(
            "The request is not a JSON object.", code="malformed_request", http_status=400
        )
    return body
