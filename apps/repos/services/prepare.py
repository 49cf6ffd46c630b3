"""Making the directory that a run works in."""

import shutil
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.core.errors import DjinnError
from apps.core.faults import fault_point
from apps.repos.errors import (
    BranchInUse,
    BranchNeedsRemote,
    DiskFull,
    RepositoryInvalid,
    WorkspaceBusy,
)
from apps.repos.git import Git
from apps.repos.layout import (
    Tree,
    data_root,
    directory_create,
    mirror_path,
    project_directory,
    run_path,
    tree_of,
)
from apps.repos.locks import repository_lock
from apps.repos.mirrors import mirror_ensure, mirror_fetch, mirror_first_commit, tip_keep
from apps.repos.models import Workspace
from apps.repos.names import branch_name, mirror_key, run_key
from apps.repos.services.ending import workspace_remove
from apps.repos.services.mending import rebuild, repair
from apps.repos.services.rows import LIVE, live, note_error, row_update
from apps.repos.sources import Head, Source, source_of, uncommitted_changes
from apps.repos.trees import tree_create, tree_is_sound

Status = Workspace.Status
Kind = Workspace.Kind


def workspace_prepare(
    *,
    run_id: str,
    repository: str = "",
    branch: str = "",
    workspace_type: str = Kind.GIT_WORKTREE,
    project_id: str = "",
    task_id: str = "",
    fresh: bool = False,
) -> Workspace:
    """Make the directory that the run works in, and answer it `ready`. Ready already: as it is.

    `branch` is a task's branch; empty means `run/<run_id>`. `fresh` throws an earlier workspace of
    the run away (a restart); without it a run that had ended goes on from its branch.

    Raises the errors of `apps.repos.errors`; WorkspaceBusy and other transient ones are worth
    another try. Call it outside of a transaction: it may clone for minutes.
    """
    run_key(run_id)
    _check_disk()
    if workspace_type == Kind.PERSISTENT_DIRECTORY:
        return _directory_prepare(run_id, repository, project_id)
    if fresh:
        workspace_remove(run_id=run_id)
    source = source_of(repository) if repository.strip() else None
    if branch and source is None:
        raise BranchNeedsRemote("A task branch needs a project with a repository.")
    branch = branch_name(branch or f"run/{run_id}")
    key = source.key if source else (mirror_key(f"project:{project_id}") if project_id else run_id)
    tree = Tree(path=run_path(run_id), mirror=mirror_path(key))
    workspace = _row_take(
        run_id=run_id,
        kind=Kind.GIT_WORKTREE,
        repository=source.address if source else "",
        project_id=project_id,
        task_id=task_id,
        path=str(tree.path),
        mirror_path=str(tree.mirror),
        branch=branch,
    )
    try:
        return _worktree_prepare(workspace, source, fresh=fresh)
    except DjinnError as exc:
        note_error(workspace, exc)
        raise


def project_path(*, repository: str, workspace_type: str, project_id: str) -> Path | None:
    """What runs of one project share: its repository's mirror, or its directory without git. None:
    a run by itself. Raises the errors of `apps.repos.errors`."""
    if workspace_type == Kind.PERSISTENT_DIRECTORY:
        return project_directory(mirror_key(f"project:{project_id}")) if project_id else None
    if workspace_type != Kind.GIT_WORKTREE:
        return None
    if repository.strip():
        return mirror_path(source_of(repository).key)
    return mirror_path(mirror_key(f"project:{project_id}")) if project_id else None


def _row_take(*, run_id: str, **fields: str) -> Workspace:
    """The run's row. A preserved one is taken by a guarded update, as its removal asks for it too:
    one of the two gets it."""
    found = _row_get_or_create(run_id=run_id, **fields)
    if found.status != Status.PRESERVED:
        return found
    mine = Workspace.objects.filter(pk=found.pk, status=Status.PRESERVED)
    if not mine.update(status=Status.READY, last_error="", updated_at=Now()):
        return _row_get_or_create(run_id=run_id, **fields)
    found.refresh_from_db()
    return found


def _row_get_or_create(*, run_id: str, **fields: str) -> Workspace:
    existing = live(run_id)
    if existing is not None:
        return existing
    try:
        with transaction.atomic():
            return Workspace.objects.create(run_id=run_id, **fields)
    except IntegrityError:
        existing = live(run_id)
        if existing is not None:
            return existing  # another delivery of the same task was first
        holder = _holder(fields)
        if fields.get("branch"):
            raise BranchInUse(
                f"The branch {fields['branch']} is in use by {holder}.", holder=holder
            ) from None
        raise WorkspaceBusy(
            f"The directory is in use by {holder}; this run waits.", holder=holder
        ) from None


def _holder(fields: dict[str, str]) -> str:
    taken: QuerySet[Workspace] = Workspace.objects.filter(status__in=LIVE)
    if fields.get("branch"):
        taken = taken.filter(mirror_path=fields["mirror_path"], branch=fields["branch"])
    else:
        taken = taken.filter(path=fields["path"])
    return taken.values_list("run_id", flat=True).first() or "another run"


def _worktree_prepare(workspace: Workspace, source: Source | None, *, fresh: bool) -> Workspace:
    if workspace.status != Status.CREATING:
        return _worktree_resume(workspace)
    tree = tree_of(workspace)
    warnings = _source_warnings(source)
    with repository_lock(str(tree.mirror)):
        workspace.refresh_from_db()
        if workspace.status != Status.CREATING:  # made while we waited for the lock
            return workspace
        mirror_ensure(tree.mirror)
        head = mirror_fetch(tree.mirror, source) if source else mirror_first_commit(tree.mirror)
        base, warning = _branch_ensure(workspace, head, fresh=fresh)
        fault_point("workspace.before_add")
        tree_create(tree, workspace.branch)
        fault_point("workspace.after_add")
        commit = Git(git_dir=tree.git_dir).commit_of("HEAD")
    row_update(
        workspace,
        status=Status.READY,
        base_commit=base,
        head_commit=commit,
        last_error="",
        warnings=[*warnings, *warning],
    )
    return workspace


def _worktree_resume(workspace: Workspace) -> Workspace:
    """A workspace that was made before: mended if the directory suffered, else left alone."""
    tree = tree_of(workspace)
    if tree_is_sound(tree):
        repair(workspace, tree)
    else:
        rebuild(workspace, tree)
    if workspace.status in (Status.FINALIZING, Status.CORRUPT):
        row_update(workspace, status=Status.READY, last_error="")
    return workspace


def _branch_ensure(workspace: Workspace, head: Head, *, fresh: bool) -> tuple[str, list[str]]:
    """Make the branch of the workspace exist; answer its base and warnings."""
    mirror = Path(workspace.mirror_path)
    git = Git(git_dir=mirror)
    branch = workspace.branch
    ours = git.commit_of(f"refs/heads/{branch}")
    theirs = git.commit_of(f"refs/remotes/origin/{branch}")
    earlier = _earlier(workspace)
    if branch == f"run/{workspace.run_id}":
        if ours and earlier is not None and not fresh:
            return earlier.base_commit or head.commit, []
        if ours and ours != head.commit:
            tip_keep(mirror, branch, ours)  # an orphan of the same name
        git.text("update-ref", f"refs/heads/{branch}", head.commit)
        return head.commit, []
    tip, warnings = _shared_tip(git, ours, theirs, head.commit)
    git.text("update-ref", f"refs/heads/{branch}", tip)
    return git.text("merge-base", tip, head.commit) if tip != head.commit else tip, warnings


def _shared_tip(git: Git, ours: str, theirs: str, base: str) -> tuple[str, list[str]]:
    """Where a branch that outlives runs stands: what we hold, what the remote holds, or new."""
    if not ours or not theirs:
        return ours or theirs or base, []
    if git.succeeds("merge-base", "--is-ancestor", ours, theirs):
        return theirs, []
    if git.succeeds("merge-base", "--is-ancestor", theirs, ours):
        return ours, []
    return ours, [
        "The branch has moved on the remote in another direction; its commits are not in this "
        "workspace and the push at the end will be refused."
    ]


def _earlier(workspace: Workspace) -> Workspace | None:
    rows = Workspace.objects.filter(run_id=workspace.run_id, status=Status.REMOVED, parent=None)
    return rows.exclude(base_commit="").order_by("-id").first()


def _source_warnings(source: Source | None) -> list[str]:
    count = uncommitted_changes(source) if source else 0
    if not count:
        return []
    files = "1 file has" if count == 1 else f"{count} files have"
    return [f"{files} uncommitted changes in the repository; the run starts from the last commit."]


def _check_disk() -> None:
    directory_create(data_root())
    free_mb = shutil.disk_usage(data_root()).free // 2**20
    if free_mb < settings.MIN_FREE_DISK_MB:
        raise DiskFull(
            f"Only {free_mb} MB are free below {data_root()}; a run needs "
            f"{settings.MIN_FREE_DISK_MB} MB. Free some space and start the run again.",
            free_mb=free_mb,
        )


def _directory_prepare(run_id: str, repository: str, project_id: str) -> Workspace:
    """A directory without git: a project's is kept and used by one run at a time."""
    if repository.strip():
        raise RepositoryInvalid(
            "A persistent directory has no repository. Use the workspace type git_worktree."
        )
    key = mirror_key(f"project:{project_id}") if project_id else ""
    path = project_directory(key) if key else run_path(run_id)
    workspace = _row_get_or_create(
        run_id=run_id,
        kind=Kind.PERSISTENT_DIRECTORY,
        project_id=project_id,
        path=str(path),
        mirror_path="",
        branch="",
    )
    directory_create(path)
    if workspace.status != Status.READY:
        row_update(workspace, status=Status.READY, last_error="")
    return workspace
