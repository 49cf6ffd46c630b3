"""Who calls: a person, a person's key, an agent's session, or nobody known."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.request import Request

CallerKind = Literal["user", "session", "anonymous", "admin"]

USERS: frozenset[CallerKind] = frozenset({"user"})
SESSIONS: frozenset[CallerKind] = frozenset({"session"})
USERS_AND_SESSIONS: frozenset[CallerKind] = frozenset({"user", "session"})
ADMINS: frozenset[CallerKind] = frozenset({"admin"})
ANYONE: frozenset[CallerKind] = frozenset({"user", "session", "anonymous"})

SCOPES = (
    "read",
    "write",
    "chat",
    "runs",
    "projects",
    "memory",
    "documents",
    "cookies:write",
    "ingest",
    "bridges",
    "usage:read",
    "admin",
)


@runtime_checkable
class Credential(Protocol):
    """What stands for a caller instead of a browser session (`request.auth`)."""

    @property
    def caller_kind(self) -> CallerKind: ...

    @property
    def scope_set(self) -> frozenset[str]: ...

    @property
    def principal(self) -> str: ...


@dataclass(frozen=True)
class Caller:
    """The answer to "who is this, and what may it do". `user` is a `User`, or a stand-in that owns
    nothing. `credential` is the API key or session token, if one was shown."""

    user: Any
    kinds: frozenset[CallerKind]
    scopes: frozenset[str]
    principal: str
    credential: Credential | None = field(default=None)

    @property
    def is_admin(self) -> bool:
        return "admin" in self.kinds

    @property
    def is_known(self) -> bool:
        return "anonymous" not in self.kinds

    def may(self, callers: Collection[str], scope: str) -> bool:
        return bool(self.kinds & set(callers)) and ("anonymous" in callers or scope in self.scopes)


def caller_of(request: Request | HttpRequest) -> Caller:
    """The caller of an authenticated request."""
    return caller_from(request.user, getattr(request, "auth", None))


def caller_from(user: Any, credential: object) -> Caller:
    if isinstance(credential, Credential):
        return Caller(
            user=user,
            kinds=_kinds(user, credential),
            scopes=credential.scope_set,
            principal=credential.principal,
            credential=credential,
        )
    if user is None or not user.is_authenticated:
        return Caller(AnonymousUser(), frozenset({"anonymous"}), frozenset(), "anonymous")
    scopes = frozenset(SCOPES) - (frozenset() if user.is_staff else {"admin"})
    return Caller(user, _kinds(user, None), scopes, f"user:{user.pk}")


def _kinds(user: Any, credential: Credential | None) -> frozenset[CallerKind]:
    kind: CallerKind = credential.caller_kind if credential else "user"
    if kind != "user" or not user.is_staff:
        return frozenset({kind})
    if credential and "admin" not in credential.scope_set:
        return frozenset({kind})
    return frozenset({kind, "admin"})
