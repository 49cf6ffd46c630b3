"""Connections to providers: one pool an event loop and trust, checked at the moment of connecting.

A base URL that was typed into a form may not lead into a private network unless an admin allowed
it for that provider, and never to a cloud's metadata. The name is resolved here and the address
that was checked is the one connected to, so a name that changes its mind in between gains nothing.
"""

import asyncio
import socket
import weakref
from collections.abc import Iterable
from enum import Enum
from typing import Any

import httpcore2
import httpx2
from django.conf import settings

from apps.core.addresses import refusal
from apps.llm.errors import GatewayError
from apps.llm.providers import Provider


class Reach(Enum):
    """Where a provider's connections may lead. `ANYWHERE` also obeys the operator's proxies."""

    ANYWHERE = "anywhere"
    PRIVATE = "private"
    PUBLIC = "public"


def reach_of(provider: Provider) -> Reach:
    if provider.trusted:
        return Reach.ANYWHERE
    return Reach.PRIVATE if provider.allow_private else Reach.PUBLIC


_Clients = dict[Reach, httpx2.AsyncClient]
_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients] = (
    weakref.WeakKeyDictionary()
)


def client_for(provider: Provider) -> httpx2.AsyncClient:
    """Time limits on answers are the gateway's own; redirects are not followed."""
    loop = asyncio.get_running_loop()
    clients = _clients.setdefault(loop, {})
    reach = reach_of(provider)
    client = clients.get(reach)
    if client is None:
        client = clients[reach] = _client(reach)
    return client


def _client(reach: Reach) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=200)
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(None, connect=settings.LLM_CONNECT_TIMEOUT_S),
        limits=limits,
        transport=None if reach is Reach.ANYWHERE else _CheckedTransport(reach, limits),
        follow_redirects=False,
    )


def client_of(provider: Provider, *, timeout_s: float) -> httpx2.AsyncClient:
    """A client of its own, for a call outside the gateway. Close it."""
    reach, limits = reach_of(provider), httpx2.Limits(max_connections=4)
    return httpx2.AsyncClient(
        timeout=timeout_s,
        transport=None if reach is Reach.ANYWHERE else _CheckedTransport(reach, limits),
        follow_redirects=False,
    )


class BaseUrlRefused(GatewayError):
    default_code = "base_url_refused"

    def __init__(self, host: str, why: str) -> None:
        super().__init__(
            f"The base URL's host {host!r} {why}.", code=self.default_code, http_status=422
        )


class _CheckedTransport(httpx2.AsyncHTTPTransport):
    def __init__(self, reach: Reach, limits: httpx2.Limits) -> None:
        super().__init__(limits=limits, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_CheckedBackend(reach),
        )


class _CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves, checks, and connects to what it checked. TLS still asks for the name."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception | None = None
        for address in await addresses_allowed(host, port, self._reach):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as exc:
                failure = exc
        raise failure or httpcore2.ConnectError("the host has no address")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        raise httpcore2.ConnectError("a base URL is no Unix socket")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


async def addresses_allowed(host: str, port: int, reach: Reach) -> list[str]:
    """The addresses of a host. Raises BaseUrlRefused if any of them lies where it may not."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise httpcore2.ConnectError(f"the host cannot be resolved: {exc}") from exc
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if reach is not Reach.ANYWHERE:
        for address in addresses:
            if why := refusal(address, allow_private=reach is Reach.PRIVATE):
                raise BaseUrlRefused(host, why)
    return addresses
