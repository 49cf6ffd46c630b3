"""Telling people of what happened."""

from celery import shared_task

from apps.core.dispatch import TaskName
from apps.notifications.feed import feed_follow
from apps.notifications.outbox import deliver_due


@shared_task(name=TaskName.FOLLOW_FEED)
def follow_feed() -> None:
    feed_follow()


@shared_task(name=TaskName.DELIVER_NOTIFICATIONS)
def deliver_notifications(*_: object, **__: object) -> None:
    """Delivered twice, it finds nothing the second time."""
    deliver_due()
