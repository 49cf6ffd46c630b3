"""What a step leaves becomes a commit, or is put back."""

from apps.core.faults import fault_point
from apps.repos.errors import GitFailed
from apps.repos.git import Person
from apps.repos.layout import tree_of
from apps.repos.locks import repository_lock
from apps.repos.models import Workspace
from apps.repos.names import branch_name
from apps.repos.services.mending import heal
from apps.repos.services.rows import row_update, warn
from apps.repos.trees import (
    agent_repository_write,
    changes_add,
    git_of,
    index_commit,
    index_snapshot,
    tree_reset,
)

Kind = Workspace.Kind


def agent_person(agent_id: str, name: str = "") -> Person:
    """The author of an agent's commits."""
    plain = "".join(c for c in (name or agent_id) if c.isprintable() and c not in "<>\n")
    address = "".join(c if c.isalnum() or c in "._-" else "-" for c in agent_id)
    return Person(name=plain.strip() or "agent", email=f"{address or 'agent'}@agents.djinnbot")


def workspace_commit(workspace: Workspace, message: str, author: Person) -> str | None:
    """Commit what the agent left. None: nothing has changed since the last commit.

    Killed after git had committed, the next call answers that commit.
    """
    if workspace.kind != Kind.GIT_WORKTREE:
        return None
    tree = tree_of(workspace)
    heal(workspace, tree)
    fault_point("commit.before")
    warn(workspace, changes_add(tree))
    index_commit(tree, message, author)
    fault_point("commit.after")
    head = git_of(tree).commit_of("HEAD")
    if head == workspace.head_commit:
        return None
    agent_repository_write(tree, workspace.branch)
    row_update(workspace, head_commit=head)
    return head


def workspace_save_wip(workspace: Workspace, label: str, author: Person) -> str | None:
    """Store unfinished work on `wip/<run>-<label>` and leave the branch and the files alone.

    For the attempt that was cancelled or lost; `label` is usually the attempt's number. None:
    there was nothing.
    """
    if workspace.kind != Kind.GIT_WORKTREE:
        return None
    tree = tree_of(workspace)
    heal(workspace, tree)
    branch = branch_name(f"wip/{workspace.run_id}-{label}")
    warn(workspace, changes_add(tree))
    message = f"wip: unfinished work of {workspace.run_id} ({label})"
    return index_snapshot(tree, message, author, f"refs/heads/{branch}") or None


def workspace_reset(workspace: Workspace, commit: str) -> None:
    """Put the branch and the files back to `commit`. The commits after it are kept, unnamed."""
    if workspace.kind != Kind.GIT_WORKTREE:
        return
    tree = tree_of(workspace)
    heal(workspace, tree)
    full = git_of(tree).commit_of(commit)
    if not full:
        raise GitFailed(f"There is no commit {commit} in this workspace.")
    with repository_lock(str(tree.mirror)):
        tree_reset(tree, workspace.branch, full)
    row_update(workspace, head_commit=full)
