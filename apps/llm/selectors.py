"""Reading the call log."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from apps.llm.models import LlmCall

_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTotals:
    """`cost_total` sums what is known; None: no cost is known at all. `cost_unknown_calls` says
    how many answered calls it leaves out."""

    calls: int
    failed_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    total_tokens: int
    cost_total: Decimal | None
    cost_unknown_calls: int
    tool_calls: int
    duration_ms: int


def call_list(*, user: Any, is_admin: bool) -> QuerySet[LlmCall]:
    """Newest first. An admin sees all calls, others those made for them."""
    calls = LlmCall.objects.order_by("-created_at", "-id")
    return calls if is_admin else calls.filter(user_id=user.pk)


def call_totals(calls: QuerySet[LlmCall]) -> CallTotals:
    sums = calls.order_by().aggregate(
        calls=Count("id"),
        failed_calls=Count("id", filter=~Q(error_class="")),
        cost_total=Sum("cost_total"),
        cost_unknown_calls=Count("id", filter=Q(cost_total=None, error_class="")),
        tool_calls=Sum("tool_call_count"),
        duration_ms=Sum("duration_ms"),
        total_tokens=Sum(sum((F(name) for name in _TOKENS[1:]), F(_TOKENS[0]))),
        **{name: Sum(name) for name in _TOKENS},
    )
    cost = sums.pop("cost_total")
    return CallTotals(cost_total=cost, **{name: value or 0 for name, value in sums.items()})


def run_totals(run_id: str) -> CallTotals:
    """Tokens and cost of all calls made for a run."""
    return call_totals(LlmCall.objects.filter(run_id=run_id))


def failures_since_answer(session_id: str) -> int:
    """How many calls of a session failed after its last answered one."""
    newest = LlmCall.objects.filter(session_id=session_id).order_by("-created_at", "-id")
    failed = 0
    for tries, error_class in newest.values_list("tries", "error_class")[:20]:
        if not error_class:
            break
        failed += tries
    return failed
