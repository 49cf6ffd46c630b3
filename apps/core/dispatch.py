"""Every task name and queue. Apps start work by name; workers register under these names."""

from enum import StrEnum
from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from apps.core.redis import Circuit

log = structlog.get_logger(__name__)

REQUEST_ID_HEADER = "djinnbot_request_id"
_circuit = Circuit(pause_s=1.0)


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
    SYNC_LIBRARIES = "upkeep.sync_libraries"
    SWEEP_BUDGETS = "upkeep.sweep_budgets"
    ROLL_UP_USAGE = "upkeep.roll_up_usage"
    MEASURE_STORAGE = "upkeep.measure_storage"
    CLEAN_STORAGE = "upkeep.clean_storage"
    WATCH_STORAGE = "upkeep.watch_storage"
    FOLLOW_FEED = "notifications.follow_feed"
    EXPORT_USER = "accounts.export_user"
    MAIL_RESET = "accounts.mail_reset"
    MAIL_INVITE = "accounts.mail_invite"
    MAIL_CONFIRM = "accounts.mail_confirm"
    DELIVER_NOTIFICATIONS = "notifications.deliver"
    RUN_CLEANING = "upkeep.run_cleaning"


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
    TaskName.SYNC_LIBRARIES: Queue.MAINTENANCE,
    TaskName.SWEEP_BUDGETS: Queue.CONTROL,
    TaskName.ROLL_UP_USAGE: Queue.MAINTENANCE,
    TaskName.MEASURE_STORAGE: Queue.MAINTENANCE,
    TaskName.CLEAN_STORAGE: Queue.MAINTENANCE,
    TaskName.WATCH_STORAGE: Queue.MAINTENANCE,
    TaskName.FOLLOW_FEED: Queue.EVENTS,
    TaskName.EXPORT_USER: Queue.MAINTENANCE,
    TaskName.MAIL_RESET: Queue.EVENTS,
    TaskName.MAIL_INVITE: Queue.EVENTS,
    TaskName.MAIL_CONFIRM: Queue.EVENTS,
    TaskName.DELIVER_NOTIFICATIONS: Queue.EVENTS,
    TaskName.RUN_CLEANING: Queue.MAINTENANCE,
}


def enqueue(task: TaskName, *args: str | int) -> None:
    """Send a task once the surrounding transaction has committed.

    A lost message is no loss: the row that made the work necessary is still there, and the
    reconciler sends it again.
    """
    transaction.on_commit(partial(_send, task, args), robust=True)


def _send(task: TaskName, args: tuple[str | int, ...]) -> None:
    if _circuit.is_open:
        return
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    try:
        current_app.send_task(
            str(task),
            args=args,
            queue=str(QUEUE_OF[task]),
            ignore_result=True,  # else each send would subscribe this process to a result
            headers={REQUEST_ID_HEADER: request_id} if request_id else {},
        )
    except OperationalError as exc:
        if _circuit.trip():
            log.warning("The broker did not take a task; it is sent again", error=str(exc))
