"""The built-in schedule, as rows that beat reads and an operator may change."""

from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.core.dispatch import QUEUE_OF, TaskName

_SCHEDULE_LOCK = 0x646A_0002


def beat_schedule_sync() -> None:
    """Write the rows that are missing. Rows that are there keep what an operator set."""
    every = {
        TaskName.RECONCILE: settings.RECONCILE_INTERVAL_S,
        TaskName.RELAY_EVENTS: settings.RELAY_INTERVAL_S,
        TaskName.REAP_BOXES: settings.REAP_INTERVAL_S,
        TaskName.RETENTION: settings.RETENTION_INTERVAL_S,
        TaskName.SYNC_LIBRARIES: settings.LIBRARY_INTERVAL_S,
        TaskName.SWEEP_BUDGETS: settings.BUDGET_SWEEP_INTERVAL_S,
        TaskName.ROLL_UP_USAGE: settings.USAGE_INTERVAL_S,
        TaskName.MEASURE_STORAGE: settings.MEASURE_INTERVAL_S,
        TaskName.CLEAN_STORAGE: settings.CLEAN_INTERVAL_S,
        TaskName.WATCH_STORAGE: settings.WATCH_STORAGE_INTERVAL_S,
        TaskName.FOLLOW_FEED: settings.FOLLOW_INTERVAL_S,
        TaskName.DELIVER_NOTIFICATIONS: settings.DELIVER_INTERVAL_S,
    }
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEDULE_LOCK])
        for task, seconds in every.items():
            schedule, _ = IntervalSchedule.objects.get_or_create(**_interval(seconds))
            PeriodicTask.objects.get_or_create(
                name=str(task),
                defaults={
                    "task": str(task),
                    "interval": schedule,
                    "queue": str(QUEUE_OF[task]),
                    # A firing that nobody took before the next one is worth nothing.
                    "expire_seconds": max(1, round(seconds)),
                },
            )


def _interval(seconds: float) -> dict[str, Any]:
    """Whole seconds as such: a day in microseconds is more than the column holds."""
    if seconds == int(seconds):
        return {"every": int(seconds), "period": IntervalSchedule.SECONDS}
    return {"every": round(seconds * 1_000_000), "period": IntervalSchedule.MICROSECONDS}
