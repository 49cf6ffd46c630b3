"""Sessions and boxes in Django's admin: shown, stopped, never edited."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.core.admin import ReadOnlyAdmin, ReadOnlyInline
from apps.core.errors import DjinnError
from apps.sessions.models import AgentSession, ContainerInstance
from apps.sessions.services import session_stop


class ContainerInline(ReadOnlyInline):
    model = ContainerInstance
    fields = ("name", "backend", "status", "exit_code", "oom_killed", "created_at", "stopped_at")


@admin.register(AgentSession)
class AgentSessionAdmin(ReadOnlyAdmin):
    list_display = ("id", "agent_id", "source", "run_id", "step_id", "status", "created_at")
    list_filter = ("status", "source")
    search_fields = ("id", "agent_id", "run_id", "step_id")
    inlines = (ContainerInline,)
    actions = ("stop",)
    exclude = ("credentials",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentSession]:
        sessions: QuerySet[AgentSession] = super().get_queryset(request)
        match = request.resolver_match
        if match is not None and match.url_name and match.url_name.endswith("_changelist"):
            return sessions.defer("system_prompt", "user_prompt", "prompt_parts", "output")
        return sessions

    @admin.action(description="Stop")
    def stop(self, request: HttpRequest, queryset: QuerySet[AgentSession]) -> None:
        for session in queryset:
            try:
                session_stop(session=session)
            except DjinnError as exc:
                messages.error(request, f"{session.pk}: {exc.message}")


@admin.register(ContainerInstance)
class ContainerInstanceAdmin(ReadOnlyAdmin):
    list_display = ("name", "backend", "status", "node", "exit_code", "oom_killed", "created_at")
    list_filter = ("backend", "status")
    search_fields = ("name", "external_id", "session__id")
