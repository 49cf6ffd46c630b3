"""Finding pipelines by name, id or description."""

from collections.abc import Collection, Iterable

from apps.core.api.callers import Caller
from apps.core.search import Hit, fits
from apps.pipelines.models import PipelineDefinition
from apps.pipelines.selectors import definition_list


def pipeline_search(caller: Caller, words: Collection[str], most: int) -> Iterable[Hit]:
    found = [
        row
        for row in definition_list()
        if not row.shadowed and fits(words, row.pipeline_id, row.name, row.description)
    ]
    return [_hit(row) for row in found[:most]]


def _hit(row: PipelineDefinition) -> Hit:
    lines = row.description.strip().splitlines()
    return Hit(
        kind="pipeline",
        id=row.pipeline_id,
        title=row.name or row.pipeline_id,
        detail=lines[0] if lines else "",
        status="" if row.valid else "invalid",
    )
