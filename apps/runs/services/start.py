"""From `pending` to the first step."""

from collections.abc import Sequence

from apps.core.dispatch import TaskName, enqueue
from apps.core.events import NewEvent
from apps.pipelines.decide import start
from apps.runs import machine
from apps.runs.choices import STEP_ACTIVE, RunStatus
from apps.runs.claims import Queued
from apps.runs.effects import Application
from apps.runs.events import run_events_append, status_event
from apps.runs.machine import ClockTimestamp
from apps.runs.models import Run
from apps.runs.services.finish import conclude, retried
from apps.runs.state import run_load, run_lock


def start_task(workspace_type: str) -> TaskName:
    """The task that a new run needs first."""
    return TaskName.START_RUN if workspace_type == "none" else TaskName.PREPARE_WORKSPACE


def run_send_start(run_id: str, workspace_type: str) -> None:
    enqueue(start_task(workspace_type), run_id)


def run_start(*, run_id: str) -> Sequence[Queued]:
    """Queue the first step of a pending run whose workspace is ready; what is to be sent.

    A forked run brings its first step along, queued.
    """
    return retried(lambda: _start(run_id))


def _start(run_id: str) -> Sequence[Queued]:
    state = run_load(run_lock(run_id))
    if state.status != RunStatus.PENDING or not state.workspace_is_ready:
        return ()
    machine.run_move(run_id, to=RunStatus.RUNNING, started_at=ClockTimestamp())
    application = Application(state, after_id=0)
    application.events.append(status_event(RunStatus.RUNNING, state.status))
    state.status = RunStatus.RUNNING
    brought = state.in_status(STEP_ACTIVE)
    if not brought:
        application.apply(start(state.pipeline, state.view()))
    finished = conclude(state, application, None, None)
    if brought:
        return [Queued(run_id=run_id, execution_id=row.id, attempt=row.attempt) for row in brought]
    return finished.queued


def run_workspace_set(*, run_id: str, workspace_id: int, reset_to: str) -> bool:
    """The run's directory is there, at the commit `reset_to`. False: another is wanted by now."""
    return (
        Run.objects.filter(id=run_id, reset_to=reset_to).update(
            workspace_id=workspace_id, reset_to="", updated_at=ClockTimestamp()
        )
        == 1
    )


def run_finalized(*, run_id: str, error: str = "") -> None:
    """The workspace of an ended run has been dealt with, or its push has failed once more."""
    if error:
        failed = NewEvent(type="COMMIT_FAILED", step_id="finalize", payload={"error": error})
        run_events_append(run_id, [failed])
        return
    Run.objects.filter(id=run_id).update(finalized_at=ClockTimestamp())
