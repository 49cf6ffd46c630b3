"""Which addresses are the public internet's, and which are somebody's own network.

An address that carries another one inside (IPv4 in IPv6, translated, tunnelled) is judged by what
it leads to.
"""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
# Special ones that not every version of the standard library knows as such.
_SPECIAL = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("2001::/23"),
    IPv6Network("3fff::/20"),
    IPv6Network("5f00::/16"),
)
# Cloud metadata, which no setting may open. The first lies among the link-local ones.
_METADATA = (
    IPv4Network("169.254.0.0/16"),
    IPv4Network("100.100.100.200/32"),
    IPv4Network("192.0.0.192/32"),
    IPv6Network("fe80::/10"),
    IPv6Network("fd00:ec2::/32"),
)


def address_of(text: str) -> Address:
    """The address that packets end up at. Raises ValueError. A zone (`%eth0`) is dropped."""
    found = ip_address(text.partition("%")[0])
    inner = _inside(found) if isinstance(found, IPv6Address) else None
    return inner if inner is not None else found


def _inside(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    translated = any(address in network for network in _TRANSLATED)
    if translated or 1 < int(address) < 2**32:  # the latter: `::a.b.c.d`, long out of use
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def is_public(address: Address) -> bool:
    """Whether it belongs to the public internet. Loopback, private, link-local, carrier-internal,
    reserved and multicast addresses do not."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not _among(address, _SPECIAL)
    )


def is_metadata(address: Address) -> bool:
    """Whether a cloud's metadata service, or anything else link-local, answers there."""
    return _among(address, _METADATA)


def refusal(address: str, *, allow_private: bool) -> str:
    """Why a connection may not lead to an address; empty: it may. Raises ValueError for none."""
    found = address_of(address)
    if is_metadata(found):
        return "leads to a link-local or metadata address"
    if not allow_private and not is_public(found):
        return "leads into a private network; an admin may allow that (allow_private)"
    return ""


def _among(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def networks_of(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks such as `10.1.0.0/16`; a lone address is a network of one. Raises ValueError."""
    return tuple(ip_network(text.strip()) for text in texts if text.strip())
