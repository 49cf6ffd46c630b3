"""Workspaces: a directory that a run works in, usually a git worktree."""

from typing import Any, ClassVar

from django.db import models

from apps.core.models import TimestampedModel


class Workspace(TimestampedModel):
    class Kind(models.TextChoices):
        GIT_WORKTREE = "git_worktree"
        PERSISTENT_DIRECTORY = "persistent_directory"

    class Status(models.TextChoices):
        CREATING = "creating"
        READY = "ready"
        FINALIZING = "finalizing"
        PRESERVED = "preserved"
        REMOVED = "removed"
        CORRUPT = "corrupt"

    kind = models.CharField(max_length=24, choices=Kind.choices)
    # A local path or URL of the repository that the workspace came from; empty: a new one.
    repository = models.TextField(default="")
    project_id = models.CharField(max_length=64, default="")
    run_id = models.CharField(max_length=64, default="")
    task_id = models.CharField(max_length=64, default="")
    agent_id = models.CharField(max_length=128, default="")
    path = models.TextField()
    mirror_path = models.TextField(default="")
    branch = models.CharField(max_length=250, default="")
    base_commit = models.CharField(max_length=64, default="")
    head_commit = models.CharField(max_length=64, default="")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.CREATING)
    last_error = models.TextField(default="")
    warnings = models.JSONField(default=list)  # sentences for people
    # A step that runs beside others has a tree of its own, which is merged into its parent's.
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="children")
    name = models.CharField(max_length=128, default="")
    pushed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["run_id"],
                name="workspace_one_per_run",
                condition=~models.Q(run_id="")
                & models.Q(parent=None)
                & ~models.Q(status="removed"),
            ),
            models.UniqueConstraint(
                fields=["parent", "name"],
                name="workspace_one_per_parallel_step",
                condition=~models.Q(status="removed"),
            ),
            # One run at a time in a directory without git; one tree a branch of a mirror.
            models.UniqueConstraint(
                fields=["path"], name="workspace_path_free", condition=~models.Q(status="removed")
            ),
            models.UniqueConstraint(
                fields=["mirror_path", "branch"],
                name="workspace_branch_free",
                condition=~models.Q(branch="") & ~models.Q(status="removed"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.branch or self.path} ({self.status})"
