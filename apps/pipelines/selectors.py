"""Reading the library. Every read looks at the files first, so what is on disk is answered."""

from dataclasses import dataclass
from typing import Any

from apps.agents.selectors import agent_ids
from apps.pipelines.definition import Pipeline
from apps.pipelines.errors import PipelineNotFound
from apps.pipelines.library import (
    library_sync,
    library_sync_if_changed,
    parse_file,
    rows_expected,
)
from apps.pipelines.models import PipelineDefinition
from apps.pipelines.parse import ParseResult, parse_pipeline, pipeline_from_snapshot
from apps.pipelines.validate import unknown_agents


def definition_list() -> list[PipelineDefinition]:
    """One row an id, and those that lost their id to another file of their layer (P012)."""
    library_sync_if_changed()
    rows = _all()
    if len(rows) < rows_expected():
        library_sync()
        rows = _all()
    return [row for row in rows if not row.shadowed or not row.valid]


def definition_find(pipeline_id: str) -> PipelineDefinition | None:
    library_sync_if_changed()
    row = _effective(pipeline_id)
    if row is None and PipelineDefinition.objects.count() < max(rows_expected(), 1):
        library_sync()
        row = _effective(pipeline_id)
    return row


def definition_get(pipeline_id: str) -> PipelineDefinition:
    """The file that counts for an id, valid or not. Raises PipelineNotFound."""
    row = definition_find(pipeline_id)
    if row is None:
        raise PipelineNotFound(pipeline_id)
    return row


def pipeline_of(row: PipelineDefinition) -> Pipeline:
    """What can be shown of a file: of one with errors, its readable parts."""
    return pipeline_from_snapshot(row.parsed)


def problems_of(
    row: PipelineDefinition, known: frozenset[str] | None = None
) -> list[dict[str, Any]]:
    """The stored problems, and agents that the library does not have at this moment."""
    pipeline = pipeline_of(row)
    known = agent_ids() if known is None else known
    if known.issuperset(agent.id for agent in pipeline.agents):
        return list(row.problems)
    lines = parse_file(row.yaml.encode()).lines
    missing = unknown_agents(pipeline, lines=lines, known=known)
    return [*row.problems, *(problem.as_dict() for problem in missing)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    pipeline_id: str
    result: ParseResult

    @property
    def problems(self) -> list[dict[str, Any]]:
        return [problem.as_dict() for problem in self.result.problems]


def draft_check(text: str | bytes) -> Checked:
    """A text that is not saved yet, checked like a file."""
    result = parse_pipeline(text, known_agents=agent_ids())
    named = result.parsed.get("id")
    return Checked(pipeline_id=named if isinstance(named, str) else "", result=result)


def _all() -> list[PipelineDefinition]:
    return list(PipelineDefinition.objects.all())


def _effective(pipeline_id: str) -> PipelineDefinition | None:
    return PipelineDefinition.objects.filter(pipeline_id=pipeline_id, shadowed=False).first()
