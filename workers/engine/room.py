"""New runs wait while the storage is away or nearly full, or their project over its quota; those
under way go on. Administrators are told of the storage."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from apps.accounts.roles import Role
from apps.core.errors import DjinnError
from apps.core.models import Event
from apps.core.space import StorageAway, space
from apps.notifications.models import Notification
from apps.notifications.services import notify
from apps.ops.usage import usage_of_project
from apps.repos.services import project_path
from apps.runs.choices import RunStatus
from apps.runs.events import run_event, run_events_append
from apps.runs.models import Run

log = structlog.get_logger(__name__)

_MB = 2**20
_TOLD_AGAIN = timedelta(days=1)


def room_for(run_id: str) -> bool:
    """Whether the run may go on. A new one waits without room: the reconciler asks again."""
    full = _no_disk()
    if not full and not settings.PROJECT_QUOTA_MB:
        return True
    run = Run.objects.filter(id=run_id, status=RunStatus.PENDING).first()
    if run is None:
        return True
    why = full or _full_project(run)
    if not why:
        return True
    log.warning("a run waits for the disk", run_id=run_id, **why)
    told = Event.objects.filter(run_id=run_id, type="RUN_WAITING")
    if not told.filter(payload__reason=why["reason"]).exists():
        run_events_append(run_id, [run_event("RUN_WAITING", **why)])
    return False


def _no_disk() -> dict[str, object]:
    try:
        found = space()
    except StorageAway as exc:
        return {"reason": "storage_away", "message": str(exc)}
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


def storage_told() -> None:
    """Tell administrators when the storage is away or gets full: once for each of these, and again
    after a day."""
    try:
        found = space()
    except StorageAway as exc:
        _tell("storage.away", f"{exc} Steps wait, and go on when it is back.", "away")
        return
    if found.state != "ok":
        limit = settings.CRITICAL_SPACE_PERCENT
        body = f"{found.free_percent:g} % is left. Below {limit:g} % new runs wait."
        _tell("storage.low", body, found.state)


def _tell(kind: str, body: str, state: str) -> None:
    key = f"storage:{state}"
    since = timezone.now() - _TOLD_AGAIN
    if not Notification.objects.filter(dedupe_key=key, created_at__gt=since).exists():
        notify(kind=kind, role=Role.ADMIN, body=body, link="/admin/storage", dedupe_key=key)
