from apps.agents.api import views
from apps.core.api.urls import route

_ONE = "agents/<str:agent_id>"

urlpatterns = [
    route("agents", views.AgentsView.as_view(), name="agents"),
    route(_ONE, views.AgentView.as_view(), name="agent"),
    route(f"{_ONE}/config", views.AgentConfigView.as_view(), name="agent-config"),
    route(f"{_ONE}/files/<str:name>", views.AgentFileView.as_view(), name="agent-file"),
    route(
        f"{_ONE}/files/<str:name>/versions",
        views.AgentFileVersionsView.as_view(),
        name="agent-file-versions",
    ),
    route(
        f"{_ONE}/files/<str:name>/revert",
        views.AgentFileRevertView.as_view(),
        name="agent-file-revert",
    ),
    route(f"{_ONE}/reset", views.AgentResetView.as_view(), name="agent-reset"),
    route(f"{_ONE}/pause", views.AgentPauseView.as_view(), name="agent-pause"),
    route(f"{_ONE}/resume", views.AgentResumeView.as_view(), name="agent-resume"),
    route(f"{_ONE}/tools/overrides", views.ToolOverridesView.as_view(), name="agent-tools"),
    route(
        f"{_ONE}/tools/overrides/<str:tool_name>",
        views.ToolOverrideView.as_view(),
        name="agent-tool",
    ),
    route(f"{_ONE}/tools/disabled", views.DisabledToolsView.as_view(), name="agent-tools-disabled"),
]
