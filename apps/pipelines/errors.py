"""What can go wrong with pipelines, for people and programs."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.core.errors import Conflict, Invalid, Malformed, NotFound


class PipelineNotFound(NotFound):
    default_code = "pipeline_not_found"

    def __init__(self, pipeline_id: str) -> None:
        super().__init__(f"There is no pipeline {pipeline_id[:200]!r}.", pipeline_id=pipeline_id)


class PipelineInvalid(Invalid):
    """The file has errors: it is listed, not run, and not saved unless forced."""

    default_code = "pipeline_invalid"

    def __init__(self, pipeline_id: str, problems: Sequence[Mapping[str, Any]]) -> None:
        errors = [problem for problem in problems if problem["severity"] == "error"]
        first = errors[0]
        where = f" (line {first['line']})" if first["line"] else ""
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        super().__init__(
            f"Pipeline {pipeline_id} is not valid: {first['message']}{where}{more}.",
            pipeline_id=pipeline_id,
            problems=list(problems),
        )


class PipelineUnreadable(Malformed):
    """The text is no YAML mapping, or of another pipeline."""

    default_code = "invalid_yaml"


class PipelineChanged(Conflict):
    """Somebody else saved it since the caller read it."""

    default_code = "stale_version"


class PipelineIsBuiltin(Conflict):
    default_code = "builtin_only"
