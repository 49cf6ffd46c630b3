"""Which step leads to which: the edges of a pipeline, for routing, validation and display."""

from collections.abc import Iterator
from dataclasses import dataclass

from apps.pipelines.definition import Pipeline, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """`kind`: onComplete, result:<KEY>, loop:each, loop:all or dependsOn."""

    source: str
    target: str
    kind: str


def routes(step: Step) -> Iterator[Edge]:
    """The explicit movements that leave a step, in the order of the grammar."""
    if step.on_complete:
        yield Edge(source=step.id, target=step.on_complete, kind="onComplete")
    for key, action in step.on_result.items():
        if action.goto:
            yield Edge(source=step.id, target=action.goto, kind=f"result:{key}")
    if step.loop and step.loop.on_each_complete:
        yield Edge(source=step.id, target=step.loop.on_each_complete, kind="loop:each")
    if step.loop and step.loop.on_all_complete:
        yield Edge(source=step.id, target=step.loop.on_all_complete, kind="loop:all")


def edges(pipeline: Pipeline) -> list[Edge]:
    found = [edge for step in pipeline.steps for edge in routes(step)]
    return found + [
        Edge(source=needed, target=step.id, kind="dependsOn")
        for step in pipeline.steps
        for needed in step.depends_on
    ]


def routed_targets(pipeline: Pipeline) -> frozenset[str]:
    return frozenset(edge.target for step in pipeline.steps for edge in routes(step))


def runs_by_dependency(pipeline: Pipeline, step: Step) -> bool:
    """Whether DAG order may start this step: not when only another step's route leads to it."""
    if step.depends_on or step.id == pipeline.steps[0].id:
        return True
    return step.id not in routed_targets(pipeline)


def entry_points(pipeline: Pipeline) -> tuple[str, ...]:
    """The steps that a run starts with, given slots enough."""
    if not pipeline.uses_depends_on:
        return (pipeline.steps[0].id,)
    return tuple(
        step.id
        for step in pipeline.steps
        if not step.depends_on and runs_by_dependency(pipeline, step)
    )
