"""Notifications, who has read them, who wants them where, and what is still on its way."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.accounts.roles import Role
from apps.core.crypto import SealedField
from apps.core.ids import new_id
from apps.notifications.kinds import Level


def new_notification_id() -> str:
    return new_id("ntf")


def new_rule_id() -> str:
    return new_id("nrl")


def new_webhook_id() -> str:
    return new_id("whk")


def _user(**options: Any) -> Any:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", **options
    )


class Sink(models.TextChoices):
    INBOX = "inbox"
    EMAIL = "email"
    WEBHOOK = "webhook"


class Digest(models.TextChoices):
    NONE = "none"
    HOURLY = "hourly"
    DAILY = "daily"


class Notification(models.Model):
    """Something to hear of, for one person or for all who have a role. What is told again within
    ten minutes counts up instead."""

    id = models.CharField(
        max_length=40, primary_key=True, default=new_notification_id, editable=False
    )
    kind = models.CharField(max_length=64)
    level = models.CharField(max_length=8, choices=Level.choices)
    title = models.CharField(max_length=256)
    body = models.TextField(blank=True)
    link = models.CharField(max_length=1000, blank=True)  # a path of ours
    object_kind = models.CharField(max_length=32, blank=True)
    object_id = models.CharField(max_length=128, blank=True)
    user = _user(null=True)
    role = models.CharField(max_length=8, choices=Role.choices, blank=True)
    dedupe_key = models.CharField(max_length=200, blank=True)
    count = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())  # when it was told the last time
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, role="") | (Q(user=None) & ~Q(role="")),
                name="notification_audience_is_one",
            )
        ]
        indexes: ClassVar[list[Any]] = [
            # One's inbox, the newest first.
            models.Index(fields=["user", "-created_at", "-id"], name="notification_user"),
            models.Index(fields=["role", "-created_at", "-id"], name="notification_role"),
            # Whether the same was told a moment ago.
            models.Index(
                fields=["dedupe_key", "-created_at"],
                name="notification_dedupe",
                condition=~Q(dedupe_key=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.title}"


class NotificationState(models.Model):
    """What one person did with a notification. Each has their own."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="states")
    user = _user()
    read_at = models.DateTimeField(null=True)
    dismissed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["user", "notification"], name="notification_state_one")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.notification_id}"


class Webhook(models.Model):
    """An address that hears of notifications, signed as Standard Webhooks says."""

    id = models.CharField(max_length=40, primary_key=True, default=new_webhook_id, editable=False)
    user = _user()
    name = models.CharField(max_length=64)
    url = models.URLField(max_length=500)
    secret = SealedField()  # `whsec_…`
    allow_private = models.BooleanField(default=False)  # for administrators only
    enabled = models.BooleanField(default=True)
    failures = models.PositiveIntegerField(default=0)  # since the last delivery that went well
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class NotificationRule(models.Model):
    """Where a person wants to hear of which kinds. Without rules: see `rules.py`."""

    id = models.CharField(max_length=40, primary_key=True, default=new_rule_id, editable=False)
    user = _user()
    kind = models.CharField(max_length=64, default="*")  # a pattern: `run.*`
    sink = models.CharField(max_length=8, choices=Sink.choices)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, null=True, related_name="rules")
    min_level = models.CharField(max_length=8, choices=Level.choices, default=Level.INFO)
    # In the person's time zone; deliveries wait for the end of it. Both or none.
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    digest = models.CharField(max_length=8, choices=Digest.choices, default=Digest.NONE)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(sink=Sink.WEBHOOK, webhook__isnull=False)
                | (~Q(sink=Sink.WEBHOOK) & Q(webhook=None)),
                name="notification_rule_webhook",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.sink}"


class Delivery(models.Model):
    """One notification on its way to one address: written with it, confirmed afterwards."""

    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="deliveries"
    )
    user = _user()
    sink = models.CharField(max_length=8, choices=Sink.choices)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, null=True)
    is_digest = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField()  # of the next try; while one runs, when that is lost
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["notification", "user", "sink", "webhook"],
                name="delivery_once",
                nulls_distinct=False,
            )
        ]
        indexes: ClassVar[list[Any]] = [
            # What is due.
            models.Index(
                fields=["due_at"], name="delivery_due", condition=Q(done_at=None, given_up_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"{self.notification_id} to {self.sink}"


class FeedPlace(models.Model):
    """How far the event log has been read for notifications. One row: its lock is the turn."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    xid = models.BigIntegerField()
    row_id = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(id=1), name="feed_place_is_one")
        ]

    def __str__(self) -> str:
        return f"{self.xid}-{self.row_id}"
