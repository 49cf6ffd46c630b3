"""Tasks of runs: load, call one service, send what follows.

Arguments are ids. Unknown ones, of a newer sender, are ignored: a deploy breaks no message.
"""

import threading

from celery import current_app, shared_task
from celery.signals import worker_ready, worker_shutting_down

from apps.core.dispatch import Queue, TaskName
from apps.runs import services
from apps.runs.errors import IllegalMove, RunNotFound
from workers.engine import boxes, canvas, steps, workspaces
from workers.engine.room import room_for
from workers.engine.shutdown import shutting_down


@worker_shutting_down.connect
def _stop_taking_work(**_: object) -> None:
    shutting_down.ask()


@worker_ready.connect
def _warm_up(**_: object) -> None:
    """A worker that will start boxes gets ready for the first one."""
    if Queue.AGENTS in current_app.amqp.queues.consume_from:
        threading.Thread(target=boxes.warm_up, name="warm-up", daemon=True).start()


@shared_task(name=TaskName.PREPARE_WORKSPACE)
def prepare_workspace(run_id: str, *_: object, **__: object) -> None:
    """Make the run's directory, then go on as `start_run` would. Ready already: it is found."""
    if room_for(run_id):
        canvas.send(workspaces.run_prepare(run_id))


@shared_task(name=TaskName.START_RUN, throws=(RunNotFound,))
def start_run(run_id: str, *_: object, **__: object) -> None:
    """Queue the first step of a pending run. Delivered twice, it starts once."""
    if room_for(run_id):
        canvas.send(services.run_start(run_id=run_id))


@shared_task(name=TaskName.DISPATCH_RUN)
def dispatch_run(run_id: str, *_: object, **__: object) -> None:
    """Send what waits in a run."""
    canvas.send(services.run_queued(run_id))


@shared_task(name=TaskName.EXECUTE_STEP)
def execute_step(execution_id: int, attempt: int, *_: object, **__: object) -> None:
    """Run one attempt in its box. Delivered twice, it runs once."""
    steps.run_step(execution_id, attempt)


@shared_task(name=TaskName.ADVANCE_RUN, throws=(RunNotFound,))
def advance_run(run_id: str, *_: object, **__: object) -> None:
    """Decide upon outcomes that nobody decided upon; usually there are none."""
    canvas.send(services.run_advance(run_id))


@shared_task(name=TaskName.JOIN_ITEMS, throws=(RunNotFound,))
def join_items(run_id: str, *_: object, **__: object) -> None:
    """After items side by side, look again: the last to end has usually done all."""
    canvas.send(services.run_advance(run_id))
    canvas.send(services.run_unstall(run_id))


@shared_task(name=TaskName.FINALIZE_RUN)
def finalize_run(run_id: str, *_: object, **__: object) -> None:
    """Push the branch and remove the directory of a run that has ended."""
    workspaces.run_finalize(run_id)


@shared_task(name=TaskName.CANCEL_RUN, throws=(RunNotFound, IllegalMove))
def cancel_run(run_id: str, reason: str = "", *_: object, **__: object) -> None:
    services.run_cancel(run_id=run_id, reason=reason)


@shared_task(name=TaskName.DELETE_RUN_FILES)
def delete_run_files(run_id: str, *_: object, **__: object) -> None:
    workspaces.run_files_delete(run_id)
