"""Who answers a call. A provider over HTTP is one kind; a script and a cassette are others."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx2
import orjson

from apps.llm.errors import GatewayError
from apps.llm.gateway.request import ModelRequest
from apps.llm.keys import ProviderKey, mask_secrets
from apps.llm.providers import Dialect, Provider

_ERROR_BODY_LIMIT = 16 * 1024
_DEFAULT_HEADERS = {"anthropic-version": "2023-06-01"}  # other providers pass it over


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
        self, client: httpx2.AsyncClient, provider: Provider, key: ProviderKey | None
    ) -> None:
        self._client = client
        self._provider = provider
        self._key = key

    async def open(self, request: ModelRequest) -> UpstreamResponse:
        outgoing = self._client.build_request(
            "POST",
            self._provider.endpoint,
            headers={**_DEFAULT_HEADERS, **request.headers, **self._headers()},
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
        if request.stream and self._takes_stream_options:
            options = body.get("stream_options")
            given = options if isinstance(options, dict) else {}
            body["stream_options"] = {**given, "include_usage": True}
        return body

    @property
    def _takes_stream_options(self) -> bool:
        return self._provider.dialect is Dialect.OPENAI and self._provider.stream_usage

    def _headers(self) -> dict[str, str]:
        # Bytes are handed on as they come, so they must come uncompressed.
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        if self._key is None:
            return headers
        if self._provider.dialect is Dialect.ANTHROPIC:
            return {**headers, "x-api-key": self._key.value}
        return {**headers, "authorization": f"Bearer {self._key.value}"}

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
}
# 401 would tell the box that its session token is wrong; it is the provider's key that is.
_OUR_STATUS = {401: 502, 402: 502, 403: 502, 408: 504}


async def problem_of(response: UpstreamResponse, label: str) -> GatewayError:
    """An error answer in our words, with the provider's own sentence, masked."""
    return problem(
        label,
        status=response.status,
        said=await _error_text(response),
        retry_after_s=_retry_after(response.headers),
        retry=response.headers.get("x-should-retry") != "false",
    )


def problem(
    label: str, *, status: int, said: str, retry_after_s: float | None, retry: bool = True
) -> GatewayError:
    fallback = "upstream_unavailable" if status >= 500 else "upstream_rejected"
    return GatewayError(
        f"{label} answered {status}" + (f": {said}" if said else "."),
        code=_CODES.get(status, fallback),
        http_status=_OUR_STATUS.get(status, status if status >= 400 else 502),
        transient=retry and (status in (408, 429) or status >= 500),
        retry_after_s=retry_after_s,
        upstream_status=status,
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None  # absent, or an HTTP date, which no model provider sends


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
