"""Limits of shares: how much of a day's is used, by the call log. Days are UTC's."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from apps.llm.registry import Share

# Calls under way count: their row is there before they are sent.
USED_TODAY: Final = """
SELECT share_id, count(*), coalesce(sum(cost_total), 0) FROM llm_llmcall
 WHERE share_id = ANY(%s)
   AND created_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
 GROUP BY share_id
"""


def is_limited(share: Share) -> bool:
    return share.daily_calls is not None or share.daily_cost_usd is not None


def spent(shares: Iterable[Share], rows: Iterable[Sequence[Any]]) -> frozenset[int]:
    """Which of them are used up, by the rows of `USED_TODAY`."""
    used = {share_id: (calls, cost) for share_id, calls, cost in rows}
    return frozenset(
        share.id for share in shares if _is_spent(share, *used.get(share.id, (0, Decimal(0))))
    )


def is_spent(share: Share) -> bool:
    if not is_limited(share):
        return False
    with connection.cursor() as cursor:
        cursor.execute(USED_TODAY, [[share.id]])
        return share.id in spent([share], cursor.fetchall())


def _is_spent(share: Share, calls: int, cost: Decimal) -> bool:
    if share.daily_calls is not None and calls >= share.daily_calls:
        return True
    return share.daily_cost_usd is not None and cost >= share.daily_cost_usd
