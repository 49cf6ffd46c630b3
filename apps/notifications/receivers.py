"""What accounts tell their people."""

from typing import Any

from django.dispatch import receiver

from apps.accounts.models import User
from apps.accounts.signin.notices import account_notice
from apps.notifications.services import notify

_LINK = "/settings/security"


@receiver(account_notice, dispatch_uid="notifications.account")
def account_told(sender: Any, user: User, kind: str, facts: dict[str, Any], **_: Any) -> None:
    body = "\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items() if value)
    notify(kind=f"account.{kind}", user=user, body=body, link=_LINK, about=("user", user.pk))
