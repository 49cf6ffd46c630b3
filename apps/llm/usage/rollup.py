"""From rows to sums by hour, and from those to sums by day.

An hour with a row that its sums lack is summed anew, whole: so it does not matter how often this
runs, nor how late a row comes. Days are summed from their hours, and both outlive the rows.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

_LOCK = 0x646A_0011  # advisory: one at a time in the whole install
_SUMS = """calls, failed_calls, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
           cost_total, cost_unknown_calls, tool_calls, duration_ms"""
_KEYS = "user_id, agent_id, project_id, run_id, kind, provider, model, key_source"

_MARK = """
UPDATE llm_llmcall SET rolled_at = clock_timestamp()
 WHERE rolled_at IS NULL AND ended_at IS NOT NULL
RETURNING date_trunc('hour', created_at, 'UTC')
"""

_HOURS = f"""
INSERT INTO llm_usagebucket (grain, starts_at, {_KEYS}, {_SUMS})
SELECT 'hour', date_trunc('hour', created_at, 'UTC'), {_KEYS}, count(*),
       count(*) FILTER (WHERE error_class <> ''), sum(input_tokens), sum(output_tokens),
       sum(cache_read_tokens), sum(cache_write_tokens), sum(cost_total),
       count(*) FILTER (WHERE cost_total IS NULL AND error_class = ''), sum(tool_call_count),
       sum(duration_ms)
  FROM llm_llmcall
 WHERE ended_at IS NOT NULL AND created_at >= %(from)s AND created_at < %(to)s
 GROUP BY date_trunc('hour', created_at, 'UTC'), {_KEYS}
"""  # noqa: S608  all parts stand in this file

_DAYS = f"""
INSERT INTO llm_usagebucket (grain, starts_at, {_KEYS}, {_SUMS})
SELECT 'day', date_trunc('day', starts_at, 'UTC'), {_KEYS}, sum(calls), sum(failed_calls),
       sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens),
       sum(cost_total), sum(cost_unknown_calls), sum(tool_calls), sum(duration_ms)
  FROM llm_usagebucket
 WHERE grain = 'hour' AND starts_at >= %(from)s AND starts_at < %(to)s
 GROUP BY date_trunc('day', starts_at, 'UTC'), {_KEYS}
"""  # noqa: S608  all parts stand in this file

_FORGET = """
DELETE FROM llm_usagebucket WHERE grain = %(grain)s AND starts_at >= %(from)s AND starts_at < %(to)s
"""


def usage_roll_up() -> int:
    """Bring the sums after the rows; how many hours were summed anew. 0 when another one runs."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_MARK)
        hours = {row[0] for row in cursor.fetchall()}
        for hour in sorted(hours):
            _sum("hour", _HOURS, hour, hour + timedelta(hours=1))
        for day in sorted({hour.replace(hour=0) for hour in hours}):
            _sum("day", _DAYS, day, day + timedelta(days=1))
    return len(hours)


def _sum(grain: str, statement: str, begin: datetime, end: datetime) -> None:
    span: dict[str, Any] = {"grain": grain, "from": begin, "to": end}
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, span)
        cursor.execute(statement, span)


def calls_prune() -> int:
    """Forget rows older than `LLM_CALL_RETENTION_DAYS` (0: none) that are in the sums; whole days,
    so that no hour is ever summed from a part of its rows."""
    days: int = settings.LLM_CALL_RETENTION_DAYS
    if not days:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM llm_llmcall WHERE rolled_at IS NOT NULL AND created_at
                   < date_trunc('day', clock_timestamp(), 'UTC') - make_interval(days => %s)
            """,
            [days],
        )
        return int(cursor.rowcount)
