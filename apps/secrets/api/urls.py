from apps.core.api.urls import route
from apps.secrets.api import views

urlpatterns = [
    route("secrets", views.SecretsView.as_view(), name="secrets"),
    route("secrets/types", views.SecretTypesView.as_view(), name="secret-types"),
    route("secrets/agents/<str:agent_id>", views.AgentSecretsView.as_view(), name="agent-secrets"),
    route(
        "secrets/agents/<str:agent_id>/env",
        views.AgentSecretEnvView.as_view(),
        name="agent-secret-env",
    ),
    route(
        "secrets/agents/<str:agent_id>/reveal",
        views.AgentSecretRevealView.as_view(),
        name="agent-secret-reveal",
    ),
    route("secrets/agents/<str:agent_id>/totp", views.AgentTotpView.as_view(), name="agent-totp"),
    route("secrets/<str:secret_id>", views.SecretView.as_view(), name="secret"),
    route(
        "secrets/<str:secret_id>/grant/<str:agent_id>",
        views.SecretGrantView.as_view(),
        name="secret-grant",
    ),
    route("secrets/<str:secret_id>/access", views.SecretAccessView.as_view(), name="secret-access"),
    route("secrets/<str:secret_id>/reveal", views.SecretRevealView.as_view(), name="secret-reveal"),
    route("users/me/secrets", views.SharedSecretsView.as_view(), name="shared-secrets"),
    route(
        "admin/secrets/<str:secret_id>/users/<str:user_id>",
        views.SecretShareView.as_view(),
        name="secret-share",
    ),
]
