"""What secrets keep about a person: names and uses, no values."""

from django.db.models.functions import Now

from apps.core.personal import Rows, register_erasure, register_personal
from apps.secrets.models import Secret, SecretAccess, SecretGrant, SecretShare

_SECRET = (
    *("id", "name", "description", "type", "env_key", "username", "url", "file_name", "reveal"),
    *("expires_at", "rotate_after", "last_used_at", "created_at", "updated_at", "revoked_at"),
)
_GRANT = ("secret_id", "agent_id", "env_key", "project_id", "reveal", "created_at", "revoked_at")


def _secrets(user_id: str) -> Rows:
    rows: Rows = Secret.objects.filter(user_id=user_id).values(*_SECRET)
    return rows


def _grants(user_id: str) -> Rows:
    rows: Rows = SecretGrant.objects.filter(for_user_id=user_id).values(*_GRANT)
    return rows


def _uses(user_id: str) -> Rows:
    found = SecretAccess.objects.filter(user_id=user_id).order_by("id")
    rows: Rows = found.values("secret_id", "env_key", "how", "agent_id", "session_id", "at")
    return rows


def _erase(user_id: str) -> None:
    """Their values go a day later, as those of all that is revoked: until then what sessions say
    that had them is masked."""
    SecretGrant.objects.filter(for_user_id=user_id, revoked_at=None).update(revoked_at=Now())
    SecretShare.objects.filter(user_id=user_id).delete()
    own = Secret.objects.filter(user_id=user_id)
    SecretGrant.objects.filter(secret__in=own, revoked_at=None).update(revoked_at=Now())
    own.filter(revoked_at=None).update(revoked_at=Now())


def register() -> None:
    register_personal("secrets", _secrets)
    register_personal("secret-grants", _grants)
    register_personal("secret-uses", _uses)
    register_erasure(_erase)
