"""A call as a session makes it, checked and taken apart."""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from apps.core.ids import new_id
from apps.llm.calls import Endpoint
from apps.llm.errors import GatewayError
from apps.llm.facts import SessionFacts
from apps.llm.providers import Dialect

# Headers of a client that change what a provider does. All others stay here.
_PASSED_ON = frozenset({"anthropic-version", "anthropic-beta", "openai-beta", "user-agent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    session_id: str
    agent_id: str = ""
    run_id: str = ""
    user_id: str = ""
    project_id: str = ""
    kind: str = "step"  # of the session: step, chat, pulse, …
    models: tuple[str, ...] = ()  # patterns of allowed names; none: no model at all


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """`body` is as the client sent it, but with the provider's own name of the model.

    `requested`: the model's name as the client wrote it; a name without a provider leaves
    `provider_id` empty until it is resolved. `size_bytes` is of the request as it came.
    """

    dialect: Dialect
    provider_id: str
    model: str
    body: Mapping[str, Any]
    caller: Caller
    headers: Mapping[str, str] = field(default_factory=dict)
    facts: SessionFacts = field(default_factory=SessionFacts)
    endpoint: Endpoint = "chat"
    requested: str = ""
    request_id: str = ""
    size_bytes: int = 0

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

    @property
    def thinking_level(self) -> str:
        """As asked, in the words of the dialect; empty: nothing was asked."""
        if self.dialect is Dialect.ANTHROPIC:
            thinking = self.body.get("thinking")
            return str(thinking.get("type", ""))[:16] if isinstance(thinking, dict) else ""
        reasoning = self.body.get("reasoning")
        effort = reasoning.get("effort") if isinstance(reasoning, dict) else None
        return str(self.body.get("reasoning_effort") or effort or "")[:16]


_CONTENT: Mapping[Endpoint, tuple[str, type | tuple[type, ...]]] = {
    "chat": ("messages", list),
    "messages": ("messages", list),
    "count_tokens": ("messages", list),
    "responses": ("input", (list, str)),
    "embeddings": ("input", (list, str)),
}


def parse_request(
    *,
    dialect: Dialect,
    raw: bytes,
    headers: Mapping[str, str],
    caller: Caller,
    facts: SessionFacts,
    endpoint: Endpoint = "chat",
) -> ModelRequest:
    body = _object(raw)
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise GatewayError("The request names no model.", code="malformed_model", http_status=422)
    field_name, kinds = _CONTENT[endpoint]
    if not isinstance(body.get(field_name), kinds):
        raise GatewayError(
            f"The request has no {field_name}.", code="malformed_request", http_status=422
        )
    provider_id, slash, model = name.partition("/")
    return ModelRequest(
        dialect=dialect,
        provider_id=provider_id if slash else "",
        model=model if slash else name,
        body=body,
        caller=caller,
        headers={key: value for key, value in headers.items() if key in _PASSED_ON},
        facts=facts,
        endpoint=endpoint,
        requested=name[:264],
        request_id=new_id("req"),
        size_bytes=len(raw),
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
