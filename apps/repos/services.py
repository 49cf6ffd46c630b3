"""The life of a workspace: prepare, commit a step, reset, finalise, remove.

    creating → ready → finalizing → removed
                  ↘ corrupt ↗    ↘ preserved (push failed) → finalizing

Each function may be killed at any line and called again: the row says what was meant, git says
what is done, and whatever is missing is done then. Calls on one repository take its lock, except
commits, which touch only their own branch.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
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
    GitFailed,
    MergeConflict,
    RepositoryInvalid,
    WorkspaceBusy,
    WorkspaceCorrupt,
    WorkspaceNotFound,
)
from apps.repos.git import COMMITTER, Git, Person
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
from apps.repos.mirrors import (
    branch_push,
    mirror_ensure,
    mirror_fetch,
    mirror_first_commit,
    tip_keep,
)
from apps.repos.models import Workspace
from apps.repos.names import branch_name, mirror_key, run_key
from apps.repos.sources import Head, Source, source_of, uncommitted_changes
from apps.repos.trees import (
    agent_repository_write,
    changes_add,
    git_dir_is_sound,
    git_of,
    index_commit,
    index_snapshot,
    tree_create,
    tree_is_sound,
    tree_rebuild,
    tree_remove,
    tree_repair,
    tree_reset,
)

log = structlog.get_logger(__name__)

Status = Workspace.Status
Kind = Workspace.Kind
_LIVE = (Status.CREATING, Status.READY, Status.FINALIZING, Status.PRESERVED, Status.CORRUPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalized:
    """How finalisation went. Not `done`: the push failed, the tree is kept, try again later."""

    done: bool
    branch: str = ""
    commit: str = ""
    pushed: bool = False
    error_code: str = ""
    error: str = ""


def agent_person(agent_id: str, name: str = "") -> Person:
    """The author of an agent's commits."""
    plain = "".join(c for c in (name or agent_id) if c.isprintable() and c not in "<>\n")
    address = "".join(c if c.isalnum() or c in "._-" else "-" for c in agent_id)
    return Person(name=plain.strip() or "agent", email=f"{address or 'agent'}@agents.djinnbot")


# Prepare


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
    workspace = _row_get_or_create(
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
        _note_error(workspace, exc)
        raise


def _row_get_or_create(*, run_id: str, **fields: str) -> Workspace:
    existing = _live(run_id)
    if existing is not None:
        return existing
    try:
        with transaction.atomic():
            return Workspace.objects.create(run_id=run_id, **fields)
    except IntegrityError:
        existing = _live(run_id)
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


def _live(run_id: str) -> Workspace | None:
    return Workspace.objects.filter(run_id=run_id, parent=None, status__in=_LIVE).first()


def _holder(fields: dict[str, str]) -> str:
    taken: QuerySet[Workspace] = Workspace.objects.filter(status__in=_LIVE)
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
    _row_update(
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
        _repair(workspace, tree)
    else:
        _rebuild(workspace, tree)
    if workspace.status in (Status.PRESERVED, Status.FINALIZING, Status.CORRUPT):
        _row_update(workspace, status=Status.READY, last_error="")
    return workspace


def _rebuild(workspace: Workspace, tree: Tree) -> None:
    _row_update(workspace, status=Status.CORRUPT)
    with repository_lock(str(tree.mirror)):
        if not Git(git_dir=tree.mirror).commit_of(f"refs/heads/{workspace.branch}"):
            raise WorkspaceCorrupt(
                f"The workspace and its branch {workspace.branch} are gone. Restart the run with a "
                "fresh workspace."
            )
        tree_rebuild(tree, workspace.branch)
    _warn(workspace, ["The workspace was damaged and has been rebuilt on its branch."])
    _row_update(workspace, status=Status.READY)


def _repair(workspace: Workspace, tree: Tree) -> None:
    _warn(workspace, tree_repair(tree, workspace.branch))


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
        _row_update(workspace, status=Status.READY, last_error="")
    return workspace


# Commit


def workspace_commit(workspace: Workspace, message: str, author: Person) -> str | None:
    """Commit what the agent left. None: nothing has changed since the last commit.

    Killed after git had committed, the next call answers that commit.
    """
    if workspace.kind != Kind.GIT_WORKTREE:
        return None
    tree = tree_of(workspace)
    _heal(workspace, tree)
    fault_point("commit.before")
    _warn(workspace, changes_add(tree))
    index_commit(tree, message, author)
    fault_point("commit.after")
    head = git_of(tree).commit_of("HEAD")
    if head == workspace.head_commit:
        return None
    agent_repository_write(tree, workspace.branch)
    _row_update(workspace, head_commit=head)
    return head


def workspace_save_wip(workspace: Workspace, label: str, author: Person) -> str | None:
    """Store unfinished work on `wip/<run>-<label>` and leave the branch and the files alone.

    For the attempt that was cancelled or lost; `label` is usually the attempt's number. None:
    there was nothing.
    """
    if workspace.kind != Kind.GIT_WORKTREE:
        return None
    tree = tree_of(workspace)
    _heal(workspace, tree)
    branch = branch_name(f"wip/{workspace.run_id}-{label}")
    _warn(workspace, changes_add(tree))
    message = f"wip: unfinished work of {workspace.run_id} ({label})"
    return index_snapshot(tree, message, author, f"refs/heads/{branch}") or None


def workspace_reset(workspace: Workspace, commit: str) -> None:
    """Put the branch and the files back to `commit`. The commits after it are kept, unnamed."""
    if workspace.kind != Kind.GIT_WORKTREE:
        return
    tree = tree_of(workspace)
    _heal(workspace, tree)
    full = git_of(tree).commit_of(commit)
    if not full:
        raise GitFailed(f"There is no commit {commit} in this workspace.")
    with repository_lock(str(tree.mirror)):
        tree_reset(tree, workspace.branch, full)
    _row_update(workspace, head_commit=full)


def _heal(workspace: Workspace, tree: Tree) -> None:
    if tree_is_sound(tree):
        _repair(workspace, tree)
    elif git_dir_is_sound(tree) or tree.path.is_dir():
        _rebuild(workspace, tree)
    else:
        raise WorkspaceNotFound("The workspace of this run is not on the server any more.")


# Parallel steps


def workspace_fork(workspace: Workspace, name: str) -> Workspace:
    """A tree of its own for a step that runs beside others, on the branch's present commit."""
    if workspace.kind != Kind.GIT_WORKTREE:
        return workspace
    run_key(name)
    tree = Tree(path=run_path(f"{workspace.run_id}-at-{name}"), mirror=Path(workspace.mirror_path))
    branch = branch_name(f"parallel/{workspace.run_id}/{name}")
    child, _ = Workspace.objects.exclude(status=Status.REMOVED).get_or_create(
        parent=workspace,
        name=name,
        defaults={
            "kind": Kind.GIT_WORKTREE,
            "run_id": workspace.run_id,
            "repository": workspace.repository,
            "path": str(tree.path),
            "mirror_path": workspace.mirror_path,
            "branch": branch,
        },
    )
    if child.status == Status.READY and tree_is_sound(tree):
        return child
    with repository_lock(workspace.mirror_path):
        git = Git(git_dir=tree.mirror)
        base = git.commit_of(f"refs/heads/{workspace.branch}")
        git.text("update-ref", f"refs/heads/{branch}", base)
        tree_create(tree, branch)
    _row_update(child, status=Status.READY, base_commit=base, head_commit=base)
    return child


def workspace_join(workspace: Workspace, child: Workspace, author: Person) -> str | None:
    """Merge a parallel step's commits into the run's branch and remove its tree.

    Call it for the steps in the order of the file. Raises MergeConflict with the files in
    `extra["conflicts"]`; then both sides are as before. None: the step changed nothing.
    """
    if workspace.pk == child.pk:
        return None
    tree = tree_of(workspace)
    _heal(workspace, tree)
    with repository_lock(workspace.mirror_path):
        git = git_of(tree)
        head = git.commit_of("HEAD")
        if not git.succeeds("merge-base", "--is-ancestor", child.branch, "HEAD"):
            _merge(tree, child, author)
        _remove_child(child)
        agent_repository_write(tree, workspace.branch)
    merged = git.commit_of("HEAD")
    _row_update(workspace, head_commit=merged)
    return merged if merged != head else None


def _merge(tree: Tree, child: Workspace, author: Person) -> None:
    git = git_of(tree)
    try:
        git.text(
            "-c", f"user.name={author.name}", "-c", f"user.email={author.email}",
            "merge", "--quiet", "--no-edit", "-m", f"parallel/{child.name}: merge", child.branch,
        )  # fmt: skip
    except DjinnError:
        conflicts = git.lines("diff", "--name-only", "--diff-filter=U", "-z")
        git.text("reset", "--merge", "--quiet")
        if not conflicts:
            raise
        raise MergeConflict(
            f"The work of {child.name} conflicts with that of the steps before it.",
            conflicts=conflicts,
        ) from None


def _remove_child(child: Workspace) -> None:
    """Remove a parallel step's tree and branch. Commits that were not merged stay, unnamed."""
    mirror = Path(child.mirror_path)
    git = Git(git_dir=mirror)
    tree_remove(tree_of(child))
    tip = git.commit_of(f"refs/heads/{child.branch}")
    if tip:
        tip_keep(mirror, f"run/{child.run_id}", tip)
        git.text("update-ref", "-d", f"refs/heads/{child.branch}")
    _row_update(child, status=Status.REMOVED)


# The end


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
    _row_update(workspace, status=Status.FINALIZING)
    try:
        return _worktree_finalize(workspace)
    except DjinnError as exc:
        log.warning("workspace not finalised", run_id=workspace.run_id, code=exc.code)
        _row_update(workspace, status=Status.PRESERVED, last_error=exc.message)
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
            _remove_child(child)
    _row_update(workspace, status=Status.REMOVED, head_commit=commit, last_error="")
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
    _row_update(workspace, pushed_at=Now())
    return True


def _directory_release(workspace: Workspace) -> None:
    if not workspace.project_id:
        shutil.rmtree(workspace.path, ignore_errors=True)
    _row_update(workspace, status=Status.REMOVED)


def workspace_remove(*, run_id: str) -> None:
    """Throw the run's directory away. Its branch stays."""
    workspace = _live(run_id)
    if workspace is None:
        return
    if workspace.kind != Kind.GIT_WORKTREE:
        _directory_release(workspace)
        return
    with repository_lock(workspace.mirror_path):
        for child in workspace.children.exclude(status=Status.REMOVED):
            _remove_child(child)
        tree_remove(tree_of(workspace))
    _row_update(workspace, status=Status.REMOVED)


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


# Rights


def box_user() -> tuple[int, int]:
    """The uid and gid that a box runs as: 1000 under a root platform, else the platform's own."""
    return (1000, 1000) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def workspace_hand_over(workspace: Workspace, uid: int, gid: int) -> None:
    """Give the directory, and the repository that the agent sees there, to the box's user.

    Call it before each box: files that the platform wrote meanwhile belong to the platform. It
    follows no link, and touches only what differs. Without root's rights it does nothing; the
    box then runs as the platform's own user.
    """
    if os.geteuid() != 0:
        return
    places = [Path(workspace.path)]
    doors = [places[0].parent]
    if workspace.kind == Kind.GIT_WORKTREE:
        tree = tree_of(workspace)
        places.append(tree.agent_git_dir)
        doors += [tree.mirror.parent, tree.mirror]
    for place in places:
        _give(place, uid, gid)
    for door in doors:
        os.chown(door, -1, gid)
        door.chmod(0o710)  # pass through to what you know; list nothing


def _give(place: Path, uid: int, gid: int) -> None:
    for _, directories, names, descriptor in os.fwalk(place, follow_symlinks=False):
        status = os.fstat(descriptor)
        if (status.st_uid, status.st_gid) != (uid, gid):
            os.fchown(descriptor, uid, gid)
        _give_entries([*directories, *names], descriptor, uid, gid)


def _give_entries(names: Sequence[str], descriptor: int, uid: int, gid: int) -> None:
    for name in names:
        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        if (status.st_uid, status.st_gid) != (uid, gid):
            os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A directory of the host that a box must see at the very same path."""

    path: Path
    read_only: bool


def workspace_git_mounts(workspace: Workspace) -> tuple[Mount, ...]:
    """What git in the box needs beside the directory itself.

    The agent's own repository, and the mirror's objects that it borrows, read-only. The `.git`
    file of the directory and the repository name each other by absolute paths.
    """
    if workspace.kind != Kind.GIT_WORKTREE:
        return ()
    tree = tree_of(workspace)
    return (
        Mount(path=tree.agent_git_dir, read_only=False),
        Mount(path=tree.mirror / "objects", read_only=True),
    )


# Rows


def _row_update(workspace: Workspace, **fields: object) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(**fields, updated_at=Now())
    workspace.refresh_from_db()


def _warn(workspace: Workspace, warnings: Sequence[str]) -> None:
    new = [warning for warning in warnings if warning not in workspace.warnings]
    if new:
        log.warning("workspace needed care", run_id=workspace.run_id, warnings=new)
        _row_update(workspace, warnings=[*workspace.warnings, *new])


def _note_error(workspace: Workspace, error: DjinnError) -> None:
    _row_update(workspace, last_error=error.message)
