"""Cases and evaluations in Django's admin: shown."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin, ReadOnlyInline
from apps.evals.models import Case, Evaluation, EvaluationRun


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    list_display = ("name", "pipeline_id", "source_run_id", "status", "cost_total", "created_at")
    search_fields = ("name", "=source_run_id", "pipeline_id")


class EvaluationRunInline(ReadOnlyInline):
    model = EvaluationRun
    fields = ("case", "run", "problem")


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnlyAdmin):
    list_display = ("id", "mode", "pipeline_id", "model_override", "created_at")
    list_filter = ("mode",)
    inlines = (EvaluationRunInline,)
