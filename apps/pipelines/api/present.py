"""Pipelines as plain values for answers."""

from dataclasses import asdict
from typing import Any

from apps.pipelines import resolve
from apps.pipelines.definition import Pipeline, Step
from apps.pipelines.graph import edges, entry_points
from apps.pipelines.models import PipelineDefinition
from apps.pipelines.selectors import pipeline_of, problems_of
from apps.pipelines.variables import provided_names


def definition(
    row: PipelineDefinition, known_agents: frozenset[str] | None = None
) -> dict[str, Any]:
    pipeline = pipeline_of(row)
    return {
        "id": row.pipeline_id,
        "name": row.name,
        "version": row.version,
        "description": row.description,
        "layer": row.layer,
        "file": row.path,
        "sha256": row.sha256,
        **findings(problems_of(row, known_agents)),
        "agents": [asdict(agent) for agent in pipeline.agents],
        "steps": [_step(pipeline, step) for step in pipeline.steps],
        "updated_at": row.updated_at,
    }


def findings(problems: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "valid": not any(problem["severity"] == "error" for problem in problems),
        "errors": [_sentence(each) for each in problems if each["severity"] == "error"],
        "warnings": [_sentence(each) for each in problems if each["severity"] != "error"],
        "problems": problems,
    }


def graph(row: PipelineDefinition) -> dict[str, Any]:
    pipeline = pipeline_of(row)
    ids = {step.id for step in pipeline.steps}
    names = {agent.id: agent.name for agent in pipeline.agents}
    starts = entry_points(pipeline) if pipeline.steps else ()
    return {
        "pipeline_id": row.pipeline_id,
        "nodes": [
            {
                "id": step.id,
                "agent": step.agent,
                "agent_name": names.get(step.agent, ""),
                "type": "loop" if step.loop else "standard",
                "description": step.description,
                "approval": step.approval,
                "checks": [check.name for check in resolve.checks(pipeline, step)],
                "is_start": step.id in starts,
                "is_last": step is pipeline.steps[-1],
            }
            for step in pipeline.steps
        ],
        "edges": [asdict(edge) for edge in edges(pipeline) if {edge.source, edge.target} <= ids],
    }


def variables(pipeline: Pipeline | None) -> list[dict[str, Any]]:
    """Every name that a template of the pipeline may use, with what gives it its value."""
    if pipeline is None:
        return []
    outputs: dict[str, list[str]] = {}
    for step in pipeline.steps:
        for name in step.outputs:
            outputs.setdefault(name, []).append(step.id)
    made = [{"name": name, "origin": "output", "steps": by} for name, by in outputs.items()]
    given = [
        {"name": name, "origin": origin, "steps": []}
        for name, origin in provided_names(with_loop=any(step.loop for step in pipeline.steps))
        if name not in outputs
    ]
    return made + given


def _step(pipeline: Pipeline, step: Step) -> dict[str, Any]:
    """A step as it will run: limits that it does not set come from the defaults."""
    shown = asdict(step)
    del shown["output_method"], shown["max_output_tokens"], shown["temperature"]
    del shown["thinking_level"]
    return {
        **shown,
        "type": "loop" if step.loop else "standard",
        "max_retries": resolve.max_retries(pipeline, step),
        "timeout_s": resolve.timeout_s(pipeline, step),
        "max_turns": resolve.max_turns(pipeline, step),
        "harness": resolve.harness(pipeline, step),
        "checks": [asdict(check) for check in resolve.checks(pipeline, step)],
    }


def _sentence(problem: dict[str, Any]) -> str:
    where = f" (line {problem['line']})" if problem["line"] else ""
    return f"{problem['code']}: {problem['message']}{where}"
