"""Executions whose worker is gone, and those that it gives back."""

from collections.abc import Sequence

from django.db import connection

from apps.core.dispatch import TaskName, enqueue
from apps.pipelines.decide import LOST_ATTEMPT_LIMIT, decide
from apps.runs import machine
from apps.runs.choices import STEP_HELD, StepStatus
from apps.runs.claims import Queued, StepOutcome
from apps.runs.effects import Application
from apps.runs.events import step_event
from apps.runs.machine import ClockTimestamp
from apps.runs.models import StepClaim, StepExecution
from apps.runs.services.finish import (
    DECIDING,
    abort_held,
    conclude,
    judge,
    retried,
)
from apps.runs.state import ExecutionRow, RunState, run_load, run_lock
from apps.sessions.models import ContainerInstance

ADOPTABLE_BACKENDS = ("docker",)  # boxes that outlive the worker that started them
LIVE = ("ready", "busy", "idle")

_EXPIRED = """
SELECT run_id, id FROM runs_stepexecution
 WHERE status IN ('starting', 'running', 'finishing') AND lease_until < clock_timestamp()
 ORDER BY lease_until LIMIT %s
"""

_STALE = """
SELECT run_id, id, fence FROM runs_stepexecution e
 WHERE status IN ('starting', 'running', 'finishing')
   AND coalesce(started_at, queued_at) + make_interval(secs => timeout_s + %s + coalesce(
         (SELECT checks_s FROM runs_stepclaim c WHERE c.step_execution_id = e.id), 0)
       ) < clock_timestamp()
 ORDER BY id LIMIT %s
"""


def expired_leases(limit: int = 200) -> list[tuple[str, int]]:
    """(run, execution) whose lease has run out on the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRED, [limit])
        return list(cursor.fetchall())


def stale_steps(grace_s: float, limit: int = 200) -> list[tuple[str, int, int]]:
    """(run, execution, fence) held long after their time limit, however alive the lease."""
    with connection.cursor() as cursor:
        cursor.execute(_STALE, [grace_s, limit])
        return list(cursor.fetchall())


def step_lost(*, run_id: str, execution_id: int) -> Sequence[Queued]:
    """Take an execution from a worker that let its lease run out; what is to be sent.

    A box that still lives is left for the next worker to adopt, under the same attempt; so is a
    claim whose checks had begun. Otherwise
    the attempt is `lost` and the decision says whether there is another. Either counts: a step
    that kills its workers ends after `LOST_ATTEMPT_LIMIT`.
    """
    return retried(lambda: _lost(run_id, execution_id))


def _lost(run_id: str, execution_id: int) -> Sequence[Queued]:
    state = run_load(run_lock(run_id))
    held = StepExecution.objects.filter(
        id=execution_id, status__in=STEP_HELD, lease_until__lt=ClockTimestamp()
    ).first()
    if held is None:
        return ()
    row = state.execution(execution_id)
    if row is None or held.abort_reason or state.status not in DECIDING:
        abort_held(state, execution_id, held.fence)
        return ()
    if row.lost_count + 1 < LOST_ATTEMPT_LIMIT and _adoptable(row):
        return _adopt(state, row)
    return _replace(state, row, code="worker_lost", error="The worker of this step is gone.")


def step_hand_over(*, run_id: str, execution_id: int, fence: int) -> Sequence[Queued]:
    """A worker that must stop gives its execution back. It costs the step no attempt."""

    def write() -> Sequence[Queued]:
        state = run_load(run_lock(run_id))
        row = state.execution(execution_id)
        if row is None or row.fence != fence or row.status not in STEP_HELD:
            return ()
        if row.abort_reason or state.status not in DECIDING:
            abort_held(state, execution_id, fence)
            return ()
        row.lost_count -= 1  # `decide` counts this end as a loss
        if _claimed(row):
            return _adopt(state, row)
        return _replace(state, row, code="worker_lost", error="Handed over at a shutdown.")

    return retried(write)


def step_stale(*, run_id: str, execution_id: int, fence: int) -> Sequence[Queued]:
    """End an execution that nothing was heard of for long after its time limit."""

    def write() -> Sequence[Queued]:
        state = run_load(run_lock(run_id))
        row = state.execution(execution_id)
        if row is None or row.fence != fence or row.status not in STEP_HELD:
            return ()
        return _replace(state, row, code="stale", error="The step outlived its time limit.")

    return retried(write)


def _claimed(row: ExecutionRow) -> bool:
    """The agent has done its part, so that whoever takes over only has to check it."""
    return StepClaim.objects.filter(step_execution_id=row.id).exists()


def _adoptable(row: ExecutionRow) -> bool:
    return _claimed(row) or (
        bool(row.session_id)
        and ContainerInstance.objects.filter(
            session_id=row.session_id, backend__in=ADOPTABLE_BACKENDS, status__in=LIVE
        ).exists()
    )


def _adopt(state: RunState, row: ExecutionRow) -> Sequence[Queued]:
    machine.step_move(
        row.id,
        to=StepStatus.QUEUED,
        held_by=row.fence,
        lost_count=row.lost_count + 1,
        lease_owner="",
        lease_until=None,
        dispatched_at=ClockTimestamp(),
    )
    return [Queued(run_id=state.id, execution_id=row.id, attempt=row.attempt)]


def _replace(state: RunState, row: ExecutionRow, *, code: str, error: str) -> Sequence[Queued]:
    """End the attempt without an outcome of its agent, and decide what follows."""
    to = StepStatus.LOST if code == "worker_lost" else StepStatus.FAILED
    machine.step_move(
        row.id,
        to=to,
        held_by=row.fence,
        error_code=code,
        error=error,
        finished_at=ClockTimestamp(),
        advanced_at=ClockTimestamp(),
        lease_until=None,
    )
    before = state.view(outcome_of=row.id)
    row.status = to
    application = Application(state, after_id=row.id)
    application.events.append(
        step_event("STEP_FAILED", row, error=error, errorCode=code, retryCount=row.retry_count)
    )
    outcome = judge(state, row, StepOutcome(succeeded=False, error_code=code, error=error))
    application.apply(decide(state.pipeline, before, outcome))
    finished = conclude(state, application, row, None)
    for waiting in finished.wake_run_ids:
        enqueue(TaskName.DISPATCH_RUN, waiting)
    return finished.queued
