"""Browser sessions of a user: listed and ended. The API's and the command line's are here too."""

from importlib import import_module
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction

from apps.accounts.models import User
from apps.core.errors import NotFound
from apps.core.live.access import access_changed


def browser_session_list(user: User) -> list[Any]:
    """The sessions that still work, newest first."""
    live = Session.objects.values("session_key")
    found = UserSession.objects.filter(user=user, session_key__in=live)
    return list(found.order_by("-last_seen_at", "-id"))


@transaction.atomic
def browser_session_end(user: User, session_id: str) -> None:
    """Raises NotFound: also for a session of somebody else."""
    mine = UserSession.objects.filter(user=user)
    found = mine.filter(pk=session_id).first() if session_id.isdecimal() else None
    if found is None:
        raise NotFound("You have no such session.")
    _delete([found.session_key])


@transaction.atomic
def browser_sessions_end(user: User, *, but: str = "") -> int:
    """End all sessions of a user except the one with the key `but`."""
    found = UserSession.objects.filter(user=user).exclude(session_key=but)
    keys = list(found.values_list("session_key", flat=True))
    _delete(keys)
    return len(keys)


def browser_session_drop(session_key: str) -> None:
    """End the session of this key, whosever it is."""
    _delete([session_key])


def _delete(keys: list[str]) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for key in keys:
        store(key).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
    access_changed()
