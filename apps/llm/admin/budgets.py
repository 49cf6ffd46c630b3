"""Budgets and what counts against them, in Django's admin: shown. The API sets them."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.llm.models import Budget, BudgetCounter, BudgetHold, UsageBucket, UsageTotal


@admin.register(Budget)
class BudgetAdmin(ReadOnlyAdmin):
    list_display = (
        *("scope", "ref", "window", "soft_micro", "hard_micro", "hard_tokens", "hard_calls"),
        *("action", "downgrade_model", "enabled"),
    )
    list_filter = ("scope", "window", "action", "enabled")
    search_fields = ("id", "ref")


@admin.register(BudgetCounter)
class BudgetCounterAdmin(ReadOnlyAdmin):
    list_display = (
        *("scope", "subject", "window", "window_start", "spent_micro", "held_micro"),
        *("spent_tokens", "spent_calls", "held_calls", "refused_at"),
    )
    list_filter = ("scope", "window")
    search_fields = ("=subject",)
    ordering = ("-window_start", "scope", "subject")
    show_full_result_count = False


@admin.register(BudgetHold)
class BudgetHoldAdmin(ReadOnlyAdmin):
    list_display = ("call_id", "micro", "tokens", "created_at", "lease_until", "released_at")
    search_fields = ("=call_id",)
    ordering = ("-created_at",)


@admin.register(UsageBucket)
class UsageBucketAdmin(ReadOnlyAdmin):
    list_display = (
        *("grain", "starts_at", "provider", "model", "agent_id", "user_id", "key_source"),
        *("calls", "failed_calls", "input_tokens", "output_tokens", "cost_total"),
    )
    list_filter = ("grain", "provider", "key_source")
    search_fields = ("model", "=agent_id", "=user_id", "=run_id")
    show_full_result_count = False


@admin.register(UsageTotal)
class UsageTotalAdmin(ReadOnlyAdmin):
    list_display = ("kind", "ref", "calls", "failed_calls", "cost_total", "cost_unknown_calls")
    list_filter = ("kind",)
    search_fields = ("=ref",)
    ordering = ("-id",)
    show_full_result_count = False
