"""The events of a run: names as in the product's history, one topic a run."""

from collections.abc import Sequence
from typing import Any, Protocol

from apps.core.events import NewEvent, events_append

TRANSCRIPT = frozenset(
    {
        "STEP_OUTPUT",
        "STEP_THINKING",
        "TOOL_CALL_START",
        "TOOL_CALL_END",
        "AGENT_STATE",
        "FILE_CHANGED",
    }
)


class HasStep(Protocol):
    @property
    def step_id(self) -> str: ...
    @property
    def visit(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def agent_id(self) -> str: ...


def run_topic(run_id: str) -> str:
    return f"run:{run_id}"


def run_event(type: str, **payload: Any) -> NewEvent:
    return NewEvent(type=type, payload=payload)


def step_event(type: str, step: HasStep, **payload: Any) -> NewEvent:
    return NewEvent(
        type=type,
        step_id=step.step_id,
        payload={"visit": step.visit, "attempt": step.attempt, **payload},
        lifecycle=type not in TRANSCRIPT,
    )


def status_event(status: str, previous: str) -> NewEvent:
    return run_event("RUN_STATUS_CHANGED", status=status, previousStatus=previous)


def run_events_append(run_id: str, events: Sequence[NewEvent]) -> None:
    """Append to the run's topic; last in a transaction, for it locks the topic's counter."""
    events_append(run_topic(run_id), events, run_id=run_id)
