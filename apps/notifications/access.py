"""Whose a notification is: of one person, or of all who have a role."""

from django.db.models import Q

from apps.accounts.models import User
from apps.accounts.roles import Role, outranks
from apps.core.api.callers import Caller


def topic_of(user_id: str) -> str:
    return f"notifications:{user_id}"


def may_watch_notifications(caller: Caller, topic: str) -> bool:
    return "user" in caller.kinds and topic == topic_of(str(caller.user.pk))


def meant_for(user: User) -> Q:
    """One's own, and those of one's role and of lesser ones since one came."""
    roles = [role for role in Role.values if outranks(user.role, role)]
    return Q(user=user) | Q(role__in=roles, created_at__gte=user.date_joined)


def people_of_role(role: str) -> Q:
    """Everybody whom a notification of this role is for."""
    above = [other for other in Role.values if outranks(other, role)]
    return Q(role__in=above, is_active=True, kind=User.Kind.PERSON)
