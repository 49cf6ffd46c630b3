"""Bearer tokens: what an `Authorization` header stands for.

The first class that knows the token's form answers. A bearer of no known form is refused, also
where no caller is needed: who shows a credential means it.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.accounts.access_token import AccessToken, access_token_read
from apps.accounts.models import SESSION_TOKEN_PREFIX, ApiKey, SessionToken, User
from apps.accounts.origin import actor_is, current_origin
from apps.accounts.roles import Role
from apps.accounts.services import stream_ticket_use
from apps.accounts.tokens import digest
from apps.core.api.local import is_from_this_machine

_USE_NOTED_EVERY = timedelta(minutes=1)


class BearerAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        token = bearer_of(get_authorization_header(request))
        return self.authenticate_token(token) if token is not None else None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="djinnbot"'

    def authenticate_token(self, token: str) -> tuple[Any, Any] | None:
        raise NotImplementedError


def bearer_of(header: bytes) -> str | None:
    """The token of an `Authorization: Bearer` header. Raises AuthenticationFailed if it is bent."""
    scheme, _, token = header.partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    try:
        text = token.strip().decode("ascii")
    except UnicodeDecodeError:
        raise _unknown() from None
    if not text or " " in text:
        raise _unknown()
    return text


class SessionTokenAuthentication(BearerAuthentication):
    """An agent's session: `dst_…`. `request.auth` is the `SessionToken`."""

    def authenticate_token(self, token: str) -> tuple[Any, SessionToken] | None:
        if not token.startswith(SESSION_TOKEN_PREFIX):
            return None
        found = (
            SessionToken.objects.select_related("user").filter(token_sha256=digest(token)).first()
        )
        if found is None:
            raise _unknown()
        if found.revoked_at is not None:
            raise AuthenticationFailed("This session has ended.", code="token_revoked")
        if found.expires_at <= timezone.now():
            raise AuthenticationFailed("This session token has expired.", code="token_expired")
        if found.user is not None:
            _active(found.user)
        actor_is(found.caller, "session")
        return found.caller, found


class AccessTokenAuthentication(BearerAuthentication):
    """The short-lived half of a JWT pair: `eyJ…`. `request.auth` is the `AccessToken`."""

    def authenticate_token(self, token: str) -> tuple[User, AccessToken] | None:
        if not token.startswith("eyJ"):
            return None
        found = access_token_read(token)
        if found is None:
            raise AuthenticationFailed(
                "This token is unknown, too old, or its session has ended.", code="token_expired"
            )
        user, credential = found
        actor_is(user)
        return user, credential


class BrowserAuthentication(SessionAuthentication):
    """A browser's cookie, with its CSRF token on writes."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is not None:
            actor_is(found[0])
        return found


class ApiKeyAuthentication(BearerAuthentication):
    """A user's key: `djb_…`. `request.auth` is the `ApiKey`."""

    def authenticate_token(self, token: str) -> tuple[User, ApiKey]:
        try:
            key = ApiKey.objects.get_from_key(token)
        except ApiKey.DoesNotExist:
            raise _unknown() from None
        if key.revoked:
            raise AuthenticationFailed("This key was revoked.", code="token_revoked")
        if key.has_expired:
            raise AuthenticationFailed("This key has expired.", code="token_expired")
        user = _active(key.user)
        address = request_address()
        if not key.admits(address):
            raise AuthenticationFailed("This key is not for your address.", code="wrong_address")
        _note_use(key, address)
        actor_is(user, "key")
        return user, key


class TicketAuthentication(BaseAuthentication):
    """A stream's one-time `?ticket=`. `request.auth` is the used `StreamTicket`."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        ticket = request.query_params.get("ticket")
        if ticket is None:
            return None
        used = stream_ticket_use(ticket)
        found = used.reloaded() if used else None
        if found is None:
            raise AuthenticationFailed("This ticket is unknown, used or too old.")
        return found

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="djinnbot"'


def request_address() -> str:
    return current_origin().ip or ""


def _note_use(key: ApiKey, address: str) -> None:
    """Remember the last use, to the minute: a write a call would cost more than the call."""
    long_ago = timezone.now() - _USE_NOTED_EVERY
    if key.last_used_at is None or key.last_used_at < long_ago:
        ApiKey.objects.filter(
            Q(last_used_at=None) | Q(last_used_at__lt=long_ago), pk=key.pk
        ).update(last_used_at=Now(), last_used_ip=address or None)


def _active(user: User) -> User:
    if not user.is_active:
        raise AuthenticationFailed("This account is disabled.", code="token_revoked")
    return user


def _unknown() -> AuthenticationFailed:
    return AuthenticationFailed("This bearer token is not known.")


class OpenAuthentication(BaseAuthentication):
    """For `AUTH_ENABLED=false`: whoever calls from this machine is the owner.

    Last in the list, so a bad credential is still refused. It answers for direct loopback
    connections under DEBUG only, whatever the settings say.
    """

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        if settings.AUTH_ENABLED or not settings.DEBUG:
            return None
        if not is_from_this_machine(request._request):
            return None
        owner = User.objects.filter(role=Role.OWNER, is_active=True).first()
        return (owner, None) if owner else None
