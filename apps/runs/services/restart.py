"""Going back: a step again, the whole run again.

A restart of a step takes back everything that its visit and what came after it brought about:
executions are superseded, loops and items stand as they stood, outputs leave the name space and
what they had replaced returns. History stays as rows.
"""

from collections.abc import Set
from typing import Any

from django.db import connection

from apps.core.dispatch import TaskName, enqueue
from apps.core.events import NewEvent
from apps.pipelines.definition import Pipeline
from apps.pipelines.selectors import definition_get
from apps.pipelines.services import snapshot_get_or_create
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
from apps.runs.effects import execution_row
from apps.runs.errors import IllegalMove, RunNotFound, StepNotFound
from apps.runs.events import run_events_append, status_event, step_event
from apps.runs.machine import ClockTimestamp
from apps.runs.models import Approval, LoopItem, LoopState, Run, RunOutput, StepExecution
from apps.runs.services.create import check_agents
from apps.runs.services.finish import retried, settle
from apps.runs.services.start import run_send_start
from apps.runs.snapshots import pipeline_of
from apps.runs.state import ExecutionRow, RunState, run_load, run_lock
from apps.runs.variables import step_limits

NOT_NOW = frozenset({RunStatus.PENDING, RunStatus.CANCELLING, RunStatus.PAUSING})
FIRST_COMMIT = "base"

_CURRENT = """
UPDATE runs_runoutput SET current = true WHERE id IN (
    SELECT DISTINCT ON (o.key) o.id
      FROM runs_runoutput o LEFT JOIN runs_stepexecution e ON e.id = o.step_execution_id
     WHERE o.run_id = %(run)s AND o.generation = %(generation)s AND o.retired_after_id IS NULL
       AND NOT coalesce(e.superseded, false)
     ORDER BY o.key, o.id DESC)
"""


def step_restart(
    *,
    run_id: str,
    step_id: str,
    context: str = "",
    reset_workspace: bool = False,
    by: str = "",
) -> str:
    """Start a step anew as a new visit, with a hint; the run's status after it."""
    return retried(lambda: _restart_step(run_id, step_id, context, reset_workspace, by))


def _restart_step(run_id: str, step_id: str, context: str, reset_workspace: bool, by: str) -> str:
    state = run_load(run_lock(run_id))
    if state.status in NOT_NOW:
        raise IllegalMove("restart a step", state.status, run_id=run_id)
    target = newest_visit(state, step_id)
    events = [
        NewEvent(
            type="HUMAN_INTERVENTION",
            step_id=step_id,
            payload={"action": "restart", "context": context, "userId": by},
        )
    ]
    _reopen(state, events, fields={"reset_to": _base_commit(target)} if reset_workspace else {})
    rewind(state, target)
    events.append(step_event("STEP_QUEUED", again(state, target, context), agentId=target.agent_id))
    settle(state, events)
    run_events_append(run_id, events)
    ready = state.workspace_is_ready and not reset_workspace
    enqueue(TaskName.DISPATCH_RUN if ready else TaskName.PREPARE_WORKSPACE, run_id)
    return state.status


def newest_visit(state: RunState, step_id: str) -> ExecutionRow:
    visits = [row for row in state.executions if row.step_id == step_id]
    if not visits:
        raise StepNotFound(state.id, step_id)
    return visits[-1]


def _base_commit(target: ExecutionRow) -> str:
    """The head before the visit's first attempt."""
    return str(
        StepExecution.objects.values_list("base_commit", flat=True).get(id=target.first_id)
        or FIRST_COMMIT
    )


def _reopen(state: RunState, events: list[NewEvent], *, fields: dict[str, Any]) -> None:
    """The run goes on: forget its end. An ended run's directory may be gone: it is made again."""
    ended = state.status in RUN_TERMINAL
    if ended:
        fields = {**fields, "workspace_id": None, "finalized_at": None}
        state.workspace_path = ""
    if state.status == RunStatus.RUNNING:
        Run.objects.filter(id=state.id).update(**fields, updated_at=ClockTimestamp())
        return
    previous = state.status
    machine.run_move(
        state.id,
        to=RunStatus.RUNNING,
        **fields,
        outputs={},
        error="",
        error_code="",
        completed_at=None,
        cancel_requested_at=None,
        cancel_reason="",
        pause_requested_at=None,
        paused_at=None,
    )
    state.status = RunStatus.RUNNING
    events.append(status_event(RunStatus.RUNNING, previous))


def rewind(state: RunState, target: ExecutionRow) -> None:
    """Take back the target's visit and what came after it, in the rows and in `state`."""
    undone = _after(state, target)
    ids = _supersede(state, undone)
    _rewind_loops(state, ids)
    outputs = RunOutput.objects.filter(run_id=state.id, generation=state.generation)
    outputs.filter(retired_after_id__in=ids).update(retired_after_id=None)
    outputs_recount(state.id, generation=state.generation)
    state.executions = [row for row in state.executions if row not in undone]
    for row in undone:
        state.last_visit[row.step_id] = max(state.last_visit.get(row.step_id, 0), row.visit)


def outputs_recount(run_id: str, *, generation: int) -> None:
    """Make the newest value of each name current that no restart and no item's end took away."""
    # Two steps: the unique index allows no moment with two current rows of a name.
    RunOutput.objects.filter(run_id=run_id, current=True).update(current=False)
    with connection.cursor() as cursor:
        cursor.execute(_CURRENT, {"run": run_id, "generation": generation})


def _after(state: RunState, target: ExecutionRow) -> list[ExecutionRow]:
    """The target's visit and those after it; with dependencies, only those that lean on it."""
    later = [row for row in state.executions if row.first_id >= target.first_id]
    if not state.pipeline.uses_depends_on:
        return later
    leaning = _dependants(state.pipeline, target.step_id)
    return [row for row in later if row.step_id in leaning]


def _dependants(pipeline: Pipeline, step_id: str) -> Set[str]:
    found = {step_id}
    grown = True
    while grown:
        more = {
            step.id
            for step in pipeline.steps
            if step.id not in found and found.intersection(step.depends_on)
        }
        found |= more
        grown = bool(more)
    return found


def _supersede(state: RunState, undone: list[ExecutionRow]) -> list[int]:
    """Mark every attempt of these visits; what is held is asked to stop. Their ids."""
    ids: list[int] = []
    for row in undone:
        attempts = StepExecution.objects.filter(
            run_id=state.id, generation=state.generation, step_id=row.step_id, visit=row.visit
        )
        ids += attempts.values_list("id", flat=True)
    executions = StepExecution.objects.filter(id__in=ids)
    machine.steps_move(
        executions,
        to=StepStatus.CANCELLED,
        only_from={StepStatus.PENDING, StepStatus.QUEUED},
        finished_at=ClockTimestamp(),
        advanced_at=ClockTimestamp(),
    )
    executions.filter(status__in=STEP_HELD).update(abort_reason=AbortReason.RESTART)
    executions.update(superseded=True)
    machine.approvals_move(
        Approval.objects.filter(step_execution_id__in=ids),
        to=ApprovalStatus.EXPIRED,
        decided_at=ClockTimestamp(),
    )
    return ids


def _rewind_loops(state: RunState, ids: list[int]) -> None:
    loops = LoopState.objects.filter(run_id=state.id, run_generation=state.generation)
    loops.filter(opened_after_id__in=ids).update(superseded=True)
    kept = loops.filter(superseded=False)
    kept.filter(closed_after_id__in=ids).update(closed_at=None, closed_after_id=None)
    items = LoopItem.objects.filter(loop__in=kept)
    taken_back = items.filter(ended_after_id__in=ids) | items.filter(
        status=LoopItemStatus.SKIPPED, ended_after_id=None
    )
    still_begun = items.exclude(started_after_id=None).exclude(started_after_id__in=ids)
    begun_ids = list(still_begun.values_list("id", flat=True))
    back = list((taken_back | items.filter(started_after_id__in=ids)).values_list("id", flat=True))
    fresh: dict[str, Any] = {"output": {}, "ended_after_id": None, "finished_at": None}
    machine.items_move(
        LoopItem.objects.filter(id__in=set(back) & set(begun_ids)),
        to=LoopItemStatus.RUNNING,
        **fresh,
    )
    machine.items_move(
        LoopItem.objects.filter(id__in=set(back) - set(begun_ids)),
        to=LoopItemStatus.PENDING,
        **fresh,
        started_after_id=None,
        started_at=None,
    )


def again(
    state: RunState, target: ExecutionRow, context: str, *, visit: int = 0, **fields: Any
) -> StepExecution:
    """Queue a new visit of the step. A person asked for it, so no gate stands before it."""
    limits = step_limits(state, target.step_id)
    execution = StepExecution(
        run_id=state.id,
        generation=state.generation,
        step_id=target.step_id,
        visit=visit or state.last_visit.get(target.step_id, 0) + 1,
        agent_id=limits.agent_id,
        timeout_s=limits.timeout_s,
        max_retries=limits.max_retries,
        loop_item_id=target.loop_item_id,
        human_context=context,
        status=StepStatus.QUEUED,
        dispatched_at=ClockTimestamp(),
        **fields,
    )
    machine.executions_insert([execution])
    state.put(execution_row(execution))
    return execution


def run_restart(
    *,
    run_id: str,
    context: str = "",
    keep_snapshot: bool = False,
    fresh_workspace: bool = False,
    by: str = "",
) -> str:
    """Start an ended run from its beginning, as a new generation. The earlier one stays history."""
    snapshot_id = None if keep_snapshot else _current_snapshot(run_id)
    return retried(lambda: _restart_run(run_id, context, snapshot_id, fresh_workspace, by))


def _current_snapshot(run_id: str) -> int:
    pipeline_id = Run.objects.values_list("pipeline_id", flat=True).filter(id=run_id).first()
    if pipeline_id is None:
        raise RunNotFound(run_id)
    snapshot = snapshot_get_or_create(definition_get(pipeline_id))
    check_agents(pipeline_of(snapshot.pk))
    return int(snapshot.pk)


def _restart_run(
    run_id: str, context: str, snapshot_id: int | None, fresh_workspace: bool, by: str
) -> str:
    state = run_load(run_lock(run_id))
    if state.status not in RUN_TERMINAL:
        raise IllegalMove("be restarted", state.status, run_id=run_id)
    if StepExecution.objects.filter(run_id=run_id, status__in=STEP_HELD).exists():
        raise IllegalMove("be restarted while a step of it still stops", state.status)
    RunOutput.objects.filter(run_id=run_id, current=True).update(current=False)
    machine.run_move(
        run_id,
        to=RunStatus.PENDING,
        generation=state.generation + 1,
        snapshot_id=snapshot_id or state.snapshot_id,
        human_context=context or state.human_context,
        reset_to=FIRST_COMMIT if fresh_workspace else "",
        workspace_id=None,
        outputs={},
        error="",
        error_code="",
        current_step_id="",
        started_at=None,
        completed_at=None,
        finalized_at=None,
        cancel_requested_at=None,
        cancel_reason="",
    )
    run_events_append(
        run_id,
        [
            NewEvent(
                type="HUMAN_INTERVENTION",
                payload={"action": "restart", "context": context, "userId": by},
            ),
            status_event(RunStatus.PENDING, state.status),
        ],
    )
    run_send_start(run_id, state.workspace_type)
    return RunStatus.PENDING
