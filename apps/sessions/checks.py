"""What is wrong with the settings of the network."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from apps.agents.config import EGRESS_MODES
from apps.core.addresses import networks_of
from apps.core.hosts import HostPattern


@register(Tags.security)
def egress_can_be_read(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    problems = [
        *_mode(),
        *(_pattern(text) for text in settings.EGRESS_ALLOW),
        *_networks(),
    ]
    return [Error(problem, id="djinnbot.E003") for problem in problems if problem]


def _mode() -> list[str]:
    known = settings.EGRESS in EGRESS_MODES
    return [] if known else [f"DJINNBOT_EGRESS must be one of {', '.join(EGRESS_MODES)}."]


def _pattern(text: str) -> str:
    try:
        HostPattern.parse(text)
    except ValueError as exc:
        return f"DJINNBOT_EGRESS_ALLOW: {text!r} {exc}."
    return ""


def _networks() -> list[str]:
    try:
        networks_of(settings.EGRESS_PRIVATE)
    except ValueError as exc:
        return [f"DJINNBOT_EGRESS_PRIVATE: {exc}. Name networks such as 10.20.0.0/16."]
    return []
