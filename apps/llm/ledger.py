"""Accounting for model calls: before one is sent, and after it."""

from apps.core.aio import in_thread
from apps.llm.calls import Admitted, CallEnd, CallStart
from apps.llm.models import LlmCall


async def admit(start: CallStart) -> Admitted:
    """Let an attempt be sent. Raises GatewayError when it must not be."""
    return Admitted()


async def settle(start: CallStart, end: CallEnd) -> None:
    """Write the row of an attempt that was admitted."""
    await in_thread(_write, start, end)


async def refused(start: CallStart, end: CallEnd) -> None:
    """Write the row of a request that no attempt came of."""
    await in_thread(_write, start, end)


def _write(start: CallStart, end: CallEnd) -> None:
    LlmCall.objects.create(
        id=start.call_id,
        session_id=start.session_id,
        run_id=start.run_id,
        step_execution_id=start.step_execution_id,
        step_id=start.step_id,
        agent_id=start.agent_id,
        user_id=start.user_id,
        provider=start.provider[:64],
        model=start.model[:200],
        dialect=start.dialect,
        key_source=start.key_source,
        key_masked=start.key_masked,
        input_tokens=end.tokens.input,
        output_tokens=end.tokens.output,
        cache_read_tokens=end.tokens.cache_read,
        cache_write_tokens=end.tokens.cache_write,
        cost_input=end.cost.input,
        cost_output=end.cost.output,
        cost_total=end.cost.total,
        cost_approximate=start.price is not None and start.price.approximate,
        duration_ms=end.duration_ms,
        ttft_ms=end.ttft_ms,
        tries=end.tries,
        tool_call_count=min(end.tool_call_count, 32767),
        has_thinking=end.has_thinking,
        stop_reason=end.stop_reason,
        http_status=end.http_status,
        error_class=end.error_class[:64],
    )
