"""Who may see the workspace of a run. Only what owns runs knows; until it says so, nobody may."""

from collections.abc import Callable

from apps.core.api.callers import Caller
from apps.core.errors import Forbidden
from apps.repos.errors import WorkspaceNotFound
from apps.repos.models import Workspace

# (caller, run_id, change) -> may. `change`: merge and push, for maintainers.
WorkspaceAccess = Callable[[Caller, str, bool], bool]


def _nobody(caller: Caller, run_id: str, change: bool) -> bool:
    return False


_access: WorkspaceAccess = _nobody


def workspace_access_register(access: WorkspaceAccess) -> None:
    """Called once, when the app that owns runs is ready."""
    global _access
    _access = access


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
