"""Finding sessions by the beginning of their id."""

from collections.abc import Collection, Iterable
from typing import Final

from apps.core.api.callers import Caller
from apps.core.search import Hit
from apps.sessions.access import sessions_visible

_SHORTEST: Final = 6  # `ses_01`


def session_search(caller: Caller, words: Collection[str], most: int) -> Iterable[Hit]:
    [first, *others] = words
    if others or not first.startswith("ses_") or len(first) < _SHORTEST:
        return []
    rows = sessions_visible(caller).filter(id__startswith=first).order_by("-id")
    return [
        Hit(
            kind="session",
            id=row.id,
            title=row.id,
            detail=row.agent_id,
            status=row.status,
            at=row.created_at,
        )
        for row in rows.only("id", "agent_id", "status", "created_at")[:most]
    ]
