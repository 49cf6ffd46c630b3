"""The run in memory and the run in the database are one: same effects, same rows, same end."""

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.pipelines.decisions import CompleteRun, ExecutionView, FailRun
from apps.pipelines.definition import Loop, Pipeline, ResultAction, Step
from apps.pipelines.models import PipelineSnapshot
from apps.pipelines.parse import pipeline_from_snapshot
from apps.runs import services
from apps.runs.claims import StepOutcome
from apps.runs.models import LoopState, Run, StepExecution
from tests.apps.pipelines.test_decide_properties import LISTS, WORDS, pipelines
from tests.apps.pipelines.world import World, failed, succeeded
from tests.support.runs import make_due

CODES = ("timeout", "no_provider_key")


def as_file(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "id": pipeline.id,
        "name": pipeline.name,
        "defaults": {
            "model": "scripted/test",
            "maxVisits": pipeline.defaults.max_visits,
            "maxParallel": pipeline.defaults.max_parallel,
        },
        "agents": [{"id": agent.id, "name": agent.name} for agent in pipeline.agents],
        "steps": [_step(step) for step in pipeline.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": step.id,
        "agent": step.agent,
        "input": step.input,
        "outputs": list(step.outputs),
        "onComplete": step.on_complete,
        "dependsOn": list(step.depends_on),
        "maxRetries": step.max_retries,
        "onResult": {key: _action(action) for key, action in step.on_result.items()},
    }
    return {**made, "loop": _loop(step.loop)} if step.loop else made


def _action(action: ResultAction) -> dict[str, Any]:
    notify = action.notify
    return {
        "goto": action.goto,
        "retry": action.retry,
        "maxRetries": action.max_retries,
        "continueLoop": action.continue_loop,
        "notify": {"agent": notify.agent, "message": notify.message} if notify else None,
    }


def _loop(loop: Loop) -> dict[str, Any]:
    return {
        "over": loop.over,
        "onEachComplete": loop.on_each_complete,
        "onAllComplete": loop.on_all_complete,
        "maxItems": loop.max_items,
        "maxParallel": loop.max_parallel,
        "onItemFail": loop.on_item_fail,
    }


class Both:
    """One run twice."""

    def __init__(self, pipeline: Pipeline, tasks: str) -> None:
        parsed = as_file(pipeline)
        self.world = World(pipeline_from_snapshot(parsed), given={"t": tasks})
        self.run = _run(parsed, {"t": tasks})
        services.run_start(run_id=self.run.pk)
        self.world.start()

    def answer(self, execution: ExecutionView, outputs: Mapping[str, str], code: str) -> None:
        make_due(self.run)
        row = StepExecution.objects.get(
            run=self.run,
            step_id=execution.step_id,
            visit=execution.visit,
            attempt=execution.attempt,
        )
        step = services.step_claim(execution_id=row.pk, attempt=row.attempt, owner="test")
        assert step is not None
        assert step.variables.get("out") == self.world.view().variables.get("out")
        services.step_finish(
            run_id=self.run.pk,
            execution_id=row.pk,
            fence=step.fence,
            outcome=StepOutcome(
                succeeded=not code, outputs=outputs, error_code=code, error=f"it was {code}"
            ),
        )
        said = failed(execution, code) if code else succeeded(execution, **outputs)
        self.world.answer(execution, said)

    def check(self) -> None:
        self.run.refresh_from_db()
        ended = {CompleteRun: "completed", FailRun: "failed", type(None): "running"}
        assert self.run.status == ended[type(self.world.end)]
        if isinstance(self.world.end, FailRun):
            assert self.run.error_code == self.world.end.code
            return
        assert self.rows() == [
            (e.step_id, e.visit, e.attempt, e.status, e.retry_count, e.result_retries, e.repair,
             e.repair_for, e.loop_item.index if e.loop_item else None)
            for e in self.world.executions
        ]  # fmt: skip
        assert self.loops() == [
            (
                loop.step_id,
                loop.generation,
                loop.is_open,
                [(item.kind, item.status, item.data) for item in loop.items],
            )
            for loop in self.world.loops
        ]

    def rows(self) -> list[tuple[Any, ...]]:
        newest: dict[tuple[str, int], StepExecution] = {}
        for row in (
            StepExecution.objects.filter(run=self.run).select_related("loop_item").order_by("id")
        ):
            newest[row.step_id, row.visit] = row  # keeps the place of the visit's first attempt
        return [
            (r.step_id, r.visit, r.attempt, r.status, r.retry_count, r.result_retries, r.repair,
             r.repair_for, r.loop_item.index if r.loop_item else None)
            for r in newest.values()
        ]  # fmt: skip

    def loops(self) -> list[tuple[Any, ...]]:
        return [
            (
                loop.step_id,
                loop.generation,
                loop.closed_at is None,
                [(item.kind, item.status, item.data) for item in loop.items.order_by("index")],
            )
            for loop in LoopState.objects.filter(run=self.run).order_by("id")
        ]


def _run(parsed: dict[str, Any], variables: dict[str, str]) -> Run:
    sha256 = hashlib.sha256(repr(parsed).encode()).hexdigest()
    snapshot = PipelineSnapshot.objects.create(
        pipeline_id="p", sha256=sha256, parsed=parsed, yaml=""
    )
    return Run.objects.create(
        pipeline_id="p",
        snapshot=snapshot,
        task_description="A task.",
        workspace_type="none",
        variables=variables,
    )


@pytest.fixture(autouse=True)
def _no_agent_slots(settings: LazySettings) -> None:
    settings.MAX_CONCURRENT_STEPS_PER_AGENT = 0


@pytest.mark.django_db
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(pipelines(), st.data())
def test_any_run_is_the_same_in_memory_and_in_the_database(
    pipeline: Pipeline, data: st.DataObject
) -> None:
    with transaction.atomic():
        both = Both(pipeline, data.draw(st.sampled_from(LISTS)))
        both.check()
        for _ in range(25):
            waiting = both.world.waiting()
            if both.world.end or not waiting:
                break
            execution = data.draw(st.sampled_from(waiting))
            code = data.draw(st.sampled_from(("", "", "", "", *CODES)))
            said = {
                "r_result": data.draw(st.sampled_from(WORDS)),
                "out": data.draw(st.sampled_from(LISTS)),
            }
            outputs = {} if code else {key: value for key, value in said.items() if value}
            both.answer(execution, outputs, code)
            both.check()
        transaction.set_rollback(True)
