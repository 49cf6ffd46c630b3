"""What the API says of model calls."""

from typing import Any

from rest_framework import serializers

from apps.llm.models import LlmCall


class LlmCallQuery(serializers.Serializer[Any]):
    session_id = serializers.CharField(required=False)
    run_id = serializers.CharField(required=False)
    agent_id = serializers.CharField(required=False)
    provider = serializers.CharField(required=False)
    model = serializers.CharField(required=False, help_text="Without the provider.")


class LlmCallSerializer(serializers.ModelSerializer[LlmCall]):
    cost_input = serializers.FloatField(allow_null=True)
    cost_output = serializers.FloatField(allow_null=True)
    cost_total = serializers.FloatField(allow_null=True, help_text="US dollars; null: not known.")

    class Meta:
        model = LlmCall
        fields = (
            "id",
            "session_id",
            "run_id",
            "step_execution_id",
            "step_id",
            "agent_id",
            "user_id",
            "provider",
            "model",
            "dialect",
            "key_source",
            "key_masked",
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_write_tokens",
            "cost_input",
            "cost_output",
            "cost_total",
            "cost_approximate",
            "duration_ms",
            "ttft_ms",
            "tries",
            "tool_call_count",
            "has_thinking",
            "stop_reason",
            "http_status",
            "error_class",
            "created_at",
        )


class LlmCallTotalsSerializer(serializers.Serializer[Any]):
    calls = serializers.IntegerField()
    failed_calls = serializers.IntegerField()
    input_tokens = serializers.IntegerField(help_text="Without what came from or went to a cache.")
    output_tokens = serializers.IntegerField()
    cache_read_tokens = serializers.IntegerField()
    cache_write_tokens = serializers.IntegerField()
    total_tokens = serializers.IntegerField()
    cost_total = serializers.FloatField(
        allow_null=True, help_text="Of the calls whose cost is known."
    )
    cost_unknown_calls = serializers.IntegerField()
    tool_calls = serializers.IntegerField()
    duration_ms = serializers.IntegerField()


class LlmCallPageSerializer(serializers.Serializer[Any]):
    items = LlmCallSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    prev = serializers.CharField(allow_null=True)
    totals = LlmCallTotalsSerializer(help_text="Of all calls that fit the filters.")
