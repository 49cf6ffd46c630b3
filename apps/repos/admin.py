"""Workspaces in Django's admin: shown, retried, never edited."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.core.admin import ReadOnlyAdmin
from apps.core.errors import DjinnError
from apps.repos.models import Workspace
from apps.repos.services import workspace_finalize, workspace_remove


@admin.register(Workspace)
class WorkspaceAdmin(ReadOnlyAdmin):
    list_display = ("run_id", "branch", "kind", "status", "pushed_at", "updated_at")
    list_filter = ("status", "kind")
    search_fields = ("run_id", "branch", "repository")
    actions = ("finalize", "remove")

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
