"""What an attempt claims, and what the server finds when it checks that.

Every write holds the execution's row and looks at its fence: of an attempt that somebody else owns
by now nothing is written. False says so.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.pipelines.definition import Check
from apps.runs import machine
from apps.runs.choices import STEP_HELD, CheckVerdict, StepStatus
from apps.runs.claims import ClaimedStep, StepOutcome, storable
from apps.runs.events import run_events_append, step_event
from apps.runs.models import StepCheck, StepClaim, StepExecution

OUTPUT_CHARS = 16_000
TOLD_CHARS = 4_000


def claim_store(*, step: ClaimedStep, outcome: StepOutcome, commit: str, checks_s: int) -> bool:
    """Keep what the agent claims, for `commit`, while that is checked. The step is `finishing`."""
    with transaction.atomic():
        if not _is_held(step):
            return False
        machine.step_move(step.execution_id, to=StepStatus.FINISHING, held_by=step.fence)
        StepClaim.objects.update_or_create(
            step_execution_id=step.execution_id,
            defaults={
                "outputs": {storable(k): storable(v) for k, v in outcome.outputs.items()},
                "summary": storable(outcome.summary),
                "missing_outputs": list(outcome.missing_outputs),
                "commit_hash": commit,
                "model_used": outcome.model_used,
                "checks_s": checks_s,
            },
        )
    return True


def claim_find(execution_id: int) -> StepOutcome | None:
    """The claim of an attempt whose worker was lost before it was checked."""
    claim = StepClaim.objects.filter(step_execution_id=execution_id).first()
    if claim is None:
        return None
    return StepOutcome(
        succeeded=True,
        outputs=claim.outputs,
        summary=claim.summary,
        missing_outputs=claim.missing_outputs,
        commit_hash=claim.commit_hash,
        model_used=claim.model_used,
    )


def check_start(*, step: ClaimedStep, index: int, check: Check, commit: str) -> bool:
    """Begin a check, or begin again one that a lost worker did not end."""
    with transaction.atomic():
        if not _is_held(step):
            return False
        StepCheck.objects.update_or_create(
            step_execution_id=step.execution_id,
            index=index,
            defaults={
                "name": check.name,
                "command": check.run,
                "expected_exit": check.expect_exit,
                "commit_hash": commit,
                "verdict": CheckVerdict.RUNNING,
                "started_at": timezone.now(),
                "exit_code": None,
                "duration_ms": None,
                "output": "",
                "finished_at": None,
            },
        )
        _tell(step, "CHECK_STARTED", index, name=check.name, command=check.run, commitHash=commit)
    return True


def check_end(
    *,
    step: ClaimedStep,
    index: int,
    verdict: CheckVerdict,
    exit_code: int | None,
    duration_ms: int,
    output: str,
) -> bool:
    """Store how a check ended, once. Of its output the end is kept."""
    kept = storable(output)[-OUTPUT_CHARS:]
    with transaction.atomic():
        if not _is_held(step):
            return False
        ended = StepCheck.objects.filter(
            step_execution_id=step.execution_id, index=index, verdict=CheckVerdict.RUNNING
        ).update(
            verdict=verdict,
            exit_code=exit_code,
            duration_ms=duration_ms,
            output=kept,
            finished_at=timezone.now(),
        )
        if ended:
            _tell(
                step,
                "CHECK_FINISHED",
                index,
                verdict=str(verdict),
                exitCode=exit_code,
                durationMs=duration_ms,
                output=kept[-TOLD_CHARS:],
            )
    return True


def _is_held(step: ClaimedStep) -> bool:
    """Lock the execution's row. Whether it is still this worker's."""
    return (
        StepExecution.objects.select_for_update()
        .filter(id=step.execution_id, fence=step.fence, status__in=STEP_HELD)
        .exists()
    )


def _tell(step: ClaimedStep, type: str, index: int, **facts: Any) -> None:
    told: Mapping[str, Any] = {"index": index, **facts}
    run_events_append(step.run_id, [step_event(type, step, **told)])
