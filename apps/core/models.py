"""The event log, idempotency records and instance settings."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now


class CurrentXid(models.Func):
    """The id of the writing transaction, which orders events across topics (see `Event.xid`)."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()


class TimestampedModel(models.Model):
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class EventTopic(models.Model):
    """The counter of one topic. Its row lock makes the ids of a topic gapless in commit order."""

    name = models.CharField(max_length=128, primary_key=True)
    seq = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}@{self.seq}"


class Event(models.Model):
    """One thing that happened: log and outbox in one row, written with the change itself."""

    topic = models.CharField(max_length=128)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=64)
    payload = models.JSONField(default=dict)
    run_id = models.CharField(max_length=64, default="")
    step_id = models.CharField(max_length=128, default="")
    session_id = models.CharField(max_length=64, default="")
    # A feed over all topics reads `lifecycle` rows by (xid, id) below the oldest transaction that
    # is still open: no counter for all to queue at, and no row that commits late is skipped.
    lifecycle = models.BooleanField(default=False)
    xid = models.BigIntegerField(db_default=CurrentXid())
    created_at = models.DateTimeField(db_default=Now())
    published_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[Any]] = [
            # Resume: events of a topic after a position, in order.
            models.UniqueConstraint(fields=["topic", "seq"], name="event_topic_seq"),
        ]
        indexes: ClassVar[list[Any]] = [
            # Relay: what Redis may have missed.
            models.Index(
                fields=["id"], name="event_unpublished", condition=models.Q(published_at=None)
            ),
            # The feed over all topics.
            models.Index(
                fields=["xid", "id"], name="event_feed", condition=models.Q(lifecycle=True)
            ),
            # Transcript of one session.
            models.Index(
                fields=["session_id", "id"],
                name="event_session",
                condition=~models.Q(session_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic}#{self.seq} {self.type}"


class IdempotencyRecord(models.Model):
    """The first answer to a POST with an `Idempotency-Key`, kept 24 h."""

    principal = models.CharField(max_length=96)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=512)
    key = models.CharField(max_length=255)
    body_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)  # null: the first is still running
    response = models.BinaryField(default=b"")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["principal", "method", "path", "key"], name="idempotency_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"
