"""Pipelines in Django's admin: everything shown, nothing decided here."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.core.admin import ReadOnlyAdmin
from apps.pipelines.models import PipelineDefinition, PipelineSnapshot, PipelineVersion


@admin.register(PipelineDefinition)
class PipelineDefinitionAdmin(ReadOnlyAdmin):
    list_display = ("pipeline_id", "name", "version", "layer", "valid", "shadowed", "updated_at")
    list_filter = ("layer", "valid", "shadowed")
    search_fields = ("pipeline_id", "name", "path")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PipelineDefinition]:
        found: QuerySet[PipelineDefinition] = super().get_queryset(request)
        return found.defer("parsed", "yaml")


@admin.register(PipelineSnapshot)
class PipelineSnapshotAdmin(ReadOnlyAdmin):
    list_display = ("pipeline_id", "sha256", "created_at")
    search_fields = ("pipeline_id", "sha256")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PipelineSnapshot]:
        found: QuerySet[PipelineSnapshot] = super().get_queryset(request)
        return found.defer("parsed", "yaml")


@admin.register(PipelineVersion)
class PipelineVersionAdmin(ReadOnlyAdmin):
    list_display = ("pipeline_id", "layer", "sha256", "user", "created_at")
    list_filter = ("layer",)
    search_fields = ("pipeline_id", "sha256")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PipelineVersion]:
        found: QuerySet[PipelineVersion] = super().get_queryset(request)
        return found.defer("yaml").select_related("user")
