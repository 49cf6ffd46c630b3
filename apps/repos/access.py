"""Who may see the workspace of a run. Only what owns runs knows; until it says so, nobody may."""

from collections.abc import Callable, Collection

from django.db.models import Q

from apps.core.api.callers import Caller
from apps.core.errors import Forbidden
from apps.repos.errors import WorkspaceNotFound
from apps.repos.models import Workspace

NEWEST = 200  # workspaces of a project that are looked at for one that the caller may change

# (caller, run_id, change) -> may. `change`: merge and push, for maintainers.
WorkspaceAccess = Callable[[Caller, str, bool], bool]


def _nobody(caller: Caller, run_id: str, change: bool) -> bool:
    return False


_access: WorkspaceAccess = _nobody

# (run ids) -> those of them that have not ended.
RunsActive = Callable[[Collection[str]], Collection[str]]


def _all_of_them(run_ids: Collection[str]) -> Collection[str]:
    return run_ids


_active: RunsActive = _all_of_them


def runs_active_register(active: RunsActive) -> None:
    """Called once, when the app that owns runs is ready. Until then every run counts as active."""
    global _active
    _active = active


def runs_active(run_ids: Collection[str]) -> frozenset[str]:
    """Of these runs, those whose directories nobody may take away."""
    return frozenset(_active(run_ids))


def workspace_access_register(access: WorkspaceAccess) -> None:
    """Called once, when the app that owns runs is ready."""
    global _access
    _access = access


def access_project_workspace(caller: Caller, project_id: str, branch: str) -> Workspace:
    """The newest workspace of a project, or that of a branch, that the caller may change."""
    found = Workspace.objects.filter(project_id=project_id, parent=None).exclude(run_id="")
    found = found.exclude(status=Workspace.Status.CREATING).exclude(branch="")
    if branch:
        found = found.filter(Q(branch=branch) | Q(run_id=branch.removeprefix("merge/")))
    for workspace in found.order_by("-id")[:NEWEST]:
        if _access(caller, workspace.run_id, False):
            if not _access(caller, workspace.run_id, True):
                raise Forbidden("You may look at this project's work, but not push it.")
            return workspace
    raise WorkspaceNotFound("This project has no such workspace, or it is not for you.")


def access_workspace(caller: Caller, run_id: str, *, change: bool = False) -> Workspace:
    """The run's newest workspace. A run that the caller may not see is not found."""
    if not _access(caller, run_id, False):
        raise WorkspaceNotFound("This run has no workspace, or it is not for you.")
    if change and not _access(caller, run_id, True):
        raise Forbidden("You may look at this workspace, but not change its branches.")
    workspace = Workspace.objects.filter(run_id=run_id, parent=None).order_by("-id").first()
    if workspace is None or workspace.status == Workspace.Status.CREATING:
        raise WorkspaceNotFound("This run has no workspace.")
    return workspace
