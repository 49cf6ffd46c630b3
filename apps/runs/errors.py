"""Why a step or a run failed: a stable code, what it means, and what a person can do about it."""

from dataclasses import dataclass
from typing import Any

from apps.core.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCode:
    remedy: str
    retryable: bool = True


STEP_ERROR_CODES: dict[str, ErrorCode] = {
    # the agent
    "agent_failed": ErrorCode(remedy="Read the agent's reason; restart the step with a hint."),
    "no_completion": ErrorCode(remedy="The agent never ended the step; restart it with a hint."),
    "missing_result": ErrorCode(remedy="Tell the agent which output the routing needs."),
    "bad_output": ErrorCode(remedy="The answer did not fit the declared schema; see the problems."),
    "checks_failed": ErrorCode(
        remedy="What was claimed does not hold; read the checks' output, restart with a hint."
    ),
    "turn_limit": ErrorCode(remedy="Raise `maxTurns` of the step or split the work."),
    "loop_detected": ErrorCode(remedy="The agent repeated itself; restart the step with a hint."),
    "harness_missing": ErrorCode(
        remedy="Install it with scripts/install_harness.sh.", retryable=False
    ),
    "harness_failed": ErrorCode(remedy="Read what the agent's program said at its end."),
    # limits
    "timeout": ErrorCode(remedy="Raise `timeout` of the step or split the work."),
    "budget_exceeded": ErrorCode(remedy="Raise the budget, then restart.", retryable=False),
    "visit_limit": ErrorCode(remedy="Raise `maxVisits` or mend the routing.", retryable=False),
    # the model
    "provider_rate_limited": ErrorCode(
        remedy="The step goes on when the provider's limit ends; another model may do so now."
    ),
    "provider_down": ErrorCode(
        remedy="The step goes on when the provider answers again; another model may do so now."
    ),
    "model_unavailable": ErrorCode(remedy="Check the provider's status or choose another model."),
    "model_error": ErrorCode(remedy="Read the provider's message; try another model."),
    "model_refused": ErrorCode(remedy="Rephrase the task or choose another model."),
    "context_overflow": ErrorCode(remedy="Shorten the input or choose a larger context window."),
    "no_provider_key": ErrorCode(remedy="Add a key of this provider.", retryable=False),
    "cassette_miss": ErrorCode(remedy="Record the cassette again.", retryable=False),
    # the box and the host
    "runner_unavailable": ErrorCode(remedy="Start Docker or choose another runner."),
    "container_start_failed": ErrorCode(remedy="Read the box's log; check image and disk."),
    "container_crashed": ErrorCode(remedy="Read the last lines of the box's log."),
    "container_oom": ErrorCode(remedy="Raise the memory limit of the box."),
    "container_disk_full": ErrorCode(
        remedy="The box wrote too much: look at its files; raise its disk limit.", retryable=False
    ),
    "sandbox_quota_exceeded": ErrorCode(
        remedy="Remove files from the agent's home (`djinn sandbox`), or raise its quota.",
        retryable=False,
    ),
    "protocol_error": ErrorCode(remedy="Image and server differ in version; rebuild the image."),
    "worker_lost": ErrorCode(remedy="The worker died; look at its log and memory."),
    "storage_unavailable": ErrorCode(remedy="Check that the data directory is mounted and free."),
    "disk_full": ErrorCode(remedy="Free disk space, then restart the step."),
    "workspace_failed": ErrorCode(remedy="Read git's message; check repository and access."),
    "workspace_corrupt": ErrorCode(remedy="Restart the run with a fresh workspace."),
    "internal_error": ErrorCode(remedy="This is our fault: see the worker's log."),
    # routing
    "unrouted_result": ErrorCode(remedy="Name this result in `onResult`.", retryable=False),
    "loop_variable_missing": ErrorCode(remedy="No step gave this output.", retryable=False),
    "loop_not_array": ErrorCode(remedy="The loop needs a JSON array.", retryable=False),
    "loop_too_large": ErrorCode(remedy="Raise `maxItems` or make fewer items.", retryable=False),
    "loop_item_failed": ErrorCode(remedy="Restart the failed item's step.", retryable=False),
    "no_open_loop": ErrorCode(remedy="`continueLoop` outside a loop.", retryable=False),
    "agent_unknown": ErrorCode(remedy="Add the agent to the library.", retryable=False),
    "template_error": ErrorCode(remedy="Mend the step's input.", retryable=False),
    # people
    "cancelled": ErrorCode(remedy="Restart the run.", retryable=False),
    "approval_rejected": ErrorCode(remedy="Restart the step with a hint.", retryable=False),
    "approval_expired": ErrorCode(remedy="Restart the step.", retryable=False),
    # the engine
    "stalled": ErrorCode(remedy="Restart the last step; the event log shows why.", retryable=False),
    "stale": ErrorCode(remedy="Restart the last step; nothing was heard of it."),
}


def is_retryable(code: str) -> bool:
    known = STEP_ERROR_CODES.get(code)
    return known is None or known.retryable


class RunNotFound(NotFound):
    def __init__(self, run_id: str) -> None:
        super().__init__(f"There is no run {run_id}.", run_id=run_id)


class StepNotFound(NotFound):
    def __init__(self, run_id: str, step_id: str) -> None:
        super().__init__(f"Run {run_id} has no step {step_id}.", run_id=run_id, step_id=step_id)


class IllegalMove(Conflict):
    """The state of the run does not allow what was asked."""

    def __init__(self, action: str, status: str, **extra: Any) -> None:
        super().__init__(
            f"A run that is {status} cannot {action}.", action=action, status=status, **extra
        )


class NoExecutor(Conflict):
    default_code = "no_executor"

    def __init__(self, run_id: str, kind: str) -> None:
        super().__init__(
            f"Run {run_id} is no executor's: it ends by its pipeline.", run_id=run_id, kind=kind
        )


class ApprovalNotFound(NotFound):
    def __init__(self, approval_id: str) -> None:
        super().__init__(f"There is no approval {approval_id}.", approval_id=approval_id)


class ApprovalClosed(Conflict):
    def __init__(self, approval_id: str, status: str) -> None:
        super().__init__(
            f"This approval is already {status}.", approval_id=approval_id, status=status
        )
