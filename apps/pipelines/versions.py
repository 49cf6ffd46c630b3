"""What a pipeline said before: the texts that counted for its id, newest first."""

from collections.abc import Iterable, Mapping

from django.db.models import QuerySet

from apps.core.errors import NotFound
from apps.pipelines.models import PipelineDefinition, PipelineVersion

VERSIONS_KEPT = 50


def versions_of(pipeline_id: str) -> QuerySet[PipelineVersion]:
    return PipelineVersion.objects.filter(pipeline_id=pipeline_id).defer("yaml")


def version_get(pipeline_id: str, version_id: int) -> PipelineVersion:
    """Raises NotFound when it is not, or no longer, kept."""
    row = PipelineVersion.objects.filter(pipeline_id=pipeline_id, pk=version_id).first()
    if row is None:
        raise NotFound(f"There is no version {version_id} of the pipeline {pipeline_id}.")
    return row


def versions_keep(
    before: Iterable[PipelineDefinition],
    after: Iterable[PipelineDefinition],
    *,
    user_id: str | None,
) -> None:
    """Keep what counts now where it is another text, and what counted when nothing remembers it.

    A built-in pipeline has no version until a text of the data layer takes its place.
    """
    was, now = _effective(before), _effective(after)
    for pipeline_id, row in now.items():
        old = was.get(pipeline_id)
        if old is not None and old.sha256 == row.sha256:
            continue
        newest = versions_of(pipeline_id).values_list("sha256", flat=True).first()
        rows = []
        if newest is None and old is not None:
            rows.append(_version(old, None))
            newest = old.sha256
        is_first_of_builtin = newest is None and row.layer == PipelineDefinition.Layer.BUILTIN
        if row.sha256 != newest and not is_first_of_builtin:
            rows.append(_version(row, user_id))
        PipelineVersion.objects.bulk_create(rows)
        surplus = list(versions_of(pipeline_id).values_list("id", flat=True)[VERSIONS_KEPT:])
        if surplus:
            PipelineVersion.objects.filter(id__in=surplus).delete()


def _effective(rows: Iterable[PipelineDefinition]) -> Mapping[str, PipelineDefinition]:
    return {row.pipeline_id: row for row in rows if not row.shadowed}


def _version(row: PipelineDefinition, user_id: str | None) -> PipelineVersion:
    return PipelineVersion(
        pipeline_id=row.pipeline_id,
        layer=row.layer,
        sha256=row.sha256,
        yaml=row.yaml,
        user_id=user_id,
    )
