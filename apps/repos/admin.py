"""Workspaces in Django's admin: shown, retried, never edited."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from apps.core.errors import DjinnError
from apps.repos.models import Workspace
from apps.repos.services import workspace_finalize, workspace_remove


@admin.register(Workspace)
class WorkspaceAdmin(ModelAdmin):  # type: ignore[misc]  # the package is untyped
    list_display = ("run_id", "branch", "kind", "status", "pushed_at", "updated_at")
    list_filter = ("status", "kind")
    search_fields = ("run_id", "branch", "repository")
    actions = ("finalize", "remove")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description="Push and remove the directory")
    def finalize(self, request: HttpRequest, queryset: QuerySet[Workspace]) -> None:
        for workspace in queryset.filter(status=Workspace.Status.PRESERVED):
            outcome = workspace_finalize(workspace)
            if not outcome.done:
                messages.error(request, f"{workspace.run_id}: {outcome.error}")

    @admin.action(description="Throw the directory away, keep the branch")
    def remove(self, request: HttpRequest, queryset: QuerySet[Workspace]) -> None:
        for workspace in queryset.filter(status=Workspace.Status.PRESERVED):
            try:
                workspace_remove(run_id=workspace.run_id)
            except DjinnError as exc:
                messages.error(request, f"{workspace.run_id}: {exc.message}")
