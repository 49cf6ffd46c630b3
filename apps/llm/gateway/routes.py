"""Who answers a request: a cassette, the scripted model or a provider over HTTP."""

import asyncio
import weakref

import httpx2
from django.conf import settings

from apps.llm.cassettes.upstream import PlayerUpstream, RecorderUpstream
from apps.llm.errors import GatewayError
from apps.llm.gateway.plan import Candidate
from apps.llm.gateway.request import ModelRequest
from apps.llm.gateway.retries import Limits
from apps.llm.gateway.upstream import HttpUpstream, Upstream
from apps.llm.recording import recording_of
from apps.llm.scripted.upstream import ScriptedUpstream

_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = (
    weakref.WeakKeyDictionary()
)


def limits_of_settings() -> Limits:
    return Limits(
        retries=settings.LLM_RETRIES,
        first_byte_s=settings.LLM_FIRST_BYTE_TIMEOUT_S,
        between_bytes_s=settings.LLM_BETWEEN_BYTES_TIMEOUT_S,
    )


def upstream_of(request: ModelRequest, candidate: Candidate) -> Upstream:
    """Raises GatewayError when the provider does not speak the request's dialect."""
    recording = recording_of(request.facts)
    if recording.mode == "replay":
        return PlayerUpstream(recording.directory)
    upstream = _live(request, candidate)
    if recording.mode == "record":
        return RecorderUpstream(upstream, recording.directory)
    return upstream


def _live(request: ModelRequest, candidate: Candidate) -> Upstream:
    provider = candidate.provider
    if provider is None:
        return ScriptedUpstream()
    if provider.dialect is not request.dialect:
        raise GatewayError(
            f"{provider.label} speaks the {provider.dialect} dialect, not {request.dialect};"
            " requests are not translated.",
            code="wrong_dialect",
            http_status=422,
            dialect=str(provider.dialect),
        )
    return HttpUpstream(_client(), provider, candidate.key)


def _client() -> httpx2.AsyncClient:
    """One connection pool for each event loop. Time limits on answers are the gateway's own."""
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = _clients[loop] = httpx2.AsyncClient(
            timeout=httpx2.Timeout(None, connect=settings.LLM_CONNECT_TIMEOUT_S),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=50),
            follow_redirects=False,
        )
    return client
