"""What the API says of model calls."""

from typing import Any

from rest_framework import serializers

from apps.llm.api.usage_serializers import UsdField
from apps.llm.models import LlmCall


class LlmCallQuery(serializers.Serializer[Any]):
    session_id = serializers.CharField(required=False)
    run_id = serializers.CharField(required=False)
    agent_id = serializers.CharField(required=False)
    user_id = serializers.CharField(required=False)
    project_id = serializers.CharField(required=False)
    step_execution_id = serializers.IntegerField(required=False)
    request_id = serializers.CharField(required=False)
    kind = serializers.CharField(required=False)
    provider = serializers.CharField(required=False)
    model = serializers.CharField(required=False, help_text="Without the provider.")
    key_source = serializers.ChoiceField(choices=LlmCall.KeySource.choices, required=False)
    error_class = serializers.CharField(required=False)
    status = serializers.ChoiceField(choices=("started", "completed", "failed"), required=False)
    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)


class LlmCallSerializer(serializers.ModelSerializer[LlmCall]):
    cost_input = serializers.FloatField(allow_null=True)
    cost_output = serializers.FloatField(allow_null=True)
    cost_total = serializers.FloatField(allow_null=True, help_text="US dollars; null: not known.")
    status = serializers.ChoiceField(choices=("started", "completed", "failed"))
    reserved_usd = UsdField(source="reserved_micro", help_text="The worst case that was held.")
    context_used = serializers.SerializerMethodField()
    context_percent = serializers.SerializerMethodField()

    class Meta:
        model = LlmCall
        fields = (
            "id",
            "status",
            "request_id",
            "attempt",
            "fallback_of",
            "session_id",
            "run_id",
            "step_execution_id",
            "step_id",
            "agent_id",
            "user_id",
            "project_id",
            "kind",
            "provider",
            "model",
            "requested_model",
            "dialect",
            "endpoint",
            "stream",
            "thinking_level",
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
            "price_version",
            "reserved_usd",
            "reserved_tokens",
            "budget_ids",
            "context_window",
            "context_used",
            "context_percent",
            "duration_ms",
            "ttft_ms",
            "tries",
            "tool_call_count",
            "has_thinking",
            "stop_reason",
            "http_status",
            "error_class",
            "retry_at",
            "created_at",
            "ended_at",
        )

    def get_context_used(self, call: LlmCall) -> int:
        return call.input_tokens + call.cache_read_tokens + call.cache_write_tokens

    def get_context_percent(self, call: LlmCall) -> float | None:
        if not call.context_window:
            return None
        return round(100 * self.get_context_used(call) / call.context_window, 1)


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
