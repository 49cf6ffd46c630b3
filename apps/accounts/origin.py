"""Where the work of this moment comes from: a caller's address and program, or a command."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Origin:
    actor_kind: str = "system"
    actor_id: str = ""
    actor_name: str = ""
    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""


_current: ContextVar[Origin] = ContextVar("djinnbot_origin", default=Origin())  # noqa: B039  frozen


def current_origin() -> Origin:
    return _current.get()


@contextmanager
def origin_of_request(request: HttpRequest) -> Iterator[None]:
    token = _current.set(
        Origin(
            actor_kind="anonymous",
            ip=request.META.get("REMOTE_ADDR") or None,
            user_agent=request.headers.get("User-Agent", "")[:256],
            request_id=getattr(request, "request_id", ""),
        )
    )
    try:
        yield
    finally:
        _current.reset(token)


def actor_is(user: Any, kind: str = "user") -> None:
    """Name who acts, once that is known."""
    name = str(user)[:160]
    changed = replace(_current.get(), actor_kind=kind, actor_id=str(user.pk or ""), actor_name=name)
    _current.set(changed)


@contextmanager
def acting_as(kind: str, name: str) -> Iterator[None]:
    """For commands and tasks: `acting_as("command", "create_invite")`."""
    token = _current.set(Origin(actor_kind=kind, actor_name=name))
    try:
        yield
    finally:
        _current.reset(token)
