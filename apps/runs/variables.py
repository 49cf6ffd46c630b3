"""What a step of a run gets: its template variables, its model and its limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from apps.agents.selectors import agent_models
from apps.llm.defaults import working_model
from apps.pipelines import resolve
from apps.pipelines.variables import LoopContext, template_variables
from apps.runs.choices import LoopItemStatus
from apps.runs.snapshots import pipeline_of

if TYPE_CHECKING:
    from apps.runs.state import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLimits:
    agent_id: str
    timeout_s: int
    max_retries: int


def step_limits(state: "RunState", step_id: str) -> StepLimits:
    return _limits(state.snapshot_id, step_id)


@lru_cache(maxsize=4096)
def _limits(snapshot_id: int, step_id: str) -> StepLimits:
    pipeline = pipeline_of(snapshot_id)
    step = pipeline.step(step_id)
    return StepLimits(
        agent_id=step.agent,
        timeout_s=resolve.timeout_s(
            pipeline, step, instance_default=settings.DEFAULT_STEP_TIMEOUT_S
        ),
        max_retries=resolve.max_retries(pipeline, step),
    )


def step_model(state: "RunState", step_id: str) -> str:
    """`provider/model`; the agent's own config is asked only when nothing before it answers."""
    step = state.pipeline.step(step_id)
    return resolve.model(state.pipeline, step, run_override=state.model_override) or resolve.model(
        state.pipeline,
        step,
        agent_config=agent_models().get(step.agent, ""),
        instance_default=working_model(),
    )


def run_variables(state: "RunState", loop_item_id: int | None = None) -> dict[str, str]:
    """All that a template may name, as of now; with an item, its loop's names too."""
    return template_variables(
        task_description=state.task_description,
        run_id=state.id,
        project=_project(state),
        context=state.context,
        variables=state.variables,
        human_context=state.human_context,
        outputs=state.values(),
        loop=_loop_context(state, loop_item_id),
    )


def _project(state: "RunState") -> Mapping[str, str]:
    known = {"project_id": state.project_id, "repository": state.repository}
    return {name: value for name, value in known.items() if value}


def _loop_context(state: "RunState", loop_item_id: int | None) -> LoopContext | None:
    for loop in state.loops:
        for item in loop.items:
            if item.id == loop_item_id:
                done = [i for i in loop.items if i.status == LoopItemStatus.COMPLETED]
                return LoopContext(
                    item=item.data,
                    index=item.index,
                    count=len(loop.items),
                    completed=tuple(each.data for each in done),
                )
    return None
