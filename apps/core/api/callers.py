"""Who calls: a person, a person's key, an agent's session, or nobody known."""

from collections.abc import Collection
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, Protocol, runtime_checkable

from django.conf import settings
from django.contrib.auth import get_user
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
    "account",  # one's own profile, keys, sessions and second factors
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
_EVERYTHING = frozenset(SCOPES)


@runtime_checkable
class Credential(Protocol):
    """What stands for a caller instead of a browser session (`request.auth`)."""

    @property
    def caller_kind(self) -> CallerKind: ...

    @property
    def scope_set(self) -> frozenset[str]: ...

    @property
    def principal(self) -> str: ...

    def reloaded(self) -> "tuple[Any, Credential] | None":
        """The user and this credential as they are now. None: it is good no more."""
        ...


@dataclass(frozen=True)
class Caller:
    """The answer to "who is this, and what may it do". `user` is a `User`, or a stand-in that owns
    nothing. `credential` is the API key or session token, if one was shown."""

    user: Any
    kinds: frozenset[CallerKind]
    scopes: frozenset[str]
    principal: str
    credential: Credential | None = field(default=None)
    browser_session: str = ""  # the key of a Django session, when that is what was shown

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
    session = getattr(request, "session", None)
    key = session.session_key if session is not None else None
    return caller_from(request.user, getattr(request, "auth", None), key or "")


def caller_reloaded(caller: Caller) -> Caller | None:
    """The caller as the database knows it now. None: it may no longer call (long streams ask)."""
    if caller.credential is not None:
        found = caller.credential.reloaded()
        return caller_from(*found) if found else None
    user = user_of_browser_session(caller.browser_session)
    return caller_from(user, None, caller.browser_session) if user is not None else None


def user_of_browser_session(key: str) -> Any:
    """Who is signed in with a session cookie. None: nobody, or no longer."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    request = HttpRequest()
    request.session = store(key) if key else store()
    user = get_user(request)  # checks the password's hash too: a new password ends sessions
    return user if user.is_authenticated else None


def caller_from(user: Any, credential: object, browser_session: str = "") -> Caller:
    if isinstance(credential, Credential):
        return Caller(
            user=user,
            kinds=_kinds(user, credential),
            scopes=credential.scope_set & _ceiling(user, credential),
            principal=credential.principal,
            credential=credential,
        )
    if user is None or not user.is_authenticated:
        return Caller(AnonymousUser(), frozenset({"anonymous"}), frozenset(), "anonymous")
    return Caller(
        user=user,
        kinds=_kinds(user, None),
        scopes=_ceiling(user),
        principal=f"user:{user.pk}",
        browser_session=browser_session,
    )


def _kinds(user: Any, credential: Credential | None) -> frozenset[CallerKind]:
    kind: CallerKind = credential.caller_kind if credential else "user"
    if kind != "user" or "admin" not in _ceiling(user, credential):
        return frozenset({kind})
    if credential and "admin" not in credential.scope_set:
        return frozenset({kind})
    return frozenset({kind, "admin"})


def _ceiling(user: Any, credential: Credential | None = None) -> frozenset[str]:
    """The most that the user's role allows. A stand-in for no user has no role: its credential
    alone says what it may do. What an agent may do does not wait for its user's second factor."""
    is_session = credential is not None and credential.caller_kind == "session"
    name = "role_scopes" if is_session else "scope_ceiling"
    ceiling: frozenset[str] = getattr(user, name, _EVERYTHING)
    return ceiling
