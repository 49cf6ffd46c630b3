"""Prices that came later, for calls that were made before.

What a call cost is told anew from its tokens and today's price; the sums of its run, step and
session follow by the difference, those by hour and day are summed again. Budgets keep what they
booked: what was allowed at the time was allowed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet

from apps.llm.errors import GatewayError
from apps.llm.models import LlmCall
from apps.llm.pricing import Price, Tokens, price_tokens
from apps.llm.registry import registry

_BATCH = 500
_DIGITS = Decimal("1e-10")  # as the columns keep them

# A call that somebody else has priced meanwhile is left to them.
_REPRICE = """
WITH told AS (
  SELECT * FROM unnest(%s::text[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],
                       %s::text[], %s::bool[])
       AS t(id, was, cost_input, cost_output, cost_total, price_version, cost_approximate)
), priced AS (
  UPDATE llm_llmcall c SET rolled_at = NULL, cost_input = told.cost_input,
         cost_output = told.cost_output, cost_total = told.cost_total,
         price_version = told.price_version, cost_approximate = told.cost_approximate
    FROM told WHERE c.id = told.id AND c.cost_total IS NOT DISTINCT FROM told.was
  RETURNING c.run_id, c.session_id, c.step_execution_id,
            told.cost_total - coalesce(told.was, 0) AS more,
            (told.was IS NULL AND c.error_class = '')::int AS was_unknown
), sums AS (
  SELECT t.kind, t.ref, sum(more) AS more, sum(was_unknown) AS was_unknown
    FROM priced CROSS JOIN LATERAL (VALUES
           ('run', run_id), ('session', session_id),
           ('step', coalesce(step_execution_id::text, ''))) AS t(kind, ref)
   WHERE t.ref <> '' GROUP BY t.kind, t.ref
), summed AS (
  UPDATE llm_usagetotal u SET cost_total = coalesce(u.cost_total, 0) + sums.more,
         cost_unknown_calls = u.cost_unknown_calls - sums.was_unknown
    FROM sums WHERE u.kind = sums.kind AND u.ref = sums.ref
)
SELECT count(*) FROM priced
"""


@dataclass(slots=True)
class Repriced:
    """`before` sums what was known. `unpriced`: calls whose model has no price even now."""

    calls: int = 0
    unpriced: int = 0
    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Change:
    call: LlmCall
    price: Price

    def row(self) -> tuple[Any, ...]:
        cost = price_tokens(self.price, _tokens(self.call))
        parts = [part and part.quantize(_DIGITS) for part in (cost.input, cost.output, cost.total)]
        return (
            *(self.call.pk, self.call.cost_total, *parts),
            *(self.price.version[:64], self.price.approximate),
        )


def calls_reprice(
    *,
    since: datetime | None = None,
    model: str = "",
    known_too: bool = False,
    dry_run: bool = False,
) -> Repriced:
    """Price calls without a cost, or with `known_too` all of them. `model`: `provider/model`."""
    done = Repriced()
    calls = _calls(since, model, known_too)
    after = ""
    while batch := list(calls.filter(id__gt=after)[:_BATCH]):
        after = batch[-1].pk
        _reprice(_changes(batch, done), done, dry_run=dry_run)
    return done


def _calls(since: datetime | None, model: str, known_too: bool) -> QuerySet[LlmCall]:
    """Calls whose tokens were counted."""
    spoken = F("input_tokens") + F("output_tokens") + F("cache_read_tokens")
    calls = LlmCall.objects.alias(spoken=spoken).filter(ended_at__isnull=False, spoken__gt=0)
    if since is not None:
        calls = calls.filter(created_at__gte=since)
    if model:
        provider, _, name = model.partition("/")
        calls = calls.filter(provider=provider, model=name)
    if not known_too:
        calls = calls.filter(cost_total=None)
    return calls.order_by("id")


def _changes(calls: Sequence[LlmCall], done: Repriced) -> list[_Change]:
    found = [(call, _price(call)) for call in calls]
    done.unpriced += sum(price is None for _, price in found)
    return [_Change(call, price) for call, price in found if price is not None]


def _price(call: LlmCall) -> Price | None:
    now = registry()
    try:
        return now.model(now.provider(call.provider), call.model).price
    except GatewayError:
        return None  # the provider is gone


def _reprice(changes: Sequence[_Change], done: Repriced, *, dry_run: bool) -> None:
    told = [change.row() for change in changes]
    rows = [row for row in told if row[4] is not None and row[1] != row[4]]
    done.before += sum((row[1] or Decimal(0) for row in rows), Decimal(0))
    done.after += sum((row[4] for row in rows), Decimal(0))
    if dry_run or not rows:
        done.calls += len(rows)
        return
    with connection.cursor() as cursor:
        cursor.execute(_REPRICE, [list(column) for column in zip(*rows, strict=True)])
        done.calls += cursor.fetchone()[0]


def _tokens(call: LlmCall) -> Tokens:
    return Tokens(
        input=call.input_tokens,
        output=call.output_tokens,
        cache_read=call.cache_read_tokens,
        cache_write=call.cache_write_tokens,
    )
