"""The end of a workspace: push, remove, delete."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.db.models.functions import Now

from apps.core.errors import DjinnError
from apps.core.faults import fault_point
from apps.repos.git import COMMITTER, Git
from apps.repos.layout import mirror_path, tree_of
from apps.repos.locks import repository_lock
from apps.repos.mirrors import branch_push
from apps.repos.models import Workspace
from apps.repos.services.commit import workspace_commit
from apps.repos.services.parallel import child_remove
from apps.repos.services.rows import live, row_update
from apps.repos.sources import source_of
from apps.repos.trees import tree_remove

log = structlog.get_logger(__name__)
Status = Workspace.Status
Kind = Workspace.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalized:
    """How finalisation went. Not `done`: the push failed, the tree is kept, try again later."""

    done: bool
    branch: str = ""
    commit: str = ""
    pushed: bool = False
    error_code: str = ""
    error: str = ""


def workspace_finalize(workspace: Workspace) -> Finalized:
    """Commit leftovers, push the branch, remove the tree and keep the branch.

    A failed push keeps all (`preserved`) and is told in the answer; call again to retry.
    """
    workspace.refresh_from_db()
    if workspace.status == Status.REMOVED:
        return Finalized(
            done=True,
            branch=workspace.branch,
            commit=workspace.head_commit,
            pushed=workspace.pushed_at is not None,
        )
    if workspace.kind != Kind.GIT_WORKTREE:
        _directory_release(workspace)
        return Finalized(done=True)
    if workspace.status == Status.CREATING:  # never got ready: nothing of value in it
        workspace_remove(run_id=workspace.run_id)
        return Finalized(done=True)
    row_update(workspace, status=Status.FINALIZING)
    try:
        return _worktree_finalize(workspace)
    except DjinnError as exc:
        log.warning("workspace not finalised", run_id=workspace.run_id, code=exc.code)
        row_update(workspace, status=Status.PRESERVED, last_error=exc.message)
        return Finalized(
            done=False,
            branch=workspace.branch,
            commit=workspace.head_commit,
            error_code=exc.code,
            error=exc.message,
        )


def _worktree_finalize(workspace: Workspace) -> Finalized:
    tree = tree_of(workspace)
    if tree.path.is_dir():
        workspace_commit(workspace, "finalize: changes left after the last step", COMMITTER)
    mirror = Path(workspace.mirror_path)
    with repository_lock(str(mirror)):
        commit = Git(git_dir=mirror).commit_of(f"refs/heads/{workspace.branch}")
        pushed = _push(workspace, mirror, commit)
        tree_remove(tree)
        for child in workspace.children.exclude(status=Status.REMOVED):
            child_remove(child)
    row_update(workspace, status=Status.REMOVED, head_commit=commit, last_error="")
    return Finalized(done=True, branch=workspace.branch, commit=commit, pushed=pushed)


def _push(workspace: Workspace, mirror: Path, commit: str) -> bool:
    """Push, if there is a remote and something of this run to push."""
    if not workspace.repository:
        return False
    if commit == workspace.base_commit and workspace.pushed_at is None:
        return False
    source = source_of(workspace.repository)
    fault_point("finalize.before_push")
    ephemeral = workspace.branch == f"run/{workspace.run_id}"
    branch_push(mirror, source, workspace.branch, ephemeral=ephemeral)
    fault_point("finalize.after_push")
    row_update(workspace, pushed_at=Now())
    return True


def _directory_release(workspace: Workspace) -> None:
    if not workspace.project_id:
        shutil.rmtree(workspace.path, ignore_errors=True)
    row_update(workspace, status=Status.REMOVED)


def workspace_remove(*, run_id: str) -> None:
    """Throw the run's directory away. Its branch stays."""
    workspace = live(run_id)
    if workspace is None:
        return
    if workspace.kind != Kind.GIT_WORKTREE:
        _directory_release(workspace)
        return
    with repository_lock(workspace.mirror_path):
        for child in workspace.children.exclude(status=Status.REMOVED):
            child_remove(child)
        tree_remove(tree_of(workspace))
    row_update(workspace, status=Status.REMOVED)


def workspace_delete(*, run_id: str) -> None:
    """The run is deleted: its directory, its own branches and its rows go. Task branches stay."""
    workspace_remove(run_id=run_id)
    rows = Workspace.objects.filter(run_id=run_id, parent=None)
    for mirror_name in rows.exclude(mirror_path="").values_list("mirror_path", flat=True):
        mirror = Path(mirror_name)
        if mirror == mirror_path(run_id):
            shutil.rmtree(mirror, ignore_errors=True)
        elif mirror.is_dir():
            with repository_lock(mirror_name):
                _branches_delete(mirror, run_id)
    rows.delete()


def _branches_delete(mirror: Path, run_id: str) -> None:
    git = Git(git_dir=mirror)
    patterns = (
        f"refs/heads/run/{run_id}",
        f"refs/heads/parallel/{run_id}",
        f"refs/heads/wip/{run_id}-*",
        f"refs/djinnbot/kept/run/{run_id}",
    )
    for name in git.text("for-each-ref", "--format=%(refname)", *patterns).splitlines():
        git.text("update-ref", "-d", name)
