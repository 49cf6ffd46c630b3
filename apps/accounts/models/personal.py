"""What a person asked to be given of their own."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.models.users import User
from apps.core.ids import new_id


def new_export_id() -> str:
    return new_id("exp")


class DataExport(models.Model):
    """All about one person, as a zip, for a day. In the database: who makes it and who serves it
    may be different machines."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.CharField(max_length=40, primary_key=True, default=new_export_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.WAITING)
    content = models.BinaryField(default=b"")
    size = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["user", "-created_at"], name="data_export_of"),
        ]

    def __str__(self) -> str:
        return f"{self.id} of {self.user_id}"

    def is_good(self, now: datetime | None = None) -> bool:
        """Whether it can be fetched."""
        end = self.expires_at
        return self.status == self.Status.DONE and end is not None and end > (now or timezone.now())
