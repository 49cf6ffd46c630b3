"""Refresh tokens in families: each sign-in starts one, each refresh passes it on.

A refresh token that was passed on already is shown again only by a thief, or by the victim after
the thief: the whole family ends, with its session, and the user is told.
"""

from typing import Any, cast

from allauth.headless.tokens.strategies.jwt import JWTTokenStrategy, internal
from django.contrib.sessions.models import Session
from django.db import transaction

from apps.accounts.audit import audit
from apps.accounts.models import User
from apps.accounts.models.audit import AuditEvent
from apps.accounts.sessions import browser_session_drop
from apps.accounts.signin.notices import account_notice


class RefreshFamilies(JWTTokenStrategy):  # type: ignore[misc]  # the package is untyped
    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        """A new pair, or None. Holds the session's row lock: of two who come with one token, the
        second is a reuse."""
        payload = internal.decode_token(refresh_token, "refresh")
        key = internal.session_key_from_sid(payload["sid"]) if payload else None
        if payload is None or key is None:
            return None
        with transaction.atomic():
            Session.objects.select_for_update().filter(session_key=key).first()
            pair = super().refresh_token(refresh_token)
            if pair is None:
                _end_family(payload, key)
        return cast(tuple[str, str] | None, pair)


def _end_family(payload: dict[str, Any], session_key: str) -> None:
    """Our signature is on it and its session lives, yet it is not the family's newest: a reuse."""
    if internal.lookup_session(session_key) is None:
        return
    user = User.objects.filter(pk=payload["sub"]).first()
    browser_session_drop(session_key)
    if user is not None:
        audit("refresh.reuse", user, result=AuditEvent.Result.REFUSED)
        account_notice.send(sender=User, user=user, kind="refresh_reuse", facts={})
