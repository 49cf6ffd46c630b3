"""What things on disk took up when they were last measured, and cleanings that were asked for."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now

from apps.core.ids import new_id


def new_cleaning_id() -> str:
    return new_id("clean")


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


class Cleaning(models.Model):
    """The cleaner, run because somebody asked."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.CharField(max_length=40, primary_key=True, default=new_cleaning_id, editable=False)
    dry_run = models.BooleanField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.QUEUED)
    stage = models.CharField(max_length=16, default="", blank=True)  # what it looks for now
    found = models.PositiveIntegerField(default=0)
    freed_bytes = models.PositiveBigIntegerField(default=0)
    deletions = models.JSONField(default=list)  # the first of them
    error = models.CharField(max_length=200, default="", blank=True)
    requested_by_id = models.CharField(max_length=40, default="", blank=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"
