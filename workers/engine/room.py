"""New runs wait while the disk is nearly full; those under way go on."""

import structlog

from apps.core.models import Event
from apps.core.space import space
from apps.runs.choices import RunStatus
from apps.runs.events import run_event, run_events_append
from apps.runs.models import Run

log = structlog.get_logger(__name__)


def room_for(run_id: str) -> bool:
    """Whether the run may go on. A new one waits without room: the reconciler asks again."""
    found = space()
    if found.state != "critical":
        return True
    if not Run.objects.filter(id=run_id, status=RunStatus.PENDING).exists():
        return True
    log.warning("a run waits for room on the disk", run_id=run_id, free_percent=found.free_percent)
    if not Event.objects.filter(run_id=run_id, type="RUN_WAITING").exists():
        waits = run_event("RUN_WAITING", reason="storage_low", freePercent=found.free_percent)
        run_events_append(run_id, [waits])
    return False
