"""Every task name and queue. Apps start work by name; workers register under these names."""

from enum import StrEnum

from celery import current_app
from django.db import transaction


class Queue(StrEnum):
    CONTROL = "control"  # moves state machines; short tasks only
    AGENTS = "agents"  # supervises one agent session a thread
    EVENTS = "events"
    GIT = "git"
    MAINTENANCE = "maintenance"
    INDEX = "index"


class TaskName(StrEnum):
    START_RUN = "runs.start_run"
    PREPARE_WORKSPACE = "runs.prepare_workspace"
    DISPATCH_RUN = "runs.dispatch_run"
    EXECUTE_STEP = "runs.execute_step"
    ADVANCE_RUN = "runs.advance_run"
    JOIN_ITEMS = "runs.join_items"
    FINALIZE_RUN = "runs.finalize_run"
    CANCEL_RUN = "runs.cancel_run"
    DELETE_RUN_FILES = "runs.delete_run_files"
    RECONCILE = "upkeep.reconcile"
    RELAY_EVENTS = "upkeep.relay_events"
    REAP_BOXES = "upkeep.reap_boxes"
    RETENTION = "upkeep.retention"


QUEUE_OF: dict[TaskName, Queue] = {
    TaskName.START_RUN: Queue.CONTROL,
    TaskName.PREPARE_WORKSPACE: Queue.GIT,
    TaskName.DISPATCH_RUN: Queue.CONTROL,
    TaskName.EXECUTE_STEP: Queue.AGENTS,
    TaskName.ADVANCE_RUN: Queue.CONTROL,
    TaskName.JOIN_ITEMS: Queue.CONTROL,
    TaskName.FINALIZE_RUN: Queue.GIT,
    TaskName.CANCEL_RUN: Queue.CONTROL,
    TaskName.DELETE_RUN_FILES: Queue.GIT,
    TaskName.RECONCILE: Queue.MAINTENANCE,
    TaskName.RELAY_EVENTS: Queue.EVENTS,
    TaskName.REAP_BOXES: Queue.MAINTENANCE,
    TaskName.RETENTION: Queue.MAINTENANCE,
}


def enqueue(task: TaskName, *args: str | int) -> None:
    """Send a task once the surrounding transaction has committed.

    A lost message is no loss: the row that made the work necessary is still there, and the
    reconciler sends it again.
    """
    transaction.on_commit(
        # Without `ignore_result` each send would subscribe this process to a result.
        lambda: current_app.send_task(
            str(task), args=args, queue=str(QUEUE_OF[task]), ignore_result=True
        ),
        robust=True,
    )
