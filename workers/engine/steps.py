"""From a message to a stored outcome, and on to the next step while that is fair."""

import errno
import time
from functools import cache

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.utils.module_loading import import_string
from structlog.contextvars import bound_contextvars

from apps.core.dispatch import TaskName, enqueue
from apps.core.errors import DjinnError
from apps.core.faults import InjectedFault
from apps.runs import services
from apps.runs.claims import ClaimedStep, Finished, StepOutcome
from apps.runs.effects import Hold
from workers.engine import canvas
from workers.engine.control import Control, HandedOver
from workers.engine.executor import Cancelled, LeaseLost, StepExecutor
from workers.engine.outage import outage_survived
from workers.engine.owner import worker_name
from workers.engine.parallel import own_workspace, workspace_merged
from workers.engine.shutdown import shutting_down

log = structlog.get_logger(__name__)

KEPT_STEPS = 20
KEPT_S = 60.0


@cache
def executor() -> StepExecutor:
    made: StepExecutor = import_string(settings.STEP_EXECUTOR)()
    return made


def run_step(execution_id: int, attempt: int) -> None:
    """Execute one queued attempt, and the steps after it as long as this worker may keep the run.

    A delivery that comes late or twice finds nothing to claim. The run is given back by a message
    after `KEPT_STEPS` steps or `KEPT_S` seconds, at a shutdown, and whenever others wait.
    """
    if shutting_down.is_asked():
        return  # the row waits for another worker
    hold = Hold(owner=worker_name())
    step = services.step_claim(execution_id=execution_id, attempt=attempt, owner=hold.owner)
    began, kept = time.monotonic(), 1
    while step is not None:
        fair = kept < KEPT_STEPS and time.monotonic() - began < KEPT_S
        keep = fair and not shutting_down.is_asked()
        with bound_contextvars(
            run_id=step.run_id, step_id=step.step_id, visit=step.visit, attempt=step.attempt
        ):
            step = _one(step, hold if keep else None)
        kept += 1


def _one(step: ClaimedStep, hold: Hold | None) -> ClaimedStep | None:
    """Execute a claimed step and store its end; the next one, if it was claimed with that."""
    control = Control(step)
    try:
        outcome = execute(step, control)
    except HandedOver:
        log.info("step handed over at shutdown")
        canvas.send(
            services.step_hand_over(
                run_id=step.run_id, execution_id=step.execution_id, fence=step.fence
            )
        )
        return None
    except Cancelled as exc:
        log.info("step stopped", reason=str(exc))
        services.step_aborted(run_id=step.run_id, execution_id=step.execution_id, fence=step.fence)
        return None
    except LeaseLost:
        log.warning("step taken by another worker")
        return None
    try:
        finished = outage_survived(lambda: _stored(step, control, outcome, hold))
    except LeaseLost:
        finished = Finished(stale=True)
    if finished.stale:
        log.warning("outcome came too late; another attempt owns the step")
        return None
    canvas.send(finished.queued)
    for run_id in finished.wake_run_ids:
        enqueue(TaskName.DISPATCH_RUN, run_id)
    return finished.next_step


def execute(step: ClaimedStep, control: Control) -> StepOutcome:
    """Run the executor; whatever it cannot handle becomes a failed outcome with a code."""
    try:
        placed = own_workspace(step)
        outcome = executor().execute(placed, control)
        if outcome.succeeded:
            workspace_merged(step, placed)
        return outcome
    except (Cancelled, LeaseLost, InjectedFault, DatabaseError):
        raise
    except DjinnError as exc:
        log.warning("step failed", error_code=exc.code, error=exc.message)
        return StepOutcome(
            succeeded=False,
            error_code=exc.code,
            error=exc.message,
            retryable=bool(exc.extra.get("retryable", True)),
        )
    except OSError as exc:
        log.warning("step failed by the host", exc_info=True)
        full = exc.errno in {errno.ENOSPC, errno.EDQUOT}
        code = "disk_full" if full else "storage_unavailable"
        return StepOutcome(succeeded=False, error_code=code, error=str(exc))
    except Exception as exc:  # the edge: a fault of ours must end the step, not the worker
        log.exception("step failed by a fault of ours")
        return StepOutcome(
            succeeded=False, error_code="internal_error", error=f"{type(exc).__name__}: {exc}"
        )


def _stored(
    step: ClaimedStep, control: Control, outcome: StepOutcome, hold: Hold | None
) -> Finished:
    control.flush()
    return services.step_finish(
        run_id=step.run_id,
        execution_id=step.execution_id,
        fence=step.fence,
        outcome=outcome,
        hold=hold,
    )
