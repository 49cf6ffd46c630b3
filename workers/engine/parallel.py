"""Steps that run side by side have a directory each, merged into the run's when they end."""

from dataclasses import replace

from apps.repos.models import Workspace
from apps.repos.services import agent_person, workspace_fork, workspace_join
from apps.runs.claims import ClaimedStep


def runs_beside_others(step: ClaimedStep) -> bool:
    loop = step.step.loop
    in_parallel_loop = loop is not None and loop.max_parallel > 1
    return in_parallel_loop or (
        step.pipeline.uses_depends_on and step.pipeline.defaults.max_parallel > 1
    )


def own_workspace(step: ClaimedStep) -> ClaimedStep:
    """The step, with a directory of its own where others work beside it."""
    if not step.workspace_id or not runs_beside_others(step):
        return step
    workspace = Workspace.objects.get(id=step.workspace_id)
    if workspace.kind != Workspace.Kind.GIT_WORKTREE:
        return step
    child = workspace_fork(workspace, f"{step.step_id}-{step.visit}-{step.attempt}")
    return replace(step, workspace_path=child.path, workspace_id=child.pk)


def workspace_merged(step: ClaimedStep, placed: ClaimedStep) -> None:
    """Bring the work of a step that succeeded into the run's directory.

    Raises MergeConflict, which fails the step; its work stays on its own branch.
    """
    if placed.workspace_id != step.workspace_id:
        workspace_join(
            Workspace.objects.get(id=step.workspace_id),
            Workspace.objects.get(id=placed.workspace_id),
            agent_person(step.agent_id),
        )
