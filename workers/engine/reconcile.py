"""Finding what a crash left behind, by rows alone: messages may be lost, doubled or late.

Runs every few seconds, one at a time in the whole install. Each rule reads ids and calls the same
services as everybody else; they look again under the run's lock, so a rule that is late does
nothing. A broken run must not keep the others waiting: its error is logged and the rule goes on.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError

from apps.core.dispatch import Queue, TaskName, enqueue
from apps.core.errors import DjinnError
from apps.core.redis import redis_client
from apps.ops.cleanings import cleanings_resume
from apps.runs import services
from apps.runs.claims import Queued
from apps.runs.services.lost import expired_leases, stale_steps
from apps.runs.services.start import start_task
from workers.engine import canvas

log = structlog.get_logger(__name__)

RECONCILE_LOCK = 0x646A_0003
UNCLAIMED_S = 5
DOUBLINGS = 6  # an unclaimed row is sent again after 5, 10, … 320 s while the queue is not empty
SECOND_LOOK_S = 1.0
NOT_ADVANCED_S = 5
NOTHING_ACTIVE_S = 10
PENDING_S = 10
CANCELLING_S = 60
STALE_GRACE_S = 600
FINALIZE_S = 30
PUSH_RETRY_S = 300
PUSH_GIVE_UP_S = 24 * 3600
BATCH = 500
Row = tuple[Any, ...]  # of the statement beside it

_UNCLAIMED = """
WITH waiting AS (
  SELECT e.id, e.agent_id, e.dispatched_at, e.dispatch_count,
         row_number() OVER (PARTITION BY e.agent_id ORDER BY e.id) AS place
    FROM runs_stepexecution e JOIN runs_run r ON r.id = e.run_id
   WHERE e.status = 'queued' AND NOT e.superseded AND e.due_at <= clock_timestamp()
     AND r.status = 'running' AND r.reset_to = ''
     AND (r.workspace_id IS NOT NULL OR r.workspace_type = 'none')
), busy AS (
  SELECT agent_id, count(*) AS held FROM runs_stepexecution
   WHERE status IN ('starting', 'running', 'finishing') GROUP BY agent_id
), due AS (
  SELECT w.id FROM waiting w LEFT JOIN busy b ON b.agent_id = w.agent_id
   WHERE (%(slots)s = 0 OR w.place <= %(slots)s - coalesce(b.held, 0))
     AND coalesce(w.dispatched_at, '-infinity') < clock_timestamp() - make_interval(
           secs => %(after)s * CASE WHEN %(empty)s THEN 1
                                    ELSE power(2, least(w.dispatch_count, %(doublings)s)) END)
   ORDER BY w.id LIMIT %(batch)s
)
UPDATE runs_stepexecution e
   SET dispatched_at = clock_timestamp(), dispatch_count = e.dispatch_count + 1
  FROM due WHERE e.id = due.id AND e.status = 'queued'
RETURNING e.run_id, e.id, e.attempt
"""

_NOT_ADVANCED = """
SELECT DISTINCT e.run_id FROM runs_stepexecution e JOIN runs_run r ON r.id = e.run_id
 WHERE e.advanced_at IS NULL AND e.finished_at < clock_timestamp() - make_interval(secs => %s)
   AND e.generation = r.generation AND r.status IN ('running', 'waiting_human', 'pausing')
"""

_NOTHING_ACTIVE = """
SELECT r.id FROM runs_run r
 WHERE r.status = 'running' AND r.updated_at < clock_timestamp() - make_interval(secs => %s)
   AND NOT EXISTS (
     SELECT 1 FROM runs_stepexecution e
      WHERE e.run_id = r.id AND NOT e.superseded AND e.generation = r.generation
        AND e.status IN ('pending', 'queued', 'starting', 'running', 'finishing'))
"""

_NOT_STARTED = """
UPDATE runs_run SET updated_at = clock_timestamp()
 WHERE updated_at < clock_timestamp() - make_interval(secs => %s)
   AND (status = 'pending'
        OR (status = 'running' AND (reset_to <> ''
            OR (workspace_id IS NULL AND workspace_type <> 'none'))))
RETURNING id, workspace_type
"""

_CANCELLING = """
SELECT id FROM runs_run
 WHERE status = 'cancelling'
   AND cancel_requested_at < clock_timestamp() - make_interval(secs => %s)
"""

_APPROVALS = """
SELECT run_id, id FROM runs_approval WHERE status = 'pending' AND expires_at < clock_timestamp()
"""

_NOT_FINALIZED = """
UPDATE runs_run r SET updated_at = clock_timestamp()
  FROM runs_run s LEFT JOIN repos_workspace w ON w.id = s.workspace_id
 WHERE r.id = s.id AND r.status IN ('completed', 'failed', 'cancelled') AND r.finalized_at IS NULL
   AND r.completed_at > clock_timestamp() - make_interval(secs => %(give_up)s)
   AND r.updated_at < clock_timestamp() - make_interval(
         secs => CASE WHEN w.status = 'preserved' THEN %(retry)s ELSE %(first)s END)
RETURNING r.id
"""


def reconcile() -> dict[str, int]:
    """One pass over all rules: {rule: how many it acted on}. Empty when another pass is running."""
    with _alone() as alone:
        if not alone:
            return {}
        done = {name: _guarded(name, rule) for name, rule in RULES.items()}
    acted = {name: count for name, count in done.items() if count}
    if acted:
        log.info("reconciled", **acted)
    return acted


def _guarded(name: str, rule: Callable[[], int]) -> int:
    try:
        return rule()
    except BrokerError as exc:
        log.warning("the broker is away; rows wait", rule=name, error=str(exc))
        return 0


@contextmanager
def _alone() -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [RECONCILE_LOCK])
        locked = bool(cursor.fetchone()[0])
    try:
        yield locked
    finally:
        if locked:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [RECONCILE_LOCK])


# -- rules -------------------------------------------------------------------------------------


def resend_unclaimed() -> int:
    """Queued and unclaimed. While the queue holds messages, theirs are likely among them."""
    rows = _rows(
        _UNCLAIMED,
        {
            "slots": settings.MAX_CONCURRENT_STEPS_PER_AGENT,
            "after": UNCLAIMED_S,
            "empty": _queue_is_empty(),
            "doublings": DOUBLINGS,
            "batch": BATCH,
        },
    )
    for run_id, execution_id, attempt in rows:
        canvas.send([Queued(run_id=run_id, execution_id=execution_id, attempt=attempt)])
    return len(rows)


def take_from_the_lost() -> int:
    """Leases that ran out. After an outage of the database the living renew theirs first."""
    if not expired_leases(limit=1):
        return 0
    time.sleep(SECOND_LOOK_S)
    lost = _each(
        expired_leases(),
        lambda row: canvas.send(services.step_lost(run_id=row[0], execution_id=row[1])),
    )
    if lost:
        enqueue(TaskName.REAP_BOXES)  # what their worker left, but for boxes that are adopted
    return lost


def end_stale() -> int:
    return _each(
        stale_steps(STALE_GRACE_S),
        lambda row: canvas.send(
            services.step_stale(run_id=row[0], execution_id=row[1], fence=row[2])
        ),
    )


def advance_ended() -> int:
    return _each(
        _rows(_NOT_ADVANCED, [NOT_ADVANCED_S]),
        lambda row: _decided(row[0], services.run_advance),
    )


def unstall() -> int:
    return _each(
        _rows(_NOTHING_ACTIVE, [NOTHING_ACTIVE_S]),
        lambda row: _decided(row[0], services.run_unstall),
    )


def _decided(run_id: str, decide: Callable[[str], Sequence[Queued]]) -> None:
    """Decide, or end the run: a fault of ours in deciding would come back for ever."""
    try:
        canvas.send(decide(run_id))
    except (DatabaseError, DjinnError):
        raise
    except Exception as exc:
        log.exception("a run cannot be decided upon; it ends", run_id=run_id)
        services.run_fail(
            run_id=run_id, code="internal_error", message=f"{type(exc).__name__}: {exc}"
        )


def start_waiting() -> int:
    """Pending runs, and running ones that wait for their directory."""
    return _each(
        _rows(_NOT_STARTED, [PENDING_S]),
        lambda row: enqueue(start_task(row[1]), row[0]),
    )


def end_cancelling() -> int:
    return _each(
        _rows(_CANCELLING, [CANCELLING_S]),
        lambda row: services.run_cancel_overdue(run_id=row[0]),
    )


def expire_approvals() -> int:
    return _each(
        _rows(_APPROVALS, []),
        lambda row: services.approval_expire(run_id=row[0], approval_id=row[1]),
    )


def finalize_ended() -> int:
    return _each(
        _rows(
            _NOT_FINALIZED,
            {"give_up": PUSH_GIVE_UP_S, "retry": PUSH_RETRY_S, "first": FINALIZE_S},
        ),
        lambda row: enqueue(TaskName.FINALIZE_RUN, row[0]),
    )


RULES: dict[str, Callable[[], int]] = {
    "lost": take_from_the_lost,
    "stale": end_stale,
    "not_advanced": advance_ended,
    "stalled": unstall,
    "unclaimed": resend_unclaimed,
    "not_started": start_waiting,
    "cancelling": end_cancelling,
    "approvals": expire_approvals,
    "not_finalized": finalize_ended,
    "cleanings": cleanings_resume,
}


def _rows(statement: str, params: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def _each(rows: Sequence[Row], act: Callable[..., object]) -> int:
    for row in rows:
        try:
            act(row)
        except DjinnError as exc:
            log.info("nothing to reconcile any more", row=row, reason=exc.code)
        except BrokerError:
            raise
        except Exception:  # noqa: BLE001  the edge: one broken run must not stop the others
            log.exception("a run could not be reconciled", row=row)
    return len(rows)


def _queue_is_empty() -> bool:
    """Unknown counts as not empty: then only the slow rhythm applies."""
    try:
        return int(redis_client().llen(str(Queue.AGENTS))) == 0
    except (OSError, ValueError, RedisError):
        return False
