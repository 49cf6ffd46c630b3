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
from apps.core.space import storage_away
from apps.runs import services
from apps.runs.choices import StepStatus
from apps.runs.claims import ClaimedStep, StepOutcome
from apps.runs.effects import Hold
from apps.runs.services.claim import Claim
from apps.runs.services.finish import Finished
from workers.engine import canvas
from workers.engine.checks import believed
from workers.engine.control import Control, HandedOver
from workers.engine.executor import Cancelled, LeaseLost, StepExecutor
from workers.engine.outage import outage_survived
from workers.engine.owner import worker_name
from workers.engine.parallel import own_workspace, workspace_merged
from workers.engine.shutdown import shutting_down
from workers.engine.traces import step_traced

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
    if shutting_down.is_asked() or storage_away():
        return  # the row waits for another worker, or for the storage
    turn = _Turn()
    claim = services.step_take(execution_id=execution_id, attempt=attempt, owner=turn.owner)
    while claim is not None:
        step = claim.step
        with bound_contextvars(
            run_id=step.run_id, step_id=step.step_id, visit=step.visit, attempt=step.attempt
        ):
            claim = _one(claim, turn)


class _Turn:
    """How long a worker may keep a run: so many steps, so many seconds, until it is to end."""

    def __init__(self) -> None:
        self._hold = Hold(owner=worker_name())
        self._began = time.monotonic()
        self._steps = 0

    @property
    def owner(self) -> str:
        return self._hold.owner

    def next(self) -> Hold | None:
        """After a step: who takes the one that follows; None: whoever gets the message."""
        self._steps += 1
        fair = self._steps < KEPT_STEPS and time.monotonic() - self._began < KEPT_S
        return self._hold if fair and not shutting_down.is_asked() else None


def _one(claim: Claim, turn: _Turn) -> Claim | None:
    """Execute a claimed step and store its end; the next one, if it was claimed with that."""
    step = claim.step
    control = Control(step)
    began_ns = time.time_ns()
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
    step_traced(step, outcome, began_ns)
    hold = turn.next()
    try:
        finished = outage_survived(lambda: _stored(claim, control, outcome, hold))
    except LeaseLost:
        finished = Finished(stale=True)
    if finished.stale:
        log.warning("outcome came too late; another attempt owns the step")
        return None
    canvas.hand_over(finished.queued)
    for run_id in finished.wake_run_ids:
        enqueue(TaskName.DISPATCH_RUN, run_id)
    if finished.next_step is None or finished.state is None:
        return None
    return Claim(finished.next_step, finished.state)


def execute(step: ClaimedStep, control: Control) -> StepOutcome:
    """Run the executor; whatever it cannot handle becomes a failed outcome with a code."""
    if away := storage_away():
        return StepOutcome(succeeded=False, error_code="storage_unavailable", error=away)
    try:
        placed = own_workspace(step)
        outcome = believed(placed, control, lambda: executor().execute(placed, control))
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


def _stored(claim: Claim, control: Control, outcome: StepOutcome, hold: Hold | None) -> Finished:
    control.flush()
    step, row = claim.step, claim.state.execution(claim.step.execution_id)
    if control.is_running and row is not None:
        row.status = StepStatus.RUNNING
    if outcome.error_code in services.PARKING and services.step_park(
        run_id=step.run_id,
        execution_id=step.execution_id,
        fence=step.fence,
        code=outcome.error_code,
        message=outcome.error,
    ):
        log.info("step parked", error_code=outcome.error_code)
        return Finished()
    return services.step_finish(
        run_id=step.run_id,
        execution_id=step.execution_id,
        fence=step.fence,
        outcome=outcome,
        hold=hold,
        kept=claim.state,
    )
