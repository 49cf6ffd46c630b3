"""Prometheus metrics of model calls. Those of calls count what this process did; what is held is
read from the database at each scrape, for the whole instance."""

from collections.abc import Iterable

from django.db import DatabaseError, connection
from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from apps.llm.budgets.errors import BUDGET_EXCEEDED
from apps.llm.calls import CallEnd, CallStart

_MODEL = ("provider", "model")
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

CALLS = Counter(
    "djinnbot_llm_calls", "Model calls that ended; `outcome` is ok or why not", [*_MODEL, "outcome"]
)
TOKENS = Counter("djinnbot_llm_tokens", "Tokens, by class", [*_MODEL, "kind"])
COST = Counter("djinnbot_llm_cost_usd", "US dollars, of calls whose cost is known", _MODEL)
SECONDS = Histogram(
    "djinnbot_llm_call_seconds", "From admission to the end", _MODEL, buckets=_SECONDS
)
FIRST_BYTE = Histogram(
    "djinnbot_llm_first_byte_seconds", "To the first byte of an answer", _MODEL, buckets=_SECONDS
)
REFUSED = Counter("djinnbot_llm_budget_refused", "Calls that a budget refused", ["scope"])


def call_ended(start: CallStart, end: CallEnd) -> None:
    model = (start.provider, start.model)
    CALLS.labels(*model, end.error_class or "ok").inc()
    for kind in ("input", "output", "cache_read", "cache_write"):
        if tokens := getattr(end.tokens, kind):
            TOKENS.labels(*model, kind).inc(tokens)
    if end.cost.total:
        COST.labels(*model).inc(float(end.cost.total))
    if end.error_class != BUDGET_EXCEEDED:
        SECONDS.labels(*model).observe(end.duration_ms / 1000)
    if end.ttft_ms is not None:
        FIRST_BYTE.labels(*model).observe(end.ttft_ms / 1000)


class HoldCollector(Collector):
    """What calls under way hold of budgets. Nothing while the database is away."""

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*), coalesce(sum(micro), 0) FROM llm_budgethold"
                    " WHERE released_at IS NULL"
                )
                calls, micro = cursor.fetchone()
        except DatabaseError:
            return
        yield GaugeMetricFamily("djinnbot_llm_calls_held", "Model calls under way", value=calls)
        yield GaugeMetricFamily(
            "djinnbot_llm_held_usd", "Worst case of those calls", value=float(micro) / 1_000_000
        )


def register() -> None:
    REGISTRY.register(HoldCollector())
