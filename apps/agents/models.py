"""Agents as the library last read them. Files are the record; these rows are the index."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class Agent(models.Model):
    class Source(models.TextChoices):
        BUILTIN = "builtin"
        DATA_DIR = "data_dir"
        DB = "db"

    id = models.CharField(max_length=128, primary_key=True)
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=200)
    abbreviation = models.CharField(max_length=16, default="")
    origin = models.CharField(max_length=200, default="")
    emoji = models.CharField(max_length=16, default="🤖")
    description = models.TextField(default="")
    stages = models.JSONField(default=list)
    source = models.CharField(max_length=8, choices=Source.choices)
    content_hash = models.CharField(max_length=64)
    files = models.JSONField(default=dict)  # {"SOUL.md": text, …}: effective over all layers
    extra_files = models.JSONField(default=list)
    config = models.JSONField(default=dict)  # validated, effective
    config_overrides = models.JSONField(default=dict)
    warnings = models.JSONField(default=list)
    enabled = models.BooleanField(default=True)
    paused_until = models.DateTimeField(null=True)
    pause_reason = models.TextField(default="")
    timezone = models.CharField(max_length=64, null=True)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"{self.emoji} {self.name}"
