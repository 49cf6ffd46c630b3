"""What an agent's session shows us. The plaintext is given out once and never stored."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.models import SESSION_TOKEN_PREFIX, SessionToken, User
from apps.accounts.tokens import digest, new_token


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
