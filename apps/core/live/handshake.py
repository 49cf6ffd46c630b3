"""Who opens a websocket: the same authentication as the API's, plus one-time tickets."""

from dataclasses import replace
from io import BytesIO
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http.request import split_domain_port, validate_host
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.settings import api_settings

from apps.core.api.callers import Caller, caller_of, user_of_browser_session


def stream_authenticators() -> list[BaseAuthentication]:
    """Tickets first: they are what a client shows that can show nothing else."""
    extra = [import_string(name)() for name in settings.STREAM_AUTHENTICATION_CLASSES]
    usual = cast(list[type[BaseAuthentication]], api_settings.DEFAULT_AUTHENTICATION_CLASSES)
    return [*extra, *(kind() for kind in usual)]


def handshake_caller(scope: dict[str, Any]) -> Caller | None:
    """The caller of a websocket handshake, from a ticket, a header or the session cookie.

    None refuses it: nobody known, a bad credential, or a cookie that another site's page sent.
    Asks the database.
    """
    http = ASGIRequest({**scope, "method": "GET", "type": "http"}, BytesIO())
    key = http.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    user = user_of_browser_session(key) if key else None
    if user is not None:
        http.user = user
    request = Request(http, authenticators=stream_authenticators())
    try:
        caller = caller_of(request)
    except APIException:
        return None
    if not caller.is_known:
        return None
    if caller.credential is None:
        if not same_origin(http):
            return None
        return replace(caller, browser_session=key)
    return caller


def same_origin(request: ASGIRequest) -> bool:
    """Whether a page of ours opened it. A cookie alone proves nothing: any site's page sends it."""
    origin = request.headers.get("Origin", "")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    host = request.headers.get("Host", "").lower()
    domain, _ = split_domain_port(host)
    allowed = settings.ALLOWED_HOSTS or [".localhost", "127.0.0.1", "[::1]"]
    return bool(host) and urlsplit(origin).netloc.lower() == host and validate_host(domain, allowed)
