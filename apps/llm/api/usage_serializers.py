"""What the API says of usage and budgets."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.llm.models import Budget
from apps.llm.models.budgets import BudgetAction, BudgetScope, BudgetWindow
from apps.llm.money import micro_of, usd_of
from apps.llm.usage.series import GROUPS, SUMS

_USD = {"max_digits": 14, "decimal_places": 6, "min_value": Decimal(0)}


@extend_schema_field({"type": "number", "minimum": 0, "maximum": 99_999_999})
class UsdField(serializers.DecimalField):
    """US dollars outside, whole micro-dollars inside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**_USD, **kwargs})

    def to_internal_value(self, data: Any) -> int:  # type: ignore[override]  # micro-dollars
        return micro_of(super().to_internal_value(data))

    def to_representation(self, value: Any) -> float:  # type: ignore[override]  # JSON numbers
        return float(usd_of(int(value)))


class BudgetSerializer(serializers.ModelSerializer[Budget]):
    soft_usd = UsdField(source="soft_micro", required=False, allow_null=True)
    hard_usd = UsdField(source="hard_micro", required=False, allow_null=True)
    ref = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=128,
        help_text="Id of the one thing meant; empty: each of the scope apart.",
    )
    version = serializers.IntegerField(read_only=True)

    class Meta:
        model = Budget
        fields: tuple[str, ...] = (
            *("id", "scope", "ref", "window", "soft_usd", "hard_usd", "soft_tokens"),
            *("hard_tokens", "soft_calls", "hard_calls", "action", "downgrade_model", "enabled"),
            *("version", "created_at", "updated_at"),
        )
        read_only_fields = ("id", "created_at", "updated_at")
        # The service says "already there" in its own words.
        validators: tuple[()] = ()
        extra_kwargs = {
            name: {"min_value": 0, "required": False}
            for name in ("soft_tokens", "hard_tokens", "soft_calls", "hard_calls")
        }


class BudgetChangeSerializer(BudgetSerializer):
    """Limits, action and whether it holds. What a budget is of cannot be changed."""

    version = serializers.IntegerField(
        required=False, help_text="The version that was read; another one is refused."
    )

    class Meta(BudgetSerializer.Meta):
        fields = (
            *("soft_usd", "hard_usd", "soft_tokens", "hard_tokens", "soft_calls", "hard_calls"),
            *("action", "downgrade_model", "enabled", "version"),
        )


class BudgetStatusQuery(serializers.Serializer[Any]):
    scope = serializers.ChoiceField(choices=BudgetScope.choices, required=False)
    subject = serializers.CharField(required=False, help_text="Id of one run, user, agent, …")


class BudgetStatusSerializer(serializers.Serializer[Any]):
    """A budget and one thing it counts for, in the present window."""

    budget_id = serializers.CharField()
    scope = serializers.ChoiceField(choices=BudgetScope.choices)
    subject = serializers.CharField()
    window = serializers.ChoiceField(choices=BudgetWindow.choices)
    window_start = serializers.DateTimeField()
    window_end = serializers.DateTimeField(allow_null=True)
    action = serializers.ChoiceField(choices=BudgetAction.choices)
    downgrade_model = serializers.CharField()
    soft_usd = UsdField(source="soft_micro", allow_null=True)
    hard_usd = UsdField(source="hard_micro", allow_null=True)
    spent_usd = UsdField(source="spent_micro")
    held_usd = UsdField(source="held_micro", help_text="The worst case of calls under way.")
    soft_tokens = serializers.IntegerField(allow_null=True)
    hard_tokens = serializers.IntegerField(allow_null=True)
    spent_tokens = serializers.IntegerField()
    held_tokens = serializers.IntegerField()
    soft_calls = serializers.IntegerField(allow_null=True)
    hard_calls = serializers.IntegerField(allow_null=True)
    spent_calls = serializers.IntegerField()
    held_calls = serializers.IntegerField()
    percent = serializers.FloatField(
        allow_null=True, help_text="Of the hard limit, holds included."
    )
    state = serializers.ChoiceField(choices=("ok", "soft", "hard"))


class UsageQuery(serializers.Serializer[Any]):
    group_by = serializers.ChoiceField(choices=GROUPS, default="model")
    bucket = serializers.ChoiceField(
        choices=("hour", "day", "week", "month", "total"), default="day"
    )
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    user_id = serializers.CharField(required=False)
    agent_id = serializers.CharField(required=False)
    project_id = serializers.CharField(required=False)
    run_id = serializers.CharField(required=False)
    provider = serializers.CharField(required=False)
    model = serializers.CharField(required=False)
    key_source = serializers.CharField(required=False)


class UsageSumsSerializer(serializers.Serializer[Any]):
    calls = serializers.IntegerField()
    failed_calls = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cache_read_tokens = serializers.IntegerField()
    cache_write_tokens = serializers.IntegerField()
    cost_total = serializers.FloatField(
        allow_null=True, help_text="US dollars, of the calls whose cost is known."
    )
    cost_unknown_calls = serializers.IntegerField()
    tool_calls = serializers.IntegerField()
    duration_ms = serializers.IntegerField()


class UsageRowSerializer(UsageSumsSerializer):
    bucket = serializers.DateTimeField(required=False, help_text="Absent for `total`.")
    provider_id = serializers.CharField(required=False, help_text="With models only.")
    group = serializers.CharField(required=False, help_text="Absent for `none`.")


class UsageOfModelSerializer(UsageSumsSerializer):
    provider = serializers.CharField()
    model = serializers.CharField()


class UsageMeSerializer(serializers.Serializer[Any]):
    today = UsageOfModelSerializer(many=True)
    month = UsageOfModelSerializer(many=True)
    budgets = BudgetStatusSerializer(many=True)


USAGE_COLUMNS = ("bucket", "provider_id", "group", *SUMS)
