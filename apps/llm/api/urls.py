from apps.core.api.urls import route
from apps.llm.api import provider_views, usage_views, views

urlpatterns = [
    route("llm/providers", provider_views.ProvidersView.as_view(), name="llm-providers"),
    route(
        "llm/providers/<str:provider_id>",
        provider_views.ProviderView.as_view(),
        name="llm-provider",
    ),
    route(
        "llm/providers/<str:provider_id>/key",
        provider_views.ProviderKeyView.as_view(),
        name="llm-provider-key",
    ),
    route(
        "llm/providers/<str:provider_id>/test",
        provider_views.ProviderTestView.as_view(),
        name="llm-provider-test",
    ),
    route(
        "llm/providers/<str:provider_id>/models",
        provider_views.ProviderModelsView.as_view(),
        name="llm-provider-models",
    ),
    route(
        "llm/providers/<str:provider_id>/models/<path:model>",
        provider_views.ProviderModelView.as_view(),
        name="llm-provider-model",
    ),
    route(
        "llm/providers/<str:provider_id>/shares",
        provider_views.SharesView.as_view(),
        name="llm-shares",
    ),
    route(
        "llm/providers/<str:provider_id>/shares/<str:share_id>",
        provider_views.ShareView.as_view(),
        name="llm-share",
    ),
    route("llm/models", provider_views.ModelsView.as_view(), name="llm-models"),
    route("llm/aliases", provider_views.AliasesView.as_view(), name="llm-aliases"),
    route("llm/aliases/<str:name>", provider_views.AliasView.as_view(), name="llm-alias"),
    route("llm/resolve", provider_views.ResolveView.as_view(), name="llm-resolve"),
    route("llm/settings", provider_views.LlmSettingsView.as_view(), name="llm-settings"),
    route("llm/calls", views.LlmCallsView.as_view(), name="llm-calls"),
    route("llm/calls/export", views.LlmCallsExportView.as_view(), name="llm-calls-export"),
    route("llm/calls/<str:call_id>", views.LlmCallView.as_view(), name="llm-call"),
    route("llm/usage", usage_views.UsageView.as_view(), name="llm-usage"),
    route("llm/usage/export", usage_views.UsageExportView.as_view(), name="llm-usage-export"),
    route("llm/budgets", usage_views.BudgetsView.as_view(), name="llm-budgets"),
    route("llm/budgets/status", usage_views.BudgetStatusView.as_view(), name="llm-budgets-status"),
    route("llm/budgets/<str:budget_id>", usage_views.BudgetView.as_view(), name="llm-budget"),
    route("users/me/favorites", provider_views.FavoritesView.as_view(), name="favorite-models"),
    route("usage/me", usage_views.UsageMeView.as_view(), name="usage-me"),
    route("llm-calls", views.LlmCallsAliasView.as_view(), name="llm-calls-alias"),
]
