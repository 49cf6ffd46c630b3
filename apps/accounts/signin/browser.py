"""Signing a browser in without a form: by link, at set-up, with an invite."""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.signals import user_logged_in
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest

from apps.accounts.models import User


def sign_in(request: HttpRequest, user: User, *, method: str = "link") -> None:
    """Start a session, listed with the user's others. `method`: what let them in just now. Who has
    just chosen a password is not asked for it again, to set up a second factor."""
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    proven = {"reauthenticated": True} if method == "password" else {}
    record_authentication(request, user, method=method, **proven)
    UserSession.objects.create_from_request(request)
    user_logged_in.send(sender=User, request=request, user=user)
