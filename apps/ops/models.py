"""What things on disk took up when they were last measured."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now


class StorageUsage(models.Model):
    """One part of the data root. Measured by a task, never for a request."""

    class Kind(models.TextChoices):
        SECTION = "section"  # a directory at the top of the data root
        AGENT = "agent"  # an agent's home
        PROJECT = "project"  # a repository's mirror, or a directory without git

    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=255)
    bytes = models.PositiveBigIntegerField()
    files = models.PositiveBigIntegerField()
    directories = models.PositiveBigIntegerField()
    quota_bytes = models.PositiveBigIntegerField(null=True)  # null: none
    measured_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["kind", "name"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["kind", "name"], name="storage_usage"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.bytes} bytes"

    @property
    def is_over(self) -> bool:
        return self.quota_bytes is not None and self.bytes > self.quota_bytes
