"""Merge a run's branch into the default branch, in a directory that nobody else sees.

The result is a branch `merge/<run>` of the mirror. It reaches the remote only by a push that
somebody asks for: nothing here touches the remote's default branch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import uuid4

from apps.core.errors import DjinnError
from apps.repos.errors import GitFailed, PushRejected
from apps.repos.git import Git
from apps.repos.layout import Tree, run_path
from apps.repos.locks import repository_lock
from apps.repos.mirrors import branch_push, mirror_fetch
from apps.repos.models import Workspace
from apps.repos.names import branch_name
from apps.repos.sources import source_of
from apps.repos.trees import git_of, tree_create, tree_remove

Strategy = Literal["merge", "squash", "rebase"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """`commit` is empty when there are conflicts."""

    branch: str
    commit: str = ""
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    branch: str
    commit: str
    pushed: int  # commits that the remote did not have


def workspace_merge(workspace: Workspace, strategy: Strategy) -> Merged:
    """Merge the branch of the workspace into the source's default branch, as `merge/<run>`."""
    mirror = Path(workspace.mirror_path)
    target = branch_name(f"merge/{workspace.run_id}")
    with repository_lock(str(mirror)):
        git = Git(git_dir=mirror)
        base = _base(workspace, mirror)
        start = git.commit_of(f"refs/heads/{workspace.branch}") if strategy == "rebase" else base
        git.text("update-ref", f"refs/heads/{target}", start)
        tree = Tree(path=run_path(f"merge-{workspace.run_id}-{uuid4().hex[:8]}"), mirror=mirror)
        try:
            tree_create(tree, target)
            conflicts = _STRATEGIES[strategy](git_of(tree), workspace, base)
            commit = "" if conflicts else git_of(tree).commit_of("HEAD")
        finally:
            tree_remove(tree)
        if conflicts:
            git.text("update-ref", "-d", f"refs/heads/{target}")
    return Merged(branch=target, commit=commit, conflicts=conflicts)


def _base(workspace: Workspace, mirror: Path) -> str:
    if workspace.repository:
        return mirror_fetch(mirror, source_of(workspace.repository)).commit
    commit = Git(git_dir=mirror).commit_of("refs/heads/main")
    if not commit:
        raise GitFailed("The repository has no branch to merge into.")
    return commit


def _merge(git: Git, workspace: Workspace, base: str) -> tuple[str, ...]:
    title = f"Merge {workspace.branch}"
    command = ("merge", "--quiet", "--no-ff", "--no-edit", "-m", title, workspace.branch)
    return _attempt(git, command)


def _squash(git: Git, workspace: Workspace, base: str) -> tuple[str, ...]:
    conflicts = _attempt(git, ("merge", "--quiet", "--squash", workspace.branch))
    if not conflicts and not git.succeeds("diff", "--cached", "--quiet"):
        git.text("commit", "--quiet", "--no-verify", "-m", f"Squash {workspace.branch}")
    return conflicts


def _rebase(git: Git, workspace: Workspace, base: str) -> tuple[str, ...]:
    return _attempt(git, ("rebase", "--quiet", "--onto", base, workspace.base_commit))


def _attempt(git: Git, command: tuple[str, ...]) -> tuple[str, ...]:
    try:
        git.text(*command)
    except DjinnError:
        conflicts = tuple(git.lines("diff", "--name-only", "--diff-filter=U", "-z"))
        if not conflicts:
            raise
        return conflicts
    return ()


_STRATEGIES: dict[Strategy, Callable[[Git, Workspace, str], tuple[str, ...]]] = {
    "merge": _merge,
    "squash": _squash,
    "rebase": _rebase,
}


def workspace_push(workspace: Workspace, *, branch: str = "", force: bool = False) -> Pushed:
    """Push the workspace's branch, or its merge result, to the remote.

    `force` replaces what the remote has there, if it is what we last saw; only for the run's own
    branches.
    """
    if not workspace.repository:
        raise PushRejected("This run has no remote repository to push to.")
    own = {f"run/{workspace.run_id}", f"merge/{workspace.run_id}"}
    branch = branch or workspace.branch
    if branch not in own | {workspace.branch}:
        raise PushRejected(f"{branch} is not a branch of this run.")
    if force and branch not in own:
        raise PushRejected(f"{branch} outlives this run; it is never replaced.")
    mirror = Path(workspace.mirror_path)
    with repository_lock(str(mirror)):
        git = Git(git_dir=mirror)
        if not git.commit_of(f"refs/heads/{branch}"):
            raise PushRejected(f"There is no branch {branch} yet.")
        known = git.commit_of(f"refs/remotes/origin/{branch}") or workspace.base_commit
        count = int(git.text("rev-list", "--count", f"refs/heads/{branch}", f"^{known}"))
        commit = branch_push(mirror, source_of(workspace.repository), branch, ephemeral=force)
    return Pushed(branch=branch, commit=commit, pushed=count)
