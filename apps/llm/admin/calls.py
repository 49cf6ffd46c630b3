"""The call log in Django's admin: shown, never edited."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.llm.models import LlmCall


@admin.register(LlmCall)
class LlmCallAdmin(ReadOnlyAdmin):
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
