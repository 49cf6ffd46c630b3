"""Who may see a secret's row, and who may change it. Nobody sees its value here."""

from django.db.models import Q, QuerySet

from apps.accounts.models import SessionToken
from apps.core.api.callers import Caller
from apps.core.errors import Forbidden
from apps.secrets.errors import SecretNotFound
from apps.secrets.models import Secret


def secrets_visible(caller: Caller) -> QuerySet[Secret]:
    """One's own, and those of the instance that are shared with one; to an admin all but other
    people's own."""
    user_id = caller.user.pk
    seen = Q(user_id=user_id) | Q(shares__user_id=user_id)
    if caller.is_admin:
        seen |= ~Q(scope=Secret.Scope.USER)
    return Secret.objects.filter(seen, revoked_at=None).distinct()


def secret_visible(caller: Caller, secret_id: str) -> Secret:
    """Raises SecretNotFound."""
    found = secrets_visible(caller).filter(pk=secret_id).first()
    if found is None:
        raise SecretNotFound("There is no such secret.")
    return found


def may_manage(caller: Caller, secret: Secret) -> bool:
    if secret.scope == Secret.Scope.USER:
        return bool(secret.user_id == caller.user.pk)
    return caller.is_admin


def secret_managed(caller: Caller, secret_id: str) -> Secret:
    """A secret that the caller may change. Raises SecretNotFound, Forbidden."""
    secret = secret_visible(caller, secret_id)
    if not may_manage(caller, secret):
        raise Forbidden("Only an admin changes this secret.")
    return secret


def scope_allowed(caller: Caller, scope: str) -> None:
    """Raises Forbidden: the instance's and a project's secrets are an admin's to make."""
    if scope != Secret.Scope.USER and not caller.is_admin:
        raise Forbidden("Only an admin makes this secret; one of your own has the scope `user`.")


def session_token_of(caller: Caller, agent_id: str) -> SessionToken:
    """The token of a session of this very agent. Raises Forbidden."""
    token = caller.credential
    if not isinstance(token, SessionToken):
        raise Forbidden("Only an agent's session may do this.")
    if token.agent_id != agent_id:
        raise Forbidden(
            f"This session belongs to `{token.agent_id}` and may not act as `{agent_id}`.",
            code="wrong_agent",
        )
    return token
