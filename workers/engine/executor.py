"""What the engine hands to whatever executes a step, and what it wants back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

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


class Cancelled(Exception):
    """The run was cancelled, or the step restarted: stop the work and write nothing."""


class LeaseLost(Exception):
    """Another worker owns this execution now: stop the work and write nothing."""


class StepControl(Protocol):
    """The executor's only way to the database. Every method checks the fence."""

    def session_started(self, session_id: str) -> None:
        """Bind the session to the execution (status stays `starting`). Raises LeaseLost."""

    def running(self) -> None:
        """`starting` → `running`, with STEP_STARTED. Raises LeaseLost."""

    def finishing(self) -> None:
        """`running` → `finishing`: the agent is done, outputs and commit follow."""

    def event(self, type: str, payload: Mapping[str, object]) -> None:
        """Append a transcript event of this step to the run's topic. Raises LeaseLost."""

    def position(self, stream_id: str) -> None:
        """Remember how far the box's stream has been read."""

    def check(self) -> None:
        """Renew the lease when it is due. Raises Cancelled or LeaseLost. Cheap; call often."""

    def hints(self) -> list[str]:
        """Human hints that arrived since the last call, to steer the agent with."""


class StepExecutor(Protocol):
    def execute(self, step: ClaimedStep, control: StepControl) -> StepOutcome:
        """Run the step to its end. Blocks. Raises Cancelled, LeaseLost, RunnerError, OSError."""
