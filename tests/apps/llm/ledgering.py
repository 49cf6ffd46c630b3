"""Calls as the gateway makes them, without a gateway: admitted and settled by the ledger."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from apps.core.async_sql import sql_pool_close
from apps.core.ids import new_id
from apps.llm import ledger
from apps.llm.calls import CallEnd, CallStart
from apps.llm.pricing import Price, Tokens, price_tokens

Result = TypeVar("Result")
DOLLAR_A_MILLION = Price(input=Decimal(1), output=Decimal(1), version="test")


def call(*, micro: int = 0, tokens: int | None = None, **more: Any) -> CallStart:
    """A call that costs at most `micro` millionths of a dollar: a token costs one. Without a price
    (`price=None`) `tokens` says how many it may take."""
    values: dict[str, Any] = {
        "call_id": new_id("llm"),
        "request_id": new_id("req"),
        "session_id": "ses_1",
        "provider": "openai",
        "model": "m",
        "requested_model": "openai/m",
        "dialect": "openai",
        "price": DOLLAR_A_MILLION,
        "max_output_tokens": micro if tokens is None else tokens,
    }
    return CallStart(**{**values, **more})


def answered(start: CallStart, *, micro: int, **more: Any) -> CallEnd:
    """The end of a call that took `micro` tokens, at their price."""
    tokens = Tokens(output=micro)
    end = CallEnd(
        http_status=200,
        tokens=tokens,
        usage_seen=True,
        output_began=True,
        cost=price_tokens(start.price, tokens),
        ttft_ms=3,
        duration_ms=7,
    )
    return replace(end, **more)


def failed(**more: Any) -> CallEnd:
    return replace(CallEnd(http_status=502, error_class="upstream_unavailable"), **more)


def in_loop(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run on an event loop of its own, as in a web process, and give its connections back."""

    async def whole() -> Result:
        try:
            return await work()
        finally:
            await _background_done()
            await sql_pool_close()

    return asyncio.run(whole())


async def _background_done() -> None:
    """What the ledger leaves to do after its answer, publishing above all."""
    while ledger.background:
        await asyncio.wait(ledger.background)
