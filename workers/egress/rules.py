"""Where a connection may go. Names are looked up here, and only the checked address is used:
whoever changes the answer in between gains nothing."""

import asyncio
import socket
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from apps.core.addresses import Address, Network, address_of, is_metadata, is_public
from apps.sessions.egress import EgressPolicy, Verdict

RESOLVE_TIMEOUT_S = 10.0

_WORDS = {
    Verdict.NO_NETWORK: "this agent may not use the network",
    Verdict.NOT_LISTED: "{place} is not on this agent's allow-list",
    Verdict.PRIVATE_ADDRESS: "{place} leads to a private address",
    Verdict.TOO_MANY: "this session has too many connections or hosts",
}


class Refused(Exception):
    """The policy forbids it."""

    def __init__(self, verdict: Verdict, host: str, port: int) -> None:
        super().__init__(_WORDS[verdict].format(place=f"{host}:{port}"))
        self.verdict = verdict


class Unresolved(Exception):
    """The name leads nowhere."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that was checked; nothing is looked up after it."""

    address: str
    port: int
    family: socket.AddressFamily


class Resolver(Protocol):
    def __call__(self, host: str, port: int) -> Awaitable[Sequence[Endpoint]]:
        """Raises Unresolved."""
        ...


async def resolve(host: str, port: int) -> Sequence[Endpoint]:
    """By the system's resolver. Raises Unresolved."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError) as exc:
        raise Unresolved(f"{host} does not resolve") from exc
    return [Endpoint(str(entry[4][0]), port, entry[0]) for entry in found]


class Rules:
    """`private`: networks of the operator's own whose listed hosts may be reached."""

    def __init__(self, *, private: Sequence[Network] = (), resolver: Resolver = resolve) -> None:
        self._private = tuple(private)
        self._resolve = resolver

    async def endpoints(self, policy: EgressPolicy, host: str, port: int) -> Sequence[Endpoint]:
        """Where to connect, in order. `host` is normalised. Raises Refused, Unresolved.

        A name that may not be reached is not even looked up: a lookup can carry a secret out.
        """
        if policy.mode == "none":
            raise Refused(Verdict.NO_NETWORK, host, port)
        listed = policy.lists(host, port)
        if policy.mode == "allowlist" and not listed:
            raise Refused(Verdict.NOT_LISTED, host, port)
        found = await self._resolve(host, port)
        allowed = [end for end in found if self._may_reach(address_of(end.address), listed)]
        if not allowed:
            raise Refused(Verdict.PRIVATE_ADDRESS, host, port)
        return allowed

    def _may_reach(self, address: Address, listed: bool) -> bool:
        if is_metadata(address):
            return False
        return is_public(address) or (listed and self._is_opened(address))

    def _is_opened(self, address: Address) -> bool:
        same = (network for network in self._private if network.version == address.version)
        return any(address in network for network in same)
