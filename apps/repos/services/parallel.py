"""Steps that run beside others have trees of their own, merged in the order of the file."""

from pathlib import Path

from apps.core.errors import DjinnError
from apps.repos.errors import MergeConflict
from apps.repos.git import Git, Person
from apps.repos.layout import Tree, run_path, tree_of
from apps.repos.locks import repository_lock
from apps.repos.mirrors import tip_keep
from apps.repos.models import Workspace
from apps.repos.names import branch_name, run_key
from apps.repos.services.mending import heal
from apps.repos.services.rows import row_update
from apps.repos.trees import agent_repository_write, git_of, tree_create, tree_is_sound, tree_remove

Status = Workspace.Status
Kind = Workspace.Kind


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
    row_update(child, status=Status.READY, base_commit=base, head_commit=base)
    return child


def workspace_join(workspace: Workspace, child: Workspace, author: Person) -> str | None:
    """Merge a parallel step's commits into the run's branch and remove its tree.

    Call it for the steps in the order of the file. Raises MergeConflict with the files in
    `extra["conflicts"]`; then both sides are as before. None: the step changed nothing.
    """
    if workspace.pk == child.pk:
        return None
    tree = tree_of(workspace)
    heal(workspace, tree)
    with repository_lock(workspace.mirror_path):
        git = git_of(tree)
        head = git.commit_of("HEAD")
        if not git.succeeds("merge-base", "--is-ancestor", child.branch, "HEAD"):
            _merge(tree, child, author)
        child_remove(child)
        agent_repository_write(tree, workspace.branch)
    merged = git.commit_of("HEAD")
    row_update(workspace, head_commit=merged)
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


def child_remove(child: Workspace) -> None:
    """Remove a parallel step's tree and branch. Commits that were not merged stay, unnamed."""
    mirror = Path(child.mirror_path)
    git = Git(git_dir=mirror)
    tree_remove(tree_of(child))
    tip = git.commit_of(f"refs/heads/{child.branch}")
    if tip:
        tip_keep(mirror, f"run/{child.run_id}", tip)
        git.text("update-ref", "-d", f"refs/heads/{child.branch}")
    row_update(child, status=Status.REMOVED)
