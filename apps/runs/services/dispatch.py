"""What is to be sent: rows that wait for a worker. Whoever sends builds the canvas."""

from django.db import connection

from apps.runs.claims import Queued

_QUEUED = """
UPDATE runs_stepexecution e
   SET dispatched_at = clock_timestamp(), dispatch_count = e.dispatch_count + 1
  FROM runs_run r
 WHERE e.run_id = %s AND r.id = e.run_id AND r.status = 'running'
   AND e.status = 'queued' AND NOT e.superseded
RETURNING e.id, e.attempt, greatest(0, extract(epoch FROM e.due_at - clock_timestamp()))
"""


def run_queued(run_id: str) -> list[Queued]:
    """All queued executions of a running run, marked as sent now."""
    with connection.cursor() as cursor:
        cursor.execute(_QUEUED, [run_id])
        return [
            Queued(run_id=run_id, execution_id=row[0], attempt=row[1], delay_s=float(row[2]))
            for row in sorted(cursor.fetchall())
        ]
