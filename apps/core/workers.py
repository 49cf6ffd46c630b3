"""Who takes messages off the queues, and what beat sends when."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from celery import current_app
from django.db.models import Q
from django_celery_beat.models import PeriodicTask
from kombu.exceptions import OperationalError
from redis import RedisError

from apps.core.status import queue_lengths

ANSWER_S = 1.0  # so long workers have to say that they are there


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that answered just now."""

    name: str
    queues: list[str]
    slots: int
    active: int
    uptime_s: int
    done: int


def workers_seen() -> list[Worker]:
    """Workers that answer within a second, by name; none when the broker is away."""
    # A connection of its own: kept ones may be of before a restart of Redis.
    try:
        with current_app.connection_for_write() as connection:
            return _asked(connection)
    except (OperationalError, RedisError):
        return []


def _asked(connection: Any) -> list[Worker]:
    ask = partial(current_app.control.inspect, connection=connection, timeout=ANSWER_S)
    facts: Any = ask().stats() or {}
    if not facts:
        return []
    # The same ones once more, by name: they answer, and nobody waits for others.
    again = ask(destination=list(facts))
    queues = again.active_queues() or {}
    active = again.active() or {}
    return [
        Worker(
            name=name,
            queues=sorted(queue["name"] for queue in queues.get(name, [])),
            slots=int(found["pool"].get("max-concurrency") or 0),
            active=len(active.get(name, [])),
            uptime_s=int(found.get("uptime") or 0),
            done=sum(found.get("total", {}).values()),
        )
        for name, found in sorted(facts.items())
    ]


def schedule_rows() -> list[dict[str, Any]]:
    """What beat sends, by name, and when it did so last."""
    rows = PeriodicTask.objects.filter(~Q(interval=None)).select_related("interval")
    return [
        {
            "name": row.name,
            "every_s": row.interval.schedule.run_every.total_seconds(),
            "enabled": row.enabled,
            "last_run_at": row.last_run_at,
            "runs": row.total_run_count,
        }
        for row in rows.order_by("name")
    ]


def workers_standing() -> dict[str, Any]:
    """Workers, queues with how many serve each, and the schedule."""
    seen = workers_seen()
    served = [queue for worker in seen for queue in worker.queues]
    return {
        "workers": [asdict(worker) for worker in seen],
        "queues": [
            {"name": name, "waiting": waiting, "workers": served.count(name)}
            for name, waiting in queue_lengths().items()
        ],
        "schedule": schedule_rows(),
    }
