"""Branch, base and last commits of a run's workspace. Nothing when there is no git."""

from apps.repos.selectors import git_context, has_git, workspace_for_run
from workers.engine.prompt_parts.fencing import fenced


def repository_text(run_id: str) -> str:
    """Raises what git raises; the caller treats the part as best effort."""
    workspace = workspace_for_run(run_id)
    if workspace is None or not has_git(workspace):
        return ""
    context = git_context(workspace)
    lines = [f"Branch: {context.branch}"]
    if context.base:
        lines.append(f"Started from: {context.base[:12]}")
    if context.commits:
        lines += ["Last commits, newest first:", fenced("\n".join(context.commits), "git log")]
    return "\n".join(lines)
