"""The span of a model call, in the terms of OpenTelemetry's conventions for generative AI."""

import time

from apps.core.tracing import Attributes, span_ended, step_span_name, tracing_is_on
from apps.llm.calls import CallEnd, CallStart


def call_traced(start: CallStart, end: CallEnd) -> None:
    if not tracing_is_on():
        return
    ended_ns = time.time_ns()
    step = start.step_execution_id
    span_ended(
        f"chat {start.model}",
        trace=start.run_id or start.session_id,
        name=start.call_id,
        parent="" if step is None else step_span_name(step),
        began_ns=ended_ns - end.duration_ms * 1_000_000,
        ended_ns=ended_ns,
        attributes=_attributes(start, end),
        error=end.error_class,
        is_client=True,
    )


def _attributes(start: CallStart, end: CallEnd) -> Attributes:
    known: dict[str, str | int | float | bool] = {
        "gen_ai.operation.name": "embeddings" if start.endpoint == "embeddings" else "chat",
        "gen_ai.provider.name": start.provider,
        "gen_ai.request.model": start.model,
        "gen_ai.conversation.id": start.session_id,
        "gen_ai.agent.id": start.agent_id,
        "gen_ai.usage.input_tokens": end.tokens.input
        + end.tokens.cache_read
        + end.tokens.cache_write,
        "gen_ai.usage.output_tokens": end.tokens.output,
        "gen_ai.usage.cache_read.input_tokens": end.tokens.cache_read,
        "gen_ai.usage.cache_creation.input_tokens": end.tokens.cache_write,
        "djinnbot.run.id": start.run_id,
        "djinnbot.step.id": start.step_id,
        "djinnbot.call.id": start.call_id,
        "djinnbot.attempt": start.attempt,
    }
    if end.cost.total is not None:
        known["djinnbot.cost.usd"] = float(end.cost.total)
    if end.stop_reason:
        known["djinnbot.finish_reason"] = end.stop_reason
    return known
