"""Shapes of providers, keys, shares, models, aliases and defaults. A key goes in, never out."""

from typing import Any

from rest_framework import serializers

from apps.llm.failures import FailureClass

_PRICE: dict[str, Any] = {"max_digits": 14, "decimal_places": 6, "min_value": 0, "allow_null": True}


class ProviderKeyStateSerializer(serializers.Serializer[Any]):
    scope = serializers.CharField(help_text="personal, admin_shared, instance or environment")
    masked = serializers.CharField()
    status = serializers.CharField(help_text="unknown, ok or invalid")
    checked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class ProviderSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    kind = serializers.ChoiceField(["builtin", "custom", "scripted"])
    dialect = serializers.CharField()
    base_url = serializers.CharField()
    enabled = serializers.BooleanField()
    allow_private = serializers.BooleanField()
    extra = serializers.DictField()
    needs = serializers.CharField(help_text="What its base URL still lacks.")
    key_variables = serializers.ListField(child=serializers.CharField())
    key_required = serializers.BooleanField()
    lists_models = serializers.BooleanField()
    keys = ProviderKeyStateSerializer(many=True, help_text="That the caller may use.")
    usable = serializers.BooleanField(help_text="The caller has a key for it, or it needs none.")
    health = serializers.ChoiceField(["ok", "down", "unknown"])
    last_error = serializers.CharField()
    checked_at = serializers.DateTimeField(allow_null=True)


class ProviderCreateSerializer(serializers.Serializer[Any]):
    slug = serializers.RegexField(r"^(custom-)?[a-z0-9-]{2,32}$")
    base_url = serializers.CharField(max_length=500)
    label = serializers.CharField(max_length=120, required=False)  # type: ignore[assignment]
    dialect = serializers.ChoiceField(["openai", "anthropic"], default="openai")
    allow_private = serializers.BooleanField(default=False)
    extra = serializers.DictField(required=False)


class ProviderPatchSerializer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField(required=False)
    label = serializers.CharField(max_length=120, required=False)  # type: ignore[assignment]
    base_url = serializers.CharField(max_length=500, required=False, allow_blank=True)
    allow_private = serializers.BooleanField(required=False)
    extra = serializers.DictField(required=False)


class KeyQuery(serializers.Serializer[Any]):
    scope = serializers.ChoiceField(["me", "instance", "project"], default="instance")
    project_id = serializers.CharField(max_length=64, required=False)


class KeyWriteSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=8192, write_only=True, trim_whitespace=True)
    allow_unattended = serializers.BooleanField(default=True)
    share_with_all = serializers.BooleanField(default=True)


class TestSerializer(serializers.Serializer[Any]):
    model = serializers.CharField(max_length=200, required=False)


class TestResultSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField()
    model = serializers.CharField()
    latency_ms = serializers.IntegerField()
    key_source = serializers.CharField()


class ShareSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    user_id = serializers.CharField(allow_null=True, default=None, help_text="Null: everybody.")
    expires_at = serializers.DateTimeField(allow_null=True, default=None)
    allowed_models = serializers.ListField(
        child=serializers.CharField(max_length=200), default=list, help_text="Patterns; empty: all."
    )
    daily_calls = serializers.IntegerField(min_value=0, allow_null=True, default=None)
    daily_cost_usd = serializers.DecimalField(
        max_digits=12, decimal_places=4, min_value=0, allow_null=True, default=None
    )


class PriceSerializer(serializers.Serializer[Any]):
    """US dollars for a million tokens."""

    input = serializers.FloatField()
    output = serializers.FloatField()
    cache_read = serializers.FloatField(allow_null=True)
    cache_write = serializers.FloatField(allow_null=True)
    version = serializers.CharField()
    approximate = serializers.BooleanField()


class ModelSerializer(serializers.Serializer[Any]):
    """Null: not known."""

    name = serializers.CharField(help_text="`provider/model`")
    provider = serializers.CharField()
    model = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    source = serializers.CharField()  # type: ignore[assignment]
    context_window = serializers.IntegerField(allow_null=True)
    max_output = serializers.IntegerField(allow_null=True)
    vision = serializers.BooleanField(allow_null=True)
    audio = serializers.BooleanField(allow_null=True)
    tools = serializers.BooleanField(allow_null=True)
    reasoning = serializers.BooleanField(allow_null=True)
    price = PriceSerializer(allow_null=True)


class ModelListSerializer(serializers.Serializer[Any]):
    source = serializers.ChoiceField(["live", "cached", "static"])  # type: ignore[assignment]
    problem = serializers.CharField(help_text="Why the provider's own list is not there.")
    fetched_at = serializers.DateTimeField(allow_null=True)
    models = ModelSerializer(many=True)


class ModelListQuery(serializers.Serializer[Any]):
    refresh = serializers.BooleanField(default=False)


class ModelSearchQuery(serializers.Serializer[Any]):
    search = serializers.CharField(required=False)
    vision = serializers.BooleanField(required=False, allow_null=True, default=None)
    tools = serializers.BooleanField(required=False, allow_null=True, default=None)


class ModelWriteSerializer(serializers.Serializer[Any]):
    label = serializers.CharField(max_length=200, required=False)  # type: ignore[assignment]
    context_window = serializers.IntegerField(min_value=1, allow_null=True, required=False)
    max_output = serializers.IntegerField(min_value=1, allow_null=True, required=False)
    vision = serializers.BooleanField(allow_null=True, required=False)
    audio = serializers.BooleanField(allow_null=True, required=False)
    tools = serializers.BooleanField(allow_null=True, required=False)
    reasoning = serializers.BooleanField(allow_null=True, required=False)
    price_input = serializers.DecimalField(required=False, **_PRICE)
    price_output = serializers.DecimalField(required=False, **_PRICE)
    price_cache_read = serializers.DecimalField(required=False, **_PRICE)
    price_cache_write = serializers.DecimalField(required=False, **_PRICE)


class AliasWriteSerializer(serializers.Serializer[Any]):
    chain = serializers.ListField(child=serializers.CharField(max_length=264), allow_empty=False)
    error_classes = serializers.ListField(
        child=serializers.ChoiceField([str(kind) for kind in FailureClass]), default=list
    )
    max_attempts = serializers.IntegerField(min_value=0, max_value=20, default=0)


class AliasSerializer(AliasWriteSerializer):
    name = serializers.CharField()


class ResolveQuery(serializers.Serializer[Any]):
    model = serializers.CharField(required=False, help_text="Empty: the working model.")
    user_id = serializers.CharField(required=False, help_text="Admins: as this user.")
    unattended = serializers.BooleanField(default=False)
    project_id = serializers.CharField(required=False)


class ResolvedSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    provider = serializers.CharField()
    model = serializers.CharField()
    usable = serializers.BooleanField()
    why = serializers.CharField()
    key_source = serializers.CharField()
    key_masked = serializers.CharField()
    price = PriceSerializer(allow_null=True)
    context_window = serializers.IntegerField(allow_null=True)


class ResolutionSerializer(serializers.Serializer[Any]):
    requested = serializers.CharField()
    alias = serializers.CharField()
    chosen = serializers.CharField()
    candidates = ResolvedSerializer(many=True)


class LlmSettingsSerializer(serializers.Serializer[Any]):
    """Models are `provider/model` or an alias; empty: the working model."""

    default_working_model = serializers.CharField(allow_blank=True, required=False)
    planning_model = serializers.CharField(allow_blank=True, required=False)
    executor_model = serializers.CharField(allow_blank=True, required=False)
    thinking_model = serializers.CharField(allow_blank=True, required=False)
    planning_thinking_level = serializers.CharField(required=False)
    executor_thinking_level = serializers.CharField(required=False)
    thinking_thinking_level = serializers.CharField(required=False)


class FavoritesSerializer(serializers.Serializer[Any]):
    """Models as `provider/model`, or aliases; the first is shown first."""

    models = serializers.ListField(child=serializers.CharField(max_length=264), max_length=100)
