"""Cleanings, as long work that an administrator asked for."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

from django.db.models import Q

from apps.core.api.callers import Caller
from apps.core.jobs import Job
from apps.ops.models import Cleaning

_STATES: Final[dict[str, Literal["waiting", "running", "done", "failed"]]] = {
    Cleaning.Status.QUEUED: "waiting",
    Cleaning.Status.RUNNING: "running",
    Cleaning.Status.DONE: "done",
    Cleaning.Status.FAILED: "failed",
}


def cleaning_jobs(caller: Caller, since: datetime) -> Iterable[Job]:
    if not caller.is_admin:
        return []
    rows = Cleaning.objects.filter(Q(finished_at=None) | Q(finished_at__gte=since))
    return [
        Job(
            kind="cleaning",
            id=row.pk,
            title="Look for what may go" if row.dry_run else "Free space",
            state=_STATES[row.status],
            detail=row.error or _found(row),
            created_at=row.created_at,
            finished_at=row.finished_at,
        )
        for row in rows
    ]


def _found(row: Cleaning) -> str:
    return f"{row.found} found" if row.found else row.stage
