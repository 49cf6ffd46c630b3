"""Changing the library, and freezing a pipeline for a run."""

from pathlib import Path

from django.db import transaction

from apps.agents.selectors import agent_ids
from apps.core.errors import Conflict, NotFound, TooLarge
from apps.pipelines import files
from apps.pipelines.errors import (
    PipelineChanged,
    PipelineInvalid,
    PipelineIsBuiltin,
    PipelineNotFound,
    PipelineUnreadable,
)
from apps.pipelines.library import library_lock, library_sync
from apps.pipelines.models import PipelineDefinition, PipelineSnapshot
from apps.pipelines.parse import PIPELINE_ID, ParseResult, parse_pipeline
from apps.pipelines.selectors import definition_get
from apps.pipelines.yaml_tree import MAX_BYTES

__all__ = [
    "definition_get",
    "library_sync",
    "pipeline_delete",
    "pipeline_save",
    "snapshot_get_or_create",
]

Layer = PipelineDefinition.Layer
UNREADABLE = ("P001", "P002", "P003")


def snapshot_get_or_create(definition: PipelineDefinition) -> PipelineSnapshot:
    """The frozen text of a pipeline, shared by all runs of that text. Raises PipelineInvalid."""
    if not definition.valid:
        raise PipelineInvalid(definition.pipeline_id, definition.problems)
    # Without its texts: who wants them has them parsed already.
    snapshot, _ = PipelineSnapshot.objects.only("id").get_or_create(
        sha256=definition.sha256,
        defaults={
            "pipeline_id": definition.pipeline_id,
            "parsed": definition.parsed,
            "yaml": definition.yaml,
        },
    )
    return snapshot


def pipeline_save(
    *,
    pipeline_id: str,
    text: str,
    force: bool = False,
    if_match: str = "",
    only_new: bool = False,
    user_id: str | None = None,
) -> PipelineDefinition:
    """Write a pipeline's file in the data layer; a built-in one is overridden, never changed.

    `if_match` is the sha256 that the caller read, `*` any, empty: do not ask. Raises TooLarge,
    PipelineUnreadable, PipelineInvalid (unless `force`), PipelineChanged, Conflict, Unavailable.
    """
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        raise TooLarge("A pipeline is at most 1 MiB.")
    _check(pipeline_id, parse_pipeline(data, known_agents=agent_ids()), force)
    with transaction.atomic():
        library_lock()
        library_sync()
        known = _effective(pipeline_id)
        _check_version(pipeline_id, known, if_match, only_new)
        files.write_file(_target(pipeline_id, known), data)
        library_sync(user_id=user_id)
    return definition_get(pipeline_id)


def pipeline_delete(*, pipeline_id: str, if_match: str = "") -> PipelineDefinition | None:
    """Remove a pipeline's file from the data layer and give back the one that counts then.

    Raises PipelineNotFound, PipelineIsBuiltin, PipelineChanged, Unavailable.
    """
    with transaction.atomic():
        library_lock()
        library_sync()
        known = _effective(pipeline_id)
        if known is None:
            raise PipelineNotFound(pipeline_id)
        _check_version(pipeline_id, known, if_match, only_new=False)
        if known.layer == Layer.BUILTIN:
            raise PipelineIsBuiltin(
                f"Pipeline {pipeline_id} is built in and has no file of its own to delete."
            )
        files.remove_file(Path(known.path))
        library_sync()
    return _effective(pipeline_id)


def _effective(pipeline_id: str) -> PipelineDefinition | None:
    return PipelineDefinition.objects.filter(pipeline_id=pipeline_id, shadowed=False).first()


def _check(pipeline_id: str, result: ParseResult, force: bool) -> None:
    problems = [problem.as_dict() for problem in result.problems]
    for problem in result.problems:
        if problem.code in UNREADABLE:
            raise PipelineUnreadable(f"Invalid YAML: {problem.message}", problems=problems)
    named = result.parsed.get("id")
    if not PIPELINE_ID.fullmatch(pipeline_id):
        raise NotFound("A pipeline id has 1 to 128 letters, digits, '.', '_' or '-'.")
    if named != pipeline_id:
        raise PipelineUnreadable(
            f"The text is of pipeline {str(named)[:200]!r}, not of {pipeline_id!r}.",
            code="id_mismatch",
            problems=[
                {
                    "code": "P012",
                    "severity": "error",
                    "path": "id",
                    "line": 0,
                    "message": f"The id must be {pipeline_id!r}.",
                },
                *problems,
            ],
        )
    if not result.valid and not force:
        raise PipelineInvalid(pipeline_id, problems)


def _check_version(
    pipeline_id: str, known: PipelineDefinition | None, if_match: str, only_new: bool
) -> None:
    if only_new and known is not None:
        raise Conflict(f"There is a pipeline {pipeline_id} already.", code="already_exists")
    current = known.sha256 if known else ""
    if if_match and if_match not in {current, "*" if known else current}:
        raise PipelineChanged(
            f"Pipeline {pipeline_id} has changed since you read it.", current_version=current
        )


def _target(pipeline_id: str, known: PipelineDefinition | None) -> Path:
    if known is not None and known.layer == Layer.DATA:
        return Path(known.path)
    return files.free_path(pipeline_id)
