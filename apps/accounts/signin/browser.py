"""Signing in without a form: a browser by link, at set-up or with an invite; a program that a
browser has let in."""

from copy import copy
from importlib import import_module
from typing import cast

from allauth.account.internal.flows.login import record_authentication
from allauth.account.signals import user_logged_in
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest

from apps.accounts.models import User
from apps.accounts.signin.refresh import RefreshFamilies


def sign_in(request: HttpRequest, user: User, *, method: str = "link") -> None:
    """Start a session, listed with the user's others. `method`: what let them in just now. Who has
    just chosen a password is not asked for it again, to set up a second factor."""
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    proven = {"reauthenticated": True} if method == "password" else {}
    record_authentication(request, user, method=method, **proven)
    UserSession.objects.create_from_request(request)
    user_logged_in.send(sender=User, request=request, user=user)


def program_sign_in(request: HttpRequest, user: User) -> dict[str, str]:
    """A session of its own for the program that asks, listed with the others, and its pair of
    tokens. The request's own session, if there is one, stays as it is."""
    own = copy(request)
    own.META = dict(request.META)  # signing in leaves a token for forms there
    own.session = import_module(settings.SESSION_ENGINE).SessionStore()
    sign_in(own, user, method="device")
    pair = RefreshFamilies().create_access_token_payload(own)
    own.session.save()  # it knows the refresh token now
    return cast(dict[str, str], pair)
