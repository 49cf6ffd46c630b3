"""What the API says of sessions."""

from typing import Any

from rest_framework import serializers

from apps.sessions.models import AgentSession, ContainerInstance


class SessionQuery(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=AgentSession.Status.choices, required=False)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field name of DRF's own
        choices=AgentSession.Source.choices, required=False
    )
    agent_id = serializers.CharField(required=False)
    run_id = serializers.CharField(required=False)


class AgentSessionsQuery(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=AgentSession.Status.choices, required=False)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field name of DRF's own
        choices=AgentSession.Source.choices, required=False
    )


class SessionDetailQuery(serializers.Serializer[Any]):
    events = serializers.IntegerField(
        required=False, min_value=0, max_value=5000, default=500,
        help_text="How many of the transcript's last events to give.",
    )  # fmt: skip
    before = serializers.IntegerField(
        required=False, min_value=1, help_text="The last events before this id."
    )


class SessionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field name of DRF's own
        choices=AgentSession.Source.choices
    )
    source_id = serializers.CharField()
    agent_id = serializers.CharField()
    run_id = serializers.CharField()
    step_id = serializers.CharField()
    status = serializers.ChoiceField(choices=AgentSession.Status.choices)
    model = serializers.CharField()
    error_code = serializers.CharField()
    error = serializers.CharField()
    turn_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class SessionBoxSerializer(serializers.ModelSerializer[ContainerInstance]):
    class Meta:
        model = ContainerInstance
        fields = (
            "name",
            "backend",
            "image",
            "status",
            "exit_code",
            "oom_killed",
            "limits",
            "log_tail",
            "created_at",
            "ready_at",
            "stopped_at",
        )


class SessionEventSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    type = serializers.CharField()
    event_type = serializers.ChoiceField(
        choices=("output", "thinking", "tool_start", "tool_end", "status")
    )
    timestamp = serializers.DateTimeField()
    data = serializers.DictField()  # type: ignore[assignment]  # a property name of DRF's own


class SessionDetailSerializer(SessionSerializer):
    user_prompt = serializers.CharField()
    system_prompt = serializers.CharField()
    prompt_parts = serializers.ListField(child=serializers.DictField())
    output = serializers.CharField()
    stop_requested_at = serializers.DateTimeField(allow_null=True)
    containers = SessionBoxSerializer(many=True)
    events = SessionEventSerializer(many=True)
