"""The directory of a run: made before its first step, dealt with after its last."""

import shutil

import structlog

from apps.core.errors import DjinnError, TransientError
from apps.core.space import storage_away
from apps.llm.recording import recording_directory
from apps.repos.locks import run_files_lock
from apps.repos.models import Workspace
from apps.repos.services import (
    workspace_delete,
    workspace_finalize,
    workspace_prepare,
    workspace_reset,
)
from apps.runs import services
from apps.runs.choices import RUN_TERMINAL, STEP_HELD, RunStatus
from apps.runs.claims import Queued
from apps.runs.models import Run, StepExecution
from apps.runs.services.restart import FIRST_COMMIT

log = structlog.get_logger(__name__)

_NEEDS = frozenset({RunStatus.PENDING, RunStatus.RUNNING})


def run_prepare(run_id: str) -> list[Queued]:
    """Make the run's directory and go on with the run; what is to be sent."""
    with run_files_lock(run_id) as mine:
        run = Run.objects.filter(id=run_id).first()
        if not mine or run is None or run.status not in _NEEDS:
            return []
        if not _prepared(run):
            return []
    if run.status == RunStatus.PENDING:
        return list(services.run_start(run_id=run_id))
    return services.run_queued(run_id)


def _prepared(run: Run) -> bool:
    if run.workspace_type == "none":
        return True
    if away := storage_away():
        log.warning("no workspace yet", run_id=run.id, error=away)
        return False
    try:
        workspace = _workspace(run)
    except TransientError as exc:
        log.warning("no workspace yet", run_id=run.id, error_code=exc.code, error=exc.message)
        return False
    except DjinnError as exc:
        services.run_fail(run_id=run.id, code=exc.code, message=exc.message)
        return False
    except OSError as exc:
        if storage_away():
            return False  # it went meanwhile; asked again, the run waits for it
        services.run_fail(run_id=run.id, code="storage_unavailable", message=str(exc))
        return False
    return services.run_workspace_set(
        run_id=run.id, workspace_id=workspace.pk, reset_to=run.reset_to
    )


def _workspace(run: Run) -> Workspace:
    workspace = workspace_prepare(
        run_id=run.id,
        repository=run.repository,
        branch=run.task_branch,
        workspace_type=run.workspace_type,
        project_id=run.project_id,
        task_id=run.task_id,
        fresh=run.reset_to == FIRST_COMMIT,
    )
    if run.reset_to not in {"", FIRST_COMMIT}:
        workspace_reset(workspace, run.reset_to)
    return workspace


def run_finalize(run_id: str) -> None:
    """Push and tidy up after a run that has ended, once no step of it holds the directory."""
    with run_files_lock(run_id) as mine:
        run = Run.objects.filter(id=run_id).select_related("workspace").first()
        if not mine or run is None or run.status not in RUN_TERMINAL or run.finalized_at:
            return
        if StepExecution.objects.filter(run=run, status__in=STEP_HELD).exists():
            return
        workspace = run.workspace or Workspace.objects.filter(run_id=run_id, parent=None).last()
        if workspace is None:
            services.run_finalized(run_id=run_id)
            return
        finalized = workspace_finalize(workspace)
    services.run_finalized(run_id=run_id, error="" if finalized.done else finalized.error)


def run_files_delete(run_id: str) -> None:
    with run_files_lock(run_id) as mine:
        if mine and not Run.objects.filter(id=run_id).exists():
            workspace_delete(run_id=run_id)
            shutil.rmtree(recording_directory(run_id), ignore_errors=True)
