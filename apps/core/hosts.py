"""Patterns of host names: `pypi.org`, `*.npmjs.org`, `registry.example.org:5000`."""

import re
from dataclasses import dataclass
from typing import Self

WEB_PORTS = frozenset({80, 443})
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_IPV6 = re.compile(r"[0-9a-f:.]+")


def host_normalised(host: str) -> str:
    """Lower case, without brackets and the final dot; foreign letters in their ASCII form.

    Raises ValueError for what cannot be a host.
    """
    text = host.strip().removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        ascii_form = text.encode("ascii" if text.isascii() else "idna").decode().lower()
    except UnicodeError as exc:
        raise ValueError("is not a host name") from exc
    known = _NAME.fullmatch(ascii_form) or (":" in ascii_form and _IPV6.fullmatch(ascii_form))
    if not known or len(ascii_form) > 253:
        raise ValueError("is not a host name")
    return ascii_form


@dataclass(frozen=True, slots=True)
class HostPattern:
    """`*.` in front stands for any name below, not for the domain itself.

    `port` None: the web's ports, 80 and 443.
    """

    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError with a sentence's end."""
        text = text.strip()
        found = re.fullmatch(r"(\[[^\]]+\]|[^:\[\]/\s]+)(?::(\d{1,5}))?", text)
        if found is None:
            raise ValueError("must be a host such as pypi.org, *.npmjs.org or example.org:8443")
        port = int(found[2]) if found[2] else None
        if port is not None and not 0 < port < 65536:
            raise ValueError("has a port that is none")
        return cls(host_normalised(found[1]), port)

    def matches(self, host: str, port: int) -> bool:
        """`host` is normalised."""
        if port not in (WEB_PORTS if self.port is None else (self.port,)):
            return False
        if self.host.startswith("*."):
            return host.endswith(self.host[1:])
        return host == self.host

    def __str__(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"
