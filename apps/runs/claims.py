"""What travels between this app and whoever executes a step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apps.pipelines.definition import Pipeline, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedStep:
    """A step execution that this worker holds, with all that is needed to execute it.

    `variables` is the whole template name space (loop variables included) as strings.
    `workspace_path` is the run's directory on this host, or empty when the run has none.
    """

    run_id: str
    execution_id: int
    step_id: str
    visit: int
    attempt: int
    fence: int
    agent_id: str
    pipeline: Pipeline
    step: Step
    model: str
    timeout_s: int
    variables: Mapping[str, str]
    workspace_path: str
    workspace_id: int = 0  # its row; 0: the run has none
    human_context: str = ""
    repair: bool = False
    stream_position: str = "0"
    session_id: str = ""  # set when a session of a lost worker is adopted
    user_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """How an execution ended. `error_code` is one of `apps.runs.errors.STEP_ERROR_CODES`."""

    succeeded: bool
    outputs: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    error_code: str = ""
    error: str = ""
    retryable: bool = True
    missing_outputs: Sequence[str] = ()
    commit_hash: str = ""
    model_used: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """An execution whose message is to be sent. The row is the truth, the message a wake-up."""

    run_id: str
    execution_id: int
    attempt: int
    delay_s: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What storing an outcome brought about.

    `stale`: the caller no longer held the execution and nothing was written. `next_step`: claimed
    for the caller in the same transaction. `queued`: for the caller to send; several at once come
    from a parallel loop and share a join.
    """

    stale: bool = False
    next_step: ClaimedStep | None = None
    queued: Sequence[Queued] = ()
    wake_run_ids: Sequence[str] = ()  # runs that waited for the agent's slot
