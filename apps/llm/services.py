"""Writing the call log. What must happen before and after a call belongs beside `call_record`."""

from dataclasses import dataclass

from apps.llm.models import LlmCall
from apps.llm.pricing import UNKNOWN, Tokens, cost_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedCall:
    """How a call ended. `http_status` None: nobody was there to answer any more."""

    session_id: str
    run_id: str
    step_execution_id: int | None
    step_id: str
    agent_id: str
    user_id: str
    provider: str
    model: str
    dialect: str
    key_masked: str
    tokens: Tokens
    usage_seen: bool
    duration_ms: int
    ttft_ms: int | None
    tries: int
    tool_call_count: int
    has_thinking: bool
    stop_reason: str
    http_status: int | None
    error_class: str


def call_record(call: FinishedCall) -> LlmCall:
    """One row a call, also of one that failed. Without token counts the cost is not known."""
    cost = cost_of(call.provider, call.model, call.tokens) if call.usage_seen else UNKNOWN
    return LlmCall.objects.create(
        session_id=call.session_id,
        run_id=call.run_id,
        step_execution_id=call.step_execution_id,
        step_id=call.step_id,
        agent_id=call.agent_id,
        user_id=call.user_id,
        provider=call.provider[:64],
        model=call.model[:200],
        dialect=call.dialect,
        key_source=LlmCall.KeySource.INSTANCE if call.key_masked else LlmCall.KeySource.NONE,
        key_masked=call.key_masked,
        input_tokens=call.tokens.input,
        output_tokens=call.tokens.output,
        cache_read_tokens=call.tokens.cache_read,
        cache_write_tokens=call.tokens.cache_write,
        cost_input=cost.input,
        cost_output=cost.output,
        cost_total=cost.total,
        duration_ms=call.duration_ms,
        ttft_ms=call.ttft_ms,
        tries=call.tries,
        tool_call_count=min(call.tool_call_count, 32767),
        has_thinking=call.has_thinking,
        stop_reason=call.stop_reason,
        http_status=call.http_status,
        error_class=call.error_class[:64],
    )
