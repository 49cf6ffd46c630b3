"""Who answers a call. A provider over HTTP is one kind; a script and a cassette are others."""

import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx2
import orjson

from apps.llm.errors import GatewayError
from apps.llm.gateway.request import ModelRequest
from apps.llm.gateway.waiting import retry_after_s
from apps.llm.keys import UsableKey, mask_secrets
from apps.llm.providers import Dialect, Provider

_ERROR_BODY_LIMIT = 16 * 1024
_ANTHROPIC_HEADERS = {"anthropic-version": "2023-06-01"}


@dataclass(slots=True, kw_only=True)
class UpstreamResponse:
    """`chunks` raises `GatewayError` when the connection breaks. Close it in any case."""

    status: int
    chunks: AsyncGenerator[bytes, None]
    headers: Mapping[str, str] = field(default_factory=dict)

    async def aclose(self) -> None:
        await self.chunks.aclose()


class Upstream(Protocol):
    async def open(self, request: ModelRequest) -> UpstreamResponse:
        """Send the request once. Raises `GatewayError` when there is no answer at all."""
        ...


class HttpUpstream:
    def __init__(
        self, client: httpx2.AsyncClient, provider: Provider, key: UsableKey | None
    ) -> None:
        self._client = client
        self._provider = provider
        self._key = key

    async def open(self, request: ModelRequest) -> UpstreamResponse:
        outgoing = self._client.build_request(
            "POST",
            self._provider.endpoint(request.endpoint),
            headers={**request_headers(self._provider, self._key), **request.headers},
            content=orjson.dumps(self._body(request)),
        )
        try:
            response = await self._client.send(outgoing, stream=True)
        except (httpx2.TransportError, httpx2.InvalidURL) as exc:
            raise self._unreachable(exc) from None  # the cause may quote headers
        return UpstreamResponse(
            status=response.status_code, headers=response.headers, chunks=self._chunks(response)
        )

    def _body(self, request: ModelRequest) -> dict[str, object]:
        body = dict(request.body)
        if request.stream and request.endpoint == "chat" and self._takes_stream_options:
            options = body.get("stream_options")
            given = options if isinstance(options, dict) else {}
            body["stream_options"] = {**given, "include_usage": True}
        return body

    @property
    def _takes_stream_options(self) -> bool:
        return self._provider.dialect is Dialect.OPENAI and self._provider.stream_usage

    async def _chunks(self, response: httpx2.Response) -> AsyncGenerator[bytes, None]:
        try:
            async for chunk in response.aiter_bytes():
                yield chunk
        except httpx2.TransportError:
            raise interrupted(self._provider.label) from None
        finally:
            await response.aclose()

    def _unreachable(self, exc: Exception) -> GatewayError:
        return GatewayError(
            f"{self._provider.label} cannot be reached ({type(exc).__name__}).",
            code="upstream_unreachable",
            http_status=502,
            transient=not isinstance(exc, httpx2.InvalidURL | httpx2.UnsupportedProtocol),
        )


def request_headers(provider: Provider, key: UsableKey | None) -> dict[str, str]:
    # Bytes are handed on as they come, so they must come uncompressed.
    headers = {"content-type": "application/json", "accept-encoding": "identity"}
    if provider.dialect is Dialect.ANTHROPIC:
        headers |= _ANTHROPIC_HEADERS
    if key is None:
        return headers
    if provider.key_header == "bearer":
        return {**headers, "authorization": f"Bearer {key.value}"}
    return {**headers, provider.key_header: key.value}


def json_problem(label: str, status: int, raw: bytes) -> GatewayError:
    """An error answer that was read whole."""
    said = mask_secrets(_sentence(raw[:_ERROR_BODY_LIMIT]))[:500]
    return problem(label, status=status, said=said, retry_after_s=None)


def interrupted(label: str) -> GatewayError:
    return GatewayError(
        f"The answer of {label} broke off before its end.",
        code="stream_interrupted",
        http_status=502,
        transient=True,
    )


_CODES = {
    400: "upstream_rejected",
    401: "provider_key_invalid",
    402: "provider_out_of_credit",
    403: "provider_key_invalid",
    404: "upstream_model_not_found",
    408: "upstream_timeout",
    413: "upstream_too_large",
    422: "upstream_rejected",
    429: "upstream_rate_limited",
    529: "upstream_rate_limited",  # overloaded, as Anthropic says it
}
_MAY_WAIT = frozenset({429, 503, 529})
# 401 would tell the box that its session token is wrong; it is the provider's key that is.
_OUR_STATUS = {401: 502, 402: 502, 403: 502, 408: 504}


# How providers say that a prompt is too long; each has its own words and most a plain 400.
_TOO_LONG = re.compile(
    r"context_length_exceeded|context[ _](?:length|window|size)|prompt is too long"
    r"|maximum context|too many (?:input )?tokens|exceeds? the (?:available )?context"
    r"|input token count",
    re.IGNORECASE,
)


async def problem_of(response: UpstreamResponse, label: str) -> GatewayError:
    """An error answer in our words, with the provider's own sentence, masked."""
    return problem(
        label,
        status=response.status,
        said=await _error_text(response),
        retry_after_s=retry_after_s(response.headers) if response.status in _MAY_WAIT else None,
        retry=response.headers.get("x-should-retry") != "false",
    )


def problem(
    label: str, *, status: int, said: str, retry_after_s: float | None, retry: bool = True
) -> GatewayError:
    fallback = "upstream_unavailable" if status >= 500 else "upstream_rejected"
    code = _CODES.get(status, fallback)
    if status in (400, 413, 422) and _TOO_LONG.search(said):
        code = "context_overflow"
    return GatewayError(
        f"{label} answered {status}" + (f": {said}" if said else "."),
        code=code,
        http_status=_OUR_STATUS.get(status, status if status >= 400 else 502),
        transient=retry and (status in (408, 429) or status >= 500),
        retry_after_s=retry_after_s,
        upstream_status=status,
    )


async def _error_text(response: UpstreamResponse) -> str:
    raw = b""
    async for chunk in response.chunks:
        raw += chunk
        if len(raw) >= _ERROR_BODY_LIMIT:
            break
    await response.aclose()
    return mask_secrets(_sentence(raw[:_ERROR_BODY_LIMIT]))[:500]


def _sentence(raw: bytes) -> str:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode(errors="replace").strip()
    error = body.get("error", body) if isinstance(body, dict) else {}
    said = error.get("message") if isinstance(error, dict) else error
    return str(said or "")
