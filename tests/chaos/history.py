"""The invariants, asked of the database after the faults. An empty list means: all hold.

I1 each run ended or waits for a human. I2 each visit has at most one accepted result and attempts
count up from 1. I3 no step of a chain began before the one it follows had completed. I4 each run
that the API accepted is there. I5 the ids of a topic have no gap and no repeat, and each result is
told once. I6 nothing outlives its session: tokens, Redis users.
"""

from typing import Any

from tests.chaos.world import SETTLED, World

_NOT_SETTLED = """
SELECT id || ' is ' || status FROM runs_run WHERE NOT status = ANY(%(settled)s)
UNION ALL
SELECT 'execution ' || e.id || ' of ' || r.id || ' is ' || e.status
FROM runs_stepexecution e JOIN runs_run r ON r.id = e.run_id
WHERE r.status IN ('completed', 'failed', 'cancelled')
  AND e.status IN ('pending', 'queued', 'starting', 'running', 'finishing')
"""

_RESULTS = """
SELECT run_id || ' ' || step_id || ' visit ' || visit || ' has ' || count(*) || ' results'
FROM runs_stepexecution WHERE status = 'completed'
GROUP BY run_id, generation, step_id, visit HAVING count(*) > 1
UNION ALL
SELECT run_id || ' ' || step_id || ' visit ' || visit || ' has attempts up to ' || max(attempt)
       || ' in ' || count(*) || ' rows'
FROM runs_stepexecution
GROUP BY run_id, generation, step_id, visit HAVING max(attempt) <> count(*) OR min(attempt) <> 1
UNION ALL
SELECT run_id || ' ' || step_id || ' tried again after its result'
FROM (SELECT *, lag(status) OVER (PARTITION BY run_id, generation, step_id, visit ORDER BY attempt)
             AS before FROM runs_stepexecution) e
WHERE before = 'completed'
"""

_ORDER = """
SELECT later.run_id || ' ' || later.step_id || ' began before S' || n.before || ' had completed'
FROM runs_stepexecution later
CROSS JOIN LATERAL (SELECT substring(later.step_id FROM 2)::int - 1 AS before) n
WHERE later.step_id ~ '^S[0-9]+$' AND n.before > 0 AND later.started_at IS NOT NULL
  AND NOT EXISTS (
    SELECT 1 FROM runs_stepexecution earlier
    WHERE earlier.run_id = later.run_id AND earlier.generation = later.generation
      AND earlier.step_id = 'S' || n.before AND earlier.status = 'completed'
      AND earlier.finished_at <= later.started_at)
"""

_EVENTS = """
SELECT t.name || ' counts ' || t.seq || ' and holds ' || count(e.id) || ' up to ' ||
       coalesce(max(e.seq), 0)
FROM core_eventtopic t LEFT JOIN core_event e ON e.topic = t.name
WHERE t.name LIKE 'run:%%'
GROUP BY t.name, t.seq
HAVING count(e.id) <> t.seq OR coalesce(max(e.seq), 0) <> t.seq
UNION ALL
SELECT r.id || ' told its end ' || count(e.id) || ' times'
FROM runs_run r LEFT JOIN core_event e ON e.topic = 'run:' || r.id
  AND e.type IN ('RUN_COMPLETE', 'RUN_FAILED', 'RUN_CANCELLED')
WHERE r.status IN ('completed', 'failed', 'cancelled')
GROUP BY r.id HAVING count(e.id) <> 1
UNION ALL
SELECT r.id || ' has ' || r.results || ' results and told ' || count(e.id)
FROM (SELECT run_id AS id, count(*) AS results FROM runs_stepexecution
      WHERE status = 'completed' GROUP BY run_id) r
LEFT JOIN core_event e ON e.topic = 'run:' || r.id AND e.type = 'STEP_COMPLETE'
GROUP BY r.id, r.results HAVING count(e.id) <> r.results
"""

_TOKENS = """
SELECT 'token ' || t.id || ' outlives ' || t.session_id
FROM accounts_sessiontoken t JOIN agent_sessions_agentsession s ON s.id = t.session_id
WHERE t.revoked_at IS NULL AND s.status IN ('completed', 'failed', 'stopped')
"""


def violations(world: World) -> list[str]:
    with world.database() as connection:
        found = [
            str(row[0])
            for query in (_NOT_SETTLED, _RESULTS, _ORDER, _EVENTS, _TOKENS)
            for row in connection.execute(query, {"settled": list(SETTLED)}).fetchall()
        ]
        kept = {str(row[0]) for row in connection.execute("SELECT id FROM runs_run").fetchall()}
    found += [
        f"{run_id} was accepted and is gone" for run_id in world.accepted if run_id not in kept
    ]
    with world.redis() as client:
        users: Any = client.acl_users()
        found += [f"Redis user {user} is left" for user in users if str(user).startswith("djinn")]
    return found
