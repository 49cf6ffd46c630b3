"""Cases found by name, and evaluations that are under way."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from apps.core.api.callers import Caller
from apps.core.jobs import Job
from apps.core.search import Hit
from apps.evals.models import Evaluation
from apps.evals.selectors import case_list, evaluation_list
from apps.runs.choices import RUN_TERMINAL

_LONGEST: Final = timedelta(days=2)  # an older one is no longer waited for
_MOST: Final = 20


def case_search(caller: Caller, words: Collection[str], most: int) -> Iterable[Hit]:
    cases = case_list(caller)
    for word in words:
        cases = cases.filter(name__icontains=word)
    return [
        Hit(kind="case", id=case.id, title=case.name, detail=case.pipeline_id, at=case.created_at)
        for case in cases[:most]
    ]


def evaluation_jobs(caller: Caller, since: datetime) -> Iterable[Job]:
    rows = evaluation_list(caller).filter(created_at__gte=since - _LONGEST)[:_MOST]
    jobs = [_job(row) for row in rows]
    return [job for job in jobs if job.finished_at is None or job.finished_at >= since]


def _job(evaluation: Evaluation) -> Job:
    rows = list(evaluation.runs.all())
    ends = [
        (row.run.completed_at or row.run.updated_at) if row.run else evaluation.created_at
        for row in rows
        if row.run is None or row.run.status in RUN_TERMINAL
    ]
    is_done = len(ends) == len(rows)
    return Job(
        kind="evaluation",
        id=evaluation.id,
        title="Live evaluation" if evaluation.mode == Evaluation.Mode.LIVE else "Replay",
        state="done" if is_done else "running",
        detail=f"{len(ends)} of {len(rows)} cases ended",
        done=len(ends),
        total=len(rows),
        created_at=evaluation.created_at,
        finished_at=max(ends, default=evaluation.created_at) if is_done else None,
    )
