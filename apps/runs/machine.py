"""Which moves there are, and the only functions that make them.

Every move is one guarded UPDATE: it names the states it may start from, and for a held execution
also the attempt's fence. It says whether this call made the move; somebody else may have been
first, which is normal. No other module writes a `status` column of this app.

Locks: whoever moves a run holds its row (`SELECT … FOR UPDATE`) first, then touches executions,
items and approvals. Heartbeats touch the execution's row alone.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import DateTimeField, F, Func, JSONField, QuerySet, Value
from django.db.models.expressions import CombinedExpression

from apps.core.prepared import fetch_prepared
from apps.runs.choices import ApprovalStatus, LoopItemStatus, RunStatus, StepStatus
from apps.runs.models import Approval, LoopItem, Run, StepExecution

RUN_MOVES: Mapping[RunStatus, frozenset[RunStatus]] = {
    RunStatus.PENDING: frozenset({RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED}),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.WAITING_HUMAN,
            RunStatus.PAUSING,
            RunStatus.CANCELLING,
            RunStatus.COMPLETED,
            RunStatus.FAILED,
        }
    ),
    RunStatus.WAITING_HUMAN: frozenset(
        {RunStatus.RUNNING, RunStatus.PAUSING, RunStatus.CANCELLING, RunStatus.FAILED}
    ),
    # A draining step may turn out to be the last one.
    RunStatus.PAUSING: frozenset(
        {RunStatus.PAUSED, RunStatus.CANCELLING, RunStatus.COMPLETED, RunStatus.FAILED}
    ),
    RunStatus.PAUSED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.FAILED}),
    RunStatus.CANCELLING: frozenset({RunStatus.CANCELLED}),
    # Only a person leaves an end: `running` restarts a step, `pending` the whole run.
    RunStatus.CANCELLED: frozenset({RunStatus.RUNNING, RunStatus.PENDING}),
    RunStatus.COMPLETED: frozenset({RunStatus.RUNNING, RunStatus.PENDING}),
    RunStatus.FAILED: frozenset({RunStatus.RUNNING, RunStatus.PENDING}),
}

_HELD_ENDS = frozenset(
    {
        StepStatus.COMPLETED,
        StepStatus.FAILED,
        StepStatus.CANCELLED,
        StepStatus.LOST,
        StepStatus.QUEUED,  # handed to another worker, which adopts the session
    }
)

STEP_MOVES: Mapping[StepStatus, frozenset[StepStatus]] = {
    StepStatus.PENDING: frozenset(
        {StepStatus.QUEUED, StepStatus.FAILED, StepStatus.CANCELLED, StepStatus.SKIPPED}
    ),
    StepStatus.QUEUED: frozenset({StepStatus.STARTING, StepStatus.CANCELLED, StepStatus.SKIPPED}),
    StepStatus.STARTING: _HELD_ENDS | {StepStatus.RUNNING, StepStatus.FINISHING},
    StepStatus.RUNNING: _HELD_ENDS | {StepStatus.FINISHING},
    StepStatus.FINISHING: _HELD_ENDS,
    StepStatus.COMPLETED: frozenset(),
    StepStatus.FAILED: frozenset(),
    StepStatus.CANCELLED: frozenset(),
    StepStatus.LOST: frozenset(),
    StepStatus.SKIPPED: frozenset(),
}

ITEM_MOVES: Mapping[LoopItemStatus, frozenset[LoopItemStatus]] = {
    LoopItemStatus.PENDING: frozenset({LoopItemStatus.RUNNING, LoopItemStatus.SKIPPED}),
    LoopItemStatus.RUNNING: frozenset(
        {
            LoopItemStatus.COMPLETED,
            LoopItemStatus.FAILED,
            LoopItemStatus.SKIPPED,
            LoopItemStatus.PENDING,
        }
    ),
    # A restart takes an end back.
    LoopItemStatus.COMPLETED: frozenset({LoopItemStatus.PENDING, LoopItemStatus.RUNNING}),
    LoopItemStatus.FAILED: frozenset({LoopItemStatus.PENDING, LoopItemStatus.RUNNING}),
    LoopItemStatus.SKIPPED: frozenset({LoopItemStatus.PENDING, LoopItemStatus.RUNNING}),
}

APPROVAL_MOVES: Mapping[ApprovalStatus, frozenset[ApprovalStatus]] = {
    ApprovalStatus.PENDING: frozenset(
        {ApprovalStatus.APPROVED, ApprovalStatus.REJECTED, ApprovalStatus.EXPIRED}
    ),
    ApprovalStatus.APPROVED: frozenset(),
    ApprovalStatus.REJECTED: frozenset(),
    ApprovalStatus.EXPIRED: frozenset(),
}

_TAKE = """
UPDATE runs_stepexecution
   SET status = 'starting', lease_owner = %(owner)s, fence = %(fence)s,
       lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
       base_commit = %(base_commit)s
 WHERE id = %(id)s AND status = 'queued'
RETURNING id
"""

State = TypeVar("State", bound=Enum)


def sources(moves: Mapping[State, frozenset[State]], to: State) -> list[str]:
    """The states from which there is a move to `to`, as stored."""
    return [str(source.value) for source, targets in moves.items() if to in targets]


class ClockTimestamp(Func):
    """The database's clock now, not at the start of the transaction: leases outlive neither."""

    function = "clock_timestamp"
    output_field = DateTimeField()


def lease_end() -> CombinedExpression:
    """When a lease taken now runs out, on the database's clock."""
    return ClockTimestamp() + timedelta(seconds=settings.LEASE_S)


class JsonMerge(Func):
    """A JSON object column with some keys set, the others as they are."""

    template = "%(expressions)s"
    arg_joiner = " || "
    output_field = JSONField()

    def __init__(self, column: str, values: Mapping[str, object]) -> None:
        super().__init__(F(column), Value(dict(values), output_field=JSONField()))


def run_move(
    run_id: str,
    *,
    to: RunStatus,
    only_from: Iterable[RunStatus] | None = None,
    **fields: Any,
) -> bool:
    allowed = sources(RUN_MOVES, to)
    if only_from is not None:
        allowed = [status for status in allowed if status in set(only_from)]
    moved = Run.objects.filter(id=run_id, status__in=allowed).update(
        status=to, updated_at=ClockTimestamp(), **fields
    )
    return moved == 1


def step_move(
    execution_id: int,
    *,
    to: StepStatus,
    held_by: int | None = None,
    only_from: Iterable[StepStatus] | None = None,
    **fields: Any,
) -> bool:
    """Move one execution. With `held_by`, a fence, only its present holder moves it."""
    executions = StepExecution.objects.filter(id=execution_id)
    if held_by is not None:
        executions = executions.filter(fence=held_by)
    return steps_move(executions, to=to, only_from=only_from, **fields) == 1


def step_take(execution_id: int, *, owner: str, fence: int, base_commit: str) -> bool:
    """Move one execution from `queued` to `starting`, held by `owner` under a new fence: the move
    that every message makes, so planned once."""
    values = {
        "id": execution_id,
        "owner": owner,
        "lease_s": settings.LEASE_S,
        "fence": fence,
        "base_commit": base_commit,
    }
    return bool(fetch_prepared(_TAKE, values))


def steps_move(
    executions: QuerySet[StepExecution],
    *,
    to: StepStatus,
    only_from: Iterable[StepStatus] | None = None,
    **fields: Any,
) -> int:
    """Move all of `executions` that may go there; how many did."""
    allowed = sources(STEP_MOVES, to)
    if only_from is not None:
        allowed = [status for status in allowed if status in set(only_from)]
    return executions.filter(status__in=allowed).update(status=to, **fields)


def items_move(
    items: QuerySet[LoopItem],
    *,
    to: LoopItemStatus,
    only_from: Iterable[LoopItemStatus] | None = None,
    **fields: Any,
) -> int:
    allowed = sources(ITEM_MOVES, to)
    if only_from is not None:
        allowed = [status for status in allowed if status in set(only_from)]
    return items.filter(status__in=allowed).update(status=to, **fields)


def approvals_move(approvals: QuerySet[Approval], *, to: ApprovalStatus, **fields: Any) -> int:
    return approvals.filter(status__in=sources(APPROVAL_MOVES, to)).update(status=to, **fields)


def executions_insert(executions: list[StepExecution]) -> list[StepExecution]:
    """Insert new executions in the state they carry: `pending`, `queued`, or `starting` at once."""
    return StepExecution.objects.bulk_create(executions)


def items_insert(items: list[LoopItem]) -> list[LoopItem]:
    return LoopItem.objects.bulk_create(items)
