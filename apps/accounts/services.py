"""Making and ending what stands for a caller. Each plaintext is given out once and never stored."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any, cast

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.models import (
    SESSION_TOKEN_PREFIX,
    ApiKey,
    SessionToken,
    StreamTicket,
    User,
)
from apps.accounts.tokens import digest, new_token
from apps.core.api.callers import SCOPES, Caller
from apps.core.errors import Invalid, NotFound

STREAM_TICKET_TTL = timedelta(seconds=60)
LOGIN_TICKET_TTL = timedelta(minutes=10)


# Agent sessions


def session_token_create(
    session_id: str,
    agent_id: str,
    run_id: str = "",
    user: User | None = None,
    user_id: str = "",
    grants: Mapping[str, Any] | None = None,
    ttl_s: float = 3600,
    project_id: str = "",
) -> str:
    """A bearer token for an agent's session. It works until it expires or is revoked."""
    token = new_token(SESSION_TOKEN_PREFIX)
    SessionToken.objects.create(
        token_sha256=digest(token),
        session_id=session_id,
        agent_id=agent_id,
        run_id=run_id,
        project_id=project_id,
        user_id=user.pk if user else user_id or None,
        grants=dict(grants or {}),
        expires_at=timezone.now() + timedelta(seconds=ttl_s),
    )
    return token


def session_tokens_revoke(session_id: str) -> int:
    """End every token of a session. The next call with one of them answers 401."""
    return SessionToken.objects.filter(session_id=session_id, revoked_at=None).update(
        revoked_at=Now()
    )


# API keys


def api_key_create(user: User, name: str, scopes: Sequence[str]) -> str:
    """The plaintext of a new key. Raises Invalid for a scope unknown or wider than its owner."""
    return api_key_issue(user=user, name=name, scopes=scopes)[1]


def api_key_issue(
    *, user: User, name: str, scopes: Sequence[str], expires_in_days: int | None = None
) -> tuple[ApiKey, str]:
    """A key and its plaintext. Raises Invalid for a scope unknown or wider than its owner."""
    _check_scopes(user, scopes)
    expires = timezone.now() + timedelta(days=expires_in_days) if expires_in_days else None
    key, plaintext = ApiKey.objects.create_key(
        user=user, name=name, scopes=sorted(set(scopes)), expiry_date=expires
    )
    return cast(ApiKey, key), plaintext


def _check_scopes(user: User, scopes: Collection[str]) -> None:
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise Invalid(f"Unknown scopes: {', '.join(unknown)}.", known=list(SCOPES))
    if "admin" in scopes and not user.is_staff:
        raise Invalid("A key cannot do more than its owner: the scope “admin” is not yours.")


def api_key_revoke(*, user: User, prefix: str) -> None:
    """Revoke one of a user's keys. Again is fine; a key of somebody else is not found."""
    if not ApiKey.objects.filter(user=user, prefix=prefix).update(revoked=True):
        raise NotFound("You have no such key.")


# Tickets


def stream_ticket_create(*, caller: Caller, topics: Sequence[str]) -> str:
    """A pass to open one stream, for clients that cannot send a header with the handshake."""
    ticket = new_token()
    credential = caller.credential
    StreamTicket.objects.create(
        ticket_sha256=digest(ticket),
        kind=StreamTicket.Kind.STREAM,
        user_id=caller.user.pk,
        api_key=credential if isinstance(credential, ApiKey) else None,
        session_token=credential if isinstance(credential, SessionToken) else None,
        topics=list(topics),
        expires_at=timezone.now() + STREAM_TICKET_TTL,
    )
    return ticket


def stream_ticket_use(ticket: str) -> StreamTicket | None:
    """Use a ticket up. None: there is none, it is too old, or it was used before."""
    return _ticket_use(ticket, StreamTicket.Kind.STREAM)


def login_ticket_create(user: User) -> str:
    """A one-time link's secret: who opens `/login/<ticket>/` is signed in as the user."""
    ticket = new_token()
    StreamTicket.objects.create(
        ticket_sha256=digest(ticket),
        kind=StreamTicket.Kind.LOGIN,
        user=user,
        expires_at=timezone.now() + LOGIN_TICKET_TTL,
    )
    return ticket


def login_ticket_use(ticket: str) -> User | None:
    found = _ticket_use(ticket, StreamTicket.Kind.LOGIN)
    return found.user if found and found.user and found.user.is_active else None


def _ticket_use(ticket: str, kind: StreamTicket.Kind) -> StreamTicket | None:
    """Of many who come with one ticket, the guarded update lets one through."""
    mine = StreamTicket.objects.filter(ticket_sha256=digest(ticket), kind=kind)
    if not mine.filter(used_at=None, expires_at__gt=Now()).update(used_at=Now()):
        return None
    return mine.select_related("user", "api_key__user", "session_token__user").first()


def login_ticket_valid(ticket: str) -> bool:
    return StreamTicket.objects.filter(
        ticket_sha256=digest(ticket),
        kind=StreamTicket.Kind.LOGIN,
        used_at=None,
        expires_at__gt=Now(),
    ).exists()


def accounts_prune() -> int:
    """Delete tickets, session tokens and browser sessions that nobody can use any more."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    day_ago = timezone.now() - timedelta(days=1)
    old = Q(expires_at__lt=day_ago)
    tickets, _ = StreamTicket.objects.filter(old).delete()
    tokens, _ = SessionToken.objects.filter(old | Q(revoked_at__lt=day_ago)).delete()
    return tickets + tokens
