"""Agents in Django's admin: everything shown, nothing decided here."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.agents.models import Agent, AgentFileVersion, AgentToolOverride
from apps.agents.services import agent_pause, agent_reset, agent_resume, agents_sync
from apps.core.admin import ReadOnlyAdmin
from apps.core.errors import DjinnError


@admin.register(Agent)
class AgentAdmin(ReadOnlyAdmin):
    list_display = ("id", "name", "role", "source", "enabled", "paused_at", "warning_count")
    list_filter = ("source", "enabled")
    search_fields = ("id", "name", "role")
    actions = ("pause", "resume", "reset", "sync")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        found: QuerySet[Agent] = super().get_queryset(request)
        return found.defer("files", "file_overrides")

    @admin.display(description="Warnings")
    def warning_count(self, agent: Agent) -> int:
        return len(agent.warnings)

    @admin.action(description="Pause until resumed")
    def pause(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        for agent in queryset:
            agent_pause(agent_id=agent.id, until=None, reason=f"Paused by {request.user}.")

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        for agent in queryset:
            agent_resume(agent_id=agent.id)

    @admin.action(description="Reset to built-in")
    def reset(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        for agent in queryset:
            try:
                agent_reset(agent_id=agent.id, version=None, user_id=str(request.user.pk))
            except DjinnError as exc:
                messages.error(request, f"{agent.id}: {exc.message}")

    @admin.action(description="Read all directories now")
    def sync(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        report = agents_sync()
        changed = [*report.created, *report.updated, *report.removed]
        messages.info(request, f"{len(changed)} changed, {len(report.failed)} failed.")


@admin.register(AgentFileVersion)
class AgentFileVersionAdmin(ReadOnlyAdmin):
    list_display = ("agent", "filename", "author", "user", "created_at")
    list_filter = ("filename", "author")
    search_fields = ("agent__id",)


@admin.register(AgentToolOverride)
class AgentToolOverrideAdmin(ReadOnlyAdmin):
    list_display = ("agent", "tool_name", "enabled", "updated_by", "updated_at")
    list_filter = ("enabled",)
    search_fields = ("agent__id", "tool_name")
