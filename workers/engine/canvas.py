"""Every Celery canvas of the engine. They carry ids; the rows decide.

    a step                execute_step → advance_run
    items side by side    (execute_step, execute_step, …) → join_items
    a run's start         prepare_workspace → start_run

The second half of each finds nothing to do when the first has gone all the way, which is usual. It
is there for what a crash leaves behind, sooner than the reconciler.
"""

from collections.abc import Iterable, Sequence

import structlog
from celery import Signature, chain, chord, current_app, group
from kombu.exceptions import OperationalError

from apps.core.dispatch import QUEUE_OF, TaskName
from apps.core.faults import fault_point
from apps.runs.claims import Queued

log = structlog.get_logger(__name__)

LONGEST_COUNTDOWN_S = 60.0  # a longer wait is the row's: the reconciler sends it when it is due


def signature(task: TaskName, *args: str | int) -> Signature:
    """An immutable call. A chord counts its members without keeping their results."""
    return current_app.signature(
        str(task), args=args, immutable=True, queue=str(QUEUE_OF[task]), ignore_result=True
    )


def step_canvas(queued: Queued) -> Signature:
    """`advance_run` follows an outcome, and as well an exception of the task itself."""
    execute = signature(TaskName.EXECUTE_STEP, queued.execution_id, queued.attempt)
    return chain(execute, _advance(queued)).on_error(_advance(queued))


def _advance(queued: Queued) -> Signature:
    return signature(TaskName.ADVANCE_RUN, queued.run_id)


def join_canvas(queued: Sequence[Queued]) -> Signature:
    members = group(
        signature(TaskName.EXECUTE_STEP, each.execution_id, each.attempt) for each in queued
    )
    join = signature(TaskName.JOIN_ITEMS, queued[0].run_id)
    return chord(members, join.on_error(signature(TaskName.JOIN_ITEMS, queued[0].run_id)))


def start_canvas(run_id: str) -> Signature:
    return chain(
        signature(TaskName.PREPARE_WORKSPACE, run_id), signature(TaskName.START_RUN, run_id)
    )


def send(queued: Iterable[Queued]) -> None:
    """Send what waits: several executions of one run at once are joined, the others go alone.

    A broker that is away is no failure: the rows wait, and the reconciler sends them.
    """
    try:
        _send(list(queued))
    except OperationalError as exc:
        log.warning("the broker is away; rows wait", error=str(exc))


def hand_over(queued: Sequence[Queued]) -> None:
    """Send what a worker leaves to others. It has done its own advancing, so the usual single
    next step goes out as a bare message."""
    if len(queued) != 1 or queued[0].delay_s > 0:
        send(queued)
        return
    next_step = queued[0]
    try:
        signature(TaskName.EXECUTE_STEP, next_step.execution_id, next_step.attempt).apply_async()
    except OperationalError as exc:
        log.warning("the broker is away; rows wait", error=str(exc))


def _send(queued: Sequence[Queued]) -> None:
    if not queued:
        return
    now = [each for each in queued if each.delay_s <= 0]
    later = [each for each in queued if 0 < each.delay_s <= LONGEST_COUNTDOWN_S]
    fault_point("run.before_dispatch")
    if len(now) > 1 and len({each.run_id for each in now}) == 1:
        join_canvas(now).apply_async()
    else:
        for each in now:
            step_canvas(each).apply_async()
    for each in later:
        step_canvas(each).apply_async(countdown=each.delay_s)
    fault_point("run.after_dispatch")
