"""Which session calls. Nobody else may: no person, no API key.

One statement says all that may change between two calls: whether the token still works, and
whether the registry of models and keys is still the one in memory.
"""

from dataclasses import dataclass
from typing import Final

from apps.accounts.models import SESSION_SCOPES, SESSION_TOKEN_PREFIX, SessionToken, User
from apps.accounts.tokens import digest
from apps.core.async_sql import sql_connection
from apps.llm.errors import GatewayError
from apps.llm.gateway.request import Caller
from apps.llm.models import RegistryVersion

_SESSIONS_ONLY = "The model gateway takes the token of an agent's session only."
_FIND: Final = f"""
SELECT t.session_id, t.agent_id, t.run_id, t.project_id, coalesce(t.user_id, ''), t.grants,
       t.revoked_at IS NOT NULL, t.expires_at <= clock_timestamp(), coalesce(u.is_active, true),
       coalesce((SELECT xid FROM {RegistryVersion._meta.db_table} WHERE id = 1), 0)
  FROM {SessionToken._meta.db_table} t LEFT JOIN {User._meta.db_table} u ON u.id = t.user_id
 WHERE t.token_sha256 = %s
"""  # noqa: S608  names of our own tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    caller: Caller
    registry_version: int


async def admission_of(bearer: str, scope: str) -> Admission:
    """Raises GatewayError 401, or 403 when the session was not granted the scope.

    Asked at every call: a token ends when it is revoked.
    """
    async with sql_connection() as connection:
        found = await (await connection.execute(_FIND, [digest(bearer)])).fetchone()
    if found is None:
        raise _refused("This bearer token is not known.")
    session_id, agent_id, run_id, project_id, user_id, grants, ended, expired, active, version = (
        found
    )
    if ended:
        raise _refused("This session has ended.")
    if expired:
        raise _refused("This session token has expired.")
    if not active:
        raise _refused("This account is disabled.")
    scopes = grants.get("scopes")
    if scope not in (SESSION_SCOPES if scopes is None else scopes):
        raise GatewayError(
            f"This session lacks the scope “{scope}”.", code="missing_scope", http_status=403
        )
    models = tuple(name for name in grants.get("models", ()) if isinstance(name, str))
    caller = Caller(
        session_id=session_id,
        agent_id=agent_id,
        run_id=run_id,
        user_id=user_id,
        project_id=project_id,
        models=models,
        kind=str(grants.get("kind", "step")),
    )
    return Admission(caller=caller, registry_version=version)


def check_form(bearer: str) -> None:
    """Refuse what cannot be a session's token before its request is read."""
    if not bearer.startswith(SESSION_TOKEN_PREFIX):
        raise _refused(_SESSIONS_ONLY)


def _refused(message: str) -> GatewayError:
    return GatewayError(message, code="not_authenticated", http_status=401)
