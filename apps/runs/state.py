"""A run under its row lock: the rows that a decision needs, read in two lean statements.

The lock comes first and in a statement of its own: a statement that waits for a lock still reads
everything else as it was before it waited.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import orjson
from django.db import connection

from apps.pipelines.decisions import (
    ExecutionView,
    LoopItemRef,
    LoopItemView,
    LoopView,
    RunView,
)
from apps.pipelines.definition import Pipeline
from apps.pipelines.models import PipelineSnapshot
from apps.pipelines.parse import pipeline_from_snapshot
from apps.runs.choices import RunStatus, StepStatus
from apps.runs.errors import RunNotFound

_LOCK_RUN = """
SELECT r.id, r.status, r.generation, r.snapshot_id, r.pipeline_id, r.kind, r.project_id, r.task_id,
       r.repository, r.task_description, r.context, r.variables, r.human_context, r.model_override,
       r.current_step_id, r.initiated_by_id, r.pause_requested_at, r.cancel_requested_at,
       coalesce(w.path, '')
  FROM runs_run r LEFT JOIN repos_workspace w ON w.id = r.workspace_id
 WHERE r.id = %s
   FOR UPDATE OF r
"""

_LOAD_ROWS = """
SELECT
  (SELECT coalesce(json_agg(e ORDER BY e.id), '[]') FROM (
     SELECT DISTINCT ON (step_id, visit)
            id, step_id, visit, attempt, status, retry_count, lost_count, result_retries, repair,
            loop_item_id, agent_id, fence, human_context, timeout_s, session_id, stream_position,
            lease_until < clock_timestamp() AS expired, due_at <= clock_timestamp() AS due,
            abort_reason, advanced_at IS NOT NULL AS advanced, started_at IS NOT NULL AS started
       FROM runs_stepexecution
      WHERE run_id = %(run)s AND generation = %(generation)s AND NOT superseded
      ORDER BY step_id, visit, attempt DESC) e)::text,
  (SELECT coalesce(json_agg(l ORDER BY l.id), '[]') FROM (
     SELECT DISTINCT ON (s.step_id) s.id, s.step_id, s.generation, s.closed_at IS NULL AS is_open,
            (SELECT coalesce(json_agg(i ORDER BY i.index), '[]') FROM (
               SELECT id, index, kind, status, data FROM runs_loopitem WHERE loop_id = s.id) i
            ) AS items
       FROM runs_loopstate s
      WHERE s.run_id = %(run)s AND s.run_generation = %(generation)s AND NOT s.superseded
      ORDER BY s.step_id, s.generation DESC) l)::text,
  (SELECT coalesce(json_agg(o ORDER BY o.id), '[]') FROM (
     SELECT id, key, value, loop_item_id FROM runs_runoutput
      WHERE run_id = %(run)s AND current) o)::text
"""

_TAKEN_VISITS = """
SELECT step_id, max(visit) FROM runs_stepexecution
 WHERE run_id = %s AND generation = %s AND superseded GROUP BY step_id
"""


@dataclass(slots=True)
class ExecutionRow:
    """The newest attempt of one visit."""

    id: int
    step_id: str
    visit: int
    attempt: int
    status: str
    agent_id: str
    retry_count: int = 0
    lost_count: int = 0
    result_retries: int = 0
    repair: bool = False
    loop_item_id: int | None = None
    fence: int = 0
    human_context: str = ""
    timeout_s: int = 0
    session_id: str | None = None
    stream_position: str = "0"
    expired: bool | None = None
    due: bool = True
    abort_reason: str = ""
    advanced: bool = False
    started: bool = False


@dataclass(slots=True)
class ItemRow:
    id: int
    index: int
    kind: Literal["item", "rework"]
    status: str
    data: str


@dataclass(slots=True)
class LoopRow:
    id: int
    step_id: str
    generation: int
    is_open: bool
    items: list[ItemRow]


@dataclass(slots=True)
class OutputRow:
    value: str
    loop_item_id: int | None


@dataclass(slots=True)
class RunState:
    """One run, locked by the present transaction. Kept in step with what is written."""

    id: str
    status: str
    generation: int
    snapshot_id: int
    pipeline_id: str
    kind: str
    project_id: str
    task_id: str
    repository: str
    task_description: str
    context: str
    variables: Mapping[str, str]
    human_context: str
    model_override: str
    current_step_id: str
    initiated_by_id: str | None
    pause_requested_at: datetime | None
    cancel_requested_at: datetime | None
    workspace_path: str
    executions: list[ExecutionRow] = field(default_factory=list)
    loops: list[LoopRow] = field(default_factory=list)
    outputs: dict[str, OutputRow] = field(default_factory=dict)

    @property
    def pipeline(self) -> Pipeline:
        return pipeline_of(self.snapshot_id)

    def execution(self, execution_id: int) -> ExecutionRow | None:
        return next((row for row in self.executions if row.id == execution_id), None)

    def in_status(self, statuses: Iterable[StepStatus]) -> list[ExecutionRow]:
        wanted = frozenset(statuses)
        return [row for row in self.executions if row.status in wanted]

    def loop(self, step_id: str, generation: int) -> LoopRow:
        return next(
            loop for loop in self.loops if loop.step_id == step_id and loop.generation == generation
        )

    def item(self, ref: LoopItemRef) -> ItemRow:
        return next(
            item for item in self.loop(ref.step_id, ref.generation).items if item.index == ref.index
        )

    def item_ref(self, item_id: int | None) -> LoopItemRef | None:
        for loop in self.loops:
            for item in loop.items:
                if item.id == item_id:
                    return LoopItemRef(
                        step_id=loop.step_id, generation=loop.generation, index=item.index
                    )
        return None

    def values(self) -> dict[str, str]:
        return {key: output.value for key, output in self.outputs.items()}

    def view(self, *, outcome_of: int | None = None) -> RunView:
        """What `decide` is told. The execution `outcome_of` is shown as still running."""
        return RunView(
            outputs=self.values(),
            variables=variables_of(self),
            executions=tuple(self._execution_view(row, outcome_of) for row in self.executions),
            loops=tuple(_loop_view(loop) for loop in self.loops),
        )

    def _execution_view(self, row: ExecutionRow, outcome_of: int | None) -> ExecutionView:
        return ExecutionView(
            step_id=row.step_id,
            visit=row.visit,
            attempt=row.attempt,
            status=str(StepStatus.RUNNING) if row.id == outcome_of else row.status,
            retry_count=row.retry_count,
            lost_count=row.lost_count,
            result_retries=row.result_retries,
            repair=row.repair,
            loop_item=self.item_ref(row.loop_item_id),
        )


def _loop_view(loop: LoopRow) -> LoopView:
    return LoopView(
        step_id=loop.step_id,
        generation=loop.generation,
        is_open=loop.is_open,
        items=tuple(
            LoopItemView(index=item.index, kind=item.kind, status=item.status, data=item.data)
            for item in loop.items
        ),
    )


@lru_cache(maxsize=256)
def pipeline_of(snapshot_id: int) -> Pipeline:
    """Snapshots never change, so a process parses each once."""
    return pipeline_from_snapshot(
        PipelineSnapshot.objects.values_list("parsed", flat=True).get(id=snapshot_id)
    )


def run_lock(run_id: str) -> RunState:
    """Lock the run's row until the transaction ends; nothing else is read. Raises RunNotFound."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_RUN, [run_id])
        row = cursor.fetchone()
    if row is None:
        raise RunNotFound(run_id)
    fields = list(row)
    fields[11] = orjson.loads(fields[11])
    return RunState(*fields)


def run_load(state: RunState) -> RunState:
    """Read executions, loops and outputs of a locked run."""
    with connection.cursor() as cursor:
        cursor.execute(_LOAD_ROWS, {"run": state.id, "generation": state.generation})
        executions, loops, outputs = (orjson.loads(text) for text in cursor.fetchone())
    state.executions = [ExecutionRow(**row) for row in executions]
    state.loops = [_loop_row(row) for row in loops]
    state.outputs = {row["key"]: OutputRow(row["value"], row["loop_item_id"]) for row in outputs}
    return state


def _loop_row(row: dict[str, Any]) -> LoopRow:
    items = [ItemRow(**item) for item in row.pop("items")]
    return LoopRow(**row, items=items)


def run_locked(run_id: str) -> RunState:
    return run_load(run_lock(run_id))


def run_is_active(state: RunState) -> bool:
    return state.status in {
        RunStatus.RUNNING,
        RunStatus.WAITING_HUMAN,
        RunStatus.PAUSING,
        RunStatus.PAUSED,
    }
