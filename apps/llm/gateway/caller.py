"""Which session calls. Nobody else may: no person, no API key."""

from dataclasses import dataclass

from rest_framework.exceptions import AuthenticationFailed

from apps.accounts.authentication import SessionTokenAuthentication
from apps.accounts.models import SessionToken
from apps.llm.errors import GatewayError
from apps.llm.facts import SessionFacts, session_facts
from apps.llm.gateway.request import Caller
from apps.llm.selectors import failures_since_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerFacts:
    caller: Caller
    facts: SessionFacts
    failures: int  # calls of the session that failed since its last answer


def caller_facts(bearer: str) -> CallerFacts:
    """All that the database knows of a caller, in one go. Raises GatewayError 401."""
    try:
        found = SessionTokenAuthentication().authenticate_token(bearer)
    except AuthenticationFailed as exc:
        raise _refused(str(exc.detail)) from None
    if found is None:
        raise _refused("The model gateway takes the token of an agent's session only.")
    token = found[1]
    return CallerFacts(
        caller=_caller(token),
        facts=session_facts(token.session_id),
        failures=failures_since_answer(token.session_id),
    )


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
