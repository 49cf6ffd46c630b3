"""Accounting for model calls: what must be true before one is sent, and what is written after it.

Each step is one statement: `admit` reserves the worst case under every budget that counts and opens
the call's row; `settle` books what it cost, ends the row, adds it to the sums of its run, step and
session, and tells of it. Whatever happens in between, either `settle` or the sweep of
`budgets.keeper` gives the hold back.
"""

import asyncio
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from psycopg import Error as DatabaseError
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout

from apps.core.aio import in_thread
from apps.core.async_sql import sql_connection, sql_on_disk
from apps.core.events import NewEvent, append_params, events_append, events_publish
from apps.llm import statements
from apps.llm.budgets.book import BUDGETS_TOPIC
from apps.llm.budgets.errors import BUDGET_EXCEEDED, BudgetExceeded
from apps.llm.budgets.keeper import LEASE_S, LOST, hold_keeper, holds_sweep
from apps.llm.budgets.verdict import Verdict
from apps.llm.calls import Admitted, CallEnd, CallStart
from apps.llm.errors import GatewayError
from apps.llm.metrics import REFUSED, call_ended
from apps.llm.money import micro_of
from apps.llm.traces import call_traced

log = structlog.get_logger(__name__)

RETRY_FIRST_S = 0.2
RETRY_LONGEST_S = 15.0
RETRY_TIMES = 20  # some four minutes: a database may take that long to come back

_Events = tuple[str, Sequence[tuple[Any, ...]]]  # a topic, and rows of it
_unsaid: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, list[_Events]] = (
    weakref.WeakKeyDictionary()
)
background: set[asyncio.Task[None]] = set()  # what nobody waits for; kept from the collector


async def admit(start: CallStart) -> Admitted:
    """Reserve the worst case and open the row. Raises BudgetExceeded, with the row written.

    A client that leaves meanwhile leaves no hold behind.
    """
    work = asyncio.ensure_future(_admit(start))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        _keep(_abandon(start, work))
        raise


async def settle(start: CallStart, end: CallEnd) -> None:
    """End the row and book what the call cost. Called twice, it books once.

    A database that is away gets the outcome later: the client's answer does not wait for it, nor
    for its disk.
    """
    hold_keeper().drop(start.call_id)
    call_ended(start, end)
    call_traced(start, end)
    try:
        await _settle(start, end)
    except (DatabaseError, PoolTimeout) as exc:
        log.warning("A model call could not be booked; tried again.", error=type(exc).__name__)
        _keep(_settle_later(start, end))
    else:
        _keep(_settled_for_good(start, end))


async def refused(start: CallStart, end: CallEnd) -> None:
    """Write the row of a request that no attempt came of."""
    call_ended(start, end)
    call_traced(start, end)
    await _execute(statements.WRITE, _row(start) | _ending(start, end) | _told(start, end))


async def _admit(start: CallStart) -> Admitted:
    verdict = await _reserve(start)
    if verdict.kind == "refused" and await in_thread(holds_sweep) > 0:
        verdict = await _reserve(start)  # a dead process held what was wanted
    if verdict.is_first and verdict.kind in ("refused", "warned"):
        await in_thread(_tell, start, [verdict.event()])
    match verdict.kind:
        case "refused":
            REFUSED.labels(verdict.scope).inc()
            error = verdict.error()
            await refused(start, _no(error))
            raise error
        case "downgrade":
            return Admitted(downgrade_to=verdict.downgrade_model)
    hold_keeper().add(start.call_id)
    return Admitted()


async def _reserve(start: CallStart) -> Verdict:
    try:
        rows = await _execute(statements.ADMIT, _row(start) | _reservation(start))
    except (DatabaseError, PoolTimeout) as exc:
        raise GatewayError(
            "The call cannot be accounted for: the database is away.",
            code="dependency_down",
            http_status=503,
            transient=True,
        ) from exc
    return Verdict(*rows[0])


def _no(error: BudgetExceeded) -> CallEnd:
    return CallEnd(
        http_status=error.http_status, error_class=BUDGET_EXCEEDED, retry_at=error.window_end
    )


async def _settle(start: CallStart, end: CallEnd) -> None:
    params = _ending(start, end) | _booking(start, end) | _told(start, end) | {"lost": LOST}
    rows = await _execute(statements.SETTLE, params)
    if not rows:
        # Settled before; or the database forgot the last moment before a crash of its own.
        rows = await _execute(statements.WRITE, _row(start) | params)
    if rows and rows[0][0]:
        await in_thread(_tell, start, [_crossed(crossing) for crossing in rows[0][0]])


async def _settled_for_good(start: CallStart, end: CallEnd) -> None:
    """Book again what a crash of the database forgot before its disk had it."""
    try:
        await sql_on_disk()
    except (DatabaseError, PoolTimeout):
        await _settle_later(start, end)


async def _settle_later(start: CallStart, end: CallEnd) -> None:
    pause_s = RETRY_FIRST_S
    for _ in range(RETRY_TIMES):
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, RETRY_LONGEST_S)
        try:
            await _settle(start, end)
            await sql_on_disk()
        except (DatabaseError, PoolTimeout):
            continue
        return
    log.error("A model call was never booked.", call_id=start.call_id, model=start.model)


async def _abandon(start: CallStart, work: "asyncio.Future[Admitted]") -> None:
    try:
        await work
    except GatewayError:
        return  # its row is written
    await settle(start, CallEnd(http_status=None, error_class="client_disconnected"))


def _keep(work: Any) -> None:
    """Run on without anybody waiting."""
    task = asyncio.ensure_future(work)
    background.add(task)
    task.add_done_callback(background.discard)


async def _execute(statement: str, params: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
    """The rows of a statement, its event published. A row is (what else it says, *the event)."""
    async with sql_connection() as taken:
        cursor = await taken.execute(statement, params, prepare=True)
        rows = await cursor.fetchall()
    if "topic" in params and rows:
        _publish_soon(params["topic"], sorted(row[1:] for row in rows))
    return rows


def _publish_soon(topic: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Events of calls that end while a thread publishes others go with one hop of it."""
    unsaid = _unsaid.setdefault(asyncio.get_running_loop(), [])
    unsaid.append((topic, rows))
    if len(unsaid) == 1:
        _keep(_publish(unsaid))


async def _publish(unsaid: list[_Events]) -> None:
    while unsaid:
        batch = list(unsaid)
        await in_thread(_publish_all, batch)
        del unsaid[: len(batch)]


def _publish_all(batch: Sequence[_Events]) -> None:
    for topic, rows in batch:
        events_publish(topic, rows)


# What the statements are told


def subjects_of(start: CallStart) -> dict[str, str]:
    """Whose budgets count for a call: {scope: the thing itself}."""
    named = {
        "user": start.user_id,
        "project": start.project_id,
        "agent": start.agent_id,
        "run": start.run_id,
        "session": start.session_id,
    }
    return {"instance": "", **{scope: ref for scope, ref in named.items() if ref}}


def _reserved(start: CallStart) -> tuple[int, int]:
    """(micro-dollars, tokens). A model without a price reserves no money: its calls and tokens are
    what a budget can limit."""
    worst = start.worst_cost
    tokens = start.input_tokens_estimate + start.max_output_tokens
    return (0 if worst is None else micro_of(worst)), tokens


def _reservation(start: CallStart) -> dict[str, Any]:
    return {
        "subjects": Jsonb(subjects_of(start)),
        "asked_model": f"{start.provider}/{start.model}",
        "lease_s": LEASE_S,
    }


def _booking(start: CallStart, end: CallEnd) -> dict[str, Any]:
    """What counts against budgets. An answer that broke off before its token counts came is booked
    at its worst case: the provider will charge something, and nobody knows how much."""
    if end.usage_seen:
        total = end.cost.total
        micro, tokens = 0 if total is None else micro_of(total), end.tokens.total
    else:
        micro, tokens = _reserved(start) if end.output_began else (0, 0)
    return {"booked_micro": micro, "booked_tokens": tokens, "booked_calls": int(end.output_began)}


def _row(start: CallStart) -> dict[str, Any]:
    micro, tokens = _reserved(start)
    return {
        "id": start.call_id,
        "request_id": start.request_id,
        "attempt": start.attempt,
        "fallback_of": start.fallback_of,
        "session_id": start.session_id,
        "run_id": start.run_id,
        "project_id": start.project_id,
        "step_execution_id": start.step_execution_id,
        "step_id": start.step_id,
        "agent_id": start.agent_id,
        "user_id": start.user_id,
        "kind": start.kind[:12],
        "provider": start.provider[:64],
        "model": start.model[:200],
        "requested_model": start.requested_model[:264],
        "dialect": start.dialect,
        "endpoint": start.endpoint,
        "stream": start.stream,
        "key_source": start.key_source,
        "key_id": start.key_id,
        "key_masked": start.key_masked,
        "share_id": start.share_id,
        "thinking_level": start.thinking_level[:12],
        "price_version": start.price.version[:64] if start.price else "",
        "cost_approximate": bool(start.price and start.price.approximate),
        "context_window": start.context_window,
        "reserved_micro": micro,
        "reserved_tokens": tokens,
    }


def _ending(start: CallStart, end: CallEnd) -> dict[str, Any]:
    return {
        "id": start.call_id,
        "input_tokens": end.tokens.input,
        "output_tokens": end.tokens.output,
        "cache_read_tokens": end.tokens.cache_read,
        "cache_write_tokens": end.tokens.cache_write,
        "cost_input": end.cost.input,
        "cost_output": end.cost.output,
        "cost_total": end.cost.total,
        "duration_ms": end.duration_ms,
        "ttft_ms": end.ttft_ms,
        "tries": end.tries,
        "tool_call_count": min(end.tool_call_count, 32767),
        "has_thinking": end.has_thinking,
        "stop_reason": end.stop_reason[:32],
        "http_status": end.http_status,
        "error_class": end.error_class[:64],
        "retry_at": end.retry_at,
    }


# What is told


def _told(start: CallStart, end: CallEnd) -> dict[str, Any]:
    """The event of a call, on the topic of its run, or of its session if it has none."""
    cost = end.cost.total
    event = NewEvent(
        type="llm.call.failed" if end.error_class else "llm.call.completed",
        step_id=start.step_id,
        session_id=start.session_id,
        lifecycle=False,
        payload={
            "callId": start.call_id,
            "agentId": start.agent_id,
            "provider": start.provider,
            "model": start.model,
            "inputTokens": end.tokens.input,
            "outputTokens": end.tokens.output,
            "cacheReadTokens": end.tokens.cache_read,
            "cacheWriteTokens": end.tokens.cache_write,
            "costUsd": None if cost is None else float(cost),
            "durationMs": end.duration_ms,
            "errorClass": end.error_class,
            "attempt": start.attempt,
            "fallbackOf": start.fallback_of,
        },
    )
    return {**append_params(topic_of(start), [event], start.run_id), "topic": topic_of(start)}


def topic_of(start: CallStart) -> str:
    if start.run_id:
        return f"run:{start.run_id}"
    return f"session:{start.session_id}" if start.session_id else BUDGETS_TOPIC


def _crossed(crossing: Mapping[str, Any]) -> NewEvent:
    return NewEvent(
        type="budget.soft",
        payload={
            "budgetId": crossing["budget_id"],
            "scope": crossing["scope"],
            "ref": crossing["subject"],
            "window": crossing["window_kind"],
            "percent": crossing["percent"],
        },
    )


def _tell(start: CallStart, events: Sequence[NewEvent]) -> None:
    events_append(topic_of(start), events, run_id=start.run_id)
