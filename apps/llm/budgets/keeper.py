"""Holds of a process are renewed while it lives; those of a dead one are released.

A hold lives `LEASE_S` from its last renewal. What a killed process held is free again after that
and one round of the sweep, and the call's row then says `gateway_lost`.
"""

import asyncio
import weakref

import structlog
from django.db import connection
from psycopg import Error as DatabaseError
from psycopg_pool import PoolTimeout

from apps.core.async_sql import sql_connection

log = structlog.get_logger(__name__)

LEASE_S = 30.0
RENEW_S = 8.0
LOST = "gateway_lost"
SWEPT_AT_ONCE = 500

_RENEW = """
UPDATE llm_budgethold SET lease_until = clock_timestamp() + make_interval(secs => %s)
 WHERE call_id = ANY(%s) AND released_at IS NULL
"""

# In a statement of its own: a call that ends late locks its row first and its hold after.
_TELL = """
WITH lost AS (
  UPDATE llm_llmcall c SET ended_at = clock_timestamp(), error_class = %(lost)s
    FROM llm_budgethold h
   WHERE h.call_id = c.id AND h.released_at IS NOT NULL AND c.ended_at IS NULL
  RETURNING c.run_id, c.session_id, c.step_execution_id
), sums AS (
  SELECT t.kind, t.ref, count(*) AS calls FROM lost CROSS JOIN LATERAL (VALUES
    ('run', lost.run_id), ('session', lost.session_id),
    ('step', coalesce(lost.step_execution_id::text, ''))) AS t(kind, ref)
   WHERE t.ref <> '' GROUP BY t.kind, t.ref ORDER BY t.kind, t.ref
)
INSERT INTO llm_usagetotal AS u (kind, ref, calls, failed_calls, input_tokens, output_tokens,
       cache_read_tokens, cache_write_tokens, cost_unknown_calls, tool_calls, duration_ms)
SELECT kind, ref, calls, calls, 0, 0, 0, 0, 0, 0, 0 FROM sums
ON CONFLICT (kind, ref) DO UPDATE
   SET calls = u.calls + excluded.calls, failed_calls = u.failed_calls + excluded.failed_calls
"""


class HoldKeeper:
    """Renews the holds of one event loop for as long as there are any."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, call_id: str) -> None:
        self._held.add(call_id)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._renew(), name="hold-keeper")

    def drop(self, call_id: str) -> None:
        self._held.discard(call_id)

    async def _renew(self) -> None:
        while self._held:
            await asyncio.sleep(RENEW_S)
            try:
                async with sql_connection() as taken:
                    await taken.execute(_RENEW, [LEASE_S, list(self._held)])
            except (DatabaseError, PoolTimeout) as exc:
                log.warning("Holds could not be renewed; tried again.", error=type(exc).__name__)


_keepers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, HoldKeeper] = (
    weakref.WeakKeyDictionary()
)


def hold_keeper() -> HoldKeeper:
    loop = asyncio.get_running_loop()
    keeper = _keepers.get(loop)
    if keeper is None:
        keeper = _keepers[loop] = HoldKeeper()
    return keeper


def holds_sweep() -> int:
    """Release what dead processes held and end the rows of their calls; how many were released."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM llm_budget_release_expired(%s)", [SWEPT_AT_ONCE])
        (released,) = cursor.fetchone()
        cursor.execute(_TELL, {"lost": LOST})
        cursor.execute(
            "DELETE FROM llm_budgethold WHERE released_at < clock_timestamp() - interval '1 day'"
        )
    if released:
        log.warning("Model calls ended with their process; what they held is free.", count=released)
    return int(released)
