"""Where git may go over http(s): not into our own network.

git resolves names itself and follows redirects, so it is told both beforehand: each name is
resolved and checked here, git is held to the addresses that were checked, and it follows no
redirect. Where the address has moved is asked before, step by step. Hosts of a private network that
the operator lists (`DJINNBOT_GIT_PRIVATE_HOSTS`) are open; link-local and metadata addresses never
are.
"""

import time
from dataclasses import dataclass
from threading import Lock
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
from django.conf import settings

from apps.core.hosts import HostPattern, host_normalised
from apps.core.outbound import OutboundFailed, OutboundRefused, addresses_checked, moved_to
from apps.repos.errors import RepositoryInvalid, RepositoryNotAllowed, RepositoryUnreachable

REDIRECTS: Final = 5
KNOWN_S: Final = 60.0  # how long an answer to "has it moved" holds; names are resolved each time
_ASKED = "/info/refs?service=git-upload-pack"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Reach:
    """What an address stands for at the moment."""

    address: str  # after its redirects: credentials are for its host
    config: tuple[str, ...]  # of git, which keep it there


def reach_of(address: str) -> Reach:
    """Raises RepositoryNotAllowed where it leads into a private network."""
    there = _moved(address)
    config = ["http.followRedirects=false"]
    if there != address:
        config.append(f"url.{there}.insteadOf={address}")
    if pin := _pin(there):
        config.append(f"http.curloptResolve={pin}")
    return Reach(there, tuple(config))


_lock = Lock()
_known: dict[str, tuple[float, str]] = {}


def _moved(address: str) -> str:
    """Where its redirects end. Each place on the way is checked."""
    now = time.monotonic()
    with _lock:
        for old in [name for name, (until, _) in _known.items() if until < now]:
            del _known[old]
        found = _known.get(address)
    if found is not None:
        return found[1]
    there = address
    for _ in range(REDIRECTS):
        onward = _onward(there)
        if onward is None:
            break
        there = onward
    else:
        raise RepositoryUnreachable("The address of the repository leads round in circles.")
    with _lock:
        _known[address] = (now + KNOWN_S, there)
    return there


def _onward(address: str) -> str | None:
    """The next place, if this one sends there. Whatever else it answers, git finds out itself."""
    parts = urlsplit(address)
    _addresses(parts)
    if _by_proxy(parts):
        return None
    try:
        target = moved_to(address + _ASKED, allow_private=_is_open(parts))
    except OutboundRefused as exc:
        raise RepositoryNotAllowed(exc.message) from None
    except OutboundFailed:
        return None
    if not target:
        return None
    onward = urljoin(address + _ASKED, target)
    if not onward.endswith(_ASKED):
        return None
    next_parts = urlsplit(onward.removesuffix(_ASKED))
    if next_parts.scheme not in _PORTS or (parts.scheme, next_parts.scheme) == ("https", "http"):
        raise RepositoryNotAllowed(f"{parts.hostname} leads from https to {next_parts.scheme}.")
    if next_parts.username or not next_parts.hostname or not next_parts.path.strip("/"):
        raise RepositoryInvalid(f"{parts.hostname} leads to no address of a repository.")
    return next_parts.geturl()


def _pin(address: str) -> str:
    """Host, port and addresses as curl takes them. Empty: a numeric host, or by a proxy, which
    resolves names itself."""
    parts = urlsplit(address)
    found = _addresses(parts)
    host, port = _host_and_port(parts)
    if not found or found == [host] or _by_proxy(parts):
        return ""
    written = [f"[{one}]" if ":" in one else one for one in found]
    return f"{host}:{port}:{','.join(written)}"


def _addresses(parts: SplitResult) -> list[str]:
    host, port = _host_and_port(parts)
    try:
        return addresses_checked(host, port, allow_private=_is_open(parts))
    except OutboundRefused:
        raise RepositoryNotAllowed(
            f"{host} leads into a private network, where no repository is fetched from. The "
            "operator lists open hosts in DJINNBOT_GIT_PRIVATE_HOSTS."
        ) from None
    except httpcore2.ConnectError as exc:
        if _by_proxy(parts):
            return []
        raise RepositoryUnreachable(f"Could not resolve host: {host}.") from exc


def _host_and_port(parts: SplitResult) -> tuple[str, int]:
    try:
        host = host_normalised(parts.hostname or "")
        return host, parts.port or _PORTS[parts.scheme]
    except ValueError:
        raise RepositoryInvalid("This is not the address of a repository.") from None


def _is_open(parts: SplitResult) -> bool:
    host, port = _host_and_port(parts)
    listed = settings.GIT_PRIVATE_HOSTS
    return any(HostPattern.parse(text).matches(host, port) for text in listed if text.strip())


def _by_proxy(parts: SplitResult) -> bool:
    """Whether git goes by a proxy of the operator's, whose rules hold then as well as ours."""
    proxies = getproxies()
    if parts.scheme not in proxies and "all" not in proxies:
        return False
    return not proxy_bypass(parts.hostname or "")
