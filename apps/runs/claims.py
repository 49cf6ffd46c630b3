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
    project_id: str = ""


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


def storable(text: str) -> str:
    """Text that PostgreSQL takes: it knows neither NUL nor half of a surrogate pair."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
