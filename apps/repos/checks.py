"""What is wrong with the settings of repositories."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from apps.core.hosts import HostPattern


@register(Tags.security)
def git_hosts_can_be_read(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    problems = []
    for text in settings.GIT_PRIVATE_HOSTS:
        try:
            HostPattern.parse(text)
        except ValueError as exc:
            problems.append(f"DJINNBOT_GIT_PRIVATE_HOSTS: {text!r} {exc}.")
    return [Error(problem, id="djinnbot.E008") for problem in problems]
