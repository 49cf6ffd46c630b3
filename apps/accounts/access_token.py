"""The access half of a JWT pair, as a credential. It stands for a session, and ends with it."""

from dataclasses import dataclass

from allauth.headless.tokens.strategies.jwt import internal

from apps.accounts.models import User
from apps.core.api.callers import SCOPES, CallerKind, user_of_browser_session


@dataclass(frozen=True, slots=True)
class AccessToken:
    user_id: str
    session_key: str
    caller_kind: CallerKind = "user"

    @property
    def scope_set(self) -> frozenset[str]:
        return frozenset(SCOPES)  # as in a browser: the role alone decides

    @property
    def principal(self) -> str:
        return f"user:{self.user_id}"

    def reloaded(self) -> "tuple[User, AccessToken] | None":
        user = user_of_browser_session(self.session_key)
        return (user, self) if user is not None and user.pk == self.user_id else None


def access_token_read(token: str) -> tuple[User, AccessToken] | None:
    """Who signed in for this token. None: not ours, too old, or its session has ended."""
    found = internal.validate_access_token(token)
    if found is None:
        return None
    user, payload = found
    key = internal.session_key_from_sid(payload["sid"])
    if key is None or not user.is_active:
        return None
    return user, AccessToken(user_id=user.pk, session_key=key)
