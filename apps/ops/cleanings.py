"""The cleaner, asked for by a person: a row says how far it is, a task does it.

    queued → running → done | failed

Taking a row is one guarded update, so a message that comes twice cleans once. A row whose worker is
gone stops being touched and fails; the cleaner itself can be run again at any time.
"""

import time
from dataclasses import asdict
from datetime import timedelta

import structlog
from django.db.models.functions import Now

from apps.core.dispatch import TaskName, enqueue
from apps.core.errors import DjinnError, NotFound
from apps.ops.cleaner import Deletion, storage_clean
from apps.ops.models import Cleaning

log = structlog.get_logger(__name__)

RESEND_AFTER = timedelta(seconds=30)
SILENT_AFTER = timedelta(minutes=10)
LISTED = 1_000  # deletions kept in a row; the worker's log has them all
KEPT = 50  # rows
_TELL_S = 1.0
Status = Cleaning.Status


def cleaning_start(*, dry_run: bool, user_id: str) -> Cleaning:
    """Ask for a cleaning. One that waits already, of the same kind, is given back."""
    waiting = Cleaning.objects.filter(status=Status.QUEUED, dry_run=dry_run).first()
    cleaning = waiting or Cleaning.objects.create(dry_run=dry_run, requested_by_id=user_id)
    enqueue(TaskName.RUN_CLEANING, cleaning.pk)
    return cleaning


def cleaning_get(cleaning_id: str) -> Cleaning:
    found = Cleaning.objects.filter(pk=cleaning_id).first()
    if found is None:
        raise NotFound("There is no such cleaning.", code="not_found")
    return found


def cleaning_run(cleaning_id: str) -> None:
    """Do it, unless somebody has taken it already."""
    row = Cleaning.objects.filter(pk=cleaning_id)
    now = Now()
    if not row.filter(status=Status.QUEUED).update(
        status=Status.RUNNING, started_at=now, seen_at=now
    ):
        return
    dry_run = row.values_list("dry_run", flat=True).get()
    running = row.filter(status=Status.RUNNING)
    try:
        deletions = storage_clean(dry_run=dry_run, told=_Progress(cleaning_id))
    except Exception as exc:
        running.update(status=Status.FAILED, finished_at=Now(), error=_reason(exc))
        raise
    running.update(
        status=Status.DONE,
        finished_at=Now(),
        stage="",
        found=len(deletions),
        freed_bytes=sum(deletion.bytes for deletion in deletions),
        deletions=[asdict(deletion) for deletion in deletions[:LISTED]],
    )
    kept = Cleaning.objects.order_by("-id").values("pk")[:KEPT]
    Cleaning.objects.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()


def _reason(error: Exception) -> str:
    said = error.message if isinstance(error, DjinnError) else f"{type(error).__name__}."
    return f"It stopped: {said}"


class _Progress:
    """Writes how far it is, at most once a second and at each new stage."""

    def __init__(self, cleaning_id: str) -> None:
        self._row = Cleaning.objects.filter(pk=cleaning_id, status=Status.RUNNING)
        self._stage = ""
        self._told_at = 0.0

    def __call__(self, stage: str, done: list[Deletion]) -> None:
        now = time.monotonic()
        if stage == self._stage and now - self._told_at < _TELL_S:
            return
        self._stage, self._told_at = stage, now
        self._row.update(
            stage=stage,
            found=len(done),
            freed_bytes=sum(deletion.bytes for deletion in done),
            seen_at=Now(),
        )


def cleanings_resume() -> int:
    """What a lost message or a killed worker left: sent again, or ended. How many."""
    queued = Cleaning.objects.filter(
        status=Status.QUEUED, created_at__lt=Now() - RESEND_AFTER
    ).values_list("pk", flat=True)
    for cleaning_id in queued:
        enqueue(TaskName.RUN_CLEANING, cleaning_id)
    lost = Cleaning.objects.filter(status=Status.RUNNING, seen_at__lt=Now() - SILENT_AFTER).update(
        status=Status.FAILED, finished_at=Now(), error="Its worker is gone; start it again."
    )
    return len(queued) + lost
