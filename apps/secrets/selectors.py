"""Secrets as their owners and agents see them."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from apps.core.api.callers import Caller
from apps.secrets.access import may_manage, secrets_visible
from apps.secrets.models import Secret, SecretAccess, SecretGrant


def secret_list(caller: Caller) -> list[Secret]:
    """All that the caller may see, each with `seen_grants`, `may_manage` and `rotation_due`."""
    return secrets_told(caller, secrets_visible(caller))


def secrets_told(caller: Caller, secrets: QuerySet[Secret]) -> list[Secret]:
    standing = SecretGrant.objects.filter(revoked_at=None).order_by("agent_id", "pk")
    found = list(secrets.prefetch_related(Prefetch("grants", standing, to_attr="standing_grants")))
    return list(_facts(caller, found, timezone.now()))


def _facts(caller: Caller, secrets: Iterable[Secret], now: datetime) -> Iterable[Secret]:
    for secret in secrets:
        manages = may_manage(caller, secret)
        grants = secret.standing_grants  # type: ignore[attr-defined]  # prefetched
        secret.may_manage = manages  # type: ignore[attr-defined]  # told, not stored
        secret.rotation_due = bool(secret.rotate_after and secret.rotate_after <= now)  # type: ignore[attr-defined]
        secret.seen_grants = [  # type: ignore[attr-defined]
            grant for grant in grants if manages or grant.for_user_id == caller.user.pk
        ]
        yield secret


def secrets_shared_with(caller: Caller) -> list[Secret]:
    """What an admin has lent to the caller."""
    return secrets_told(caller, secrets_visible(caller).filter(shares__user_id=caller.user.pk))


def access_list(secret: Secret) -> QuerySet[SecretAccess]:
    return SecretAccess.objects.filter(secret_id=secret.pk)


def agent_grants_seen(caller: Caller, agent_id: str) -> list[SecretGrant]:
    """An agent's grants of secrets that the caller may see."""
    seen = secrets_visible(caller).values("pk")
    grants = SecretGrant.objects.filter(agent_id=agent_id, revoked_at=None, secret__in=seen)
    return [
        grant
        for grant in grants.select_related("secret").order_by("env_key", "pk")
        if may_manage(caller, grant.secret) or grant.for_user_id == caller.user.pk
    ]
