"""The pipeline that a run executes, parsed once a process."""

from functools import lru_cache

from apps.pipelines.definition import Pipeline
from apps.pipelines.models import PipelineSnapshot
from apps.pipelines.parse import pipeline_from_snapshot


@lru_cache(maxsize=256)
def pipeline_of(snapshot_id: int) -> Pipeline:
    """Snapshots never change, so nothing here grows old."""
    return pipeline_from_snapshot(PipelineSnapshot.objects.get(id=snapshot_id).parsed)
