"""A base URL as somebody types it in. Where its host leads is checked again at each connection."""

import socket
from urllib.parse import urlsplit

from apps.core.addresses import refusal
from apps.core.errors import Invalid


def base_url_checked(url: str, *, allow_private: bool) -> str:
    """Raises Invalid, code `base_url_refused`, with the reason. A host that cannot be resolved now
    is taken: it may be up later."""
    host, port = _host_of(url)
    for address in _addresses(host, port):
        reason = refusal(address, allow_private=allow_private)
        if reason:
            raise _refused(f"its host {host} {reason}")
    return url


def _host_of(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as exc:
        raise _refused("it is no URL") from exc
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _refused("it must begin with http:// or https:// and name a host")
    if parts.username or parts.password:
        raise _refused("a name or password in it would be shown; use the provider's key")
    if parts.query or parts.fragment:
        raise _refused("it must end with its path")
    return parts.hostname, port


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in found]


def _refused(why: str) -> Invalid:
    return Invalid(f"This base URL is refused: {why}.", code="base_url_refused")
