"""The rows of workspaces, as every part of their life writes them."""

from collections.abc import Sequence

import structlog
from django.db.models.functions import Now

from apps.core.errors import DjinnError
from apps.repos.models import Workspace

Status = Workspace.Status
log = structlog.get_logger(__name__)
LIVE = (Status.CREATING, Status.READY, Status.FINALIZING, Status.PRESERVED, Status.CORRUPT)


def live(run_id: str) -> Workspace | None:
    return Workspace.objects.filter(run_id=run_id, parent=None, status__in=LIVE).first()


def row_update(workspace: Workspace, **fields: object) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(**fields, updated_at=Now())
    workspace.refresh_from_db()


def warn(workspace: Workspace, warnings: Sequence[str]) -> None:
    new = [warning for warning in warnings if warning not in workspace.warnings]
    if new:
        log.warning("workspace needed care", run_id=workspace.run_id, warnings=new)
        row_update(workspace, warnings=[*workspace.warnings, *new])


def note_error(workspace: Workspace, error: DjinnError) -> None:
    row_update(workspace, last_error=error.message)
