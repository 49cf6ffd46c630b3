"""Whether somebody has just proved who they are: what a session that was left open, or stolen, must
not do asks for it."""

import time
from importlib import import_module

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from django.conf import settings
from django.http import HttpRequest

from apps.accounts.access_token import AccessToken
from apps.core.api.callers import Caller


def is_fresh(caller: Caller) -> bool:
    """Whether the session's person came in, or showed a password or factor again, within the last
    minutes. A key is no session, and who has nothing to show again is not asked for it."""
    shown = caller.credential
    key = shown.session_key if isinstance(shown, AccessToken) else caller.browser_session
    if not key or not get_reauthentication_flows(caller.user):
        return True
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    records = get_authentication_records(request, caller.user)
    latest = max((float(record["at"]) for record in records), default=0.0)
    return time.time() - latest < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
