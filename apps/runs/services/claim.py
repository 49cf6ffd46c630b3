"""Taking a queued step, holding it, and giving it back."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import QuerySet

from apps.core.events import NewEvent
from apps.core.faults import fault_point
from apps.runs import machine
from apps.runs.choices import STEP_HELD, AbortReason, RunStatus, StepStatus
from apps.runs.claims import ClaimedStep
from apps.runs.events import run_events_append, step_event
from apps.runs.machine import ClockTimestamp, JsonMerge, lease_end
from apps.runs.models import Run, StepExecution
from apps.runs.slots import slot_is_free
from apps.runs.state import ExecutionRow, RunState, run_load, run_lock_of
from apps.runs.variables import run_variables, step_model

_POLL = """
SELECT e.abort_reason,
       EXISTS (SELECT 1 FROM runs_stephint h
                WHERE h.step_execution_id = e.id AND h.delivered_at IS NULL)
  FROM runs_stepexecution e
 WHERE e.id = %s AND e.fence = %s AND e.status IN ('starting', 'running', 'finishing')
"""

_HINTS = """
WITH taken AS (
  UPDATE runs_stephint SET delivered_at = clock_timestamp()
   WHERE step_execution_id = %s AND delivered_at IS NULL
  RETURNING id, text
) SELECT text FROM taken ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A step that the caller holds, and the state it was taken in, to give back at its end."""

    step: ClaimedStep
    state: RunState


def step_claim(*, execution_id: int, attempt: int, owner: str) -> ClaimedStep | None:
    """`step_take` for those who keep no state."""
    claim = step_take(execution_id=execution_id, attempt=attempt, owner=owner)
    return claim.step if claim else None


def step_take(*, execution_id: int, attempt: int, owner: str) -> Claim | None:
    """Take one queued execution. None: not queued any more, not due, its run rests, or its agent
    is busy. All of these are normal; the row stays, and whoever changes it sends a new message.
    """
    fault_point("step.before_claim")
    with transaction.atomic():
        state = run_lock_of(execution_id, attempt)
        step = _claim(state, execution_id, owner) if state else None
    if step is None or state is None:
        return None
    fault_point("step.after_claim")
    return Claim(step, state)


def _claim(state: RunState, execution_id: int, owner: str) -> ClaimedStep | None:
    if state.status != RunStatus.RUNNING or not state.workspace_is_ready:
        return None
    row = run_load(state).execution(execution_id)
    if row is None or row.status != StepStatus.QUEUED or not row.due:
        return None
    if state.stopping:
        return None  # what is being stopped still sits in the workspace
    if not slot_is_free(row.agent_id, execution_id):
        return None
    taken = machine.step_take(
        execution_id, owner=owner, fence=state.next_fence, base_commit=state.head_commit
    )
    assert taken, "the run's row lock keeps others from this execution"
    row.fence = state.next_fence
    row.status = StepStatus.STARTING
    return claimed_step(state, row)


def claimed_step(state: RunState, row: ExecutionRow) -> ClaimedStep:
    context = "\n\n".join(filter(None, [state.human_context, row.human_context]))
    return ClaimedStep(
        run_id=state.id,
        execution_id=row.id,
        step_id=row.step_id,
        visit=row.visit,
        attempt=row.attempt,
        fence=row.fence,
        agent_id=row.agent_id,
        pipeline=state.pipeline,
        step=state.pipeline.step(row.step_id),
        model=step_model(state, row.step_id),
        timeout_s=row.timeout_s,
        variables=run_variables(state, row.loop_item_id),
        workspace_path=state.workspace_path,
        workspace_id=state.workspace_id,
        human_context=context,
        repair=row.repair,
        stream_position=row.stream_position,
        session_id=row.session_id or "",
        user_id=state.initiated_by_id or "",
        project_id=state.project_id,
    )


def step_session_started(*, execution_id: int, fence: int, session_id: str) -> bool:
    """Bind the agent session that executes this attempt. False: no longer held."""
    return _held(execution_id, fence).update(session_id=session_id) == 1


def step_note(*, execution_id: int, fence: int, facts: Mapping[str, object]) -> bool:
    """Keep facts about the input of an attempt: what it was asked, what was missing."""
    return _held(execution_id, fence).update(inputs=JsonMerge("inputs", facts)) == 1


def step_running(*, run_id: str, execution_id: int, fence: int) -> bool:
    """The agent works now. False: no longer held."""
    with transaction.atomic():
        execution = (
            _held(execution_id, fence)
            .only("step_id", "visit", "attempt", "agent_id", "session_id")
            .first()
        )
        if execution is None:
            return False
        Run.objects.filter(id=run_id).update(
            current_step_id=execution.step_id, updated_at=ClockTimestamp()
        )
        moved = machine.step_move(
            execution_id, to=StepStatus.RUNNING, held_by=fence, started_at=ClockTimestamp()
        )
        if moved:
            started = step_event(
                "STEP_STARTED",
                execution,
                sessionId=execution.session_id or "",
                agentId=execution.agent_id,
            )
            run_events_append(run_id, [started])
    return moved


def step_finishing(*, execution_id: int, fence: int) -> bool:
    return machine.step_move(execution_id, to=StepStatus.FINISHING, held_by=fence)


def step_events_append(
    *, run_id: str, execution_id: int, fence: int, events: list[NewEvent]
) -> bool:
    """Append to the transcript while the execution is held; the share lock keeps it held."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM runs_stepexecution WHERE id = %s AND fence = %s"
            " AND status IN ('starting', 'running', 'finishing') FOR SHARE",
            [execution_id, fence],
        )
        if cursor.fetchone() is None:
            return False
        run_events_append(run_id, events)
    return True


def step_position(*, execution_id: int, fence: int, stream_id: str) -> bool:
    return _held(execution_id, fence).update(stream_position=stream_id) == 1


def step_renew(*, execution_id: int, fence: int) -> bool:
    """Hold the execution for one more lease. False: somebody else owns it now.

    A lease that has run out is renewed all the same while nobody has taken it: the database was
    away, not the worker.
    """
    return _held(execution_id, fence).update(lease_until=lease_end()) == 1


def step_poll(*, execution_id: int, fence: int) -> tuple[AbortReason | None, bool] | None:
    """(why to stop, whether hints wait), or None: no longer held."""
    with connection.cursor() as cursor:
        cursor.execute(_POLL, [execution_id, fence])
        row = cursor.fetchone()
    if row is None:
        return None
    return (AbortReason(row[0]) if row[0] else None, row[1])


def step_hints_take(*, execution_id: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_HINTS, [execution_id])
        return [row[0] for row in cursor.fetchall()]


def _held(execution_id: int, fence: int) -> QuerySet[StepExecution]:
    return StepExecution.objects.filter(id=execution_id, fence=fence, status__in=STEP_HELD)
