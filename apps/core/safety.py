"""Settings that would leave the doors open stop the start, each with a sentence that says why.

`manage.py` runs these checks before a command; `refuse_unsafe_start` runs them for the servers and
workers, which run no checks of their own.
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register, run_checks
from django.core.exceptions import ImproperlyConfigured

SHORTEST_SECRET_KEY = 32
FEWEST_CHARACTERS = 5  # different ones in it, as Django's own check has it
_OUR_ERRORS = "djinnbot."


def refuse_unsafe_start() -> None:
    """Raises ImproperlyConfigured with every error that a check of ours finds."""
    found = [
        message
        for message in run_checks(tags=[Tags.security])
        if message.is_serious() and str(message.id).startswith(_OUR_ERRORS)
    ]
    if found:
        told = "\n".join(f"  {message.id}: {message.msg} {message.hint or ''}" for message in found)
        raise ImproperlyConfigured(f"This start is refused:\n{told}")


@register(Tags.security)
def settings_are_safe(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    return [*_secret_key(), *_encryption_keys(), *_debug(), *_hosts(), *_origins()]


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _secret_key() -> Iterator[Error]:
    key = str(settings.SECRET_KEY)
    if len(key) < SHORTEST_SECRET_KEY or len(set(key)) < FEWEST_CHARACTERS:
        yield Error(
            f"SECRET_KEY can be guessed: it has fewer than {SHORTEST_SECRET_KEY} characters, or"
            " nearly equal ones.",
            hint="Leave it out (one is made and kept), or make one: openssl rand -base64 48.",
            id="djinnbot.E002",
        )


def _encryption_keys() -> Iterator[Error]:
    keys = list(settings.ENCRYPTION_KEYS)
    if not keys or any(not _is_key(key) for key in keys):
        yield Error(
            "SECRET_ENCRYPTION_KEY must be one or more keys of 64 hex digits.",
            hint="Make one: openssl rand -hex 32. Several stand with commas between.",
            id="djinnbot.E003",
        )


def _is_key(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == 32 and len(set(text)) > 1
    except ValueError:
        return False


def _debug() -> Iterator[Error]:
    if settings.DEBUG and not is_loopback(settings.BIND_HOST):
        yield Error(
            "DEBUG shows settings and source to whoever meets an error, and others could.",
            hint="Set DEBUG=false, or BIND_HOST=127.0.0.1.",
            id="djinnbot.E004",
        )


def _hosts() -> Iterator[Error]:
    if any(host.strip() in {"*", ".", ""} for host in settings.ALLOWED_HOSTS):
        yield Error(
            "ALLOWED_HOSTS lets any name in, so links in mails could lead to other sites.",
            hint="Name the hosts people use: ALLOWED_HOSTS=djinnbot.example.org.",
            id="djinnbot.E005",
        )


def _origins() -> Iterator[Error]:
    """The sites that may send a person's cookie with a change."""
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        scheme, _, host = origin.partition("://")
        safe = scheme == "https" or is_loopback(host.rpartition(":")[0] or host)
        if "*" in origin or not safe:
            yield Error(
                f"CSRF_TRUSTED_ORIGINS trusts {origin}, which others could speak for.",
                hint="Name each site, with https://.",
                id="djinnbot.E006",
            )
