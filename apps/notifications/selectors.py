"""Reading notifications."""

from django.db.models import DateTimeField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from apps.accounts.models import User
from apps.notifications.access import meant_for
from apps.notifications.models import Notification, NotificationState


def notification_list(user: User, *, unread: bool = False) -> QuerySet[Notification]:
    """What a person has not put away, with their own `read_at`."""
    mine = NotificationState.objects.filter(user=user, notification=OuterRef("pk"))
    gone = Q(states__user=user, states__dismissed_at__isnull=False)
    rows = (
        Notification.objects.filter(meant_for(user))
        .filter(Q(expires_at=None) | Q(expires_at__gt=Now()))
        .exclude(pk__in=Notification.objects.filter(gone).values("pk"))
        .annotate(read_at=Subquery(mine.values("read_at")[:1], output_field=DateTimeField()))
    )
    return rows.filter(read_at=None) if unread else rows
