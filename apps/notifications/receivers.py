"""What accounts tell their people."""

from typing import Any

from django.dispatch import receiver

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.signin.notices import account_notice
from apps.notifications.services import notify

_LINK = "/profile/security"


@receiver(account_notice, dispatch_uid="notifications.account")
def account_told(
    sender: Any, user: User | None, kind: str, facts: dict[str, Any], **_: Any
) -> None:
    body = "\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items() if value)
    if user is None:
        link = "/admin/waitlist"
        notify(kind=f"account.{kind}", role=Role.ADMIN, body=body, link=link, dedupe_key=kind)
    else:
        about = ("user", user.pk)
        notify(kind=f"account.{kind}", user=user, body=body, link=_LINK, about=about)
