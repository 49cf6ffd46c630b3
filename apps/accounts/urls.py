"""Addresses on which the server itself lets people in. Pages for it are the dashboard's."""

from django.urls import path

from apps.accounts import pages
from apps.accounts.signin.oidc.provider import oidc_callback

urlpatterns = [
    path("login/oidc/<slug:provider_id>/", oidc_callback, name="oidc-callback"),
    path("waitlist/<str:token>/", pages.waitlist_page, name="waitlist-confirm"),
    path("login/<str:ticket>/", pages.ticket_page, name="login-ticket"),
]
