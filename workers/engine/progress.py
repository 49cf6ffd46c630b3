"""The run's progress file: one section a finished step, for the agents of later steps.

It stands in the run's workspace, where agents may write anything: no link is followed, and what
cannot be written is logged and left out.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog

from apps.pipelines.variables import PROGRESS_FILE
from apps.runs.claims import ClaimedStep, StepOutcome

log = structlog.get_logger(__name__)

SUMMARY_CHARACTERS = 2_000
_FOLDER, _NAME = PROGRESS_FILE.split("/")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def progress_append(step: ClaimedStep, outcome: StepOutcome) -> None:
    """Add the section of a step that succeeded. Repeated after a crash, it stands there twice."""
    if not step.workspace_path:
        return
    try:
        with _progress_file(step.workspace_path) as descriptor:
            os.write(descriptor, _section(step, outcome).encode())
    except OSError as exc:
        log.warning("the progress file could not be written", error=exc.strerror)


def _section(step: ClaimedStep, outcome: StepOutcome) -> str:
    again = f", visit {step.visit}" if step.visit > 1 else ""
    summary = outcome.summary.strip()[:SUMMARY_CHARACTERS] or "No summary."
    return f"## {step.step_id} ({step.agent_id}{again})\n\n{summary}\n\n"


@contextmanager
def _progress_file(workspace_path: str) -> Iterator[int]:
    """Open for appending, and writable for the agents too. Raises OSError."""
    with _opened(os.open(workspace_path, _DIRECTORY)) as root:
        with suppress(FileExistsError):
            os.mkdir(_FOLDER, mode=0o777, dir_fd=root)
        with _opened(os.open(_FOLDER, _DIRECTORY, dir_fd=root)) as folder:
            with _opened(os.open(_NAME, _APPEND, 0o666, dir_fd=folder)) as descriptor:
                with suppress(PermissionError):  # an agent's own file: it is writable for them
                    os.fchmod(descriptor, 0o666)
                yield descriptor


@contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)
