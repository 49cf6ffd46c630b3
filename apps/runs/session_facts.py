"""What the model gateway may know of a session: the step of a run that it works on."""

from apps.llm.facts import SessionFacts
from apps.pipelines.definition import Pipeline
from apps.runs.choices import LoopItemStatus
from apps.runs.models import LoopItem, StepExecution
from apps.runs.snapshots import pipeline_of
from apps.sessions.models import AgentSession


def session_facts(session_id: str) -> SessionFacts | None:
    """None: no such session, or one that works on no step of a run."""
    session = (
        AgentSession.objects.filter(id=session_id, source=AgentSession.Source.PIPELINE)
        .values_list("source_id", flat=True)
        .first()
    )
    if not session or not session.isdigit():
        return None
    execution = (
        StepExecution.objects.filter(id=int(session))
        .select_related("run", "loop_item__loop")
        .first()
    )
    return None if execution is None else _facts(session_id, execution)


def _facts(session_id: str, execution: StepExecution) -> SessionFacts:
    run = execution.run
    pipeline = pipeline_of(run.snapshot_id)
    step = pipeline.step(execution.step_id)
    item = execution.loop_item or _open_item(execution)
    return SessionFacts(
        session_id=session_id,
        run_id=run.id,
        execution_id=execution.pk,
        pipeline=run.pipeline_id,
        step=execution.step_id,
        agent=execution.agent_id,
        visit=execution.visit,
        attempt=execution.attempt,
        item_index=item.index if item else None,
        item_kind=item.kind if item else "",
        item=item.data if item else "",
        loop_generation=item.loop.generation if item else 1,
        outputs=step.outputs,
        results=tuple(step.on_result),
        loop_names=_loop_names(pipeline),
        recorded_as=run.recorded_as,
        replay_of=run.replay_of,
    )


def _open_item(execution: StepExecution) -> LoopItem | None:
    """The item that steps between loop step and `continueLoop` work on: the innermost open one."""
    return (
        LoopItem.objects.filter(
            loop__run_id=execution.run_id,
            loop__run_generation=execution.generation,
            loop__closed_at=None,
            status=LoopItemStatus.RUNNING,
        )
        .select_related("loop")
        .order_by("-loop_id", "index")
        .first()
    )


def _loop_names(pipeline: Pipeline) -> tuple[str, ...]:
    return tuple(step.loop.over for step in pipeline.steps if step.loop)
