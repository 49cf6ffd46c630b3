"""Directories that were kept because their push failed, and that nobody came for."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.utils import timezone

from apps.core.errors import DjinnError
from apps.core.events import NewEvent, events_append
from apps.repos.access import runs_active
from apps.repos.git import COMMITTER
from apps.repos.layout import tree_of
from apps.repos.locks import repository_lock
from apps.repos.models import Workspace
from apps.repos.services.commit import workspace_commit
from apps.repos.services.parallel import child_remove
from apps.repos.trees import tree_is_sound, tree_remove

log = structlog.get_logger(__name__)
Status = Workspace.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PreservedTree:
    """`bytes`: what its files take on the disk. `reason`: why it stays; empty: it is removed."""

    run_id: str
    path: str
    branch: str
    since: datetime
    bytes: int
    reason: str = ""


def preserved_remove(*, dry_run: bool = False, now: datetime | None = None) -> list[PreservedTree]:
    """Remove the directories that were kept for longer than the setting says; answer all of them.

    Their branches stay. A directory of a run that is active is never touched: who restarts a run
    takes the row first, and then it is not `preserved` any more.
    """
    before = (now or timezone.now()) - timedelta(days=settings.PRESERVED_WORKSPACE_DAYS)
    rows = Workspace.objects.filter(
        status=Status.PRESERVED, parent=None, updated_at__lt=before
    ).order_by("id")
    return [_judge(workspace, before, dry_run=dry_run) for workspace in rows]


def _judge(workspace: Workspace, before: datetime, *, dry_run: bool) -> PreservedTree:
    since, size = workspace.updated_at, _bytes_of(Path(workspace.path))
    reason = _hindrance(workspace)
    if not reason and not dry_run:
        try:
            reason = _remove(workspace, before)
        except DjinnError as exc:
            log.warning("A preserved workspace stays", run_id=workspace.run_id, error=exc.message)
            reason = exc.message
    return PreservedTree(
        run_id=workspace.run_id,
        path=workspace.path,
        branch=workspace.branch,
        since=since,
        bytes=size,
        reason=reason,
    )


def _hindrance(workspace: Workspace) -> str:
    return "its run is active" if runs_active([workspace.run_id]) else ""


def _remove(workspace: Workspace, before: datetime) -> str:
    """Why it stays after all; empty: it is gone."""
    days = (timezone.now() - workspace.updated_at).days
    with repository_lock(workspace.mirror_path):
        _keep_leftovers(workspace)
        # Asked as late as can be, and by a guarded update: a restart that came first has the row.
        reason = _hindrance(workspace)
        if reason:
            return reason
        mine = Workspace.objects.filter(pk=workspace.pk, status=Status.PRESERVED)
        if not mine.update(status=Status.REMOVED):
            return "somebody took it up again"
        for child in workspace.children.exclude(status=Status.REMOVED):
            child_remove(child)
        tree_remove(tree_of(workspace))
    log.info("A preserved workspace was removed", run_id=workspace.run_id, path=workspace.path)
    facts = {"path": workspace.path, "branch": workspace.branch, "preservedDays": days}
    events_append(
        f"run:{workspace.run_id}",
        [NewEvent(type="WORKSPACE_REMOVED", payload=facts)],
        run_id=workspace.run_id,
    )
    return ""


def _keep_leftovers(workspace: Workspace) -> None:
    """What no commit holds yet is put on the branch. A damaged directory goes as it is."""
    if not tree_is_sound(tree_of(workspace)):
        return
    try:
        workspace_commit(workspace, "finalize: changes left after the last step", COMMITTER)
    except DjinnError as exc:
        log.warning("Changes were not kept", run_id=workspace.run_id, error=exc.message)


def _bytes_of(path: Path) -> int:
    total = 0
    for directory, _, names in os.walk(path):
        total += sum(_size(Path(directory, name)) for name in names)
    return total


def _size(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:
        return 0  # it went while we looked


def freed_bytes(trees: Sequence[PreservedTree]) -> int:
    return sum(tree.bytes for tree in trees if not tree.reason)
