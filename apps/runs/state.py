"""A run under its row lock: the rows that a decision needs, read in two lean statements.

The lock comes first and in a statement of its own: a statement that waits for a lock still reads
everything else as it was before it waited. Locking raises the run's `version`; whoever kept a
state from an earlier lock can tell by it whether somebody has been here since.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from django.db import connection

from apps.core.prepared import fetch_prepared
from apps.pipelines.decisions import (
    ExecutionView,
    LoopItemRef,
    LoopItemView,
    LoopView,
    RunView,
)
from apps.pipelines.definition import Pipeline
from apps.runs.choices import StepStatus
from apps.runs.errors import RunNotFound
from apps.runs.snapshots import pipeline_of
from apps.runs.variables import run_variables

_LOCK_RUN = """
UPDATE runs_run r SET version = r.version + 1
 WHERE r.id = {which}
RETURNING r.id, r.status, r.version, r.generation, r.snapshot_id, r.pipeline_id, r.kind,
          r.project_id, r.task_id, r.repository, r.task_description, r.context,
          r.variables::text, r.human_context, r.model_override, r.current_step_id,
          r.initiated_by_id, r.cancel_reason, r.workspace_type, r.reset_to,
          coalesce(r.workspace_id, 0),
          coalesce((SELECT path FROM repos_workspace w WHERE w.id = r.workspace_id), ''),
          coalesce((SELECT head_commit FROM repos_workspace w WHERE w.id = r.workspace_id), ''),
          nextval('runs_fence_seq')
"""
VARIABLES = 12  # place of the column in the row
_LOCK_BY_ID = _LOCK_RUN.format(which="%s")
_LOCK_BY_EXECUTION = _LOCK_RUN.format(
    which="(SELECT run_id FROM runs_stepexecution WHERE id = %s AND attempt = %s)"
)

_LOAD_ROWS = """
SELECT
  (SELECT coalesce(json_agg(e ORDER BY e.first_id), '[]') FROM (
     SELECT DISTINCT ON (step_id, visit)
            min(id) OVER (PARTITION BY step_id, visit) AS first_id,
            bool_or(repair) OVER (PARTITION BY step_id, visit) AS repaired,
            id, step_id, visit, attempt, status, retry_count, lost_count, result_retries, repair,
            repair_for, loop_item_id, agent_id, fence, human_context, timeout_s, session_id,
            stream_position, abort_reason,
            lease_until < clock_timestamp() AS expired, due_at <= clock_timestamp() AS due
       FROM runs_stepexecution
      WHERE run_id = %(run)s AND generation = %(generation)s AND NOT superseded
      ORDER BY step_id, visit, attempt DESC) e)::text,
  (SELECT coalesce(json_agg(l ORDER BY l.id), '[]') FROM (
     SELECT s.id, s.step_id, s.generation, s.closed_at IS NULL AS is_open, s.parent_item_id,
            (SELECT coalesce(json_agg(i ORDER BY i.index), '[]') FROM (
               SELECT id, index, kind, status, data FROM runs_loopitem WHERE loop_id = s.id) i
            ) AS items
       FROM runs_loopstate s
      WHERE s.run_id = %(run)s AND s.run_generation = %(generation)s AND NOT s.superseded) l)::text,
  (SELECT coalesce(json_agg(o ORDER BY o.id), '[]') FROM (
     SELECT id, key, value, loop_item_id FROM runs_runoutput
      WHERE run_id = %(run)s AND current) o)::text,
  (SELECT coalesce(json_object_agg(step_id, visit), '{}') FROM (
     SELECT step_id, max(visit) AS visit FROM runs_stepexecution
      WHERE run_id = %(run)s AND generation = %(generation)s AND superseded GROUP BY step_id) v
  )::text,
  (SELECT coalesce(json_object_agg(step_id, generation), '{}') FROM (
     SELECT step_id, max(generation) AS generation FROM runs_loopstate
      WHERE run_id = %(run)s AND run_generation = %(generation)s AND superseded GROUP BY step_id) g
  )::text,
  (SELECT count(*) > 0 FROM runs_stepexecution
    WHERE run_id = %(run)s AND abort_reason <> ''
      AND status IN ('starting', 'running', 'finishing'))::text
"""

_LOAD_ENDS = """
SELECT id, outputs::text, error_code, error FROM runs_stepexecution WHERE id = ANY(%s)
"""


@dataclass(slots=True)
class ExecutionRow:
    """The newest attempt of one visit."""

    id: int
    first_id: int  # of the visit's first attempt
    step_id: str
    visit: int
    attempt: int
    status: str
    agent_id: str
    retry_count: int = 0
    lost_count: int = 0
    result_retries: int = 0
    repair: bool = False
    repaired: bool = False  # some attempt of this visit was a repair
    repair_for: str = ""
    loop_item_id: int | None = None
    fence: int = 0
    human_context: str = ""
    timeout_s: int = 0
    session_id: str | None = None
    stream_position: str = "0"
    expired: bool | None = None
    due: bool = True
    abort_reason: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)  # see `ends_load`
    error_code: str = ""
    error: str = ""


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
    parent_item_id: int | None = None


@dataclass(slots=True)
class OutputRow:
    value: str
    loop_item_id: int | None


@dataclass(slots=True)
class RunState:
    """One run, locked by the present transaction. Kept in step with what is written."""

    id: str
    status: str
    version: int
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
    cancel_reason: str
    workspace_type: str
    reset_to: str
    workspace_id: int
    workspace_path: str
    head_commit: str
    next_fence: int  # fresh from the sequence with each lock
    executions: list[ExecutionRow] = field(default_factory=list)
    loops: list[LoopRow] = field(default_factory=list)
    outputs: dict[str, OutputRow] = field(default_factory=dict)
    # Highest numbers that superseded rows used.
    last_visit: dict[str, int] = field(default_factory=dict)
    last_generation: dict[str, int] = field(default_factory=dict)
    stopping: bool = False  # a step, superseded or not, is asked to stop and its box still there

    @property
    def pipeline(self) -> Pipeline:
        return pipeline_of(self.snapshot_id)

    @property
    def workspace_is_ready(self) -> bool:
        return self.workspace_type == "none" or (bool(self.workspace_path) and not self.reset_to)

    def execution(self, execution_id: int) -> ExecutionRow | None:
        return next((row for row in self.executions if row.id == execution_id), None)

    def put(self, row: ExecutionRow) -> None:
        """A new attempt takes the place of the one before; a new visit comes last."""
        for place, each in enumerate(self.executions):
            if (each.step_id, each.visit) == (row.step_id, row.visit):
                row.first_id = each.first_id
                row.repaired = row.repaired or each.repaired
                self.executions[place] = row
                return
        self.executions.append(row)

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

    def open_item_id(self, row: ExecutionRow) -> int | None:
        """The loop item an execution works on, while that is open."""
        running = [
            item.id for loop in self.loops for item in loop.items if item.status == "running"
        ]
        return row.loop_item_id if row.loop_item_id in running else None

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
            variables=run_variables(self),
            executions=tuple(self._execution_view(row, outcome_of) for row in self.executions),
            loops=tuple(self._loop_view(loop) for loop in self.loops),
            last_visit=self._last_visits(),
            last_generation=self._last_generations(),
        )

    def produced_by(self, item_id: int) -> list[str]:
        """Names of current outputs made since the item began, inner loops included."""
        inside = {item_id}
        for loop in self.loops:  # in the order of opening: outer loops first
            if loop.parent_item_id in inside:
                inside.update(item.id for item in loop.items)
        return [key for key, output in self.outputs.items() if output.loop_item_id in inside]

    def _last_visits(self) -> dict[str, int]:
        last = dict(self.last_visit)
        for row in self.executions:
            last[row.step_id] = max(last.get(row.step_id, 0), row.visit)
        return last

    def _last_generations(self) -> dict[str, int]:
        last = dict(self.last_generation)
        for loop in self.loops:
            last[loop.step_id] = max(last.get(loop.step_id, 0), loop.generation)
        return last

    def _loop_view(self, loop: LoopRow) -> LoopView:
        return LoopView(
            step_id=loop.step_id,
            generation=loop.generation,
            is_open=loop.is_open,
            items=tuple(
                LoopItemView(
                    index=item.index,
                    kind=item.kind,
                    status=item.status,
                    data=item.data,
                    produced=tuple(self.produced_by(item.id)),
                )
                for item in loop.items
            ),
            parent=self.item_ref(loop.parent_item_id),
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
            repaired=row.repaired,
            repair_for=row.repair_for,
            outputs=row.outputs,
            error_code=row.error_code,
            error=row.error,
            loop_item=self.item_ref(row.loop_item_id),
        )


def run_lock(run_id: str) -> RunState:
    """Lock the run's row until the transaction ends; nothing else is read. Raises RunNotFound."""
    state = _lock(_LOCK_BY_ID, run_id)
    if state is None:
        raise RunNotFound(run_id)
    return state


def run_lock_of(execution_id: int, attempt: int) -> RunState | None:
    """Lock the run of an execution; None when that attempt is gone."""
    return _lock(_LOCK_BY_EXECUTION, execution_id, attempt)


def _lock(statement: str, *params: str | int) -> RunState | None:
    rows = fetch_prepared(statement, params)
    if not rows:
        return None
    fields = list(rows[0])
    fields[VARIABLES] = orjson.loads(fields[VARIABLES])
    return RunState(*fields)


def run_load(state: RunState) -> RunState:
    """Read executions, loops and outputs of a locked run."""
    rows = fetch_prepared(_LOAD_ROWS, {"run": state.id, "generation": state.generation})
    parts = [orjson.loads(text) for text in rows[0]]
    executions, loops, outputs, state.last_visit, state.last_generation, state.stopping = parts
    state.executions = [ExecutionRow(**row) for row in executions]
    state.loops = [_loop_row(row) for row in loops]
    state.outputs = {row["key"]: OutputRow(row["value"], row["loop_item_id"]) for row in outputs}
    return state


def ends_load(state: RunState) -> RunState:
    """Read how the executions ended: only `resume` and a late decision look at that."""
    with connection.cursor() as cursor:
        cursor.execute(_LOAD_ENDS, [[row.id for row in state.executions]])
        ends = {row[0]: row[1:] for row in cursor.fetchall()}
    for row in state.executions:
        outputs, row.error_code, row.error = ends[row.id]
        row.outputs = orjson.loads(outputs)
    return state


def _loop_row(row: dict[str, Any]) -> LoopRow:
    items = [ItemRow(**item) for item in row.pop("items")]
    return LoopRow(**row, items=items)


def run_locked(run_id: str) -> RunState:
    return run_load(run_lock(run_id))
