"""Finding runs by the words of their task, or by the beginning of their id."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Final

from django.contrib.postgres.search import SearchQuery
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, Value

from apps.core.api.callers import Caller
from apps.core.search import Hit
from apps.runs.access import visible_runs
from apps.runs.models import TASK_WORDS, Run

_SHORTEST_ID: Final = 6  # of what may begin an id: `run_01`
# By no index: else rare words are looked for in all runs, one after the other from the newest.
_NEWEST: Final = ExpressionWrapper(
    F("created_at") + Value(timedelta(0)), output_field=DateTimeField()
)


def run_search(caller: Caller, words: Collection[str], most: int) -> Iterable[Hit]:
    """Every word begins one of the task's; the newest first."""
    rows = (
        Run.objects.filter(visible_runs(caller))
        .annotate(words=TASK_WORDS)
        .filter(Q(words=task_query(words)) | _of_id(words))
        .order_by(_NEWEST.desc(), "-id")
        .values("id", "task_description", "pipeline_id", "status", "created_at")[:most]
    )
    return [
        Hit(
            kind="run",
            id=row["id"],
            title=row["task_description"].strip().partition("\n")[0] or row["id"],
            detail=row["pipeline_id"],
            status=row["status"],
            at=row["created_at"],
        )
        for row in rows
    ]


def task_query(words: Collection[str]) -> SearchQuery:
    return SearchQuery(
        " & ".join(f"{word}:*" for word in words), config="simple", search_type="raw"
    )


def _of_id(words: Collection[str]) -> Q:
    """One word that looks like the beginning of an id."""
    [first, *others] = words
    looks_like_one = not others and first.startswith("run_") and len(first) >= _SHORTEST_ID
    return Q(id__startswith=first) if looks_like_one else Q(pk__in=())
