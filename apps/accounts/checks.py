"""What is wrong only together."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from apps.core.safety import is_loopback


@register(Tags.security)
def auth_is_on(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Authentication may be off only where nobody else can reach it, and only for development."""
    if settings.AUTH_ENABLED or (settings.DEBUG and is_loopback(settings.BIND_HOST)):
        return []
    return [
        Error(
            "AUTH_ENABLED is false, but others could reach this instance.",
            hint="Set AUTH_ENABLED=true, or DEBUG settings and BIND_HOST=127.0.0.1.",
            id="djinnbot.E001",
        )
    ]


@register(Tags.security)
def local_login_is_known(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    if settings.LOCAL_LOGIN in {"all", "owner_only"}:
        return []
    hint = "Set DJINNBOT_LOCAL_LOGIN to all or owner_only."
    return [Error("DJINNBOT_LOCAL_LOGIN has no such value.", hint=hint, id="djinnbot.E007")]
