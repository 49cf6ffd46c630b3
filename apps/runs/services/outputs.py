"""Values and knowledge that come from outside of an outcome: a person's, or an agent's midway."""

from collections.abc import Mapping

from apps.runs.choices import RUN_TERMINAL, RunKind
from apps.runs.errors import IllegalMove, NoExecutor, StepNotFound
from apps.runs.events import run_event, run_events_append
from apps.runs.models import Run, RunKnowledge, RunOutput, StepExecution
from apps.runs.services.finish import retried
from apps.runs.state import RunState, run_lock
from apps.secrets.masking import session_masker

EXECUTORS = frozenset({RunKind.EXECUTOR, RunKind.APPROACH})


def run_output_put(*, run_id: str, key: str, value: str, step_id: str = "") -> None:
    """Set one output of a run. With `step_id` it counts as made by that step's newest visit."""

    def write() -> None:
        state = run_lock(run_id)
        execution = _newest(run_id, state.generation, step_id) if step_id else None
        _put(state, key, value, execution)
        run_events_append(run_id, [run_event("RUN_UPDATED", status=state.status, outputKey=key)])

    retried(write)


def executor_result_put(
    *, run_id: str, success: bool, outputs: Mapping[str, str], error: str = ""
) -> None:
    """Keep what an executor's agent reports. The run's status follows its step, not this.

    Told again, the last word counts. Raises NoExecutor, and IllegalMove when the run has ended.
    """

    def write() -> None:
        state = run_lock(run_id)
        if state.kind not in EXECUTORS:
            raise NoExecutor(run_id, state.kind)
        if state.status in RUN_TERMINAL:
            raise IllegalMove("take a result", state.status, run_id=run_id)
        for key, value in outputs.items():
            _put(state, key, value, None)
        result = {"success": success, "error": error}
        Run.objects.filter(id=run_id).update(executor_result=result)
        told = run_event("RUN_UPDATED", status=state.status, executorSuccess=success)
        run_events_append(run_id, [told])

    retried(write)


def _put(state: RunState, key: str, value: str, execution: StepExecution | None) -> None:
    RunOutput.objects.filter(run_id=state.id, key=key, current=True).update(current=False)
    RunOutput.objects.create(
        run_id=state.id,
        generation=state.generation,
        key=key,
        value=value,
        step_execution=execution,
        loop_item_id=execution.loop_item_id if execution else None,
    )


def _newest(run_id: str, generation: int, step_id: str) -> StepExecution:
    execution = (
        StepExecution.objects.filter(
            run_id=run_id, generation=generation, step_id=step_id, superseded=False
        )
        .order_by("-id")
        .first()
    )
    if execution is None:
        raise StepNotFound(run_id, step_id)
    return execution


def run_knowledge_add(
    *,
    run_id: str,
    agent_id: str,
    category: str,
    content: str,
    importance: str = "medium",
    session_id: str = "",
) -> RunKnowledge:
    """What an agent wants the later steps of its run to know, without its session's secrets."""
    return RunKnowledge.objects.create(
        run_id=run_id,
        agent_id=agent_id,
        category=category,
        content=session_masker(session_id).masked(content),
        importance=importance,
    )
