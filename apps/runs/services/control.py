"""What a person may ask of a run: stop, wait, go on, listen."""

from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.core.dispatch import TaskName, enqueue
from apps.core.events import NewEvent
from apps.runs import machine
from apps.runs.choices import (
    RUN_TERMINAL,
    STEP_ACTIVE,
    STEP_HELD,
    AbortReason,
    ApprovalStatus,
    RunStatus,
    StepStatus,
)
from apps.runs.effects import run_end
from apps.runs.errors import ApprovalClosed, ApprovalNotFound, IllegalMove, StepNotFound
from apps.runs.events import run_event, run_events_append, status_event, step_event
from apps.runs.machine import ClockTimestamp
from apps.runs.models import Approval, Run, StepExecution, StepHint
from apps.runs.services.create import check_models
from apps.runs.services.finish import resumed, retried, settle
from apps.runs.state import RunState, run_load, run_lock

CANCELLABLE_AT_ONCE = frozenset({RunStatus.PENDING, RunStatus.PAUSED})


def run_cancel(*, run_id: str, by: str = "", reason: str = "") -> str:
    """Ask a run to stop; the status after it. Asked again, it answers the same again.

    What waits ends at once. What runs is told through its row; the worker confirms when the box is
    gone, and the run is `cancelled` only then. Raises `IllegalMove` for a run that has ended.
    """
    return retried(lambda: _cancel(run_id, by, reason))


def _cancel(run_id: str, by: str, reason: str) -> str:
    state = run_load(run_lock(run_id))
    if state.status in {RunStatus.CANCELLING, RunStatus.CANCELLED}:
        return state.status
    if state.status in RUN_TERMINAL:
        raise IllegalMove("be cancelled", state.status, run_id=run_id)
    state.cancel_reason = reason
    Run.objects.filter(id=run_id).update(cancel_requested_at=ClockTimestamp(), cancel_reason=reason)
    events = [_intervention("stop", by, reason)]
    if state.status in CANCELLABLE_AT_ONCE:
        run_end(state, events, to=RunStatus.CANCELLED, code="cancelled", message=reason)
    else:
        _start_cancelling(state, events)
    run_events_append(run_id, events)
    return state.status


def _start_cancelling(state: RunState, events: list[NewEvent]) -> None:
    _move(state, events, RunStatus.CANCELLING)
    active = StepExecution.objects.filter(run_id=state.id)
    machine.steps_move(
        active,
        to=StepStatus.CANCELLED,
        only_from={StepStatus.PENDING, StepStatus.QUEUED},
        error_code="cancelled",
        finished_at=ClockTimestamp(),
        advanced_at=ClockTimestamp(),
    )
    active.filter(status__in=STEP_HELD).update(abort_reason=AbortReason.CANCEL)
    settle(state, events)


def run_cancel_overdue(*, run_id: str) -> None:
    """End a run whose workers never confirmed: nobody may write for its executions any more."""

    def write() -> None:
        state = run_load(run_lock(run_id))
        if state.status != RunStatus.CANCELLING:
            return
        machine.steps_move(
            StepExecution.objects.filter(run_id=run_id),
            to=StepStatus.CANCELLED,
            error_code="cancelled",
            finished_at=ClockTimestamp(),
            advanced_at=ClockTimestamp(),
        )
        events: list[NewEvent] = []
        settle(state, events)
        run_events_append(run_id, events)

    retried(write)


def run_pause(*, run_id: str, by: str = "", now: bool = False) -> str:
    """Let the active step end and start no other; with `now`, stop it and repeat it later."""
    return retried(lambda: _pause(run_id, by, now))


def _pause(run_id: str, by: str, now: bool) -> str:
    state = run_load(run_lock(run_id))
    if state.status == RunStatus.PAUSED or (state.status == RunStatus.PAUSING and not now):
        return state.status
    events = [_intervention("pause", by, "")]
    if state.status != RunStatus.PAUSING:
        if state.status not in {RunStatus.RUNNING, RunStatus.WAITING_HUMAN}:
            raise IllegalMove("be paused", state.status, run_id=run_id)
        _move(state, events, RunStatus.PAUSING, pause_requested_at=ClockTimestamp())
    if now:
        StepExecution.objects.filter(run_id=run_id, status__in=STEP_HELD, abort_reason="").update(
            abort_reason=AbortReason.PAUSE
        )
    settle(state, events)
    run_events_append(run_id, events)
    return state.status


def run_resume(*, run_id: str, by: str = "") -> str:
    """Go on at the next route, or repeat what the pause stopped."""
    return retried(lambda: _resume(run_id, by))


def _resume(run_id: str, by: str) -> str:
    state = run_load(run_lock(run_id))
    if state.status != RunStatus.PAUSED:
        if state.status in {RunStatus.RUNNING, RunStatus.WAITING_HUMAN}:
            return state.status
        raise IllegalMove("be resumed", state.status, run_id=run_id)
    events = [_intervention("resume", by, "")]
    _move(state, events, RunStatus.RUNNING, paused_at=None, pause_requested_at=None)
    if state.in_status(STEP_ACTIVE):
        settle(state, events)
        run_events_append(run_id, events)
    else:
        resumed(state, events)
    enqueue(TaskName.DISPATCH_RUN, run_id)
    return state.status


def step_inject(*, run_id: str, step_id: str, text: str, by: str | None = None) -> StepHint:
    """Give a hint to the step that runs now, or to the one that is about to."""

    def write() -> StepHint:
        state = run_load(run_lock(run_id))
        active = [row for row in state.in_status(STEP_ACTIVE) if row.step_id == step_id]
        if not any(row.step_id == step_id for row in state.executions):
            raise StepNotFound(run_id, step_id)
        if not active:
            raise IllegalMove("take a hint for a step that is not active", state.status)
        hint = StepHint.objects.create(
            step_execution_id=active[-1].id, text=text, created_by_id=by or None
        )
        run_events_append(run_id, [_intervention("inject_context", by or "", text, step_id)])
        return hint

    return retried(write)


def approval_decide(
    *, run_id: str, approval_id: str, approve: bool, comment: str = "", by: str | None = None
) -> str:
    """Answer the gate before a step; the run's status after it. The first answer counts."""
    return retried(lambda: _decide_approval(run_id, approval_id, approve, comment, by))


def _decide_approval(
    run_id: str, approval_id: str, approve: bool, comment: str, by: str | None
) -> str:
    state = run_load(run_lock(run_id))
    to = ApprovalStatus.APPROVED if approve else ApprovalStatus.REJECTED
    approval = _approval_close(run_id, approval_id, to, comment=comment, decided_by_id=by or None)
    events = [
        run_event(
            "APPROVAL_DECIDED",
            approvalId=approval_id,
            decision=to,
            userId=by or "",
            userName=str(User.objects.filter(id=by).first() or ""),
            comment=comment,
        )
    ]
    if approve:
        _open_gate(state, approval, comment)
        settle(state, events)
    else:
        _close_gate(state, events, approval, "approval_rejected", comment or "A person said no.")
    run_events_append(run_id, events)
    if state.status == RunStatus.RUNNING:
        enqueue(TaskName.DISPATCH_RUN, run_id)
    return state.status


def approval_expire(*, run_id: str, approval_id: str) -> None:
    """Nobody answered in time: the run fails."""

    def write() -> None:
        state = run_load(run_lock(run_id))
        approval = Approval.objects.filter(
            id=approval_id, status=ApprovalStatus.PENDING, expires_at__lt=ClockTimestamp()
        ).first()
        if approval is None:
            return
        _approval_close(run_id, approval_id, ApprovalStatus.EXPIRED)
        events = [run_event("APPROVAL_DECIDED", approvalId=approval_id, decision="expired")]
        _close_gate(state, events, approval, "approval_expired", "Nobody answered in time.")
        run_events_append(run_id, events)

    retried(write)


def _approval_close(run_id: str, approval_id: str, to: ApprovalStatus, **fields: Any) -> Approval:
    approval = Approval.objects.filter(id=approval_id, run_id=run_id).first()
    if approval is None:
        raise ApprovalNotFound(approval_id)
    closed = machine.approvals_move(
        Approval.objects.filter(id=approval_id), to=to, decided_at=ClockTimestamp(), **fields
    )
    if not closed:
        raise ApprovalClosed(approval_id, approval.status)
    return approval


def _open_gate(state: RunState, approval: Approval, comment: str) -> None:
    execution_id = approval.step_execution_id
    row = state.execution(execution_id)
    machine.step_move(
        execution_id,
        to=StepStatus.QUEUED,
        human_context=comment,
        queued_at=ClockTimestamp(),
        dispatched_at=ClockTimestamp(),
    )
    if row is not None:
        row.status = StepStatus.QUEUED


def _close_gate(
    state: RunState, events: list[NewEvent], approval: Approval, code: str, message: str
) -> None:
    execution_id = approval.step_execution_id
    machine.step_move(
        execution_id,
        to=StepStatus.FAILED,
        error_code=code,
        error=message,
        finished_at=ClockTimestamp(),
        advanced_at=ClockTimestamp(),
    )
    row = state.execution(execution_id)
    if row is not None:
        row.status = StepStatus.FAILED
        events.append(step_event("STEP_FAILED", row, error=message, errorCode=code, retryCount=0))
    run_end(state, events, to=RunStatus.FAILED, code=code, message=message)


def run_fail(*, run_id: str, code: str, message: str) -> None:
    """End a run that cannot go on."""

    def write() -> None:
        state = run_load(run_lock(run_id))
        events: list[NewEvent] = []
        run_end(state, events, to=RunStatus.FAILED, code=code, message=message)
        run_events_append(run_id, events)

    retried(write)


def run_change(
    *, run_id: str, human_context: str | None = None, model_override: str | None = None
) -> None:
    """Change what later steps are told, or the model they get. None: leave it."""
    given = {"human_context": human_context, "model_override": model_override}
    fields = {name: value for name, value in given.items() if value is not None}
    with transaction.atomic():
        state = run_lock(run_id)
        if state.status in RUN_TERMINAL:
            raise IllegalMove("be changed", state.status, run_id=run_id)
        if model_override:
            check_models(state.pipeline, model_override)
        Run.objects.filter(id=run_id).update(updated_at=ClockTimestamp(), **fields)
        run_events_append(run_id, [run_event("RUN_UPDATED", status=state.status)])


def _move(state: RunState, events: list[NewEvent], to: RunStatus, **fields: Any) -> None:
    moved = machine.run_move(state.id, to=to, only_from={RunStatus(state.status)}, **fields)
    if not moved:
        raise IllegalMove(f"become {to}", state.status, run_id=state.id)
    events.append(status_event(to, state.status))
    state.status = to


def _intervention(action: str, by: str, context: str, step_id: str = "") -> NewEvent:
    return NewEvent(
        type="HUMAN_INTERVENTION",
        step_id=step_id,
        payload={"action": action, "context": context, "userId": by},
    )
