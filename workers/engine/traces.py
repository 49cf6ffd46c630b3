"""The spans of steps and of their tool calls."""

import time

from apps.core.tracing import span_ended, step_span_name, tracing_is_on
from apps.llm.models import LlmCall
from apps.runs.claims import ClaimedStep, StepOutcome
from workers.engine.session import stored
from workers.protocol.messages import Message, ToolEnd


def step_traced(step: ClaimedStep, outcome: StepOutcome, began_ns: int) -> None:
    span_ended(
        f"invoke_agent {step.agent_id}",
        trace=step.run_id,
        name=step_span_name(step.execution_id),
        began_ns=began_ns,
        ended_ns=time.time_ns(),
        attributes={
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.id": step.agent_id,
            "gen_ai.request.model": outcome.model_used or step.model,
            "djinnbot.run.id": step.run_id,
            "djinnbot.step.id": step.step_id,
            "djinnbot.visit": step.visit,
            "djinnbot.attempt": step.attempt,
        },
        error="" if outcome.succeeded else outcome.error_code or "agent_failed",
    )


def message_traced(step: ClaimedStep, session_id: str, message: Message) -> None:
    """A tool call, below the model call that asked for it: the session's last one."""
    if not isinstance(message, ToolEnd) or not tracing_is_on():
        return
    calls = LlmCall.objects.filter(session_id=session_id, error_class="", ended_at__isnull=False)
    asked_by = stored(lambda: calls.values_list("id", flat=True).first())
    ended_ns = time.time_ns()
    span_ended(
        f"execute_tool {message.tool_name}",
        trace=step.run_id,
        name=f"tool:{session_id}:{message.tool_call_id}",
        parent=asked_by or step_span_name(step.execution_id),
        began_ns=ended_ns - (message.duration_ms or 0) * 1_000_000,
        ended_ns=ended_ns,
        attributes={
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": message.tool_name,
            "gen_ai.tool.call.id": message.tool_call_id,
            "gen_ai.agent.id": step.agent_id,
            "djinnbot.run.id": step.run_id,
            "djinnbot.step.id": step.step_id,
        },
        error="" if message.success else "tool_error",
    )
