"""Removing runs. What was paid for stays known: model calls keep the run's id as text."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from apps.core.dispatch import TaskName, enqueue
from apps.core.errors import Malformed
from apps.core.events import NewEvent, events_append, topic_delete
from apps.runs.choices import RUN_ACTIVE, RUN_TERMINAL
from apps.runs.errors import IllegalMove
from apps.runs.events import run_topic
from apps.runs.models import Run
from apps.runs.services.control import run_cancel
from apps.runs.state import run_lock
from apps.sessions.models import AgentSession

DELETED_TOPIC = "runs:deleted"  # outlives the topics of the runs themselves
BATCH = 100


def run_delete(*, run_id: str, force: bool = False) -> None:
    """Delete a run with its rows, transcript, directory and own branch.

    Raises `IllegalMove` while it is active; with `force` it is cancelled first. Workers that still
    hold a step of it find their execution gone and stop.
    """
    with transaction.atomic():
        state = run_lock(run_id)
        if state.status in RUN_ACTIVE:
            if not force:
                raise IllegalMove("be deleted", state.status, run_id=run_id)
            run_cancel(run_id=run_id, reason="deleted")
        _delete(run_id)
        told = {"runId": run_id, "initiatedBy": state.initiated_by_id or ""}
        events_append(DELETED_TOPIC, [NewEvent(type="RUN_DELETED", payload=told)])


def runs_delete(
    *,
    visible: Q,
    status: str = "",
    before: datetime | None = None,
    pipeline_id: str = "",
) -> int:
    """Delete ended runs that match all filters; how many. At least one filter must be given."""
    filters = {"status": status, "created_at__lt": before, "pipeline_id": pipeline_id}
    given = {name: value for name, value in filters.items() if value}
    if not given:
        raise Malformed("Give at least one of: status, before, pipeline_id.", code="no_filter")
    return _delete_all(visible & Q(**given), given)


def runs_prune(*, days: int | None = None) -> int:
    """Delete runs that ended longer ago than the retention; 0 days keeps all."""
    days = settings.RUN_RETENTION_DAYS if days is None else days
    if not days:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() - make_interval(days => %s)", [days])
        limit = cursor.fetchone()[0]
    return _delete_all(Q(completed_at__lt=limit), {"completed_at__lt": limit})


def _delete_all(matching: Q, told: Mapping[str, object]) -> int:
    ended = Run.objects.filter(matching, status__in=RUN_TERMINAL)
    count = 0
    while ids := list(ended.order_by("id").values_list("id", flat=True)[:BATCH]):
        with transaction.atomic():
            for run_id in ids:
                _delete(run_id)
        count += len(ids)
    if count:
        event = NewEvent(type="RUNS_BULK_DELETED", payload={"count": count, "filters": told})
        events_append(DELETED_TOPIC, [event])
    return count


def _delete(run_id: str) -> None:
    AgentSession.objects.filter(run_id=run_id).delete()
    Run.objects.filter(id=run_id).delete()
    topic_delete(run_topic(run_id))
    enqueue(TaskName.DELETE_RUN_FILES, run_id)
