from apps.core.api.urls import route
from apps.sessions.api import containers, views

urlpatterns = [
    route("sessions", views.SessionsView.as_view(), name="sessions"),
    route("sessions/<str:session_id>", views.SessionView.as_view(), name="session"),
    route("sessions/<str:session_id>/stop", views.SessionStopView.as_view(), name="session-stop"),
    route(
        "sessions/<str:session_id>/search",
        views.SessionSearchView.as_view(),
        name="session-search",
    ),
    route(
        "sessions/<str:session_id>/transcript",
        views.SessionTranscriptView.as_view(),
        name="session-transcript",
    ),
    route(
        "sessions/<str:session_id>/stream",
        views.SessionStreamView.as_view(),
        name="session-stream",
    ),
    route(
        "sessions/<str:session_id>/egress",
        containers.SessionEgressView.as_view(),
        name="session-egress",
    ),
    route("containers", containers.ContainersView.as_view(), name="containers"),
    route(
        "containers/logs/stream",
        containers.AllLogsStreamView.as_view(),
        name="containers-logs-stream",
    ),
    route("containers/<int:container_id>", containers.ContainerView.as_view(), name="container"),
    route(
        "containers/<int:container_id>/logs",
        containers.ContainerLogsView.as_view(),
        name="container-logs",
    ),
    route(
        "containers/<int:container_id>/logs/stream",
        containers.ContainerLogsStreamView.as_view(),
        name="container-logs-stream",
    ),
    route(
        "containers/<int:container_id>/stop",
        containers.ContainerStopView.as_view(),
        name="container-stop",
    ),
    route(
        "agents/<str:agent_id>/sessions", views.AgentSessionsView.as_view(), name="agent-sessions"
    ),
]
