from apps.core.api.urls import route
from apps.llm.api import views

urlpatterns = [
    route("llm/calls", views.LlmCallsView.as_view(), name="llm-calls"),
    route("llm-calls", views.LlmCallsAliasView.as_view(), name="llm-calls-alias"),
]
