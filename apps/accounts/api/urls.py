from django.urls import include, path, re_path

from apps.accounts.api.views import (
    devices,
    entry,
    keys,
    me,
    oidc,
    own_data,
    tickets,
    users,
    waitlist,
)
from apps.core.api.urls import route
from apps.core.api.views import UnknownPath

urlpatterns = [
    route("auth/status", entry.AuthStatusView.as_view(), name="auth-status"),
    route("auth/setup", entry.SetupView.as_view(), name="auth-setup"),
    route("auth/device", devices.DeviceView.as_view(), name="auth-device"),
    route("auth/device/token", devices.DeviceTokenView.as_view(), name="auth-device-token"),
    route("auth/device/<str:code>", devices.DeviceCodeView.as_view(), name="auth-device-code"),
    route("auth/invites", entry.InvitesView.as_view(), name="auth-invites"),
    route("auth/invites/accept", entry.InviteAcceptView.as_view(), name="auth-invite-accept"),
    route("auth/invites/<str:invite_id>", entry.InviteView.as_view(), name="auth-invite"),
    route("auth/me", me.MeView.as_view(), name="auth-me"),
    route("auth/visit", me.VisitView.as_view(), name="auth-visit"),
    route("auth/logout", me.LogoutView.as_view(), name="auth-logout"),
    route("auth/sessions", me.BrowserSessionsView.as_view(), name="auth-sessions"),
    route("auth/sessions/<str:session_id>", me.BrowserSessionView.as_view(), name="auth-session"),
    route("auth/api-keys", keys.ApiKeysView.as_view(), name="auth-api-keys"),
    route("auth/api-keys/<str:key_id>", keys.ApiKeyView.as_view(), name="auth-api-key"),
    route("auth/service-keys", keys.ServiceKeysView.as_view(), name="auth-service-keys"),
    route("auth/service-keys/<str:key_id>", keys.ServiceKeyView.as_view(), name="auth-service-key"),
    route("auth/agent-keys", keys.AgentKeysView.as_view(), name="auth-agent-keys"),
    route("auth/agent-keys/<str:key_id>", keys.AgentKeyView.as_view(), name="auth-agent-key"),
    route("auth/oidc-providers", oidc.OidcProvidersView.as_view(), name="auth-oidc-providers"),
    route(
        "auth/oidc-providers/<str:provider_id>",
        oidc.OidcProviderView.as_view(),
        name="auth-oidc-provider",
    ),
    route(
        "auth/oidc-providers/<str:provider_id>/test",
        oidc.OidcProviderTestView.as_view(),
        name="auth-oidc-provider-test",
    ),
    route("auth/audit", users.AuditView.as_view(), name="auth-audit"),
    route("auth/audit/verify", users.AuditVerifyView.as_view(), name="auth-audit-verify"),
    route("auth/stream-ticket", tickets.StreamTicketView.as_view(), name="auth-stream-ticket"),
    route("auth/login-link", tickets.LoginLinkView.as_view(), name="auth-login-link"),
    route("users/me/export", own_data.DataExportView.as_view(), name="my-export"),
    route(
        "users/me/export/<str:export_id>/file",
        own_data.DataExportFileView.as_view(),
        name="my-export-file",
    ),
    route("users/me/delete", own_data.AccountDeleteView.as_view(), name="my-account-delete"),
    route("waitlist", waitlist.WaitlistView.as_view(), name="waitlist"),
    route("waitlist/export", waitlist.WaitlistExportView.as_view(), name="waitlist-export"),
    route("waitlist/invite-bulk", waitlist.WaitlistBulkView.as_view(), name="waitlist-bulk"),
    route("waitlist/<str:entry_id>", waitlist.WaitlistEntryView.as_view(), name="waitlist-entry"),
    route(
        "waitlist/<str:entry_id>/invite",
        waitlist.WaitlistInviteView.as_view(),
        name="waitlist-invite",
    ),
    route("admin/users", users.UsersView.as_view(), name="admin-users"),
    route("admin/users/export", users.UsersExportView.as_view(), name="admin-users-export"),
    route("admin/users/<str:user_id>", users.UserView.as_view(), name="admin-user"),
    route(
        "admin/users/<str:user_id>/reset-second-factor",
        users.SecondFactorResetView.as_view(),
        name="admin-user-second-factor",
    ),
    # Addresses are an administrator's to give, and there are no phones and no codes by mail.
    re_path(
        r"^auth/(?:browser|app)/v1/(?:account/(?:email|phone)|auth/(?:email|phone|code)/.*)$",
        UnknownPath.as_view(),
    ),
    # allauth's own: /v1/auth/browser/v1/… with a cookie, /v1/auth/app/v1/… with tokens. Its
    # description is allauth's.
    path("auth/", include("allauth.headless.urls")),
]
