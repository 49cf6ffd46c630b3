"""How many steps of one agent run at a time: counted in rows, so a slot cannot leak.

The count is taken under an advisory lock of the agent, in the transaction that claims. First come,
first served over all runs: a step waits for those of its agent that were queued before it.
"""

from django.conf import settings

from apps.core.prepared import fetch_prepared

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('djinnbot:slot:' || %s, 0))"

BUSY_AND_WAITING = """
(SELECT count(*) FROM runs_stepexecution
  WHERE agent_id = %(agent)s AND status IN ('starting', 'running', 'finishing'))
+ (SELECT count(*) FROM runs_stepexecution e JOIN runs_run r ON r.id = e.run_id
    WHERE e.agent_id = %(agent)s AND e.status = 'queued' AND e.due_at <= clock_timestamp()
      AND r.status = 'running' AND NOT e.superseded {before})
"""
_COUNT = "SELECT " + BUSY_AND_WAITING.format(
    before="AND (%(execution)s::bigint IS NULL OR e.id < %(execution)s)"
)

_NEXT = """
SELECT e.run_id FROM runs_stepexecution e JOIN runs_run r ON r.id = e.run_id
 WHERE e.agent_id = %s AND e.status = 'queued' AND e.due_at <= clock_timestamp()
   AND r.status = 'running' AND NOT e.superseded AND e.run_id <> %s
 ORDER BY e.id LIMIT 1
"""


def slot_is_free(agent_id: str, execution_id: int | None) -> bool:
    """Whether the agent may start one more step now.

    `execution_id`: the queued row that asks; None: one that is not written yet, so everybody who
    waits was there before. Holds the agent's lock until the transaction ends.
    """
    limit = settings.MAX_CONCURRENT_STEPS_PER_AGENT
    if not limit:
        return True
    fetch_prepared(_LOCK, [agent_id])
    (count,) = fetch_prepared(_COUNT, {"agent": agent_id, "execution": execution_id})[0]
    return bool(count < limit)


def run_waiting_for(agent_id: str, *, but: str) -> str | None:
    """The run whose step is next in line for this agent, other than `but`."""
    if not settings.MAX_CONCURRENT_STEPS_PER_AGENT:
        return None
    rows = fetch_prepared(_NEXT, [agent_id, but])
    return rows[0][0] if rows else None
