"""What runs keep about the person who started them."""

import contextlib
from functools import partial

from django.db import transaction

from apps.core.personal import Rows, register_erasure, register_personal
from apps.runs.choices import RUN_TERMINAL
from apps.runs.errors import IllegalMove, RunNotFound
from apps.runs.models import Run
from apps.runs.services import run_cancel

_RUN = (
    *("id", "pipeline_id", "project_id", "task_description", "context", "human_context"),
    *("variables", "repository", "task_branch", "model_override", "status", "error", "created_at"),
    *("started_at", "completed_at"),
)


def _runs(user_id: str) -> Rows:
    found = Run.objects.filter(initiated_by_id=user_id).order_by("created_at", "id")
    rows: Rows = found.values(*_RUN).iterator(chunk_size=500)
    return rows


def _erase(user_id: str) -> None:
    """What still runs for them is stopped; what is done stays."""
    moving = Run.objects.filter(initiated_by_id=user_id).exclude(status__in=RUN_TERMINAL)
    for run_id in moving.values_list("id", flat=True):
        transaction.on_commit(partial(_cancel, run_id))


def _cancel(run_id: str) -> None:
    with contextlib.suppress(IllegalMove, RunNotFound):  # it has ended, or is gone, meanwhile
        run_cancel(run_id=run_id, reason="The account of who started it was deleted.")


def register() -> None:
    register_personal("runs", _runs)
    register_erasure(_erase)
