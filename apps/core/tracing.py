"""OpenTelemetry spans, sent to `OTEL_EXPORTER_OTLP_ENDPOINT`; without it nothing is loaded.

A run is a trace: steps, their model calls, their tool calls. They are made in different processes,
so ids are not handed around but follow from what a span is about: whoever knows the step knows its
span. A span is made once, when what it is about has ended.
"""

import atexit
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import SpanContext

Attributes = Mapping[str, str | int | float | bool]


def tracing_is_on() -> bool:
    return bool(settings.OTEL_ENDPOINT)


def step_span_name(execution_id: int) -> str:
    return f"step:{execution_id}"


def span_ended(
    title: str,
    *,
    trace: str,
    name: str,
    parent: str = "",
    began_ns: int,
    ended_ns: int,
    attributes: Attributes,
    error: str = "",
    is_client: bool = False,
) -> None:
    """Tell of something that is over. `trace` names the run (or the session without one), `name`
    what the span is about and `parent` what it is part of. Never waits for a collector: what that
    does not take in time is dropped. Attributes hold no text of prompts or answers."""
    if not tracing_is_on():
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanKind, Status, StatusCode

    span = ReadableSpan(
        name=title,
        context=_context(trace, name),
        parent=_context(trace, parent) if parent else None,
        resource=Resource.create({"service.name": settings.OTEL_SERVICE_NAME}),
        attributes={key: value for key, value in attributes.items() if value != ""}
        | ({"error.type": error} if error else {}),
        kind=SpanKind.CLIENT if is_client else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, error) if error else Status(StatusCode.OK),
        start_time=began_ns,
        end_time=max(ended_ns, began_ns),
    )
    _processor().on_end(span)


def _context(trace: str, name: str) -> "SpanContext":
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(
        trace_id=_number(trace, 16),
        span_id=_number(f"{trace}/{name}", 8),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _number(text: str, size: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size]) or 1


@cache
def _processor() -> "SpanProcessor":
    """One a process; it sends in a thread of its own. Its first use loads the exporter."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter: Any = OTLPSpanExporter(endpoint=f"{settings.OTEL_ENDPOINT.rstrip('/')}/v1/traces")
    processor = BatchSpanProcessor(exporter, schedule_delay_millis=settings.OTEL_DELAY_MS)
    atexit.register(processor.shutdown)
    return processor
