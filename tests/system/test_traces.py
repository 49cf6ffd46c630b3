"""A run as a trace: step, model call, tool call, told by three processes to one collector."""

from typing import Any

import pytest

from tests.conftest import own_stack
from tests.support.capabilities import missing
from tests.support.live import eventually
from tests.support.otlp import attributes, collector

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


def _unparented(found: Any) -> list[Any]:
    """Model calls outside of a step, and tool calls outside of a model call."""
    steps = {span.span_id for span in found.named("invoke_agent")}
    calls = {span.span_id for span in found.named("chat")}
    return [
        *(span for span in found.named("chat") if span.parent_span_id not in steps),
        *(span for span in found.named("execute_tool") if span.parent_span_id not in calls),
    ]


@pytest.mark.usefixtures("_servers")
def test_a_run_is_one_trace(tmp_path_factory: pytest.TempPathFactory) -> None:
    runner = "process" if missing("bubblewrap") else "bubblewrap"
    with collector() as found:
        extra = {
            "DJINNBOT_RUNNER": runner,
            "OTEL_EXPORTER_OTLP_ENDPOINT": found.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        with own_stack(tmp_path_factory.mktemp("logs"), extra) as stack:
            run_id = stack.start_run("test-simple", "Say hello.", model_override="scripted/auto")
            assert stack.wait_for_end(run_id, 300)["status"] == "completed"
            eventually(lambda: found.named("invoke_agent"), timeout_s=60)
            eventually(lambda: found.named("execute_tool"), timeout_s=60)
            eventually(lambda: found.named("chat"), timeout_s=60)
            # Three processes send what they have when they come to it: steps after their calls.
            eventually(lambda: not _unparented(found), timeout_s=60)
    calls = found.named("chat")
    assert calls
    assert len({span.trace_id for span in found.spans}) == 1
    told = attributes(calls[0])
    assert (told["gen_ai.operation.name"], told["gen_ai.provider.name"]) == ("chat", "scripted")
    assert told["djinnbot.run.id"] == run_id
    assert "gen_ai.usage.output_tokens" in told
