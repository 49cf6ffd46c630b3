"""Branch, base and last commits of a run's workspace. Nothing when there is no git."""

from apps.repos.git import Git
from apps.repos.layout import tree_of
from apps.repos.models import Workspace
from apps.repos.trees import git_of
from workers.engine.executor import ClaimedStep
from workers.engine.prompt_parts.fencing import fenced

_COMMITS = 10


def git_context(step: ClaimedStep) -> str:
    """Raises what git raises; the caller treats the part as best effort."""
    workspace = (
        Workspace.objects.filter(run_id=step.run_id, kind=Workspace.Kind.GIT_WORKTREE)
        .exclude(status=Workspace.Status.REMOVED)
        .first()
    )
    if not step.workspace_path or workspace is None:
        return ""
    lines = [f"Branch: {workspace.branch}"]
    if workspace.base_commit:
        lines.append(f"Started from: {workspace.base_commit[:12]}")
    commits = _last_commits(git_of(tree_of(workspace)), workspace.branch)
    if commits:
        lines += ["Last commits, newest first:", fenced("\n".join(commits), "git log")]
    return "\n".join(lines)


def _last_commits(git: Git, branch: str) -> list[str]:
    return git.lines(
        "log", "-z", f"-{_COMMITS}", "--format=%h %an: %s", f"refs/heads/{branch}", "--"
    )
