"""The call log in Django's admin: shown, never edited."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from apps.llm.models import LlmCall


@admin.register(LlmCall)
class LlmCallAdmin(ModelAdmin):  # type: ignore[misc]  # the package is untyped
    list_display = (
        "created_at",
        "provider",
        "model",
        "agent_id",
        "run_id",
        "input_tokens",
        "output_tokens",
        "cost_total",
        "duration_ms",
        "error_class",
    )
    list_filter = ("provider", "dialect", "error_class")
    search_fields = ("id", "session_id", "run_id", "agent_id", "model")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
