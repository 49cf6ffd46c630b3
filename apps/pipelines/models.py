"""What the library found on disk, and the frozen copy that a run executes."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.pipelines.fields import OrderedJSONField


class PipelineDefinition(models.Model):
    """One pipeline file as last read: valid or not, with its problems."""

    class Layer(models.TextChoices):
        BUILTIN = "builtin"
        DATA = "data"

    pipeline_id = models.CharField(max_length=255)  # an invalid file may have only its name
    layer = models.CharField(max_length=8, choices=Layer.choices)
    path = models.TextField()
    sha256 = models.CharField(max_length=64)
    mtime_ns = models.BigIntegerField()
    name = models.CharField(max_length=200, default="")
    version = models.CharField(max_length=64, default="")
    description = models.TextField(default="")
    valid = models.BooleanField()
    shadowed = models.BooleanField(default=False)  # another file of this id wins
    problems = models.JSONField(default=list)  # [{code, severity, path, line, message}]
    parsed = OrderedJSONField(default=dict)
    yaml = models.TextField(default="")
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["pipeline_id", "layer", "path"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["path"], name="pipeline_definition_path"),
        ]

    def __str__(self) -> str:
        return f"{self.pipeline_id} ({self.layer})"


class PipelineVersion(models.Model):
    """What counted for a pipeline's id once. The newest 50 of an id are kept."""

    pipeline_id = models.CharField(max_length=255)
    layer = models.CharField(max_length=8, choices=PipelineDefinition.Layer.choices)
    sha256 = models.CharField(max_length=64)
    yaml = models.TextField()
    # Who saved it; null: it was found on disk.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[Any]] = [
            # The versions of one pipeline, newest first.
            models.Index(fields=["pipeline_id", "-id"], name="pipeline_versions"),
        ]

    def __str__(self) -> str:
        return f"{self.pipeline_id}@{self.sha256[:8]}"


class PipelineSnapshot(models.Model):
    """The exact text a run was started with. Shared by all runs of the same text."""

    pipeline_id = models.CharField(max_length=128)
    sha256 = models.CharField(max_length=64, unique=True)
    parsed = OrderedJSONField()
    yaml = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.pipeline_id}@{self.sha256[:8]}"
