"""What notifications keep about a person."""

from apps.core.events import topic_delete
from apps.core.personal import Rows, register_erasure, register_personal
from apps.notifications.access import topic_of
from apps.notifications.models import (
    Delivery,
    Notification,
    NotificationRule,
    NotificationState,
    Webhook,
)

_TOLD = ("id", "kind", "level", "title", "body", "link", "count", "created_at", "last_at")
_RULE = ("kind", "sink", "min_level", "quiet_from", "quiet_until", "digest", "webhook__name")


def _notifications(user_id: str) -> Rows:
    """Those meant for this person alone."""
    rows: Rows = Notification.objects.filter(user_id=user_id).order_by("created_at").values(*_TOLD)
    return rows


def _read(user_id: str) -> Rows:
    found = NotificationState.objects.filter(user_id=user_id).order_by("pk")
    rows: Rows = found.values("notification_id", "read_at", "dismissed_at")
    return rows


def _rules(user_id: str) -> Rows:
    rows: Rows = NotificationRule.objects.filter(user_id=user_id).values(*_RULE)
    return rows


def _webhooks(user_id: str) -> Rows:
    found = Webhook.objects.filter(user_id=user_id)
    rows: Rows = found.values("id", "name", "url", "enabled", "failures", "created_at")
    return rows


def _erase(user_id: str) -> None:
    for model in (Delivery, NotificationState, NotificationRule, Webhook, Notification):
        model._default_manager.filter(user_id=user_id).delete()
    topic_delete(topic_of(user_id))


def register() -> None:
    register_personal("notifications", _notifications)
    register_personal("notifications-read", _read)
    register_personal("notification-rules", _rules)
    register_personal("webhooks", _webhooks)
    register_erasure(_erase)
