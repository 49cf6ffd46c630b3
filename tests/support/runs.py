"""Making and driving runs in tests."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from django.db import connection

from apps.accounts.models import User
from apps.agents.models import Agent
from apps.pipelines.models import PipelineSnapshot
from apps.pipelines.parse import parse_pipeline
from apps.runs import services
from apps.runs.choices import RUN_TERMINAL
from apps.runs.models import Run, StepExecution
from apps.runs.services.create import created
from apps.runs.snapshots import pipeline_of
from workers.engine import steps as engine_steps

MODEL = "scripted/test"


def make_user(name: str = "ada", **fields: Any) -> User:
    return User.objects.create_user(username=name, password="x" * 12, **fields)


def make_agents(*names: str) -> None:
    for name in names:
        Agent.objects.get_or_create(
            id=name,
            defaults={
                "name": name,
                "role": "tester",
                "source": Agent.Source.DB,
                "content_hash": "-",
            },
        )


def pipeline_text(steps: Sequence[Mapping[str, Any]], *, id: str = "trial", **defaults: Any) -> str:
    """YAML of a pipeline whose agents are those its steps name."""
    agents = sorted({str(step.get("agent", "dev")) for step in steps})
    return yaml.safe_dump(
        {
            "id": id,
            "name": id,
            "version": "1",
            "defaults": {"model": MODEL, **defaults},
            "agents": [{"id": agent, "name": agent} for agent in agents],
            "steps": [{"agent": "dev", "input": "Do it.", **step} for step in steps],
        },
        sort_keys=False,
    )


def make_snapshot(text: str) -> PipelineSnapshot:
    result = parse_pipeline(text)
    assert result.valid, result.problems
    import hashlib

    snapshot, _ = PipelineSnapshot.objects.get_or_create(
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        defaults={"pipeline_id": result.parsed["id"], "parsed": result.parsed, "yaml": text},
    )
    return snapshot


def make_run(
    steps: Sequence[Mapping[str, Any]],
    script: Mapping[str, Any] | None = None,
    *,
    defaults: Mapping[str, Any] | None = None,
    user: User | None = None,
    **fields: Any,
) -> Run:
    """A pending run without a workspace, whose steps will answer as `script` says."""
    snapshot = make_snapshot(pipeline_text(steps, **(defaults or {})))
    variables = {"script": json.dumps(script or {}), **fields.pop("variables", {})}
    run = Run.objects.create(
        pipeline_id=snapshot.pipeline_id,
        snapshot=snapshot,
        task_description=fields.pop("task", "A task."),
        workspace_type=fields.pop("workspace_type", "none"),
        variables=variables,
        initiated_by=user,
        **fields,
    )
    created(run)
    return run


def start(run: Run) -> None:
    services.run_start(run_id=run.id)


def drive(run: Run, *, limit: int = 200) -> Run:
    """Start if need be, then execute what is queued in this very thread until nothing is."""
    services.run_start(run_id=run.id)
    for _ in range(limit):
        make_due(run)
        queued = services.run_queued(run.id)
        if not queued:
            break
        for each in queued:
            engine_steps.run_step(each.execution_id, each.attempt)
    run.refresh_from_db()
    return run


def make_due(run: Run) -> None:
    """Let no back-off wait."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE runs_stepexecution SET due_at = clock_timestamp() - interval '1 s'"
            " WHERE run_id = %s AND status = 'queued'",
            [run.id],
        )


def claim(run: Run, step_id: str = "", owner: str = "test") -> Any:
    """Claim the oldest queued execution of the run (of one step)."""
    rows = StepExecution.objects.filter(run=run, status="queued", superseded=False)
    row = (rows.filter(step_id=step_id) if step_id else rows).order_by("id").first()
    assert row is not None, path(run)
    return services.step_claim(execution_id=row.pk, attempt=row.attempt, owner=owner)


def finish(step: Any, hold: Any = None, **outputs: str) -> Any:
    from workers.engine.executor import StepOutcome

    return services.step_finish(
        run_id=step.run_id,
        execution_id=step.execution_id,
        fence=step.fence,
        outcome=StepOutcome(succeeded=True, outputs=outputs),
        hold=hold,
    )


def path(run: Run) -> list[str]:
    """What was executed: `STEP.visit.attempt status`, in the order of queueing."""
    return [
        f"{row.step_id}.{row.visit}.{row.attempt} {row.status}"
        for row in StepExecution.objects.filter(run=run, generation=current(run)).order_by("id")
    ]


def current(run: Run) -> int:
    return Run.objects.values_list("generation", flat=True).get(id=run.id)


def is_over(run: Run) -> bool:
    run.refresh_from_db()
    return run.status in RUN_TERMINAL


def pipeline(run: Run) -> Any:
    return pipeline_of(run.snapshot_id)
