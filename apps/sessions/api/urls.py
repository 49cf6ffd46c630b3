from apps.core.api.urls import route
from apps.sessions.api import views

urlpatterns = [
    route("sessions", views.SessionsView.as_view(), name="sessions"),
    route("sessions/<str:session_id>", views.SessionView.as_view(), name="session"),
    route("sessions/<str:session_id>/stop", views.SessionStopView.as_view(), name="session-stop"),
    route(
        "sessions/<str:session_id>/stream",
        views.SessionStreamView.as_view(),
        name="session-stream",
    ),
    route(
        "agents/<str:agent_id>/sessions", views.AgentSessionsView.as_view(), name="agent-sessions"
    ),
]
