"""What waits for a person, over all runs: a fixed number of queries whatever their number."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from apps.runs.choices import RUN_TERMINAL, ApprovalStatus, RunStatus, StepStatus
from apps.runs.errors import STEP_ERROR_CODES
from apps.runs.models import Approval, Run, StepExecution
from apps.runs.services.park import BUDGET

Row = dict[str, Any]

KINDS: Final = ("approval", "budget", "parked", "failure")
MOST: Final = 200  # of each kind
FAILURES_KEPT: Final = timedelta(days=7)

_OF_RUN: Final[Mapping[str, str]] = {
    "pipeline_id": "run__pipeline_id",
    "project_id": "run__project_id",
    "task": "run__task_description",
    "run_status": "run__status",
}


def decision_list(visible: Q, *, kind: str = "") -> list[Row]:
    """Oldest first: approvals, steps that wait for money or a provider, and failures of the last
    seven days that nobody has forked."""
    runs = Run.objects.filter(visible)
    rows: list[Row] = []
    if kind in ("", "approval"):
        rows += _approvals(runs)
    if kind in ("", "budget", "parked"):
        rows += [row for row in _parked(runs) if kind in ("", row["kind"])]
    if kind in ("", "failure"):
        rows += _failures(runs)
    return sorted(rows, key=lambda row: (row["created_at"], row["id"]))


def _approvals(runs: Any) -> Iterable[Row]:
    rows = (
        Approval.objects.filter(status=ApprovalStatus.PENDING, run_id__in=runs.values("id"))
        .exclude(run__status__in=RUN_TERMINAL)
        .order_by("created_at", "id")
        .values(
            *("id", "run_id", "text", "created_at", "expires_at"),
            step_id=F("step_execution__step_id"),
            visit=F("step_execution__visit"),
            agent_id=F("step_execution__agent_id"),
            **_named(_OF_RUN),
        )
    )
    return [{**_EMPTY, **row, "kind": "approval"} for row in rows[:MOST]]


def _parked(runs: Any) -> Iterable[Row]:
    """An attempt whose wait is over is about to start, and nobody need do anything."""
    rows = (
        StepExecution.objects.filter(
            status=StepStatus.QUEUED,
            parked_code__gt="",
            due_at__gt=timezone.now(),
            superseded=False,
            run_id__in=runs.values("id"),
        )
        .exclude(run__status__in=RUN_TERMINAL)
        .order_by("queued_at", "id")
        .values(
            *("run_id", "step_id", "visit", "agent_id"),
            execution_id=F("id"),
            code=F("parked_code"),
            text=F("parked_message"),
            created_at=F("queued_at"),
            goes_on_at=F("due_at"),
            **_named(_OF_RUN),
        )
    )
    return [_parked_row(row) for row in rows[:MOST]]


def _parked_row(row: Row) -> Row:
    """Money comes when somebody makes room: no moment can be named."""
    is_budget = row["code"] == BUDGET
    return {
        **_EMPTY,
        **row,
        "id": f"step-{row.pop('execution_id')}",
        "kind": "budget" if is_budget else "parked",
        "remedy": _remedy(row["code"]),
        "goes_on_at": None if is_budget else row["goes_on_at"],
    }


def _failures(runs: Any) -> Iterable[Row]:
    forks = Run.objects.filter(parent_run_id=OuterRef("id"))
    rows = (
        runs.filter(
            ~Exists(forks),
            status=RunStatus.FAILED,
            completed_at__gte=timezone.now() - FAILURES_KEPT,
        )
        .order_by("-completed_at", "-id")
        .values(
            *("pipeline_id", "project_id", "completed_at"),
            run_id=F("id"),
            run_status=F("status"),
            task=F("task_description"),
            step_id=F("current_step_id"),
            code=F("error_code"),
            text=F("error"),
        )
    )
    return [
        {
            **_EMPTY,
            **row,
            "id": row["run_id"],
            "kind": "failure",
            "created_at": row.pop("completed_at"),
            "remedy": _remedy(row["code"]),
        }
        for row in rows[:MOST]
    ]


_EMPTY: Final[Row] = {
    "visit": 0,
    "agent_id": "",
    "code": "",
    "remedy": "",
    "expires_at": None,
    "goes_on_at": None,
}


def _remedy(code: str) -> str:
    known = STEP_ERROR_CODES.get(code)
    return known.remedy if known else ""


def _named(fields: Mapping[str, str]) -> dict[str, F]:
    return {name: F(column) for name, column in fields.items()}
