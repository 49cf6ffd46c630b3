"""Another way from the same point: a new run that equals its source up to one step.

Executions, loops and outputs before the step's visit are copied as they stand; the visit itself is
queued anew, with another model, task or hint. The new run works on a branch from the commit that
stood before the step.
"""

from typing import Any

from django.db import models, transaction

from apps.runs import machine
from apps.runs.choices import STEP_TERMINAL, LoopItemStatus
from apps.runs.effects import execution_row
from apps.runs.errors import StepNotFound
from apps.runs.models import LoopItem, LoopState, Run, RunKnowledge, RunOutput, StepExecution
from apps.runs.services.create import check_models, created
from apps.runs.services.restart import again, outputs_recount
from apps.runs.snapshots import pipeline_of
from apps.runs.state import run_load, run_lock

Ids = dict[int | None, int | None]  # row of the source → its copy


def run_fork(
    *,
    run_id: str,
    step_id: str,
    visit: int | None = None,
    model_override: str = "",
    context: str = "",
    task: str = "",
    user: Any = None,
) -> Run:
    """Fork a run before a visit of a step (the newest by default). The source is not touched."""
    with transaction.atomic():
        run_lock(run_id)
        source = Run.objects.get(id=run_id)
        pivot = _pivot(source, step_id, visit)
        check_models(pipeline_of(source.snapshot_id), model_override or source.model_override)
        fork = _copy_run(source, pivot, model_override=model_override, task=task, user=user)
        _copy_state(source, fork, pivot, context)
        created(fork)
    fork.refresh_from_db(fields=["created_at"])
    return fork


def _pivot(source: Run, step_id: str, visit: int | None) -> StepExecution:
    """The first attempt of the visit to leave from. Superseded visits have no way back."""
    visits = StepExecution.objects.filter(
        run=source, generation=source.generation, step_id=step_id, superseded=False
    )
    if visit:
        visits = visits.filter(visit=visit)
    newest = visits.order_by("-visit").first()
    if newest is None:
        raise StepNotFound(source.id, step_id)
    return visits.filter(visit=newest.visit).order_by("attempt")[0]


def _copy_run(
    source: Run, pivot: StepExecution, *, model_override: str, task: str, user: Any
) -> Run:
    return Run.objects.create(
        kind=source.kind,
        pipeline_id=source.pipeline_id,
        snapshot_id=source.snapshot_id,
        project_id=source.project_id,
        task_description=task or source.task_description,
        context=source.context,
        human_context=source.human_context,
        variables=source.variables,
        repository=source.repository or _own_repository(source),
        workspace_type=source.workspace_type,
        initiated_by=user or source.initiated_by,
        key_user=source.key_user,
        model_override=model_override or source.model_override,
        parent_run=source,
        forked_from_execution_id=pivot.pk,
        reset_to=pivot.base_commit if source.workspace_type == "git_worktree" else "",
    )


def _own_repository(source: Run) -> str:
    """A run without a repository has one of its own, which the fork can start from."""
    return source.workspace.mirror_path if source.workspace else ""


def _copy_state(source: Run, fork: Run, pivot: StepExecution, context: str) -> None:
    executions, items = _copy_executions(source, fork, pivot), _copy_loops(source, fork, pivot)
    _join(fork, executions, items)
    _copy_outputs(source, fork, pivot, executions, items)
    RunKnowledge.objects.bulk_create(
        _copies(source.knowledge.filter(created_at__lte=pivot.queued_at), run_id=fork.id)
    )
    state = run_load(run_lock(fork.id))
    target = execution_row(pivot)
    target.loop_item_id = items.get(pivot.loop_item_id)
    again(state, target, context, visit=pivot.visit)


def _copies(rows: models.QuerySet[Any], **fields: Any) -> list[Any]:
    """Unsaved copies of rows, in their order."""
    copies = list(rows.all())
    for copy in copies:
        copy.pk = None
        copy._state.adding = True
        for name, value in fields.items():
            setattr(copy, name, value)
    return copies


def _copy_executions(source: Run, fork: Run, pivot: StepExecution) -> Ids:
    rows = StepExecution.objects.filter(
        run=source,
        generation=source.generation,
        superseded=False,
        id__lt=pivot.pk,
        status__in=STEP_TERMINAL,
    ).order_by("id")
    copies = machine.executions_insert(_copies(rows, run_id=fork.id, generation=1, fence=0))
    return dict(zip(rows.values_list("id", flat=True), (c.pk for c in copies), strict=True))


def _copy_loops(source: Run, fork: Run, pivot: StepExecution) -> Ids:
    """Loops opened before the pivot; items stand as they stood then. Ids of the items."""
    loops = LoopState.objects.filter(
        run=source,
        run_generation=source.generation,
        superseded=False,
        opened_after_id__lt=pivot.pk,
    ).order_by("id")
    ids: Ids = {}
    for loop, copy in zip(loops, _copies(loops, run_id=fork.id, run_generation=1), strict=True):
        copy.parent_item_id = ids.get(loop.parent_item_id)
        if loop.closed_after_id is None or loop.closed_after_id >= pivot.pk:
            copy.closed_after_id = copy.closed_at = None
        copy.save(force_insert=True)
        items = loop.items.order_by("index")
        new = [_as_then(item, pivot) for item in _copies(items, loop_id=copy.pk)]
        machine.items_insert(new)
        ids.update(zip(items.values_list("id", flat=True), (i.pk for i in new), strict=True))
    return ids


def _as_then(item: LoopItem, pivot: StepExecution) -> LoopItem:
    if item.ended_after_id is not None and item.ended_after_id < pivot.pk:
        return item
    item.output = {}
    item.ended_after_id = item.finished_at = None
    begun = item.started_after_id is not None and item.started_after_id < pivot.pk
    item.status = LoopItemStatus.RUNNING if begun else LoopItemStatus.PENDING
    if not begun:
        item.started_after_id = item.started_at = None
    return item


def _join(fork: Run, executions: Ids, items: Ids) -> None:
    """Point the copies at each other instead of at the source's rows."""
    for execution in fork.executions.exclude(loop_item=None):
        execution.loop_item_id = items.get(execution.loop_item_id)
        execution.save(update_fields=["loop_item"])
    for loop in fork.loops.all():
        loop.opened_after_id = executions.get(loop.opened_after_id) or 0
        loop.closed_after_id = executions.get(loop.closed_after_id)
        loop.save(update_fields=["opened_after_id", "closed_after_id"])
        for item in loop.items.all():
            item.started_after_id = _mapped(executions, item.started_after_id)
            item.ended_after_id = _mapped(executions, item.ended_after_id)
            item.save(update_fields=["started_after_id", "ended_after_id"])


def _mapped(executions: Ids, old: int | None) -> int | None:
    """0 stands for the start of the run and stays."""
    return old if not old else executions.get(old)


def _copy_outputs(
    source: Run, fork: Run, pivot: StepExecution, executions: Ids, items: Ids
) -> None:
    rows = RunOutput.objects.filter(run=source, generation=source.generation).order_by("id")
    copies = []
    for copy in _copies(rows, run_id=fork.id, generation=1, current=False):
        if copy.step_execution_id is not None and copy.step_execution_id not in executions:
            continue
        copy.step_execution_id = executions.get(copy.step_execution_id)
        copy.loop_item_id = items.get(copy.loop_item_id)
        retired = copy.retired_after_id
        gone = retired is not None and retired < pivot.pk
        copy.retired_after_id = (executions.get(retired) or 0) if gone else None
        copies.append(copy)
    RunOutput.objects.bulk_create(copies)
    outputs_recount(fork.id, generation=1)
