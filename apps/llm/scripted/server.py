"""The scripted model as a server of its own, with the paths of a real provider.

For tests of anything that speaks to providers, the gateway too: point `OPENAI_BASE_URL` or
`ANTHROPIC_BASE_URL` at it. The model's name is the script's; the facts that a session would give
come as JSON in the header `x-scripted-facts`. Any key is taken, but there must be one.
"""

from collections import Counter
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from apps.llm.cassettes.canonical import key_of
from apps.llm.errors import GatewayError
from apps.llm.facts import SessionFacts
from apps.llm.gateway.exchange import ClientGone, Exchange, Receive, Scope, Send
from apps.llm.gateway.request import Caller, ModelRequest
from apps.llm.gateway.shapes import error_body, error_headers
from apps.llm.gateway.upstream import UpstreamResponse
from apps.llm.providers import SCRIPTED, Dialect
from apps.llm.scripted.library import script_names
from apps.llm.scripted.upstream import ScriptedUpstream

_PATHS = {
    "/chat/completions": Dialect.OPENAI,
    "/v1/chat/completions": Dialect.OPENAI,
    "/v1/messages": Dialect.ANTHROPIC,
}
_BODY_LIMIT = 64 << 20
_FACTS = TypeAdapter(SessionFacts)


class ScriptedServer:
    """An ASGI application. It remembers how often a request has failed: `times` of a script."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        http = Exchange(scope, receive, send)
        dialect = _PATHS.get(http.path, Dialect.OPENAI)
        try:
            await self._serve(http, dialect)
        except ClientGone:
            return
        except GatewayError as error:
            await http.answer(error.http_status, error_body(dialect, error), error_headers(error))

    async def _serve(self, http: Exchange, dialect: Dialect) -> None:
        if not http.bearer:
            raise GatewayError("There is no key.", code="invalid_api_key", http_status=401)
        if http.path in ("/models", "/v1/models"):
            data = [{"id": name, "object": "model"} for name in script_names()]
            await http.answer(200, orjson.dumps({"object": "list", "data": data}))
            return
        if http.path not in _PATHS:
            raise GatewayError(f"No such path: {http.path}", code="not_found", http_status=404)
        request = _request(http, dialect, await http.body(_BODY_LIMIT))
        await self._answer(http, request)

    async def _answer(self, http: Exchange, request: ModelRequest) -> None:
        key = key_of(dict(request.body))
        before = self._failures[key]
        self._failures[key] += 1  # taken back when the answer comes to its end
        try:
            response = await ScriptedUpstream(lambda session_id: before).open(request)
        except GatewayError as error:
            # What a provider would answer, before the gateway makes it its own.
            status = error.extra.get("upstream_status", error.http_status)
            await http.answer(status, error_body(request.dialect, error), error_headers(error))
        else:
            if await _relay(http, request, response):
                del self._failures[key]


async def _relay(http: Exchange, request: ModelRequest, response: UpstreamResponse) -> bool:
    """Whether the answer was whole. ASGI cannot drop a connection: a cut one just ends early."""
    kind = "text/event-stream" if request.stream else "application/json"
    await http.start(200, {"content-type": kind})
    last = b""
    async for chunk in response.chunks:
        last = chunk
        await http.write(chunk)
    await http.write(b"", last=True)
    return not request.stream or b"[DONE]" in last or b"message_stop" in last


def _request(http: Exchange, dialect: Dialect, raw: bytes) -> ModelRequest:
    try:
        body: dict[str, Any] = orjson.loads(raw)
        model = str(body["model"]).removeprefix(f"{SCRIPTED}/")
    except (orjson.JSONDecodeError, KeyError, TypeError) as exc:
        raise GatewayError("A request needs a model.", code="malformed", http_status=400) from exc
    return ModelRequest(
        dialect=dialect,
        provider_id=SCRIPTED,
        model=model,
        body=body,
        caller=Caller(session_id="standalone"),
        headers=http.headers,
        facts=_facts(http.headers.get("x-scripted-facts", "{}")),
    )


def _facts(text: str) -> SessionFacts:
    try:
        return _FACTS.validate_json(text)
    except ValidationError as exc:
        raise GatewayError(
            "The header x-scripted-facts does not hold facts of a session.",
            code="malformed",
            http_status=400,
        ) from exc
