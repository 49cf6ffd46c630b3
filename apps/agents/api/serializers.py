"""Shapes of the agents API."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

from apps.agents.directory import PERSONA_FILES
from apps.agents.models import Agent, AgentFileVersion, AgentToolOverride

_SOUL_PREVIEW = 500
_Base = serializers.Serializer[Any]


class AgentWarningSerializer(_Base):
    code = serializers.CharField()
    file = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    path = serializers.CharField(allow_blank=True)
    message = serializers.CharField()


class AgentSerializer(serializers.ModelSerializer[Agent]):
    """`state` says whether the agent may work; what it is doing now stands under `status`."""

    persona_files = serializers.SerializerMethodField()
    model = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()
    channels = serializers.DictField(child=serializers.BooleanField())
    stages = serializers.ListField(child=serializers.CharField())
    warnings = AgentWarningSerializer(many=True)

    class Meta:
        model = Agent
        fields = (
            "id",
            "name",
            "emoji",
            "role",
            "abbreviation",
            "origin",
            "description",
            "stages",
            "source",
            "persona_files",
            "channels",
            "model",
            "state",
            "enabled",
            "paused_at",
            "paused_until",
            "pause_reason",
            "timezone",
            "warnings",
            "version",
            "updated_at",
        )

    def get_persona_files(self, agent: Agent) -> list[str]:
        names = self.context.get("persona_files")
        present = agent.files if names is None else names.get(agent.id, ())
        return [name for name in PERSONA_FILES if name in present]

    def get_model(self, agent: Agent) -> str:
        return str(agent.config.get("model") or settings.DEFAULT_MODEL)

    def get_state(self, agent: Agent) -> str:
        if not agent.enabled:
            return "disabled"
        return "paused" if agent.is_paused(timezone.now()) else "idle"


class AgentDetailSerializer(AgentSerializer):
    files = serializers.DictField(child=serializers.CharField())
    extra_files = serializers.ListField(child=serializers.CharField())
    soul_preview = serializers.SerializerMethodField()

    class Meta(AgentSerializer.Meta):
        fields = (  # type: ignore[assignment]  # longer than the list's
            *AgentSerializer.Meta.fields,
            "files",
            "extra_files",
            "soul_preview",
        )

    def get_soul_preview(self, agent: Agent) -> str:
        return str(agent.files.get("SOUL.md", ""))[:_SOUL_PREVIEW]


class AgentCreateSerializer(_Base):
    id = serializers.CharField(max_length=128)
    name = serializers.CharField(max_length=200)
    role = serializers.CharField(max_length=200)
    emoji = serializers.CharField(max_length=16, default="🤖")
    template = serializers.CharField(
        max_length=128, default="", allow_blank=True, help_text="Copy the texts of this agent."
    )


class AgentPatchSerializer(_Base):
    """Absent keeps, null clears."""

    version = serializers.IntegerField(required=False)
    name = serializers.CharField(required=False, max_length=200)
    role = serializers.CharField(required=False, max_length=200)
    emoji = serializers.CharField(required=False, allow_null=True, max_length=16)
    abbreviation = serializers.CharField(required=False, allow_null=True, max_length=16)
    origin = serializers.CharField(required=False, allow_null=True, max_length=200)
    description = serializers.CharField(required=False, allow_null=True, max_length=2000)
    stages = serializers.ListField(
        required=False, child=serializers.RegexField(r"^[^,\n]+$", max_length=64), max_length=50
    )
    enabled = serializers.BooleanField(required=False)
    timezone = serializers.CharField(required=False, allow_null=True, max_length=64)


class AgentConfigSerializer(_Base):
    """`config` holds every key with its value in force; `overrides` what the database sets."""

    agent_id = serializers.CharField(source="id")
    version = serializers.IntegerField()
    config = serializers.DictField()
    layers = serializers.DictField(source="file_config", help_text="What each file says.")
    overrides = serializers.DictField(source="config_overrides")
    warnings = serializers.SerializerMethodField()

    def get_warnings(self, agent: Agent) -> list[dict[str, Any]]:
        return [item for item in agent.warnings if item["file"] == "config.yml"]


class AgentConfigWriteSerializer(_Base):
    """Keys of `config.yml`, under `config` or bare. Keys that are absent stay; null drops a key."""

    takes_any_field = True

    version = serializers.IntegerField(required=False)
    config = serializers.DictField()

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("config", {}), Mapping):
            own = {name: data[name] for name in ("version",) if name in data}
            bare = {name: data[name] for name in data if name not in {"version", "config"}}
            data = {**own, "config": {**bare, **data.get("config", {})}}
        return super().to_internal_value(data)


class AgentFileSerializer(_Base):
    agent_id = serializers.CharField()
    name = serializers.CharField()
    content = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField()


class AgentFileWriteSerializer(_Base):
    content = serializers.CharField(allow_blank=True, trim_whitespace=False)
    version = serializers.IntegerField(help_text="The agent's version that the edit starts from.")


class AgentFileVersionSerializer(serializers.ModelSerializer[AgentFileVersion]):
    class Meta:
        model = AgentFileVersion
        fields = ("id", "filename", "content", "sha256", "author", "user_id", "created_at")
        read_only_fields = fields


class AgentFileRevertSerializer(_Base):
    version_id = serializers.IntegerField()
    version = serializers.IntegerField(required=False)


class AgentPauseSerializer(_Base):
    until = serializers.DateTimeField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(allow_blank=True, default="", max_length=2000)


class AgentResetSerializer(_Base):
    version = serializers.IntegerField(required=False)


class ToolOverrideSerializer(serializers.ModelSerializer[AgentToolOverride]):
    class Meta:
        model = AgentToolOverride
        fields = ("tool_name", "enabled", "updated_by_id", "updated_at")
        read_only_fields = fields


class ToolOverrideItemSerializer(_Base):
    tool_name = serializers.CharField(max_length=256)
    enabled = serializers.BooleanField()


class ToolOverridesWriteSerializer(_Base):
    overrides = ToolOverrideItemSerializer(many=True)


class DisabledToolsSerializer(_Base):
    agent_id = serializers.CharField()
    tools = serializers.ListField(child=serializers.CharField())
