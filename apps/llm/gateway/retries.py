"""Send a request, and again while that can help and the client has seen nothing of an answer."""

import asyncio
import random
from dataclasses import dataclass

import structlog

from apps.llm.errors import GatewayError
from apps.llm.gateway.request import ModelRequest
from apps.llm.gateway.upstream import Upstream, UpstreamResponse, interrupted, problem_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    retries: int = 2
    first_byte_s: float = 600
    between_bytes_s: float = 120
    longest_wait_s: float = 60  # a `Retry-After` above this is the client's matter
    backoff_s: float = 0.5


@dataclass(slots=True, kw_only=True)
class Opened:
    """An answer that has begun. `first` is its first bytes, or all of it if not streamed."""

    response: UpstreamResponse
    first: bytes
    tries: int


async def open_with_retries(upstream: Upstream, request: ModelRequest, limits: Limits) -> Opened:
    tries = 0
    while True:
        tries += 1
        try:
            response, first = await _open(upstream, request, limits)
        except GatewayError as error:
            wait_s = _wait_s(error, tries, limits)
            if wait_s is None:
                error.extra["tries"] = tries
                raise
            log.warning(
                "A model call failed and is sent again.",
                model=request.name,
                code=error.code,
                tries=tries,
                wait_s=round(wait_s, 2),
            )
            await asyncio.sleep(wait_s)
        else:
            return Opened(response=response, first=first, tries=tries)


async def next_chunk(response: UpstreamResponse, limits: Limits, label: str) -> bytes:
    """The next bytes of a stream; empty at its end."""
    try:
        async with asyncio.timeout(limits.between_bytes_s):
            return await anext(response.chunks, b"")
    except TimeoutError:
        raise GatewayError(
            f"{label} sent nothing for {limits.between_bytes_s:g} s.",
            code="upstream_timeout",
            http_status=504,
            transient=True,
        ) from None


async def _open(
    upstream: Upstream, request: ModelRequest, limits: Limits
) -> tuple[UpstreamResponse, bytes]:
    label = request.provider_id
    response: UpstreamResponse | None = None
    try:
        async with asyncio.timeout(limits.first_byte_s):
            response = await upstream.open(request)
            if response.status != 200:
                raise await problem_of(response, label)
            first = await anext(response.chunks, b"")
            if not request.stream:
                async for chunk in response.chunks:
                    first += chunk
        if not first:
            raise interrupted(label)
    except TimeoutError:
        await _close(response)
        raise GatewayError(
            f"{label} did not begin to answer within {limits.first_byte_s:g} s.",
            code="upstream_timeout",
            http_status=504,
            transient=True,
        ) from None
    except BaseException:
        await _close(response)
        raise
    return response, first


async def _close(response: UpstreamResponse | None) -> None:
    if response is not None:
        await response.aclose()


def _wait_s(error: GatewayError, tries: int, limits: Limits) -> float | None:
    """How long to wait before the next try. None: there is none."""
    if not error.transient or tries > limits.retries:
        return None
    if error.retry_after_s is not None:
        return error.retry_after_s if error.retry_after_s <= limits.longest_wait_s else None
    jitter = random.uniform(0.75, 1.25)  # noqa: S311  nothing secret hangs on it
    return limits.backoff_s * float(2 ** (tries - 1)) * jitter
