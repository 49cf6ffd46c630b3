from apps.accounts.api import views
from apps.core.api.urls import route

urlpatterns = [
    route("auth/me", views.MeView.as_view(), name="auth-me"),
    route("auth/keys", views.ApiKeysView.as_view(), name="auth-keys"),
    route("auth/keys/<str:key_id>", views.ApiKeyView.as_view(), name="auth-key"),
    route("auth/stream-ticket", views.StreamTicketView.as_view(), name="auth-stream-ticket"),
    route("auth/login-link", views.LoginLinkView.as_view(), name="auth-login-link"),
]
