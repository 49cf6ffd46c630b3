"""How a run's events lie over its time."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from apps.llm.models import LlmCall
from apps.runs.events import run_topic

PROBLEMS: Final = ("STEP_FAILED", "STEP_RETRYING", "STEP_PARKED", "AGENT_ERROR", "RUN_FAILED")

_ENDS = "SELECT min(created_at), max(created_at) FROM core_event WHERE topic = %s"
_COUNTS = """
SELECT least(width_bucket(extract(epoch FROM created_at), %(start)s, %(end)s, %(parts)s),
             %(parts)s) - 1 AS part,
       count(*), count(*) FILTER (WHERE type = ANY(%(problems)s)), max(seq)
  FROM core_event WHERE topic = %(topic)s GROUP BY part ORDER BY part
"""


def run_density(run_id: str, *, parts: int) -> dict[str, Any]:
    """The run's time in equal parts: how much happened in each, and the cost by then."""
    topic = run_topic(run_id)
    with connection.cursor() as db:
        db.execute(_ENDS, [topic])
        start, end = db.fetchone()
        if start is None:
            return {"start": None, "end": None, "parts": []}
        end = max(end, start + timedelta(seconds=1))
        db.execute(
            _COUNTS,
            {
                "topic": topic, "parts": parts, "problems": list(PROBLEMS),
                "start": start.timestamp(), "end": end.timestamp(),
            },
        )  # fmt: skip
        counts = {row[0]: row[1:] for row in db.fetchall()}
    width = (end - start) / parts
    spent = _spent(run_id, start, width, parts)
    rows = []
    last, cost = 0, 0.0
    for part in range(parts):
        events, problems, newest = counts.get(part, (0, 0, 0))
        last = max(last, newest)
        cost += spent[part]
        rows.append(
            {
                "at": start + part * width, "events": events, "problems": problems,
                "last_event": str(last), "cost": cost,
            }
        )  # fmt: skip
    return {"start": start, "end": end, "parts": rows}


def _spent(run_id: str, start: datetime, width: timedelta, parts: int) -> list[float]:
    sums = [0.0] * parts
    calls = LlmCall.objects.filter(run_id=run_id, cost_total__isnull=False)
    for at, cost in calls.values_list("created_at", "cost_total"):
        part = int((at - start) / width)
        sums[min(max(part, 0), parts - 1)] += float(cost or 0)
    return sums
