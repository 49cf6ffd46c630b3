"""How budgets stand: limits, what is spent and held in the present window, and when it ends."""

from collections.abc import Mapping
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from apps.core.api.callers import Caller

Row = dict[str, Any]
MOST = 500

# A budget for each one of a scope is shown for everyone that has spent something in its window;
# with nobody, as one row without a subject.
_STANDING = """
SELECT b.id AS budget_id, b.scope, b.ref, b."window", b.action, b.downgrade_model,
       coalesce(c.subject, b.ref) AS subject,
       llm_window_start(b."window", now()) AS window_start,
       CASE b."window" WHEN 'total' THEN NULL
            ELSE llm_window_start(b."window", now()) + ('1 ' || b."window")::interval
       END AS window_end,
       b.soft_micro, b.hard_micro, b.soft_tokens, b.hard_tokens, b.soft_calls, b.hard_calls,
       coalesce(c.spent_micro, 0) AS spent_micro, coalesce(c.held_micro, 0) AS held_micro,
       coalesce(c.spent_tokens, 0) AS spent_tokens, coalesce(c.held_tokens, 0) AS held_tokens,
       coalesce(c.spent_calls, 0) AS spent_calls, coalesce(c.held_calls, 0) AS held_calls,
       c.refused_at
  FROM llm_budget b
  LEFT JOIN llm_budgetcounter c
    ON c.scope = b.scope AND c."window" = b."window" AND b.ref IN ('', c.subject)
   AND c.window_start = llm_window_start(b."window", now())
   AND (b.ref <> '' OR NOT EXISTS (
         SELECT 1 FROM llm_budget o WHERE o.scope = b.scope AND o."window" = b."window"
            AND o.ref = c.subject AND o.ref <> '' AND o.enabled))
 WHERE b.enabled AND (%(all)s OR b.scope = 'instance'
       OR (b.scope = 'user' AND coalesce(c.subject, b.ref) IN ('', %(user)s))
       OR (b.scope = 'run' AND (c.subject IS NULL OR EXISTS (
             SELECT 1 FROM llm_llmcall l WHERE l.run_id = c.subject AND l.user_id = %(user)s))))
   AND (%(scope)s = '' OR b.scope = %(scope)s) AND (%(subject)s = '' OR c.subject = %(subject)s)
 ORDER BY b.scope, b."window", c.spent_micro DESC NULLS LAST, subject
 LIMIT %(most)s
"""

_ROOM = """
SELECT NOT EXISTS (
  SELECT 1 FROM (
    SELECT DISTINCT ON (l.scope, l."window") l.*, s.value AS subject
      FROM llm_budget l JOIN jsonb_each_text(%(subjects)s::jsonb) s ON s.key = l.scope
     WHERE l.enabled AND l.action <> 'warn' AND l.ref IN ('', s.value)
     ORDER BY l.scope, l."window", l.ref DESC) b
  JOIN llm_budgetcounter c
    ON c.scope = b.scope AND c.subject = b.subject AND c."window" = b."window"
   AND c.window_start = llm_window_start(b."window", now())
 WHERE (%(micro)s > 0 AND c.spent_micro + c.held_micro + %(micro)s > b.hard_micro)
    OR c.spent_tokens + c.held_tokens + %(tokens)s > b.hard_tokens
    OR c.spent_calls + c.held_calls + 1 > b.hard_calls)
"""


def budget_standing(caller: Caller, *, scope: str = "", subject: str = "") -> list[Row]:
    """An admin sees all; a user the instance's budget, their own and those of their runs."""
    own = "" if caller.is_admin else str(getattr(caller.user, "pk", "") or "")
    params: dict[str, Any] = {
        "all": caller.is_admin,
        "user": own,
        "scope": scope,
        "subject": subject,
        "most": MOST,
    }
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, params)
        names = [column.name for column in cursor.description]
        return [_standing(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def budget_has_room(subjects: Mapping[str, str], *, micro: int, tokens: int) -> bool:
    """Whether a call of that worst case would be let through now. Nothing is held by asking."""
    asked: dict[str, Any] = {"subjects": Jsonb(subjects), "micro": micro, "tokens": tokens}
    with connection.cursor() as cursor:
        cursor.execute(_ROOM, asked)
        return bool(cursor.fetchone()[0])


def _standing(row: Row) -> Row:
    shares = [
        _share(row[f"spent_{of}"] + row[f"held_{of}"], row[f"hard_{of}"])
        for of in ("micro", "tokens", "calls")
    ]
    soft = any(
        row[f"soft_{of}"] is not None and row[f"spent_{of}"] >= row[f"soft_{of}"]
        for of in ("micro", "tokens", "calls")
    )
    percent = max((share for share in shares if share is not None), default=None)
    state = "ok"
    if row["refused_at"] is not None or (percent is not None and percent >= 100):
        state = "hard"
    elif soft or (percent is not None and percent >= 80):
        state = "soft"
    return {**row, "percent": percent, "state": state}


def _share(used: int, limit: int | None) -> float | None:
    if limit is None:
        return None
    return round(100.0 * used / limit, 1) if limit else 100.0
