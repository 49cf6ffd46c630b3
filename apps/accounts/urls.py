"""Pages. The names that begin with `account_` and `mfa_` are those that allauth looks for."""

from django.urls import path, re_path

from apps.accounts import pages
from apps.accounts.signin.oidc.provider import oidc_callback

urlpatterns = [
    path("setup/", pages.SetupPage.as_view(), name="setup"),
    path("invite/", pages.InvitePage.as_view(), name="invite"),
    path("login/", pages.SignInPage.as_view(), name="account_login"),
    path("login/verify/", pages.SecondFactorPage.as_view(), name="mfa_authenticate"),
    path("login/trust/", pages.TrustPage.as_view(), name="mfa_trust"),
    path("login/password/", pages.PasswordPage.as_view(), name="account_change_password"),
    path("login/oidc/<slug:provider_id>/", oidc_callback, name="oidc-callback"),
    path("login/forgotten/", pages.ForgottenPage.as_view(), name="account_reset_password"),
    re_path(
        r"^login/reset/(?P<uidb36>[0-9A-Za-z_]+)-(?P<key>[^/]+)/$",
        pages.ResetPage.as_view(),
        name="account_reset_password_from_key",
    ),
    path("login/<str:ticket>/", pages.ticket_page, name="login-ticket"),
    path("logout/", pages.SignOutPage.as_view(), name="logout"),
]
