"""Reading runs: plain rows for the API, a fixed number of queries whatever the size."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import orjson
from django.db.models import BigIntegerField, DecimalField, F, Field, Q, QuerySet
from django.db.models.expressions import Combinable, RawSQL

from apps.core.events import events_after, events_position
from apps.llm.models import UsageTotal
from apps.llm.selectors import run_totals
from apps.pipelines import resolve
from apps.pipelines.graph import edges
from apps.runs.choices import (
    RUN_TERMINAL,
    STEP_ACTIVE,
    CheckVerdict,
    RunKind,
    RunStatus,
    StepStatus,
)
from apps.runs.errors import STEP_ERROR_CODES, RunNotFound, StepNotFound
from apps.runs.events import run_topic
from apps.runs.forecast import drift, run_seconds
from apps.runs.models import (
    Approval,
    LoopState,
    Run,
    RunKnowledge,
    RunOutput,
    StepCheck,
    StepExecution,
)
from apps.runs.snapshots import pipeline_of

Row = dict[str, Any]

LIST_FIELDS: Mapping[str, str] = {
    "task": "task_description",
    "current_step": "current_step_id",
    "initiated_by_user_id": "initiated_by_id",
}
PLAIN_FIELDS = (
    *("id", "kind", "pipeline_id", "project_id", "task_id", "status", "generation", "outputs"),
    *("human_context", "key_resolution", "error_code", "error", "parent_run_id"),
    *("created_at", "updated_at", "started_at", "completed_at", "forecast"),
)
DETAIL_FIELDS: Mapping[str, str] = {
    "workspace_branch": "workspace__branch",
    "workspace_path": "workspace__path",
    "workspace_kind": "workspace__kind",
    "workspace_status": "workspace__status",
    "head_commit": "workspace__head_commit",
    "base_commit": "workspace__base_commit",
    "workspace_error": "workspace__last_error",
    "workspace_warnings": "workspace__warnings",
}
DETAIL_PLAIN = (
    *("repository", "workspace_type", "task_branch", "model_override", "variables", "context"),
    *("recorded_as", "replay_of"),
    *("snapshot_id", "cancel_requested_at", "cancel_reason", "pause_requested_at", "paused_at"),
    *("finalized_at", "deadline_at", "forked_from_execution_id", "key_user_id"),
    "executor_result",
)
EXECUTION_FIELDS = (
    *("id", "generation", "step_id", "visit", "attempt", "agent_id", "status", "session_id"),
    *("inputs", "outputs", "result_key", "error", "error_code", "retry_count", "lost_count"),
    *("max_retries", "repair", "human_context", "model_used", "commit_hash", "base_commit"),
    *("loop_item_id", "superseded", "timeout_s", "queued_after_id", "due_at", "queued_at"),
    *("parked_code", "parked_message"),
    *("started_at", "finished_at"),
)
CHECK_FIELDS = (
    *("index", "name", "verdict", "expected_exit", "exit_code", "duration_ms", "commit_hash"),
    *("started_at", "finished_at"),
)
# States that came later are shown to old filters as what they are at heart.
RUNNING_AT_HEART = frozenset(
    {RunStatus.RUNNING, RunStatus.WAITING_HUMAN, RunStatus.PAUSING, RunStatus.CANCELLING}
)


def _named(fields: Mapping[str, str]) -> dict[str, F]:
    return {name: F(column) for name, column in fields.items()}


def _costs() -> dict[str, Combinable]:
    """What a run cost so far: the sums that are kept with each of its calls.

    In SQL, since `Subquery` would take longer to build than the page takes to read.
    """
    return {
        "cost_total": _of_usage("cost_total", DecimalField()),
        "tokens_total": _of_usage(_ALL_TOKENS, BigIntegerField(), default="0"),
    }


_ALL_TOKENS = "input_tokens + output_tokens + cache_read_tokens + cache_write_tokens"


def _of_usage(column: str, output: "Field[Any, Any]", default: str = "NULL") -> RawSQL:
    return RawSQL(  # noqa: S611  all parts stand in this file
        f"coalesce((SELECT {column} FROM {UsageTotal._meta.db_table}"  # noqa: S608  as above
        f" WHERE kind = '{UsageTotal.Kind.RUN}' AND ref = {Run._meta.db_table}.id), {default})",
        (),
        output,
    )


def run_list(
    visible: Q,
    *,
    status: str = "",
    since: datetime | None = None,
    ended_since: datetime | None = None,
    search: str = "",
    agent_id: str = "",
    sort: str = "-created_at",
    **equal: str,
) -> QuerySet[Run, Row]:
    """Rows of the list, newest first. `status=running` takes in all states that still move."""
    runs = Run.objects.filter(visible, **{name: value for name, value in equal.items() if value})
    if status == RunStatus.RUNNING:
        runs = runs.filter(status__in=RUNNING_AT_HEART)
    elif status == "terminal":
        runs = runs.filter(status__in=RUN_TERMINAL)
    elif status:
        runs = runs.filter(status=status)
    if since is not None:
        runs = runs.filter(created_at__gte=since)
    if ended_since is not None:
        runs = runs.filter(completed_at__gte=ended_since)
    if search:
        runs = runs.filter(Q(task_description__icontains=search) | Q(id__startswith=search))
    if agent_id:
        runs = runs.filter(_took_part(agent_id))
    rows = runs.order_by(sort, "-id" if sort.startswith("-") else "id").values(
        *PLAIN_FIELDS, **_named(LIST_FIELDS), **_costs()
    )
    return cast("QuerySet[Run, Row]", rows)


def with_progress(runs: list[Row]) -> list[Row]:
    """Rows of a list, each with how far its steps have come."""
    ids = [run["id"] for run in runs]
    snapshots = dict(Run.objects.filter(id__in=ids).values_list("id", "snapshot_id"))
    newest = (
        StepExecution.objects.filter(
            run_id__in=ids, superseded=False, generation=F("run__generation")
        )
        .order_by("run_id", "step_id", "-id")
        .distinct("run_id", "step_id")
        .values_list("run_id", "step_id", "agent_id", "status")
    )
    states = {(run, step): (agent, status) for run, step, agent, status in newest}
    for run in runs:
        steps = pipeline_of(snapshots[run["id"]]).steps if run["id"] in snapshots else ()
        run["progress"] = [
            {"step_id": step.id, "agent_id": agent, "status": status}
            for step in steps
            for agent, status in [states.get((run["id"], step.id), (step.agent, None))]
        ]
    return runs


def runs_of_agent(visible: Q, agent_id: str) -> QuerySet[Run, Row]:
    """Rows of the list, of runs in which the agent took part."""
    return run_list(visible).filter(_took_part(agent_id))


def executor_runs(visible: Q, *, project_id: str, task_id: str, limit: int) -> list[Row]:
    """The newest executor runs of a task, with what each reported."""
    runs = run_list(visible, kind=RunKind.EXECUTOR, project_id=project_id, task_id=task_id)
    return [
        dict(row)
        for row in runs.values(*PLAIN_FIELDS, *LIST_FIELDS, *_costs(), "executor_result")[:limit]
    ]


def _took_part(agent_id: str) -> Q:
    return Q(id__in=StepExecution.objects.filter(agent_id=agent_id).values("run_id"))


def run_row(run_id: str) -> Row:
    """One run as the list shows it."""
    runs = Run.objects.filter(id=run_id)
    rows = runs.values(*PLAIN_FIELDS, **_named(LIST_FIELDS), **_costs())
    row: Row | None = rows.first()
    if row is None:
        raise RunNotFound(run_id)
    return row


def run_get(run_id: str) -> Row:
    """A run whole: steps (newest visit each), every execution, loops, approvals, cost."""
    row: Row | None = (
        Run.objects.filter(id=run_id)
        .values(
            *PLAIN_FIELDS,
            *DETAIL_PLAIN,
            **_named(LIST_FIELDS),
            **_costs(),
            **_named(DETAIL_FIELDS),
        )
        .first()
    )
    if row is None:
        raise RunNotFound(run_id)
    path = row.pop("workspace_path") or ""
    kind = row.pop("workspace_kind") or ""
    status = row.pop("workspace_status") or ""
    row["task_branch"] = row.pop("workspace_branch") or row["task_branch"]
    row["workspace_exists"] = bool(path) and Path(path).is_dir()
    row["workspace_has_git"] = kind == "git_worktree" and status != "creating"
    row["workspace_error"] = row["workspace_error"] or ""
    row["workspace_warnings"] = row["workspace_warnings"] or []
    row["remedy"] = _remedy(row["error_code"])
    executions = execution_list(run_id)
    snapshot_id = row.pop("snapshot_id")
    _add_checks(run_id, snapshot_id, executions)
    row["executions"] = executions
    row["steps"] = _steps(snapshot_id, row["generation"], executions)
    row["loops"] = loop_list(run_id, generation=row["generation"])
    row["approvals"] = approval_list(run_id)
    row["cost"] = _cost(run_id)
    row["drift"] = drift(
        row["forecast"],
        cost=row["cost"]["total"],
        seconds=run_seconds(row["started_at"], row["completed_at"]),
    )
    if row["status"] not in RUN_TERMINAL:
        row["outputs"] = run_outputs(run_id)
    return row


def _remedy(code: str) -> str:
    known = STEP_ERROR_CODES.get(code)
    return known.remedy if known else ""


def _cost(run_id: str) -> Row:
    totals = run_totals(run_id)
    return {
        "total": totals.cost_total,
        "unknown_calls": totals.cost_unknown_calls,
        "calls": totals.calls,
        "tokens": totals.total_tokens,
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
    }


def execution_list(run_id: str, **filters: Any) -> list[Row]:
    """Every attempt of every visit, in the order in which they were queued."""
    rows = (
        StepExecution.objects.filter(run_id=run_id, **filters)
        .order_by("id")
        .values(
            *EXECUTION_FIELDS,
            item_index=F("loop_item__index"),
            item_loop=F("loop_item__loop__step_id"),
        )
    )
    return [_execution(row) for row in rows]


def _execution(row: Row) -> Row:
    index, loop = row.pop("item_index"), row.pop("item_loop")
    row["loop_item"] = None if index is None else {"step_id": loop, "index": index}
    row["remedy"] = _remedy(row["error_code"])
    row["checks"] = []
    return row


def _add_checks(run_id: str, snapshot_id: int, executions: Iterable[Row]) -> None:
    """The server's own findings beside what was claimed. Pipelines without checks cost nothing."""
    pipeline = pipeline_of(snapshot_id)
    if not any(resolve.checks(pipeline, step) for step in pipeline.steps):
        return
    by_id = {execution["id"]: execution for execution in executions}
    rows = StepCheck.objects.filter(step_execution__run_id=run_id).order_by("id")
    for row in rows.values("step_execution_id", *CHECK_FIELDS):
        execution = by_id.get(row.pop("step_execution_id"))
        if execution is not None:
            execution["checks"].append(_check(row, execution["status"]))


def _check(row: Row, status: str) -> Row:
    """A check that nobody runs any more was not ended."""
    if row["verdict"] == CheckVerdict.RUNNING and status not in STEP_ACTIVE:
        row["verdict"] = str(CheckVerdict.ERROR)
    return row


def check_list(
    run_id: str, step_id: str, *, visit: int | None = None, attempt: int | None = None
) -> list[Row]:
    """The checks of one attempt, with their output; without numbers those of the newest."""
    numbers = {"visit": visit, "attempt": attempt}
    execution = (
        StepExecution.objects.filter(
            run_id=run_id,
            step_id=step_id,
            **{name: number for name, number in numbers.items() if number is not None},
        )
        .order_by("-id")
        .first()
    )
    if execution is None:
        raise StepNotFound(run_id, step_id)
    place = {"step_id": step_id, "visit": execution.visit, "attempt": execution.attempt}
    rows = execution.checks.order_by("index").values(*CHECK_FIELDS, "command", "output")
    return [{**place, **_check(row, execution.status)} for row in rows]


def step_list(run_id: str, *, status: str = "") -> list[Row]:
    """The pipeline's steps in file order, each with its newest visit."""
    row = Run.objects.filter(id=run_id).values("snapshot_id", "generation").first()
    if row is None:
        raise RunNotFound(run_id)
    executions = execution_list(run_id, generation=row["generation"], superseded=False)
    _add_checks(run_id, row["snapshot_id"], executions)
    steps = _steps(row["snapshot_id"], row["generation"], executions)
    return [step for step in steps if not status or step["status"] == status]


def _steps(snapshot_id: int, generation: int, executions: Iterable[Row]) -> list[Row]:
    newest: dict[str, Row] = {}
    for execution in executions:
        if execution["generation"] == generation and not execution["superseded"]:
            newest[execution["step_id"]] = execution
    return [
        newest[step.id] | {"description": step.description}
        if step.id in newest
        else _untouched(step.id, step.agent, step.description)
        for step in pipeline_of(snapshot_id).steps
    ]


def _untouched(step_id: str, agent_id: str, description: str) -> Row:
    """A step that no route has reached: the shape of an execution, empty."""
    empty: Row = dict.fromkeys(EXECUTION_FIELDS)
    return {
        **empty,
        "step_id": step_id,
        "agent_id": agent_id,
        "description": description,
        "status": str(StepStatus.PENDING),
        "visit": 0,
        "attempt": 0,
        "inputs": {},
        "outputs": {},
        "error": "",
        "error_code": "",
        "parked_code": "",
        "parked_message": "",
        "loop_item": None,
        "remedy": "",
        "checks": [],
    }


def step_get(run_id: str, step_id: str) -> Row:
    """One step with all its visits."""
    found = [step for step in step_list(run_id) if step["step_id"] == step_id]
    if not found:
        raise StepNotFound(run_id, step_id)
    visits = execution_list(run_id, step_id=step_id)
    _add_checks(run_id, Run.objects.values_list("snapshot_id", flat=True).get(id=run_id), visits)
    return {**found[0], "visits": visits}


def loop_list(run_id: str, **filters: Any) -> list[Row]:
    generation = filters.pop("generation", None)
    loops = LoopState.objects.filter(run_id=run_id, superseded=False, **filters)
    if generation is not None:
        loops = loops.filter(run_generation=generation)
    return [
        {
            "step_id": loop.step_id,
            "generation": loop.generation,
            "current_index": loop.current_index,
            "is_open": loop.closed_at is None,
            "opened_at": loop.opened_at,
            "closed_at": loop.closed_at,
            "items": [
                {
                    "id": f"{loop.step_id}_item_{item.index}",
                    "index": item.index,
                    "kind": item.kind,
                    "data": item.data,
                    "status": item.status,
                    "output": item.output,
                    "started_at": item.started_at,
                    "finished_at": item.finished_at,
                }
                for item in loop.items.all()
            ],
        }
        for loop in loops.order_by("id").prefetch_related("items")
    ]


def loop_state(run_id: str, step_id: str) -> Row:
    """The newest generation of a step's loop, and how many there were."""
    generation = Run.objects.values_list("generation", flat=True).get(id=run_id)
    loops = loop_list(run_id, step_id=step_id, generation=generation)
    if not loops:
        raise StepNotFound(run_id, step_id)
    return {**loops[-1], "generations": len(loops)}


def approval_list(run_id: str) -> list[Row]:
    return list(
        Approval.objects.filter(run_id=run_id)
        .order_by("created_at", "id")
        .values(
            *("id", "text", "status", "comment", "decided_at", "expires_at", "created_at"),
            step_id=F("step_execution__step_id"),
            visit=F("step_execution__visit"),
            decided_by_user_id=F("decided_by_id"),
        )
    )


def run_outputs(run_id: str) -> dict[str, str]:
    """The current variable space that steps have made."""
    return dict(
        RunOutput.objects.filter(run_id=run_id, current=True)
        .order_by("id")
        .values_list("key", "value")
    )


def run_graph(run_id: str) -> Row:
    """The pipeline's steps and routes, and the executions with what led to each."""
    row = Run.objects.filter(id=run_id).values("snapshot_id", "generation").first()
    if row is None:
        raise RunNotFound(run_id)
    executions = execution_list(run_id, generation=row["generation"])
    return {
        "nodes": [
            {
                "step_id": step["step_id"],
                "agent_id": step["agent_id"],
                "status": step["status"],
                "visit": step["visit"],
                "attempt": step["attempt"],
            }
            for step in _steps(row["snapshot_id"], row["generation"], executions)
        ],
        "edges": [
            {"source": edge.source, "target": edge.target, "kind": edge.kind}
            for edge in edges(pipeline_of(row["snapshot_id"]))
        ],
        "executions": executions,
        "path": _path(executions),
    }


def _path(executions: list[Row]) -> list[Row]:
    """Which execution queued which, and by what result."""
    results = {execution["id"]: execution["result_key"] for execution in executions}
    return [
        {
            "source": execution["queued_after_id"],
            "target": execution["id"],
            "result": results[execution["queued_after_id"]],
        }
        for execution in executions
        if execution["queued_after_id"] in results
    ]


def run_log(
    run_id: str, *, since: int = 0, types: Iterable[str] = (), limit: int = 200, step_id: str = ""
) -> Row:
    """Events after a position. `next` is where to go on from; null at the end."""
    wanted = frozenset(types)
    items: list[Row] = []
    cursor = since
    while len(items) < limit:
        frames = events_after(run_topic(run_id), cursor, limit)
        for frame in frames:
            cursor = frame.seq
            if wanted and frame.type not in wanted:
                continue
            if step_id and frame.data.get("stepId") != step_id:
                continue
            items.append(orjson.loads(frame.text))
            if len(items) == limit:
                return {"items": items, "next": frame.id}
        if len(frames) < limit:
            break
    return {"items": items, "next": None}


def run_log_tail(run_id: str, *, before: int | None = None, limit: int = 200) -> Row:
    """The last events of a run before a position, in order. Ids of a topic have no holes."""
    topic = run_topic(run_id)
    position = events_position(topic)
    end = position if before is None else min(before - 1, position)
    start = max(end - limit, 0)
    frames = events_after(topic, start, end - start) if end > start else []
    reached = frames[0].seq - 1 if frames else 0
    return {
        "items": [orjson.loads(frame.text) for frame in frames],
        "next": str(end),
        "prev": str(reached + 1) if reached else None,
    }


def run_history(
    visible: Q,
    *,
    limit: int = 10,
    agent_id: str = "",
    status: str = "",
    since: datetime | None = None,
    project_id: str = "",
    task_id: str = "",
    include_steps: bool = False,
) -> Row:
    """Past runs for an agent that wants to learn from them."""
    runs = run_list(visible, status=status, since=since, project_id=project_id, task_id=task_id)
    if agent_id:
        runs = runs.filter(_took_part(agent_id))
    total = runs.order_by().count()
    rows = list(runs.annotate(branch=F("workspace__branch"))[:limit])
    steps = _steps_of([row["id"] for row in rows]) if include_steps else {}
    for row in rows:
        ended, began = row["completed_at"], row["started_at"]
        row["duration_s"] = (ended - began).total_seconds() if ended and began else None
        if include_steps:
            row["steps"] = steps.get(row["id"], [])
    return {"runs": rows, "total": total}


def _steps_of(run_ids: list[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    rows = (
        StepExecution.objects.filter(run_id__in=run_ids, superseded=False)
        .order_by("id")
        .values(
            *("run_id", "step_id", "visit", "attempt", "agent_id", "status", "outputs"),
            *("error", "error_code", "commit_hash", "started_at", "finished_at"),
        )
    )
    for row in rows:
        found.setdefault(row.pop("run_id"), []).append(row)
    return found


_KNOWLEDGE = ("id", "agent_id", "category", "content", "importance", "created_at")


def knowledge_list(run_id: str) -> list[Row]:
    return list(RunKnowledge.objects.filter(run_id=run_id).order_by("id").values(*_KNOWLEDGE))


def knowledge_get(knowledge_id: int) -> Row:
    row: Row = RunKnowledge.objects.values(*_KNOWLEDGE).get(id=knowledge_id)
    return row


def agent_queue(visible: Q, agent_id: str) -> list[Row]:
    """What an agent works on and what waits for it, in the order in which it will be taken."""
    visible_ids = Run.objects.filter(visible).values("id")
    waiting = (
        StepExecution.objects.filter(
            agent_id=agent_id,
            status__in=STEP_ACTIVE - {StepStatus.PENDING},
            superseded=False,
            run_id__in=visible_ids,
        )
        .order_by("id")
        .values("id", "run_id", "step_id", "visit", "attempt", "status", "queued_at", "started_at")
    )
    return [dict(row) for row in waiting]
