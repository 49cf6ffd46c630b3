"""Addresses of the dashboard. Those with names are ones that the server, or allauth, points to."""

from django.urls import path, re_path

from djinnbot.pages.dashboard import dashboard_page

_ENTRY = {
    "setup/": "setup",
    "invite/": "invite",
    "login/": "account_login",
    "login/verify/": "mfa_authenticate",
    "login/trust/": "mfa_trust",
    "login/password/": "account_change_password",
    "login/forgotten/": "account_reset_password",
    "login/reset/<str:key>/": "account_reset_password_from_key",
    "login/waitlist/": "waitlist",
    "login/second-factor/": "second-factor",
    "login/again/": "prove-again",
    "login/device/": "device",
}
# What belongs to the server answers 404 itself when there is nothing, and never with a page.
_SERVERS_OWN = (
    r"(?:v1|ws|static|accounts|django-admin|gateway|metrics|problems|_preview|\.well-known)(?:/|$)"
    r"|favicon\.ico$|robots\.txt$"
)

entry_patterns = [path(address, dashboard_page, name=name) for address, name in _ENTRY.items()]
urlpatterns = [
    re_path(rf"^(?!{_SERVERS_OWN})(?P<path>.*)$", dashboard_page, name="dashboard"),
]
