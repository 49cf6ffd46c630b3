"""Calls to addresses that somebody typed in: identity providers, webhooks, repositories.

The name is resolved here, each address is checked, and the one that was checked is connected to, so
that a name that changes its mind in between gains nothing. Redirects are not followed, the
operator's proxies are not used, and an answer is read up to a size.
"""

import socket
from collections.abc import Iterable, Mapping
from typing import Any

import httpcore2
import httpx2

from apps.core.addresses import refusal
from apps.core.errors import Invalid, ProviderError

TIMEOUT_S = 10.0
ANSWER_LIMIT = 1 << 20


class OutboundRefused(Invalid):
    """Where the address leads, no call of ours may go."""

    default_code = "address_refused"


class OutboundFailed(ProviderError):
    """No answer, or one that is too long."""


class Answer:
    """What came back, read whole."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


def call_out(
    method: str,
    url: str,
    *,
    allow_private: bool,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    form: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """Raises OutboundRefused (it may not go there) and OutboundFailed (nothing good came back)."""
    _check_form(url)
    try:
        with (
            _client(allow_private, timeout_s) as client,
            client.stream(method, url, headers=headers, content=content, data=form) as answer,
        ):
            return Answer(answer.status_code, answer.headers, _read(answer))
    except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
        raise OutboundFailed(f"{_host(url)} does not answer: {type(exc).__name__}.") from exc


def moved_to(url: str, *, allow_private: bool, timeout_s: float = TIMEOUT_S) -> str:
    """Where a redirect leads; empty when there is none. No body is read. Raises as `call_out`."""
    _check_form(url)
    try:
        with _client(allow_private, timeout_s) as client, client.stream("GET", url) as answer:
            return str(answer.headers.get("location", "")) if answer.is_redirect else ""
    except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
        raise OutboundFailed(f"{_host(url)} does not answer: {type(exc).__name__}.") from exc


def _check_form(url: str) -> None:
    try:
        parts = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError):
        raise OutboundRefused("This is no URL.") from None
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise OutboundRefused("An address begins with http:// or https:// and names a host.")
    if parts.username or parts.password:
        raise OutboundRefused("A name or password in an address would be shown.")


def _host(url: str) -> str:
    return httpx2.URL(url).host


def _read(answer: httpx2.Response) -> bytes:
    body = b""
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > ANSWER_LIMIT:
            raise OutboundFailed(f"{answer.url.host} answers with more than {ANSWER_LIMIT} bytes.")
    return body


def _client(allow_private: bool, timeout_s: float) -> httpx2.Client:
    return httpx2.Client(
        timeout=timeout_s,
        transport=_CheckedTransport(allow_private),
        follow_redirects=False,
        trust_env=False,
    )


class _CheckedTransport(httpx2.HTTPTransport):
    def __init__(self, allow_private: bool) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False),
            network_backend=_CheckedBackend(allow_private),
        )


class _CheckedBackend(httpcore2.NetworkBackend):
    """Resolves, checks, and connects to what it checked. TLS still asks for the name."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception | None = None
        for address in addresses_checked(host, port, allow_private=self._allow_private):
            try:
                return self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as exc:
                failure = exc
        raise failure or httpcore2.ConnectError("the host has no address")


def addresses_checked(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of a host. Raises OutboundRefused if any of them lies where it may not."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise httpcore2.ConnectError(f"the host cannot be resolved: {exc}") from exc
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if why := refusal(address, allow_private=allow_private):
            raise OutboundRefused(f"The host {host} {why}.")
    return addresses
