"""Which session calls. Nobody else may: no person, no API key."""

from rest_framework.exceptions import AuthenticationFailed

from apps.accounts.authentication import SessionTokenAuthentication
from apps.accounts.models import SESSION_TOKEN_PREFIX, SessionToken
from apps.llm.errors import GatewayError
from apps.llm.gateway.request import Caller

_SESSIONS_ONLY = "The model gateway takes the token of an agent's session only."


def caller_of(bearer: str, scope: str) -> Caller:
    """Raises GatewayError 401, or 403 when the session was not granted the scope.

    Asked at every call: a token ends when it is revoked.
    """
    try:
        found = SessionTokenAuthentication().authenticate_token(bearer)
    except AuthenticationFailed as exc:
        raise _refused(str(exc.detail)) from None
    if found is None:
        raise _refused(_SESSIONS_ONLY)
    token: SessionToken = found[1]
    if scope not in token.scope_set:
        raise GatewayError(
            f"This session lacks the scope “{scope}”.", code="missing_scope", http_status=403
        )
    return _caller(token)


def check_form(bearer: str) -> None:
    """Refuse what cannot be a session's token before its request is read."""
    if not bearer.startswith(SESSION_TOKEN_PREFIX):
        raise _refused(_SESSIONS_ONLY)


def _caller(token: SessionToken) -> Caller:
    granted = token.grants.get("models", [])
    return Caller(
        session_id=token.session_id,
        agent_id=token.agent_id,
        run_id=token.run_id,
        user_id=token.user_id or "",
        models=tuple(name for name in granted if isinstance(name, str)),
    )


def _refused(message: str) -> GatewayError:
    return GatewayError(message, code="not_authenticated", http_status=401)
