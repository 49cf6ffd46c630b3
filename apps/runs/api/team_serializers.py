"""What the API says of agents at work."""

from typing import Any

from rest_framework import serializers

from apps.runs.team import AgentState
from apps.runs.timeline import TIMELINE_TYPES
from apps.sessions.models import AgentSession


class WorkSerializer(serializers.Serializer[Any]):
    session_id = serializers.CharField()
    kind = serializers.ChoiceField(choices=AgentSession.Source.choices)
    run_id = serializers.CharField()
    step_id = serializers.CharField()
    model = serializers.CharField()
    status = serializers.ChoiceField(choices=AgentSession.Status.choices)
    state = serializers.ChoiceField(choices=AgentState.choices)
    started_at = serializers.DateTimeField()


class AgentStandingSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="agent.id")
    name = serializers.CharField(source="agent.name")
    emoji = serializers.CharField(source="agent.emoji")
    state = serializers.ChoiceField(choices=AgentState.choices)
    queue_depth = serializers.IntegerField(source="queued")
    sessions = serializers.DictField(
        child=serializers.IntegerField(), help_text="Live sessions by kind."
    )


class TeamSummarySerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    idle = serializers.IntegerField()
    queued = serializers.IntegerField()
    working = serializers.IntegerField()
    thinking = serializers.IntegerField()
    tool_calling = serializers.IntegerField()
    paused = serializers.IntegerField()
    disabled = serializers.IntegerField()
    total_queued = serializers.IntegerField(help_text="Steps that wait for some agent.")


class TeamStatusSerializer(serializers.Serializer[Any]):
    agents = AgentStandingSerializer(many=True)
    summary = TeamSummarySerializer()


class LifecycleSerializer(AgentStandingSerializer):
    enabled = serializers.BooleanField(source="agent.enabled")
    paused_at = serializers.DateTimeField(source="agent.paused_at", allow_null=True)
    paused_until = serializers.DateTimeField(source="agent.paused_until", allow_null=True)
    pause_reason = serializers.CharField(source="agent.pause_reason")
    current_work = WorkSerializer(
        many=True, help_text="Live sessions that the caller may see.", source="work"
    )


class ActivityQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(required=False, default=100, min_value=1, max_value=1000)
    since = serializers.DateTimeField(required=False)


class TimelineEntrySerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    type = serializers.ChoiceField(choices=TIMELINE_TYPES)
    at = serializers.DateTimeField()
    session_id = serializers.CharField()
    run_id = serializers.CharField()
    step_id = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]  # a property name of DRF's own


class BoxUseSerializer(serializers.Serializer[Any]):
    session_id = serializers.CharField()
    name = serializers.CharField()
    backend = serializers.CharField()
    status = serializers.CharField()
    limits = serializers.DictField()
    created_at = serializers.DateTimeField()


class ActivitySerializer(serializers.Serializer[Any]):
    agent_id = serializers.CharField()
    items = TimelineEntrySerializer(many=True)
    boxes = BoxUseSerializer(many=True)


class AgentStatsSerializer(serializers.Serializer[Any]):
    sessions_today = serializers.IntegerField(help_text="Of the last 24 hours.")
    sessions_week = serializers.IntegerField()
    errors_24h = serializers.IntegerField()
    calls_24h = serializers.IntegerField()
    tokens_24h = serializers.IntegerField()
    cost_24h = serializers.DecimalField(
        max_digits=18, decimal_places=10, allow_null=True, help_text="USD. Null: none is known."
    )
    cost_unknown_calls_24h = serializers.IntegerField()
