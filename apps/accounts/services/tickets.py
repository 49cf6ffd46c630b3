"""One-time passes: for a stream, and for a browser that signs in by a link."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.models import ApiKey, SessionToken, StreamTicket, User
from apps.accounts.tokens import digest, new_token
from apps.core.api.callers import Caller

STREAM_TICKET_TTL = timedelta(seconds=60)
LOGIN_TICKET_TTL = timedelta(minutes=10)


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
