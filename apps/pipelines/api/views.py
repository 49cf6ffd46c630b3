"""Pipelines over HTTP: the library, its texts and graphs, checks, and changes to the data layer."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.selectors import agent_ids
from apps.core.api.callers import ADMINS, USERS_AND_SESSIONS
from apps.core.api.input import parsed
from apps.core.api.views import ApiView
from apps.core.errors import TooLarge
from apps.pipelines.api import present
from apps.pipelines.api.serializers import (
    PipelineDeletedSerializer,
    PipelineDraftCheckedSerializer,
    PipelineDraftSerializer,
    PipelineGraphSerializer,
    PipelineRawSerializer,
    PipelineRehearsalAskSerializer,
    PipelineRehearsalSerializer,
    PipelineSavedSerializer,
    PipelineSaveSerializer,
    PipelineSerializer,
    PipelineValidationSerializer,
    PipelineVersionSerializer,
    PipelineVersionTextSerializer,
)
from apps.pipelines.errors import PipelineInvalid
from apps.pipelines.json_schema import pipeline_schema
from apps.pipelines.rehearsal import rehearse
from apps.pipelines.selectors import (
    Checked,
    definition_get,
    definition_list,
    draft_check,
    problems_of,
)
from apps.pipelines.services import pipeline_delete, pipeline_save
from apps.pipelines.variables import CONTEXT_PREFIX
from apps.pipelines.versions import version_get, versions_of
from apps.pipelines.yaml_tree import MAX_BYTES

_IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The `ETag` the caller has read."
)
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="`*`: only if there is none yet."
)


class PipelinesView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(operation_id="pipelines_list", responses=PipelineSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Every pipeline, those with errors too."""
        known = agent_ids()
        return Response([present.definition(row, known) for row in definition_list()])


class PipelineDraftView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    idempotency = "off"

    @extend_schema(
        operation_id="pipelines_validate_draft",
        request=PipelineDraftSerializer,
        responses={200: PipelineDraftCheckedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Check a text that is not saved."""
        checked = _checked(parsed(PipelineDraftSerializer, request)["yaml_content"])
        return Response(
            {
                "pipeline_id": checked.pipeline_id,
                **present.findings(checked.problems),
                "variables": present.variables(checked.result.pipeline),
                "variable_prefixes": [CONTEXT_PREFIX],
            }
        )


class PipelineRehearsalView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    idempotency = "off"

    @extend_schema(
        operation_id="pipelines_rehearse",
        request=PipelineRehearsalAskSerializer,
        responses={200: PipelineRehearsalSerializer},
    )
    def post(self, request: Request) -> Response:
        """Walk a text that is not saved with made-up answers: which way a run would go, and what
        each agent would be told. Nothing is started, kept or paid for."""
        body = parsed(PipelineRehearsalAskSerializer, request)
        checked = _checked(body["yaml_content"])
        if not checked.result.valid or checked.result.pipeline is None:
            raise PipelineInvalid(checked.pipeline_id, checked.problems)
        results = {step: tuple(given) for step, given in body["results"].items()}
        walked = rehearse(checked.result.pipeline, task=body["task"], results=results)
        return Response(asdict(walked))


class PipelineSchemaView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(
        operation_id="pipelines_schema",
        responses={200: {"type": "object", "additionalProperties": True}},
    )
    def get(self, request: Request) -> Response:
        """The grammar of pipelines as a JSON Schema, for editors."""
        return Response(pipeline_schema())


class PipelineView(ApiView):
    callers = {"GET": USERS_AND_SESSIONS, "*": ADMINS}  # noqa: RUF012  declared by the base
    scope = {"GET": "read", "*": "write"}  # noqa: RUF012

    @extend_schema(operation_id="pipelines_retrieve", responses=PipelineSerializer)
    def get(self, request: Request, pipeline_id: str) -> Response:
        row = definition_get(pipeline_id)
        return _tagged(present.definition(row), row.sha256)

    @extend_schema(
        operation_id="pipelines_save",
        request=PipelineSaveSerializer,
        responses={200: PipelineSavedSerializer},
        parameters=[_IF_MATCH, _IF_NONE_MATCH],
    )
    def put(self, request: Request, pipeline_id: str) -> Response:
        """Write a pipeline into the data directory. A built-in one of the id is overridden."""
        body = parsed(PipelineSaveSerializer, request)
        row = pipeline_save(
            pipeline_id=pipeline_id,
            text=body["yaml_content"],
            force=body["force"],
            if_match=_etag(request, "If-Match"),
            only_new=_etag(request, "If-None-Match") == "*",
            user_id=getattr(self.caller.user, "pk", None),
        )
        found = present.findings(problems_of(row))
        return _tagged(
            {
                "status": "updated",
                "pipeline_id": row.pipeline_id,
                "file": row.path,
                "sha256": row.sha256,
                "valid": found["valid"],
                "warnings": found["warnings"],
            },
            row.sha256,
        )

    @extend_schema(
        operation_id="pipelines_delete",
        responses={200: PipelineDeletedSerializer},
        parameters=[_IF_MATCH],
    )
    def delete(self, request: Request, pipeline_id: str) -> Response:
        """Remove a pipeline from the data directory. A built-in one of the id counts again."""
        left = pipeline_delete(pipeline_id=pipeline_id, if_match=_etag(request, "If-Match"))
        return Response(
            {
                "status": "deleted",
                "pipeline_id": pipeline_id,
                "layer": left.layer if left else None,
            }
        )


class PipelineRawView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(operation_id="pipelines_raw", responses=PipelineRawSerializer)
    def get(self, request: Request, pipeline_id: str) -> Response:
        row = definition_get(pipeline_id)
        return _tagged(
            {
                "pipeline_id": row.pipeline_id,
                "yaml": row.yaml,
                "file": row.path,
                "layer": row.layer,
                "sha256": row.sha256,
            },
            row.sha256,
        )


class PipelineVersionsView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(
        operation_id="pipelines_versions", responses=PipelineVersionSerializer(many=True)
    )
    def get(self, request: Request, pipeline_id: str) -> Response:
        """What counted for this id before, newest first; empty for one as it was shipped."""
        definition_get(pipeline_id)
        return Response(PipelineVersionSerializer(versions_of(pipeline_id), many=True).data)


class PipelineVersionView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(operation_id="pipelines_version", responses=PipelineVersionTextSerializer)
    def get(self, request: Request, pipeline_id: str, version_id: int) -> Response:
        """The text of a version. To bring it back, save it."""
        return Response(PipelineVersionTextSerializer(version_get(pipeline_id, version_id)).data)


class PipelineGraphView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(operation_id="pipelines_graph", responses=PipelineGraphSerializer)
    def get(self, request: Request, pipeline_id: str) -> Response:
        """Steps as nodes and their routes as edges, for drawing."""
        return Response(present.graph(definition_get(pipeline_id)))


class PipelineValidateView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    idempotency = "off"

    @extend_schema(
        operation_id="pipelines_validate",
        request=None,
        responses={200: PipelineValidationSerializer},
    )
    def post(self, request: Request, pipeline_id: str) -> Response:
        """Check a pipeline of the library."""
        row = definition_get(pipeline_id)
        return Response({"pipeline_id": row.pipeline_id, **present.findings(problems_of(row))})


def _checked(text: str) -> Checked:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise TooLarge("A pipeline is at most 1 MiB.")
    return draft_check(text)


def _tagged(body: dict[str, Any], sha256: str) -> Response:
    return Response(body, headers={"ETag": f'"{sha256}"'})


def _etag(request: Request, header: str) -> str:
    """The tag of a header without its quotes; of a weak one too, as proxies weaken them."""
    return request.headers.get(header, "").strip().removeprefix("W/").strip('"')
