"""Whether a request comes from this very machine."""

from ipaddress import ip_address

from django.http import HttpRequest


def is_from_this_machine(request: HttpRequest) -> bool:
    """A TCP connection over loopback, not through a proxy.

    Not the Unix socket: boxes with agents in them speak through it.
    """
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP")):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR") or "").is_loopback
    except ValueError:
        return False
