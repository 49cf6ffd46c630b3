"""What the engine hands to whatever executes a step, and what it wants back."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from apps.runs.claims import ClaimedStep, StepOutcome

__all__ = [
    "Cancelled",
    "ClaimedStep",
    "LeaseLost",
    "StepControl",
    "StepExecutor",
    "StepOutcome",
]


class Cancelled(Exception):
    """The run was cancelled, or the step restarted: stop the work and write nothing."""


class LeaseLost(Exception):
    """Another worker owns this execution now: stop the work and write nothing."""


class StepControl(Protocol):
    """The executor's only way to the database. Every method checks the fence."""

    def session_started(self, session_id: str) -> None:
        """Bind the session to the execution (status stays `starting`). Raises LeaseLost."""

    def note(self, facts: Mapping[str, object]) -> None:
        """Keep facts about the input with the execution: `prompt_sha`, `missing`, …"""

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

    def holding(self) -> AbstractContextManager[None]:
        """Keep the lease while something else blocks for long: a commit, a box that starts."""

    def hints(self) -> list[str]:
        """Human hints that arrived since the last call, to steer the agent with."""


class StepExecutor(Protocol):
    def execute(self, step: ClaimedStep, control: StepControl) -> StepOutcome:
        """Run the step to its end. Blocks. Raises Cancelled, LeaseLost, RunnerError, OSError."""
