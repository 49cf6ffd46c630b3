"""New runs wait while the disk is nearly full, or their project over its quota; those under way go
on."""

import structlog
from django.conf import settings

from apps.core.errors import DjinnError
from apps.core.models import Event
from apps.core.space import space
from apps.ops.usage import usage_of_project
from apps.repos.services import project_path
from apps.runs.choices import RunStatus
from apps.runs.events import run_event, run_events_append
from apps.runs.models import Run

log = structlog.get_logger(__name__)

_MB = 2**20


def room_for(run_id: str) -> bool:
    """Whether the run may go on. A new one waits without room: the reconciler asks again."""
    full = _full_disk()
    if not full and not settings.PROJECT_QUOTA_MB:
        return True
    run = Run.objects.filter(id=run_id, status=RunStatus.PENDING).first()
    if run is None:
        return True
    why = full or _full_project(run)
    if not why:
        return True
    log.warning("a run waits for room on the disk", run_id=run_id, **why)
    told = Event.objects.filter(run_id=run_id, type="RUN_WAITING")
    if not told.filter(payload__reason=why["reason"]).exists():
        run_events_append(run_id, [run_event("RUN_WAITING", **why)])
    return False


def _full_disk() -> dict[str, object]:
    found = space()
    if found.state != "critical":
        return {}
    return {"reason": "storage_low", "freePercent": found.free_percent}


def _full_project(run: Run) -> dict[str, object]:
    """By what was last measured, against the quota as it is now."""
    if not settings.PROJECT_QUOTA_MB:
        return {}
    try:
        path = project_path(
            repository=run.repository,
            workspace_type=run.workspace_type,
            project_id=run.project_id,
        )
    except DjinnError:  # making its directory says what is wrong with it
        return {}
    usage = usage_of_project(path.name) if path is not None else None
    quota = settings.PROJECT_QUOTA_MB * _MB
    if usage is None or usage.bytes <= quota:
        return {}
    return {"reason": "project_quota", "bytes": usage.bytes, "quotaBytes": quota}
