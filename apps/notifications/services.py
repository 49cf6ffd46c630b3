"""Telling people, and what people do with what they were told."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.models import User
from apps.core.dispatch import TaskName, enqueue
from apps.core.errors import Invalid, NotFound
from apps.core.events import NewEvent, events_append
from apps.notifications.access import people_of_role, topic_of
from apps.notifications.kinds import KINDS
from apps.notifications.models import (
    Delivery,
    Notification,
    NotificationRule,
    NotificationState,
    Sink,
    Webhook,
)
from apps.notifications.rules import plans
from apps.notifications.selectors import notification_list

DEDUPE_WINDOW = timedelta(minutes=10)
KEPT = timedelta(days=90)
_LOCK_SPACE = 0x646A_0009  # advisory locks of two numbers: this, and the key's hash


@transaction.atomic
def notify(
    *,
    kind: str,
    user: User | None = None,
    role: str = "",
    title: str = "",
    body: str = "",
    level: str = "",
    link: str = "",
    about: tuple[str, str] = ("", ""),
    dedupe_key: str = "",
    expires_at: datetime | None = None,
) -> Notification:
    """Tell one person, or all who have a role, in the caller's transaction.

    The same `dedupe_key` for the same audience within ten minutes counts up what was told, and
    sends nothing again. Holds the key's lock until the transaction ends.
    """
    known = KINDS[kind]
    if dedupe_key:
        repeated = _counted_up(dedupe_key, user, role)
        if repeated is not None:
            return repeated
    made = Notification.objects.create(
        kind=kind,
        level=level or known.level,
        title=(title or known.title)[:256],
        body=body,
        link=link,
        object_kind=about[0],
        object_id=about[1],
        user=user,
        role=role,
        dedupe_key=dedupe_key,
        expires_at=expires_at,
    )
    made.refresh_from_db()
    audience = _audience(made)
    _plan(made, audience)
    _tell(made, audience)
    return made


def _counted_up(key: str, user: User | None, role: str) -> Notification | None:
    digest = hashlib.sha256(key.encode()).digest()
    with connection.cursor() as cursor:
        number = int.from_bytes(digest[:4], "big", signed=True)
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_SPACE, number])
    since = timezone.now() - DEDUPE_WINDOW
    found = Notification.objects.filter(
        dedupe_key=key, user=user, role=role, created_at__gt=since
    ).order_by("-created_at")
    latest = found.first()
    if latest is None:
        return None
    Notification.objects.filter(pk=latest.pk).update(count=F("count") + 1, last_at=Now())
    NotificationState.objects.filter(notification=latest).update(read_at=None)
    latest.refresh_from_db()
    _tell(latest, _audience(latest))
    return latest


def _audience(made: Notification) -> list[User]:
    if made.user is not None:
        return [made.user] if made.user.is_active else []
    return list(User.objects.filter(people_of_role(made.role)).order_by("pk"))


def _plan(made: Notification, audience: Iterable[User]) -> None:
    """Write what is to be sent. The task sends it; beat finds what a lost message left."""
    rules: dict[str, list[NotificationRule]] = {}
    for rule in NotificationRule.objects.filter(user__in=audience):
        rules.setdefault(rule.user_id, []).append(rule)
    now = timezone.now()
    rows = [
        Delivery(
            notification=made,
            user=user,
            sink=plan.sink,
            webhook_id=plan.webhook_id,
            due_at=plan.due_at,
            is_digest=plan.is_digest,
        )
        for user in audience
        for plan in plans(made, user, rules.get(user.pk, []), now)
    ]
    if rows:
        Delivery.objects.bulk_create(rows)
        enqueue(TaskName.DELIVER_NOTIFICATIONS)


def _tell(made: Notification, audience: Iterable[User]) -> None:
    """The live topic of each: open pages show it at once."""
    payload = {
        "notificationId": made.pk,
        "kind": made.kind,
        "level": made.level,
        "title": made.title,
        "link": made.link,
        "count": made.count,
    }
    for user in audience:
        event = NewEvent(type="notification.made", payload=payload, lifecycle=False)
        events_append(topic_of(user.pk), [event])


# What people do with it


def notification_read(user: User, notification_id: str) -> None:
    """Raises NotFound, also for what is meant for others."""
    found = notification_list(user).filter(pk=notification_id).first()
    if found is None:
        raise NotFound("You have no such notification.")
    _states([found.pk], user, read=True)


def notifications_read_all(user: User) -> int:
    """How many were unread."""
    unread = notification_list(user, unread=True).values_list("pk", flat=True)
    return _states(list(unread), user, read=True)


def notification_dismiss(user: User, notification_id: str) -> None:
    """Take it out of one's own list. Raises NotFound."""
    if not notification_list(user).filter(pk=notification_id).exists():
        raise NotFound("You have no such notification.")
    _states([notification_id], user, dismissed=True)


@transaction.atomic
def _states(ids: Sequence[str], user: User, *, read: bool = False, dismissed: bool = False) -> int:
    now = timezone.now()
    rows = [
        NotificationState(
            notification_id=pk,
            user=user,
            read_at=now,
            dismissed_at=now if dismissed else None,
        )
        for pk in ids
    ]
    NotificationState.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["user", "notification"],
        update_fields=["read_at", *(["dismissed_at"] if dismissed else [])],
    )
    if ids:
        told = NewEvent(
            type="notification.read", payload={"notificationIds": list(ids)}, lifecycle=False
        )
        events_append(topic_of(user.pk), [told])
    return len(rows)


@transaction.atomic
def rules_replace(user: User, rules: Sequence[Mapping[str, Any]]) -> list[NotificationRule]:
    """Raises Invalid for a webhook of somebody else, and for half of quiet hours."""
    mine = set(Webhook.objects.filter(user=user).values_list("pk", flat=True))
    rows = [_rule(user, rule, mine) for rule in rules]
    NotificationRule.objects.filter(user=user).delete()
    return NotificationRule.objects.bulk_create(rows)


def _rule(user: User, rule: Mapping[str, Any], webhooks: set[str]) -> NotificationRule:
    webhook = rule.get("webhook_id")
    if (rule["sink"] == Sink.WEBHOOK) != (webhook is not None):
        raise Invalid("A rule names a webhook if its sink is one.")
    if webhook is not None and webhook not in webhooks:
        raise Invalid("You have no such webhook.", webhook=webhook)
    if (rule.get("quiet_from") is None) != (rule.get("quiet_until") is None):
        raise Invalid("Quiet hours have a beginning and an end.")
    return NotificationRule(user=user, **rule)


def notifications_prune() -> int:
    """Forget what is older than 90 days, or has expired."""
    now = timezone.now()
    old, _ = Notification.objects.filter(created_at__lt=now - KEPT).delete()
    expired, _ = Notification.objects.filter(expires_at__lt=now - DEDUPE_WINDOW).delete()
    return old + expired
