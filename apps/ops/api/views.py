"""Storage for admins; the homes of agents for those who may see the agent."""

import base64
import binascii
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.access import access_agent, refuse_other_agent
from apps.core.api.callers import ADMINS, USERS_AND_SESSIONS
from apps.core.api.input import parsed
from apps.core.api.views import ApiView
from apps.core.dispatch import TaskName, enqueue
from apps.core.errors import Malformed
from apps.core.status import storage
from apps.ops import sandbox
from apps.ops.api.serializers import (
    CleaningSerializer,
    CleanSerializer,
    PathQuery,
    SandboxFileSerializer,
    SandboxSerializer,
    SandboxUploadSerializer,
    StorageSerializer,
    TreeQuery,
    TreeSerializer,
)
from apps.ops.cleanings import cleaning_get, cleaning_start
from apps.ops.usage import usage_list

_READ_OR_CHANGE = {"GET": USERS_AND_SESSIONS, "*": ADMINS}
_READ_OR_ADMIN = {"GET": "read", "*": "admin"}


class StorageView(ApiView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(operation_id="storage", responses=StorageSerializer)
    def get(self, request: Request) -> Response:
        """Room on the disk now, and what each part took up when it was last measured (hourly)."""
        rows = usage_list()
        body = {
            "storage": storage(),
            **{f"{kind}s": [r for r in rows if r.kind == kind] for kind in _KINDS},
        }
        return Response(StorageSerializer(body).data)


_KINDS = ("section", "agent", "project")


class StorageMeasureView(ApiView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(operation_id="storage_measure", request=None, responses={202: None})
    def post(self, request: Request) -> Response:
        """Measure now instead of within the hour."""
        enqueue(TaskName.MEASURE_STORAGE)
        return Response(status=202)


class StorageCleanView(ApiView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(
        operation_id="storage_clean", request=CleanSerializer, responses={202: CleaningSerializer}
    )
    def post(self, request: Request) -> Response:
        """Find what nobody needs any more, or, with `dry_run: false`, take it away. A task does it:
        ask for the cleaning by its id until its status is `done` or `failed`."""
        dry_run = parsed(CleanSerializer, request)["dry_run"]
        cleaning = cleaning_start(dry_run=dry_run, user_id=str(self.caller.user.pk))
        cleaning.refresh_from_db()
        return Response(CleaningSerializer(cleaning).data, status=202)


class CleaningView(ApiView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(operation_id="storage_cleaning", responses=CleaningSerializer)
    def get(self, request: Request, cleaning_id: str) -> Response:
        """How far a cleaning is, and what it took away."""
        return Response(CleaningSerializer(cleaning_get(cleaning_id)).data)


class _SandboxView(ApiView):
    """A session of another agent is refused before anything else."""

    callers = _READ_OR_CHANGE
    scope = _READ_OR_ADMIN

    def check_permissions(self, request: Request) -> None:
        refuse_other_agent(self.caller, self.kwargs["agent_id"])
        super().check_permissions(request)
        access_agent(self.caller, self.kwargs["agent_id"])


class SandboxView(_SandboxView):
    @extend_schema(operation_id="agent_sandbox", responses=SandboxSerializer)
    def get(self, request: Request, agent_id: str) -> Response:
        """The agent's home: what it takes up, its own tools, its first level."""
        return Response(SandboxSerializer(sandbox.sandbox_overview(agent_id)).data)


class SandboxTreeView(_SandboxView):
    query = TreeQuery

    @extend_schema(operation_id="agent_sandbox_tree", responses=TreeSerializer)
    def get(self, request: Request, agent_id: str) -> Response:
        """One level, 1,000 entries a page. Links are shown and not followed."""
        values = self.query_values()
        entries, following = sandbox.sandbox_tree(agent_id, values["path"], after=values["after"])
        return Response(TreeSerializer({"items": entries, "next": following or None}).data)


class SandboxFileView(_SandboxView):
    query = PathQuery

    @extend_schema(operation_id="agent_sandbox_file", responses=SandboxFileSerializer)
    def get(self, request: Request, agent_id: str) -> Response:
        """A file's first MiB; what is not text comes as base64."""
        found = sandbox.sandbox_file(agent_id, self._path())
        return Response(SandboxFileSerializer(found).data)

    @extend_schema(
        operation_id="agent_sandbox_upload",
        request=SandboxUploadSerializer,
        responses=SandboxFileSerializer,
    )
    def put(self, request: Request, agent_id: str) -> Response:
        """Put a file there; directories above are made."""
        sandbox.sandbox_write(
            agent_id, self._path(), _bytes(parsed(SandboxUploadSerializer, request))
        )
        return Response(SandboxFileSerializer(sandbox.sandbox_file(agent_id, self._path())).data)

    @extend_schema(operation_id="agent_sandbox_delete", responses={204: None})
    def delete(self, request: Request, agent_id: str) -> Response:
        """Remove a file, or a directory with all in it."""
        sandbox.sandbox_delete(agent_id, self._path())
        return Response(status=204)

    def _path(self) -> str:
        return str(self.query_values()["path"])


class SandboxResetView(_SandboxView):
    @extend_schema(operation_id="agent_sandbox_reset", request=None, responses={204: None})
    def post(self, request: Request, agent_id: str) -> Response:
        """Empty the home. Answers 409 while the agent works."""
        sandbox.sandbox_reset(agent_id)
        return Response(status=204)


def _bytes(body: dict[str, Any]) -> bytes:
    if body["encoding"] == "utf-8":
        return str(body["content"]).encode()
    try:
        return base64.b64decode(body["content"], validate=True)
    except (binascii.Error, ValueError) as exc:
        raise Malformed("The content is not base64.", code="malformed") from exc
