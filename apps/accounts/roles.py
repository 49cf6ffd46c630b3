"""What each role may do. A key or a session may do less than its user, never more."""

from django.db import models

from apps.core.api.callers import SCOPES


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


ADMINISTRATORS = frozenset({Role.OWNER, Role.ADMIN})
_EVERYTHING = frozenset(SCOPES)
# Until a required second factor is set up, a person may do this and no more.
ENROLMENT_SCOPES = frozenset({"account"})
SCOPES_OF_ROLE: dict[str, frozenset[str]] = {
    Role.OWNER: _EVERYTHING,
    Role.ADMIN: _EVERYTHING,
    Role.MEMBER: _EVERYTHING - {"admin"},
    Role.VIEWER: frozenset({"read", "account"}),
}
_RANK = [Role.VIEWER, Role.MEMBER, Role.ADMIN, Role.OWNER]


def outranks(role: str, other: str) -> bool:
    """Whether who has `role` may decide about who has `other`: no one gives more than they have."""
    return _RANK.index(Role(role)) >= _RANK.index(Role(other))
