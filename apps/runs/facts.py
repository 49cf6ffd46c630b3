"""What the model gateway may know of a session: which step of which run it works on."""

from apps.llm.facts import SessionFacts
from apps.runs.models import StepExecution
from apps.runs.snapshots import pipeline_of


def session_facts(session_id: str) -> SessionFacts | None:
    execution = (
        StepExecution.objects.filter(session_id=session_id)
        .select_related("run", "loop_item__loop")
        .order_by("-id")
        .first()
    )
    if execution is None:
        return None
    pipeline = pipeline_of(execution.run.snapshot_id)
    step = pipeline.step(execution.step_id)
    item = execution.loop_item
    return SessionFacts(
        session_id=session_id,
        run_id=execution.run_id,
        execution_id=execution.pk,
        pipeline=pipeline.id,
        step=step.id,
        agent=execution.agent_id,
        visit=execution.visit,
        attempt=execution.attempt,
        item_index=item.index if item else None,
        item_kind=item.kind if item else "",
        item=item.data if item else "",
        loop_generation=item.loop.generation if item else 1,
        outputs=step.outputs,
        results=tuple(step.on_result),
        loop_names=tuple(each.loop.over for each in pipeline.steps if each.loop),
    )
