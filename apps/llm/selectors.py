"""Reading the call log."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum

from apps.core.api.callers import Caller
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


def call_list(caller: Caller) -> QuerySet[LlmCall]:
    """Newest first. An admin sees all calls, a user those made for them, a session its own."""
    calls = LlmCall.objects.order_by("-created_at", "-id")
    if caller.is_admin:
        return calls
    if "session" in caller.kinds:
        return calls.filter(session_id=getattr(caller.credential, "session_id", None))
    return calls.filter(user_id=caller.user.pk)


def call_totals(calls: QuerySet[LlmCall]) -> CallTotals:
    tokens = {f"sum_{name}": Sum(name) for name in _TOKENS}
    sums = calls.order_by().aggregate(
        **tokens,
        sum_calls=Count("id"),
        sum_failed_calls=Count("id", filter=~Q(error_class="")),
        sum_cost_total=Sum("cost_total"),
        sum_cost_unknown_calls=Count("id", filter=Q(cost_total=None, error_class="")),
        sum_tool_calls=Sum("tool_call_count"),
        sum_duration_ms=Sum("duration_ms"),
    )
    cost = sums.pop("sum_cost_total")
    counts = {name.removeprefix("sum_"): value or 0 for name, value in sums.items()}
    total = sum(counts[name] for name in _TOKENS)
    return CallTotals(cost_total=cost, total_tokens=total, **counts)


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
