"""Agents as the library last read them. Files are the record; these rows are the index."""

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
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
    channels = models.JSONField(default=dict)  # {"slack": usable}; credentials stay in the files
    config = models.JSONField(default=dict)  # validated, effective
    file_config = models.JSONField(default=dict)  # {layer: flat values}, as last read well
    config_overrides = models.JSONField(default=dict)  # flat; above every file
    file_overrides = models.JSONField(default=dict)  # where the data directory is read-only
    warnings = models.JSONField(default=list)  # [{code, file, line, path, message}]
    enabled = models.BooleanField(default=True)
    paused_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)  # null while paused: until somebody resumes
    pause_reason = models.TextField(default="")
    timezone = models.CharField(max_length=64, null=True)
    removed_at = models.DateTimeField(null=True)  # its directory is gone; it may come back
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"{self.emoji} {self.name}"

    def is_paused(self, now: datetime) -> bool:
        return self.paused_at is not None and (self.paused_until is None or now < self.paused_until)


class AgentFileVersion(models.Model):
    """What a persona file or `config.yml` held once. The newest 50 of a file are kept."""

    class Author(models.TextChoices):
        USER = "user"
        AGENT = "agent"
        SYNC = "sync"  # found on disk

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="file_versions")
    filename = models.CharField(max_length=64)
    content = models.TextField()
    sha256 = models.CharField(max_length=64)
    author = models.CharField(max_length=8, choices=Author.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[Any]] = [
            # The versions of one file, newest first.
            models.Index(fields=["agent", "filename", "-id"], name="agent_file_versions"),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id}/{self.filename}@{self.sha256[:8]}"


class AgentToolOverride(models.Model):
    """No row: the tool is on."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="tool_overrides")
    tool_name = models.CharField(max_length=256)
    enabled = models.BooleanField()
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["tool_name"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["agent", "tool_name"], name="agent_tool_override"),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.tool_name}={'on' if self.enabled else 'off'}"
