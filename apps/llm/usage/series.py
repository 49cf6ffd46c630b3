"""What was used: series by time and by one other dimension, and a person's own day and month."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import TruncMonth, TruncWeek
from django.utils import timezone

from apps.core.api.callers import Caller
from apps.llm.models import UsageBucket

Row = dict[str, Any]
Bucket = Literal["hour", "day", "week", "month", "total"]
GROUPS = ("user", "agent", "project", "run", "kind", "provider", "model", "key_source", "none")
SUMS = (
    *("calls", "failed_calls", "input_tokens", "output_tokens", "cache_read_tokens"),
    *("cache_write_tokens", "cost_total", "cost_unknown_calls", "tool_calls", "duration_ms"),
)
_COLUMN = {"user": "user_id", "agent": "agent_id", "project": "project_id", "run": "run_id"}
_DEFAULT_SPAN = timedelta(days=30)


def visible_buckets(caller: Caller) -> QuerySet[UsageBucket]:
    """An admin sees all, a user what was used for them, a session nothing."""
    buckets = UsageBucket.objects.all()
    if caller.is_admin:
        return buckets
    if "session" in caller.kinds:
        return buckets.none()
    return buckets.filter(user_id=caller.user.pk)


def usage_series(
    caller: Caller,
    *,
    group_by: str = "model",
    bucket: Bucket = "day",
    since: datetime | None = None,
    until: datetime | None = None,
    **equal: str,
) -> QuerySet[UsageBucket, Row]:
    """One row for each time and group, in order of time, the dearest first. A model is told with
    its provider. The last 30 days unless a span is asked for."""
    end = until or timezone.now()
    begin = since or end - _DEFAULT_SPAN
    rows = visible_buckets(caller).filter(
        grain="hour" if bucket == "hour" else "day",
        starts_at__gte=begin if bucket == "hour" else begin.replace(hour=0, minute=0, second=0),
        starts_at__lt=end,
        **{name: value for name, value in equal.items() if value},
    )
    keys = _keys(group_by)
    named = {"week": TruncWeek("starts_at"), "month": TruncMonth("starts_at")}
    moment = {} if bucket == "total" else {"bucket": named.get(bucket, F("starts_at"))}
    series = (
        rows.order_by()
        .values(**moment, **keys)
        .annotate(**{name: Sum(name) for name in SUMS})
        .order_by(*moment, F("cost_total").desc(nulls_last=True), *keys)
    )
    return cast("QuerySet[UsageBucket, Row]", series)


def _keys(group_by: str) -> dict[str, F]:
    match group_by:
        case "none":
            return {}
        case "model":
            return {"provider_id": F("provider"), "group": F("model")}
    return {"group": F(_COLUMN.get(group_by, group_by))}


def usage_of_user(user_id: str, *, now: datetime | None = None) -> Row:
    """Today and this month (UTC), by model."""
    moment = now or timezone.now()
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    own = UsageBucket.objects.filter(user_id=user_id, grain="day")
    return {
        "today": _by_model(own.filter(starts_at=today)),
        "month": _by_model(own.filter(starts_at__gte=today.replace(day=1))),
    }


def _by_model(buckets: QuerySet[UsageBucket]) -> Sequence[Row]:
    sums = (
        buckets.order_by()
        .values("provider", "model")
        .annotate(**{name: Sum(name) for name in SUMS})
        .order_by(F("cost_total").desc(nulls_last=True), "provider", "model")
    )
    return [dict(row) for row in sums]
