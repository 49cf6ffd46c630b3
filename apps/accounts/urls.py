"""Pages."""

from django.urls import path

from apps.accounts import pages

urlpatterns = [
    path("login/", pages.SignInPage.as_view(), name="login"),
    path("login/<str:ticket>/", pages.ticket_page, name="login-ticket"),
    path("logout/", pages.SignOutPage.as_view(), name="logout"),
]
