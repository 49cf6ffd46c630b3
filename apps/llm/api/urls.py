from apps.core.api.urls import route
from apps.llm.api import usage_views, views

urlpatterns = [
    route("llm/calls", views.LlmCallsView.as_view(), name="llm-calls"),
    route("llm/calls/export", views.LlmCallsExportView.as_view(), name="llm-calls-export"),
    route("llm/calls/<str:call_id>", views.LlmCallView.as_view(), name="llm-call"),
    route("llm/usage", usage_views.UsageView.as_view(), name="llm-usage"),
    route("llm/usage/export", usage_views.UsageExportView.as_view(), name="llm-usage-export"),
    route("llm/budgets", usage_views.BudgetsView.as_view(), name="llm-budgets"),
    route("llm/budgets/status", usage_views.BudgetStatusView.as_view(), name="llm-budgets-status"),
    route("llm/budgets/<str:budget_id>", usage_views.BudgetView.as_view(), name="llm-budget"),
    route("usage/me", usage_views.UsageMeView.as_view(), name="usage-me"),
    route("llm-calls", views.LlmCallsAliasView.as_view(), name="llm-calls-alias"),
]
