"""Applying a decision: rows, events and what is to be sent, in the order of the effects.

Runs under the run's row lock. Executions are inserted together at the end, so that the usual
effect, one next step, costs one statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings

from apps.core.dispatch import TaskName, enqueue
from apps.core.events import NewEvent
from apps.pipelines.decisions import (
    CloseLoop,
    CompleteRun,
    Effect,
    EndItem,
    FailRun,
    FanOut,
    LoopItemRef,
    NotifyAgent,
    OpenLoop,
    QueueStep,
    RetryStep,
    StartItem,
)
from apps.pipelines.template import render
from apps.runs import machine
from apps.runs.choices import (
    RUN_TERMINAL,
    STEP_HELD,
    AbortReason,
    ApprovalStatus,
    LoopItemStatus,
    RunStatus,
    StepStatus,
)
from apps.runs.claims import Queued
from apps.runs.events import run_event, status_event, step_event
from apps.runs.machine import ClockTimestamp, lease_end
from apps.runs.models import (
    AgentNote,
    Approval,
    LoopItem,
    LoopState,
    RunOutput,
    StepExecution,
)
from apps.runs.state import ExecutionRow, ItemRow, LoopRow, RunState
from apps.runs.variables import run_variables, step_limits

RETRY_NOTE = "Attempt {attempt} failed: {feedback}"


@dataclass(slots=True)
class Hold:
    """Who takes the one next step at once, instead of sending a message for it."""

    owner: str


class Application:
    """One decision being written. `after_id` is the execution whose outcome was decided upon."""

    def __init__(self, state: RunState, *, after_id: int) -> None:
        self.state = state
        self.after_id = after_id
        self.events: list[NewEvent] = []
        self.new: list[StepExecution] = []
        self._gated: list[StepExecution] = []
        self._delays: dict[int, float] = {}  # by place in `new`

    def apply(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            self._apply(effect)

    def _apply(self, effect: Effect) -> None:
        match effect:
            case QueueStep():
                self._queue(effect)
            case FanOut():
                for visit, item in effect.visits:
                    self._add(step_id=effect.step_id, visit=visit, loop_item=item)
            case RetryStep():
                self._retry(effect)
            case OpenLoop():
                self._open_loop(effect)
            case StartItem():
                self._start_item(effect.item)
            case EndItem():
                self._end_item(effect)
            case CloseLoop():
                self._close_loop(effect)
            case NotifyAgent():
                self._notify(effect)
            case CompleteRun():
                run_end(self.state, self.events, to=RunStatus.COMPLETED)
            case FailRun():
                run_end(
                    self.state,
                    self.events,
                    to=RunStatus.FAILED,
                    code=effect.code,
                    message=effect.message,
                )

    # -- executions ----------------------------------------------------------------------------

    def _queue(self, effect: QueueStep) -> None:
        execution = self._add(
            step_id=effect.step_id,
            visit=effect.visit,
            loop_item=effect.loop_item,
            result_retries=effect.result_retries,
            status=StepStatus.PENDING if effect.approval else StepStatus.QUEUED,
        )
        if effect.approval:
            self._gated.append(execution)

    def _retry(self, effect: RetryStep) -> None:
        before = next(
            row
            for row in self.state.executions
            if (row.step_id, row.visit) == (effect.step_id, effect.visit)
        )
        if effect.delay_s:
            self._delays[len(self.new)] = effect.delay_s
        execution = self._add(
            step_id=effect.step_id,
            visit=effect.visit,
            attempt=effect.attempt,
            loop_item=effect.loop_item,
            result_retries=before.result_retries,
            retry_count=effect.retry_count,
            lost_count=effect.lost_count,
            repair=effect.repair,
            repair_for=effect.repair_for,
            human_context=_with_note(before, effect.feedback),
            due_at=ClockTimestamp() + timedelta(seconds=effect.delay_s),
        )
        self.events.append(
            step_event(
                "STEP_RETRYING", execution, feedback=effect.feedback, delaySeconds=effect.delay_s
            )
        )

    def _add(
        self,
        *,
        step_id: str,
        visit: int,
        loop_item: LoopItemRef | None = None,
        status: StepStatus = StepStatus.QUEUED,
        **fields: Any,
    ) -> StepExecution:
        limits = step_limits(self.state, step_id)
        execution = StepExecution(
            run_id=self.state.id,
            generation=self.state.generation,
            step_id=step_id,
            visit=visit,
            agent_id=limits.agent_id,
            timeout_s=limits.timeout_s,
            max_retries=limits.max_retries,
            loop_item_id=self.state.item(loop_item).id if loop_item else None,
            status=status,
            queued_after_id=self.after_id or None,
            dispatched_at=ClockTimestamp(),
            **fields,
        )
        self.new.append(execution)
        return execution

    # -- loops ---------------------------------------------------------------------------------

    def _open_loop(self, effect: OpenLoop) -> None:
        parent = self.state.item(effect.parent) if effect.parent else None
        loop = LoopState.objects.create(
            run_id=self.state.id,
            run_generation=self.state.generation,
            step_id=effect.step_id,
            generation=effect.generation,
            parent_item_id=parent.id if parent else None,
            opened_after_id=self.after_id,
        )
        items = LoopItem.objects.bulk_create(
            LoopItem(loop=loop, index=index, kind=kind, data=data)
            for index, (kind, data) in enumerate(effect.items)
        )
        self.state.loops.append(
            LoopRow(
                id=loop.pk,
                step_id=effect.step_id,
                generation=effect.generation,
                is_open=True,
                parent_item_id=parent.id if parent else None,
                items=[
                    ItemRow(item.pk, item.index, kind, LoopItemStatus.PENDING, item.data)
                    for item, (kind, _) in zip(items, effect.items, strict=True)
                ],
            )
        )

    def _start_item(self, ref: LoopItemRef) -> None:
        item = self.state.item(ref)
        machine.items_move(
            LoopItem.objects.filter(id=item.id),
            to=LoopItemStatus.RUNNING,
            started_at=ClockTimestamp(),
            started_after_id=self.after_id,
        )
        LoopState.objects.filter(id=self.state.loop(ref.step_id, ref.generation).id).update(
            current_index=ref.index
        )
        item.status = LoopItemStatus.RUNNING

    def _end_item(self, effect: EndItem) -> None:
        item = self.state.item(effect.item)
        produced = self.state.produced_by(item.id)
        output = {key: self.state.outputs.pop(key).value for key in produced}
        machine.items_move(
            LoopItem.objects.filter(id=item.id),
            to=LoopItemStatus(effect.status),
            output=output,
            finished_at=ClockTimestamp(),
            ended_after_id=self.after_id,
        )
        RunOutput.objects.filter(
            run_id=self.state.id,
            generation=self.state.generation,
            key__in=produced,
            retired_after_id=None,
        ).update(current=False, retired_after_id=self.after_id)
        item.status = effect.status
        self.events.append(self._item_event(effect, item))

    def _item_event(self, effect: EndItem, item: ItemRow) -> NewEvent:
        name = f"{effect.item.step_id}_item_{item.index}"
        if effect.status == "failed":
            return NewEvent(
                type="LOOP_ITEM_FAILED",
                step_id=effect.item.step_id,
                payload={"itemId": name, "itemIndex": item.index, "error": effect.error},
            )
        return NewEvent(
            type="LOOP_ITEM_COMPLETE",
            step_id=effect.item.step_id,
            payload={"itemId": name, "itemIndex": item.index, "status": effect.status},
        )

    def _close_loop(self, effect: CloseLoop) -> None:
        loop = self.state.loop(effect.step_id, effect.generation)
        LoopState.objects.filter(id=loop.id).update(
            closed_at=ClockTimestamp(), closed_after_id=self.after_id
        )
        loop.is_open = False

    # -- the rest ------------------------------------------------------------------------------

    def _notify(self, effect: NotifyAgent) -> None:
        message = render(effect.message, run_variables(self.state)).text
        AgentNote.objects.create(
            run_id=self.state.id,
            from_agent_id=effect.from_agent,
            to_agent_id=effect.to_agent,
            message=message,
        )
        self.events.append(
            run_event(
                "AGENT_MESSAGE",
                **{"from": effect.from_agent, "to": effect.to_agent},
                message=message,
                threadId=self.state.id,
            )
        )

    # -- the end of it -------------------------------------------------------------------------

    def one_due_now(self) -> bool:
        return len(self.new) == 1 and not self._delays and not self._gated

    def queued(self) -> list[Queued]:
        return [
            Queued(
                run_id=self.state.id,
                execution_id=execution.pk,
                attempt=execution.attempt,
                delay_s=self._delays.get(place, 0),
            )
            for place, execution in enumerate(self.new)
            if execution.status == StepStatus.QUEUED
        ]

    def flush(self, hold: Hold | None = None) -> ExecutionRow | None:
        """Insert the new executions; with `hold`, the only one is taken at once."""
        if self.state.status in RUN_TERMINAL:
            self.new.clear()
            return None
        if hold is not None:
            _take(self.new[0], hold, self.state)
        machine.executions_insert(self.new)
        for execution in self.new:
            self.state.put(execution_row(execution))
            self.events.append(step_event("STEP_QUEUED", execution, agentId=execution.agent_id))
        for execution in self._gated:
            self._ask(execution)
        return self.state.execution(self.new[0].pk) if hold is not None else None

    def _ask(self, execution: StepExecution) -> None:
        step = self.state.pipeline.step(execution.step_id)
        approval = Approval.objects.create(
            run_id=self.state.id,
            step_execution=execution,
            text=step.description or f"May step {step.id} start?",
            expires_at=ClockTimestamp() + timedelta(seconds=settings.APPROVAL_TIMEOUT_S),
        )
        approval.refresh_from_db(fields=["expires_at"])
        self.events.append(
            step_event(
                "APPROVAL_REQUESTED",
                execution,
                approvalId=approval.id,
                text=approval.text,
                expiresAt=approval.expires_at,
            )
        )


def _with_note(before: ExecutionRow, feedback: str) -> str:
    note = RETRY_NOTE.format(attempt=before.attempt, feedback=feedback) if feedback else ""
    return "\n\n".join(filter(None, [before.human_context, note]))


def _take(execution: StepExecution, hold: Hold, state: RunState) -> None:
    execution.status = StepStatus.STARTING
    execution.lease_owner = hold.owner
    execution.lease_until = lease_end()
    execution.fence = state.next_fence
    execution.base_commit = state.head_commit


def execution_row(execution: StepExecution) -> ExecutionRow:
    return ExecutionRow(
        id=execution.pk,
        first_id=execution.pk,
        step_id=execution.step_id,
        visit=execution.visit,
        attempt=execution.attempt,
        status=execution.status,
        agent_id=execution.agent_id,
        retry_count=execution.retry_count,
        lost_count=execution.lost_count,
        result_retries=execution.result_retries,
        repair=execution.repair,
        repaired=execution.repair,
        repair_for=execution.repair_for,
        loop_item_id=execution.loop_item_id,
        fence=execution.fence,
        human_context=execution.human_context,
        timeout_s=execution.timeout_s,
    )


def run_end(
    state: RunState,
    events: list[NewEvent],
    *,
    to: RunStatus,
    code: str = "",
    message: str = "",
) -> bool:
    """Bring a run to its end: what waits is skipped, what still runs is asked to stop."""
    values = state.values()
    ended = machine.run_move(
        state.id,
        to=to,
        outputs=values,
        error_code=code,
        error=message,
        completed_at=ClockTimestamp(),
        current_step_id=state.current_step_id,
    )
    if not ended:
        return False
    _stop_rest(state, cancelled=to == RunStatus.CANCELLED)
    events.append(status_event(to, state.status))
    events.append(_end_event(to, values, code, message))
    state.status = to
    enqueue(TaskName.FINALIZE_RUN, state.id)
    return True


def _end_event(to: RunStatus, outputs: dict[str, str], code: str, message: str) -> NewEvent:
    if to == RunStatus.COMPLETED:
        return run_event("RUN_COMPLETE", outputs=outputs)
    if to == RunStatus.CANCELLED:
        return run_event("RUN_CANCELLED", reason=message)
    return run_event("RUN_FAILED", error=message, errorCode=code)


def _stop_rest(state: RunState, *, cancelled: bool) -> None:
    rest = StepExecution.objects.filter(run_id=state.id)
    machine.steps_move(
        rest,
        to=StepStatus.CANCELLED if cancelled else StepStatus.SKIPPED,
        only_from={StepStatus.PENDING, StepStatus.QUEUED},
        finished_at=ClockTimestamp(),
        advanced_at=ClockTimestamp(),
    )
    rest.filter(status__in=STEP_HELD).update(abort_reason=AbortReason.CANCEL)
    machine.approvals_move(
        Approval.objects.filter(run_id=state.id),
        to=ApprovalStatus.EXPIRED,
        decided_at=ClockTimestamp(),
    )
    if any(loop.is_open for loop in state.loops):
        machine.items_move(
            LoopItem.objects.filter(loop_id__in=[loop.id for loop in state.loops]),
            to=LoopItemStatus.SKIPPED,
            only_from={LoopItemStatus.PENDING, LoopItemStatus.RUNNING},
            finished_at=ClockTimestamp(),
        )
