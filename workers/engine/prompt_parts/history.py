"""What the run knows already: finished steps, outputs, knowledge, notes. Read only."""

import os
from collections.abc import Collection
from dataclasses import dataclass

from apps.runs.models import AgentNote, RunKnowledge, RunOutput, StepExecution

_PROGRESS_FILE = ".djinnbot/progress.md"
_PROGRESS_BYTES = 256 * 1024
_STEPS_SHOWN = 100
_IMPORTANCE = {"critical": 0, "high": 1, "medium": 2, "low": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    key: str
    value: str
    step_id: str
    agent_id: str


def finished_steps(run_id: str) -> str:
    """One line for each execution that ended, oldest first; the newest hundred."""
    rows = (
        StepExecution.objects.filter(
            run_id=run_id,
            status__in=("completed", "failed"),
            superseded=False,
            generation=_generation(run_id),
        )
        .order_by("-finished_at", "-id")
        .values_list("step_id", "visit", "agent_id", "status", "result_key", "error_code")
    )[:_STEPS_SHOWN]
    return "\n".join(_line(*row) for row in reversed(rows))


def _line(
    step_id: str, visit: int, agent_id: str, status: str, result_key: str, error_code: str
) -> str:
    again = f" (visit {visit})" if visit > 1 else ""
    result = f": {result_key}" if result_key else f": {error_code}" if error_code else ""
    return f"- {step_id}{again} by {agent_id}, {status}{result}"


def _generation(run_id: str) -> int:
    newest = StepExecution.objects.filter(run_id=run_id).order_by("-generation")
    return newest.values_list("generation", flat=True).first() or 1


def progress_file(workspace_path: str) -> str:
    """The run's progress file. An agent can put anything there, so no link is followed."""
    if not workspace_path:
        return ""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    folder, name = _PROGRESS_FILE.split("/")
    try:
        root = os.open(workspace_path, flags | os.O_DIRECTORY)
    except OSError:
        return ""
    try:
        directory = os.open(folder, flags | os.O_DIRECTORY, dir_fd=root)
        try:
            with open(os.open(name, flags, dir_fd=directory), "rb") as stream:
                return stream.read(_PROGRESS_BYTES).decode("utf-8", "replace")
        finally:
            os.close(directory)
    except OSError:
        return ""
    finally:
        os.close(root)


def earlier_outputs(run_id: str, *, without: Collection[str]) -> list[Output]:
    """Current outputs of the run's steps, oldest first, except those the task itself shows."""
    rows = (
        RunOutput.objects.filter(run_id=run_id, current=True)
        .exclude(key__in=without)
        .order_by("id")
        .values_list("key", "value", "step_execution__step_id", "step_execution__agent_id")
    )
    return [
        Output(key=key, value=value, step_id=step_id or "", agent_id=agent_id or "")
        for key, value, step_id, agent_id in rows
    ]


def knowledge(run_id: str) -> list[RunKnowledge]:
    """What agents shared, the most important first, then the oldest."""
    rows = RunKnowledge.objects.filter(run_id=run_id).order_by("id")
    return sorted(rows, key=lambda row: _IMPORTANCE.get(row.importance, 2))


def unread_notes(run_id: str, agent_id: str) -> list[AgentNote]:
    rows = AgentNote.objects.filter(run_id=run_id, to_agent_id=agent_id, read_at=None)
    return list(rows.order_by("id"))


def previous_outputs_of(execution_id: int) -> tuple[dict[str, str], str]:
    """What the attempt before this one gave: (outputs, its agent's last text)."""
    execution = StepExecution.objects.get(id=execution_id)
    before = (
        StepExecution.objects.filter(
            run_id=execution.run_id,
            generation=execution.generation,
            step_id=execution.step_id,
            visit=execution.visit,
            attempt__lt=execution.attempt,
        )
        .select_related("session")
        .order_by("-attempt")
        .first()
    )
    if before is None:
        return {}, ""
    return before.outputs, before.session.output if before.session else ""
