"""Storing an outcome and everything that follows from it, in one transaction.

    lock the run · check the fence · store the outcome · decide · apply the effects ·
    take the next step for the same worker, where that is allowed · events · commit

If deciding fails (a fault of ours, never of an agent), the outcome is stored alone, not advanced;
`run_advance` tries again later. A result that an agent has earned is never lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, OperationalError, transaction
from django.db.models import F
from psycopg import errors as pg

from apps.core.dispatch import TaskName, enqueue
from apps.core.events import NewEvent
from apps.core.faults import fault_point
from apps.pipelines.decide import decide, judged, resume
from apps.pipelines.decisions import CompleteRun, FailRun, Outcome, QueueStep
from apps.pipelines.routing import match_result
from apps.runs import machine
from apps.runs.choices import STEP_ACTIVE, STEP_HELD, AbortReason, RunStatus, StepStatus
from apps.runs.claims import ClaimedStep, Queued, StepOutcome, storable
from apps.runs.effects import Application, Hold, run_end
from apps.runs.errors import is_retryable
from apps.runs.events import run_event, run_events_append, status_event, step_event
from apps.runs.machine import ClockTimestamp, JsonMerge
from apps.runs.models import Run, RunOutput, StepExecution
from apps.runs.services.claim import claimed_step
from apps.runs.slots import run_waiting_for, slot_is_free
from apps.runs.state import (
    ExecutionRow,
    OutputRow,
    RunState,
    ends_load,
    run_load,
    run_lock,
)
from apps.runs.transition import completion, is_usual, transition

log = structlog.get_logger(__name__)

CRASHES = (pg.DeadlockDetected, pg.SerializationFailure)
TRIES = 5
DECIDING = frozenset({RunStatus.RUNNING, RunStatus.WAITING_HUMAN, RunStatus.PAUSING})
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What storing an outcome brought about.

    `stale`: the caller no longer held the execution and nothing was written. `next_step`: claimed
    for the caller in the same transaction, with the `state` to give back at its end. `queued`: for
    the caller to send; several at once come from a parallel loop and share a join.
    """

    stale: bool = False
    next_step: ClaimedStep | None = None
    state: RunState | None = None
    queued: Sequence[Queued] = ()
    wake_run_ids: Sequence[str] = ()  # runs that waited for the agent's slot


def step_finish(
    *,
    run_id: str,
    execution_id: int,
    fence: int,
    outcome: StepOutcome,
    hold: Hold | None = None,
    kept: RunState | None = None,
) -> Finished:
    """Store how a held execution ended and bring the run as far as it goes.

    With `hold`, a single next step is claimed for that owner in the same transaction, if its agent
    has a slot and nobody waits for it. `kept` is the state that came with the claim: while nobody
    else has touched the run, the usual transition needs no other look at it.
    `Finished.stale`: the execution was no longer the caller's.
    """
    fault_point("step.before_finish")
    try:
        finished = (kept and _usual(kept, execution_id, outcome, hold)) or retried(
            lambda: _finish(run_id, execution_id, fence, outcome, hold)
        )
    except DatabaseError:
        raise
    except Exception:
        log.exception("deciding failed; the outcome is kept", run_id=run_id, step=execution_id)
        finished = retried(lambda: _store(run_id, execution_id, fence, outcome))
    fault_point("step.after_finish")
    return finished


def _usual(
    state: RunState, execution_id: int, outcome: StepOutcome, hold: Hold | None
) -> Finished | None:
    """The short way, see `transition.py`; None: it does not lead there, and nothing is written."""
    row = state.execution(execution_id)
    if row is None or not is_usual(state):
        return None
    ended = judge(state, row, outcome)
    if not ended.succeeded:
        return None
    effects = decide(state.pipeline, state.view(outcome_of=row.id), ended)
    recorded = _Recorded(state, row, ended, outcome)
    if effects == (CompleteRun(),) and _is_last(state, row):
        return _completed(recorded)
    if len(effects) != 1 or not isinstance(effects[0], QueueStep) or effects[0].approval:
        return None
    same_agent = state.pipeline.step(effects[0].step_id).agent == row.agent_id
    if hold and settings.MAX_CONCURRENT_STEPS_PER_AGENT and not same_agent:
        return None  # another agent's slot is taken under that agent's lock
    new = transition(
        state,
        row,
        ended=ended,
        outcome=outcome,
        result_key=recorded.result_key(),
        effect=effects[0],
        events=recorded.told(),
        owner=hold.owner if hold else "",
    )
    if new is None:
        return None
    waiting = None if hold else run_waiting_for(row.agent_id, but=state.id)
    return Finished(
        next_step=claimed_step(state, new) if hold else None,
        state=state,
        queued=() if hold else (Queued(run_id=state.id, execution_id=new.id, attempt=1),),
        wake_run_ids=(waiting,) if waiting else (),
    )


def _is_last(state: RunState, row: ExecutionRow) -> bool:
    """Nothing would be left to stop, to skip or to close."""
    return state.in_status(STEP_ACTIVE) == [row] and not any(loop.is_open for loop in state.loops)


def _completed(recorded: "_Recorded") -> Finished | None:
    state, row = recorded.state, recorded.row
    if not completion(
        state,
        row,
        ended=recorded.ended,
        outcome=recorded.outcome,
        result_key=recorded.result_key(),
        events=recorded.told(),
    ):
        return None
    if state.workspace_type != "none":  # else there is no directory to deal with
        enqueue(TaskName.FINALIZE_RUN, state.id)
    waiting = run_waiting_for(row.agent_id, but=state.id)
    return Finished(wake_run_ids=(waiting,) if waiting else ())


def retried(write: Callable[[], Result]) -> Result:
    """Run a transaction again that the database broke off to untangle two of them."""
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                return write()
        except OperationalError as exc:
            if not isinstance(exc.__cause__, CRASHES) or attempt == TRIES - 1:
                raise
            if transaction.get_connection().in_atomic_block:
                raise  # not ours to repeat
    raise AssertionError("the loop returns or raises")


def _finish(
    run_id: str, execution_id: int, fence: int, outcome: StepOutcome, hold: Hold | None
) -> Finished:
    state = run_load(run_lock(run_id))
    row = _held_row(state, execution_id, fence)
    if row is None:
        return Finished(stale=True)
    if state.status not in DECIDING:
        abort_held(state, row.id, fence)
        return Finished()
    ended = judge(state, row, outcome)
    before = state.view(outcome_of=row.id)
    recorded = _Recorded(state, row, ended, outcome)
    recorded.write(advanced=True)
    application = Application(state, after_id=row.id)
    application.events += recorded.events
    application.apply(decide(state.pipeline, before, ended))
    return conclude(state, application, row, hold)


def _store(run_id: str, execution_id: int, fence: int, outcome: StepOutcome) -> Finished:
    state = run_load(run_lock(run_id))
    row = _held_row(state, execution_id, fence)
    if row is None:
        return Finished(stale=True)
    recorded = _Recorded(state, row, judge(state, row, outcome), outcome)
    recorded.write(advanced=False)
    run_events_append(run_id, recorded.events)
    enqueue(TaskName.ADVANCE_RUN, run_id)
    return Finished()


def run_advance(run_id: str) -> Sequence[Queued]:
    """Decide upon outcomes that are stored but not advanced; usually there are none."""
    return retried(lambda: _advance(run_id))


def _advance(run_id: str) -> Sequence[Queued]:
    open_ids = list(
        StepExecution.objects.filter(run_id=run_id, advanced_at=None, finished_at__isnull=False)
        .order_by("id")
        .values_list("id", flat=True)
    )
    if not open_ids:
        return ()
    state = ends_load(run_load(run_lock(run_id)))
    application = Application(state, after_id=open_ids[-1])
    for execution_id in open_ids:
        row = state.execution(execution_id)
        claimed = StepExecution.objects.filter(id=execution_id, advanced_at=None).update(
            advanced_at=ClockTimestamp()
        )
        if row is None or not claimed or state.status not in DECIDING:
            continue
        application.after_id = row.id
        application.apply(
            decide(state.pipeline, state.view(outcome_of=row.id), stored_outcome(row))
        )
    return conclude(state, application, None, None).queued


def stored_outcome(row: ExecutionRow) -> Outcome:
    return Outcome(
        step_id=row.step_id,
        visit=row.visit,
        attempt=row.attempt,
        succeeded=row.status == StepStatus.COMPLETED,
        outputs=row.outputs,
        error_code=row.error_code,
        error=row.error,
        retryable=is_retryable(row.error_code),
    )


def run_unstall(run_id: str) -> Sequence[Queued]:
    """A running run in which nothing is active: decide again; if nothing follows, fail it."""
    return retried(lambda: _unstall(run_id))


def _unstall(run_id: str) -> Sequence[Queued]:
    state = run_load(run_lock(run_id))
    if state.status != RunStatus.RUNNING or state.in_status(STEP_ACTIVE):
        return ()
    return resumed(state, [])


def resumed(state: RunState, events: list[NewEvent]) -> Sequence[Queued]:
    """Go on from where a locked run stands, nothing being active."""
    application = Application(state, after_id=max((row.id for row in state.executions), default=0))
    application.events += events
    view = ends_load(state).view()
    stalled = FailRun(code="stalled", message="Nothing runs and nothing follows.")
    application.apply(resume(state.pipeline, view) or (stalled,))
    return conclude(state, application, None, None).queued


def step_aborted(*, run_id: str, execution_id: int, fence: int) -> bool:
    """The worker has stopped what it was asked to stop: nothing of this attempt runs any more."""

    return retried(lambda: abort_held(run_load(run_lock(run_id)), execution_id, fence))


def _held_row(state: RunState, execution_id: int, fence: int) -> ExecutionRow | None:
    row = state.execution(execution_id)
    if row is None or row.fence != fence or row.status not in STEP_HELD:
        return None
    return row


def judge(state: RunState, row: ExecutionRow, outcome: StepOutcome) -> Outcome:
    """The outcome as it counts. Empty values are no outputs."""
    outputs = {
        storable(key): storable(value) for key, value in outcome.outputs.items() if value.strip()
    }
    return judged(
        state.pipeline.step(row.step_id),
        Outcome(
            step_id=row.step_id,
            visit=row.visit,
            attempt=row.attempt,
            succeeded=outcome.succeeded,
            outputs=outputs,
            error_code=outcome.error_code,
            error=storable(outcome.error),
            retryable=outcome.retryable and is_retryable(outcome.error_code),
        ),
    )


class _Recorded:
    """The outcome of one attempt, written to its row and to the run's name space."""

    def __init__(
        self, state: RunState, row: ExecutionRow, ended: Outcome, outcome: StepOutcome
    ) -> None:
        self.state = state
        self.row = row
        self.ended = ended
        self.outcome = outcome
        self.events: list[NewEvent] = []

    def write(self, *, advanced: bool) -> None:
        to = StepStatus.COMPLETED if self.ended.succeeded else StepStatus.FAILED
        moved = machine.step_move(
            self.row.id,
            to=to,
            held_by=self.row.fence,
            outputs=dict(self.ended.outputs),
            result_key=self.result_key(),
            error=self.ended.error,
            error_code=self._error_code(),
            commit_hash=self.outcome.commit_hash,
            model_used=self.outcome.model_used,
            inputs=self._inputs(),
            finished_at=ClockTimestamp(),
            lease_until=None,
            advanced_at=ClockTimestamp() if advanced else None,
        )
        assert moved, "the run's row lock keeps others from this execution"
        self.events += self.told()
        if self.row.status == StepStatus.STARTING:
            self._started()
        self.row.status = to
        if self.ended.succeeded:
            self._outputs()

    def told(self) -> list[NewEvent]:
        """The events of this end. An executor without a session never said that it runs."""
        begun = step_event("STEP_STARTED", self.row, sessionId="", agentId=self.row.agent_id)
        return [begun, self._event()] if self.row.status == StepStatus.STARTING else [self._event()]

    def result_key(self) -> str:
        match = match_result(self.state.pipeline.step(self.row.step_id), self.ended.outputs)
        return match.key[:200] if match and self.ended.succeeded else ""

    def _error_code(self) -> str:
        return "" if self.ended.succeeded else self.ended.error_code or "agent_failed"

    def _inputs(self) -> Any:
        """What the executor noted stays; what is missing is added."""
        missing = list(self.outcome.missing_outputs)
        return JsonMerge("inputs", {"missing_outputs": missing}) if missing else F("inputs")

    def _started(self) -> None:
        Run.objects.filter(id=self.state.id).update(
            current_step_id=self.row.step_id, updated_at=ClockTimestamp()
        )
        self.state.current_step_id = self.row.step_id

    def _outputs(self) -> None:
        values = self.ended.outputs
        replaced = [key for key in values if key in self.state.outputs]
        if replaced:
            RunOutput.objects.filter(run_id=self.state.id, current=True, key__in=replaced).update(
                current=False
            )
        item_id = self.state.open_item_id(self.row)
        if values:
            RunOutput.objects.bulk_create(
                RunOutput(
                    run_id=self.state.id,
                    generation=self.state.generation,
                    key=key,
                    value=value,
                    step_execution_id=self.row.id,
                    loop_item_id=item_id,
                    scope=RunOutput.Scope.LOOP_ITEM if item_id else RunOutput.Scope.RUN,
                )
                for key, value in values.items()
            )
        for key, value in values.items():
            self.state.outputs[key] = OutputRow(value, item_id)

    def _event(self) -> NewEvent:
        if self.ended.succeeded:
            return step_event(
                "STEP_COMPLETE",
                self.row,
                outputs=dict(self.ended.outputs),
                summary=self.outcome.summary,
                commitHash=self.outcome.commit_hash,
            )
        return step_event(
            "STEP_FAILED",
            self.row,
            error=self.ended.error,
            errorCode=self._error_code(),
            retryCount=self.row.retry_count,
        )


def conclude(
    state: RunState, application: Application, row: ExecutionRow | None, hold: Hold | None
) -> Finished:
    """Insert what is next, bring the run's own state after it, and tell."""
    if hold is not None and not _may_hold(state, application):
        hold = None
    taken = application.flush(hold)
    settle(state, application.events)
    run_events_append(state.id, application.events)
    released = row is not None and (taken is None or taken.agent_id != row.agent_id)
    waiting = run_waiting_for(row.agent_id, but=state.id) if row and released else None
    return Finished(
        next_step=claimed_step(state, taken) if taken else None,
        state=state,
        queued=() if taken or state.status != RunStatus.RUNNING else application.queued(),
        wake_run_ids=(waiting,) if waiting else (),
    )


def _may_hold(state: RunState, application: Application) -> bool:
    """One next step, due now, in a run that goes on, for an agent with a free slot."""
    return (
        state.status == RunStatus.RUNNING
        and application.one_due_now()
        and not state.in_status({StepStatus.QUEUED})
        and not state.stopping
        and slot_is_free(application.new[0].agent_id, None)
    )


def settle(state: RunState, events: list[NewEvent]) -> None:
    """Bring the run's status after what its executions have become."""
    if state.status == RunStatus.PAUSING and not _anything_held(state):
        _follow(state, events, RunStatus.PAUSED, paused_at=ClockTimestamp())
        events.append(run_event("RUN_UPDATED", status=state.status))
    elif state.status == RunStatus.CANCELLING and not _anything_held(state):
        run_end(
            state, events, to=RunStatus.CANCELLED, code="cancelled", message=state.cancel_reason
        )
    elif state.status == RunStatus.RUNNING and _only_gated(state):
        _follow(state, events, RunStatus.WAITING_HUMAN)
    elif state.status == RunStatus.WAITING_HUMAN and not _only_gated(state):
        _follow(state, events, RunStatus.RUNNING)


def _follow(state: RunState, events: list[NewEvent], to: RunStatus, **fields: Any) -> None:
    if machine.run_move(state.id, to=to, only_from={RunStatus(state.status)}, **fields):
        events.append(status_event(to, state.status))
        state.status = to


def _only_gated(state: RunState) -> bool:
    active = state.in_status(STEP_ACTIVE)
    return bool(active) and all(row.status == StepStatus.PENDING for row in active)


def _anything_held(state: RunState) -> bool:
    """Superseded executions count too: their boxes still run in the run's workspace."""
    return StepExecution.objects.filter(run_id=state.id, status__in=STEP_HELD).exists()


def abort_held(state: RunState, execution_id: int, fence: int) -> bool:
    """End a held execution whose outcome nobody wants any more."""
    execution = StepExecution.objects.filter(
        id=execution_id, fence=fence, status__in=STEP_HELD
    ).first()
    if execution is None:
        return False
    machine.step_move(
        execution_id,
        to=StepStatus.CANCELLED,
        held_by=fence,
        error_code="cancelled",
        finished_at=ClockTimestamp(),
        advanced_at=ClockTimestamp(),
        lease_until=None,
    )
    row = state.execution(execution_id)
    if row is not None:
        row.status = StepStatus.CANCELLED
    reason = execution.abort_reason or AbortReason.CANCEL
    events = [step_event("STEP_CANCELLED", execution, reason=reason)]
    settle(state, events)
    run_events_append(state.id, events)
    if state.status == RunStatus.RUNNING:
        enqueue(TaskName.DISPATCH_RUN, state.id)
    return True
