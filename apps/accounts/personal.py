"""What accounts keep about a person, for their export."""

from collections.abc import Iterator, Mapping
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db.models import Q

from apps.accounts.models import ApiKey, AuditEvent, User
from apps.core.personal import Rows, register_personal

_PROFILE = (
    *("id", "username", "email", "display_name", "role", "locale", "timezone", "preferences"),
    *("has_second_factor", "date_joined", "last_login", "here_at", "seen_until"),
)
_KEY = (
    *("prefix", "name", "kind", "agent_id", "scopes", "ip_allow", "rate_per_minute", "created"),
    *("expiry_date", "last_used_at", "last_used_ip", "revoked", "revoked_at"),
)
_AUDIT = (
    *("id", "at", "actor_kind", "actor_id", "actor_name", "action", "object_kind", "object_id"),
    *("result", "ip", "user_agent", "request_id", "facts"),
)


def _profile(user_id: str) -> Rows:
    rows: Rows = User.objects.filter(pk=user_id).values(*_PROFILE)
    return rows


def _sign_ins(user_id: str) -> Rows:
    found = UserSession.objects.filter(user_id=user_id).order_by("created_at", "pk")
    rows: Rows = found.values("ip", "user_agent", "created_at", "last_seen_at")
    return rows


def _ways_in(user_id: str) -> Iterator[Mapping[str, Any]]:
    factors = Authenticator.objects.filter(user_id=user_id).order_by("pk")
    yield from factors.values("type", "created_at", "last_used_at")
    known = SocialAccount.objects.filter(user_id=user_id).order_by("pk")
    for row in known.values("provider", "uid", "extra_data", "date_joined", "last_login"):
        yield {"type": "identity_provider", **row}


def _keys(user_id: str) -> Rows:
    return ApiKey.objects.filter(user_id=user_id).order_by("created", "pk").values(*_KEY)


def _audit(user_id: str) -> Iterator[Mapping[str, Any]]:
    """What they did, and what was done to their account: of others' acts not from where."""
    mine = Q(actor_id=user_id) | Q(object_kind="user", object_id=user_id)
    rows = AuditEvent.objects.filter(mine).order_by("id").values(*_AUDIT)
    for row in rows.iterator(chunk_size=2000):
        is_own = row["actor_id"] == user_id
        yield row if is_own else {**row, "ip": None, "user_agent": "", "request_id": ""}


def register() -> None:
    register_personal("profile", _profile)
    register_personal("sign-ins", _sign_ins)
    register_personal("ways-in", _ways_in)
    register_personal("keys", _keys)
    register_personal("audit", _audit)
