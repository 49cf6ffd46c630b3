"""Steps that wait for money, for a provider or for the storage: a row, no worker and no box.

A parked attempt is queued again, uncharged, and due when waiting helps: at the moment that was
named, or as soon as there is room below the budget that refused it (`steps_unpark`). One that lost
the storage is due soon; workers that do not have it leave the row alone.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from apps.core.dispatch import TaskName, enqueue
from apps.core.space import storage_away
from apps.llm.budgets.standing import budget_has_room
from apps.llm.models import LlmCall
from apps.runs import machine
from apps.runs.choices import STEP_HELD, RunStatus, StepStatus
from apps.runs.events import run_events_append, step_event
from apps.runs.machine import ClockTimestamp
from apps.runs.models import StepExecution
from apps.runs.services.finish import DECIDING, retried
from apps.runs.slots import run_waiting_for
from apps.runs.state import run_load, run_lock

BUDGET = "budget_exceeded"
STORAGE = "storage_unavailable"
STORAGE_AGAIN = timedelta(seconds=10)
PARKING = frozenset({BUDGET, "provider_rate_limited", "provider_down", STORAGE})
WITHOUT_END = timedelta(days=36_500)  # due when somebody makes room


def step_park(*, run_id: str, execution_id: int, fence: int, code: str, message: str) -> bool:
    """Let a held attempt wait for what refused its call. False: waiting would not help, or the
    caller no longer holds it; then it ends like any other."""
    if code == STORAGE:
        until = timezone.now() + STORAGE_AGAIN
        away = bool(storage_away())  # else something else is wrong with its files
        return away and retried(lambda: _park(run_id, execution_id, fence, code, message, until))
    refused = LlmCall.objects.filter(
        step_execution_id=execution_id, error_class__gt="", ended_at__isnull=False
    ).first()
    if code not in PARKING or refused is None:
        return False
    if code == BUDGET and refused.error_class == BUDGET and _has_room(refused):
        return False  # a budget of the session alone: the next session would begin all over again
    if code != BUDGET and refused.retry_at is None:
        return False
    return retried(lambda: _park(run_id, execution_id, fence, code, message, refused.retry_at))


def _park(
    run_id: str, execution_id: int, fence: int, code: str, message: str, until: datetime | None
) -> bool:
    state = run_load(run_lock(run_id))
    row = state.execution(execution_id)
    if row is None or row.fence != fence or row.status not in STEP_HELD or row.abort_reason:
        return False
    if state.status not in DECIDING or state.status == RunStatus.PAUSING:
        return False
    machine.step_move(
        execution_id,
        to=StepStatus.QUEUED,
        held_by=fence,
        session_id=None,
        stream_position="0",
        lease_owner="",
        lease_until=None,
        due_at=until or ClockTimestamp() + WITHOUT_END,
        queued_at=ClockTimestamp(),
        parked_code=code,
        parked_message=message,
    )
    row.status = StepStatus.QUEUED
    parked = step_event("STEP_PARKED", row, code=code, message=message, until=until)
    run_events_append(run_id, [parked])
    waiting = run_waiting_for(row.agent_id, but=run_id)
    if waiting:
        enqueue(TaskName.DISPATCH_RUN, waiting)
    return True


def steps_unpark() -> int:
    """Let go on what waits for money and would get some now; how many steps do."""
    parked = StepExecution.objects.filter(
        status=StepStatus.QUEUED, parked_code=BUDGET, due_at__gt=ClockTimestamp(), superseded=False
    ).values_list("id", "run_id")
    return sum(_unpark(execution_id, run_id) for execution_id, run_id in parked)


def _unpark(execution_id: int, run_id: str) -> bool:
    refused = LlmCall.objects.filter(step_execution_id=execution_id, error_class=BUDGET).first()
    if refused is not None and not _has_room(refused):
        return False
    woken = StepExecution.objects.filter(
        id=execution_id, status=StepStatus.QUEUED, due_at__gt=ClockTimestamp()
    ).update(due_at=ClockTimestamp(), dispatched_at=None)
    if woken:
        enqueue(TaskName.DISPATCH_RUN, run_id)
    return woken == 1


def _has_room(refused: LlmCall) -> bool:
    """Whether the call that was refused would be let through now, from another session."""
    named: Sequence[tuple[str, str]] = (
        ("user", refused.user_id),
        ("project", refused.project_id),
        ("agent", refused.agent_id),
        ("run", refused.run_id),
    )
    subjects = {"instance": "", **{scope: ref for scope, ref in named if ref}}
    return budget_has_room(subjects, micro=refused.reserved_micro, tokens=refused.reserved_tokens)
