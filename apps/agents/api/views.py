"""Agents over HTTP: profiles, persona files, config, tools. What they are doing: `sessions`."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.access import access_agent, refuse_other_agent
from apps.agents.api.serializers import (
    AgentConfigSerializer,
    AgentConfigWriteSerializer,
    AgentCreateSerializer,
    AgentDetailSerializer,
    AgentFileRevertSerializer,
    AgentFileSerializer,
    AgentFileVersionSerializer,
    AgentFileWriteSerializer,
    AgentPatchSerializer,
    AgentPauseSerializer,
    AgentResetSerializer,
    AgentSerializer,
    DisabledToolsSerializer,
    ToolOverrideSerializer,
    ToolOverridesWriteSerializer,
)
from apps.agents.directory import PERSONA_FILES
from apps.agents.models import Agent
from apps.agents.selectors import (
    agent_list,
    disabled_tools,
    file_versions,
    persona_file_names,
    tool_overrides,
)
from apps.agents.services import (
    agent_config_save,
    agent_create,
    agent_delete,
    agent_file_revert,
    agent_file_write,
    agent_pause,
    agent_reset,
    agent_resume,
    agent_update,
    tool_override_delete,
    tool_overrides_set,
)
from apps.core.api.callers import USERS, USERS_AND_SESSIONS
from apps.core.api.input import parsed
from apps.core.api.views import ApiView
from apps.core.errors import NotFound

_READ_OR_EDIT = {"GET": USERS_AND_SESSIONS, "*": USERS}
_READ_OR_WRITE = {"GET": "read", "*": "write"}
_IDENTITY = ("name", "role", "emoji", "abbreviation", "origin", "description")


class AgentsView(ApiView):
    callers = _READ_OR_EDIT
    scope = _READ_OR_WRITE

    @extend_schema(operation_id="agents_list", responses=AgentSerializer(many=True))
    def get(self, request: Request) -> Response:
        agents = agent_list()
        context = {"persona_files": persona_file_names()}
        return Response(AgentSerializer(agents, many=True, context=context).data)

    @extend_schema(
        operation_id="agents_create",
        request=AgentCreateSerializer,
        responses={201: AgentDetailSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make an agent: a new directory with texts from the templates or from another agent."""
        body = parsed(AgentCreateSerializer, request)
        agent = agent_create(agent_id=body.pop("id"), **body)
        return Response(AgentDetailSerializer(agent).data, status=201)


class _OneAgentView(ApiView):
    """Paths under one agent. A session of another agent is refused before anything else."""

    def check_permissions(self, request: Request) -> None:
        refuse_other_agent(self.caller, self.kwargs["agent_id"])
        super().check_permissions(request)

    def agent(self) -> Agent:
        return access_agent(self.caller, self.kwargs["agent_id"])

    @property
    def user_id(self) -> str | None:
        return getattr(self.caller.user, "pk", None)


class AgentView(_OneAgentView):
    callers = _READ_OR_EDIT
    scope = _READ_OR_WRITE

    @extend_schema(operation_id="agents_retrieve", responses=AgentDetailSerializer)
    def get(self, request: Request, agent_id: str) -> Response:
        return Response(AgentDetailSerializer(self.agent()).data)

    @extend_schema(
        operation_id="agents_update",
        request=AgentPatchSerializer,
        responses=AgentDetailSerializer,
    )
    def patch(self, request: Request, agent_id: str) -> Response:
        """Change the profile: identity lines go to IDENTITY.md, the time zone to config.yml."""
        body = parsed(AgentPatchSerializer, request)
        agent = agent_update(
            agent_id=agent_id,
            version=body.get("version"),
            user_id=self.user_id,
            identity={name: body[name] for name in _IDENTITY if name in body},
            stages=body.get("stages"),
            enabled=body.get("enabled"),
            config={"timezone": body["timezone"]} if "timezone" in body else None,
        )
        return Response(AgentDetailSerializer(agent).data)

    @extend_schema(operation_id="agents_delete", responses={204: None})
    def delete(self, request: Request, agent_id: str) -> Response:
        """Refused for built-in agents and while the agent works."""
        agent_delete(agent_id=agent_id)
        return Response(status=204)


class AgentConfigView(_OneAgentView):
    callers = _READ_OR_EDIT
    scope = _READ_OR_WRITE

    @extend_schema(operation_id="agents_config_retrieve", responses=AgentConfigSerializer)
    def get(self, request: Request, agent_id: str) -> Response:
        return Response(AgentConfigSerializer(self.agent()).data)

    @extend_schema(
        operation_id="agents_config_save",
        request=AgentConfigWriteSerializer,
        responses=AgentConfigSerializer,
    )
    def put(self, request: Request, agent_id: str) -> Response:
        """Only keys whose value changes are rewritten; comments and order of the file stay."""
        body = parsed(AgentConfigWriteSerializer, request)
        agent = agent_config_save(
            agent_id=agent_id,
            values=body["config"],
            version=body.get("version"),
            user_id=self.user_id,
        )
        return Response(AgentConfigSerializer(agent).data)


class _OneFileView(_OneAgentView):
    @property
    def file_name(self) -> str:
        """`SOUL` and `SOUL.md` are the same file."""
        name = str(self.kwargs["name"])
        return f"{name}.md" if f"{name}.md" in PERSONA_FILES else name


class AgentFileView(_OneFileView):
    callers = _READ_OR_EDIT
    scope = _READ_OR_WRITE

    @extend_schema(operation_id="agents_file_retrieve", responses=AgentFileSerializer)
    def get(self, request: Request, agent_id: str, name: str) -> Response:
        agent = self.agent()
        if self.file_name not in agent.files:
            raise NotFound(f"`{agent_id}` has no `{self.file_name}`.")
        return Response(self._file(agent))

    @extend_schema(
        operation_id="agents_file_write",
        request=AgentFileWriteSerializer,
        responses=AgentFileSerializer,
    )
    def put(self, request: Request, agent_id: str, name: str) -> Response:
        """Store a persona file. The next session of the agent is told the new text."""
        body = parsed(AgentFileWriteSerializer, request)
        agent = agent_file_write(
            agent_id=agent_id, name=self.file_name, user_id=self.user_id, **body
        )
        return Response(self._file(agent))

    def _file(self, agent: Agent) -> dict[str, Any]:
        return {
            "agent_id": agent.id,
            "name": self.file_name,
            "content": agent.files.get(self.file_name, ""),
            "version": agent.version,
        }


class AgentFileVersionsView(_OneFileView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(
        operation_id="agents_file_versions", responses=AgentFileVersionSerializer(many=True)
    )
    def get(self, request: Request, agent_id: str, name: str) -> Response:
        """Newest first; the last 50 are kept."""
        rows = file_versions(self.agent(), self.file_name)
        return Response(AgentFileVersionSerializer(rows, many=True).data)


class AgentFileRevertView(_OneFileView):
    callers = USERS
    scope = "write"

    @extend_schema(
        operation_id="agents_file_revert",
        request=AgentFileRevertSerializer,
        responses=AgentDetailSerializer,
    )
    def post(self, request: Request, agent_id: str, name: str) -> Response:
        """Give the file the text of an earlier version, as a new version."""
        body = parsed(AgentFileRevertSerializer, request)
        agent = agent_file_revert(
            agent_id=agent_id,
            name=self.file_name,
            version_id=body["version_id"],
            version=body.get("version"),
            user_id=self.user_id,
        )
        return Response(AgentDetailSerializer(agent).data)


class AgentResetView(_OneAgentView):
    callers = USERS
    scope = "write"

    @extend_schema(
        operation_id="agents_reset", request=AgentResetSerializer, responses=AgentDetailSerializer
    )
    def post(self, request: Request, agent_id: str) -> Response:
        """Back to the built-in persona and config. What is dropped stays as versions."""
        body = parsed(AgentResetSerializer, request)
        agent = agent_reset(agent_id=agent_id, version=body.get("version"), user_id=self.user_id)
        return Response(AgentDetailSerializer(agent).data)


class AgentPauseView(_OneAgentView):
    callers = USERS
    scope = "write"

    @extend_schema(
        operation_id="agents_pause", request=AgentPauseSerializer, responses=AgentDetailSerializer
    )
    def post(self, request: Request, agent_id: str) -> Response:
        """Stop the agent from starting work by itself. Sessions that run may finish."""
        body = parsed(AgentPauseSerializer, request)
        return Response(AgentDetailSerializer(agent_pause(agent_id=agent_id, **body)).data)


class AgentResumeView(_OneAgentView):
    callers = USERS
    scope = "write"

    @extend_schema(operation_id="agents_resume", request=None, responses=AgentDetailSerializer)
    def post(self, request: Request, agent_id: str) -> Response:
        return Response(AgentDetailSerializer(agent_resume(agent_id=agent_id)).data)


class ToolOverridesView(_OneAgentView):
    callers = _READ_OR_EDIT
    scope = _READ_OR_WRITE

    @extend_schema(
        operation_id="agents_tool_overrides_list", responses=ToolOverrideSerializer(many=True)
    )
    def get(self, request: Request, agent_id: str) -> Response:
        rows = tool_overrides(self.agent().id)
        return Response(ToolOverrideSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="agents_tool_overrides_set",
        request=ToolOverridesWriteSerializer,
        responses=ToolOverrideSerializer(many=True),
    )
    def put(self, request: Request, agent_id: str) -> Response:
        """Turn tools on or off. Tools that are not named stay as they are."""
        body = parsed(ToolOverridesWriteSerializer, request)
        rows = tool_overrides_set(
            agent_id=agent_id,
            overrides={item["tool_name"]: item["enabled"] for item in body["overrides"]},
            user_id=self.user_id,
        )
        return Response(ToolOverrideSerializer(rows, many=True).data)


class ToolOverrideView(_OneAgentView):
    callers = USERS
    scope = "write"

    @extend_schema(operation_id="agents_tool_override_delete", responses={204: None})
    def delete(self, request: Request, agent_id: str, tool_name: str) -> Response:
        tool_override_delete(agent_id=agent_id, tool_name=tool_name)
        return Response(status=204)


class DisabledToolsView(_OneAgentView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(operation_id="agents_tools_disabled", responses=DisabledToolsSerializer)
    def get(self, request: Request, agent_id: str) -> Response:
        agent = self.agent()
        body = {"agent_id": agent.id, "tools": disabled_tools(agent.id)}
        return Response(body)
