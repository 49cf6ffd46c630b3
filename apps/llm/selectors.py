"""Reading the call log, its sums, and budgets."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum

from apps.accounts.models import User
from apps.core.api.callers import Caller
from apps.llm.budgets.errors import BudgetNotFound
from apps.llm.errors import CallNotFound
from apps.llm.models import Budget, FavoriteModel, LlmCall, UsageTotal

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
        sum_cost_unknown_calls=Count(
            "id", filter=Q(cost_total=None, error_class="", ended_at__isnull=False)
        ),
        sum_tool_calls=Sum("tool_call_count"),
        sum_duration_ms=Sum("duration_ms"),
    )
    cost = sums.pop("sum_cost_total")
    counts = {name.removeprefix("sum_"): value or 0 for name, value in sums.items()}
    total = sum(counts[name] for name in _TOKENS)
    return CallTotals(cost_total=cost, total_tokens=total, **counts)


def call_get(caller: Caller, call_id: str) -> LlmCall:
    found = call_list(caller).filter(id=call_id).first()
    if found is None:
        raise CallNotFound(call_id)
    return found


def run_totals(run_id: str) -> CallTotals:
    """Tokens and cost of all calls made for a run."""
    return totals_of(UsageTotal.Kind.RUN, [run_id])[run_id]


def totals_of(kind: UsageTotal.Kind, refs: Collection[str]) -> dict[str, CallTotals]:
    """The sums of runs, step executions or sessions; of those without calls too."""
    rows = {row.ref: row for row in UsageTotal.objects.filter(kind=kind, ref__in=refs)}
    return {ref: _totals(rows.get(ref) or UsageTotal()) for ref in refs}


def _totals(row: UsageTotal) -> CallTotals:
    tokens = {name: int(getattr(row, name)) for name in _TOKENS}
    return CallTotals(
        calls=row.calls,
        failed_calls=row.failed_calls,
        **tokens,
        total_tokens=sum(tokens.values()),
        cost_total=row.cost_total,
        cost_unknown_calls=row.cost_unknown_calls,
        tool_calls=row.tool_calls,
        duration_ms=row.duration_ms,
    )


def may_watch_settings(caller: Caller, topic: str) -> bool:
    """What admins set: budgets and providers. Others hear of what concerns their runs there."""
    return caller.is_admin


def budget_list(caller: Caller) -> QuerySet[Budget]:
    """An admin sees all, others those that hold for everybody and those of themselves."""
    budgets = Budget.objects.order_by("scope", "ref", "window")
    if caller.is_admin:
        return budgets
    return budgets.filter(Q(ref="") | Q(scope="user", ref=caller.user.pk))


def budget_get(caller: Caller, budget_id: str) -> Budget:
    found = budget_list(caller).filter(id=budget_id).first()
    if found is None:
        raise BudgetNotFound(budget_id)
    return found


def failures_since_answer(session_id: str) -> int:
    """How many calls of a session failed after its last answered one."""
    ended = LlmCall.objects.filter(session_id=session_id, ended_at__isnull=False)
    newest = ended.order_by("-created_at", "-id")
    failed = 0
    for tries, error_class in newest.values_list("tries", "error_class")[:20]:
        if not error_class:
            break
        failed += tries
    return failed


def favorite_models(user: User) -> list[str]:
    """In the order that the person gave them."""
    return list(FavoriteModel.objects.filter(user=user).values_list("model", flat=True))
