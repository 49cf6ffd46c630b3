"""What was done by whom. Rows are only added; each carries the hash of the one before."""

from typing import Any, ClassVar

from django.db import models


class AuditEvent(models.Model):
    """Who it was stands in words, not in references: it outlives the account."""

    class Result(models.TextChoices):
        OK = "ok"
        REFUSED = "refused"

    id = models.BigIntegerField(primary_key=True)  # 1, 2, 3 …: a gap is a row that was taken out
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64, blank=True)
    actor_name = models.CharField(max_length=160, blank=True)
    action = models.CharField(max_length=64)
    object_kind = models.CharField(max_length=64, blank=True)
    object_id = models.CharField(max_length=128, blank=True)
    result = models.CharField(max_length=8, choices=Result.choices, default=Result.OK)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=256, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        indexes: ClassVar[list[Any]] = [
            # The log of one object, of one actor, of one kind of act: newest first.
            models.Index(fields=["object_kind", "object_id", "-id"], name="audit_object"),
            models.Index(fields=["actor_id", "-id"], name="audit_actor"),
            models.Index(fields=["action", "-id"], name="audit_action"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.action}"
