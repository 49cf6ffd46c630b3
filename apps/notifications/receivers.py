"""What accounts and secrets tell their people."""

from typing import Any

from django.dispatch import receiver

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.signin.notices import account_notice
from apps.notifications.services import notify
from apps.secrets.models import Secret
from apps.secrets.notices import secret_notice

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


@receiver(secret_notice, dispatch_uid="notifications.secret")
def secret_told(sender: Any, secret: Secret, kind: str, **_: Any) -> None:
    """Its owner; administrators, when it is the instance's or a project's."""
    when = secret.expires_at if kind == "expires" else secret.rotate_after
    notify(
        kind=f"secret.{kind}",
        user=secret.user,
        role="" if secret.user else Role.ADMIN,
        body=f"{secret.name} ({secret.env_key}), {when:%Y-%m-%d}" if when else secret.name,
        link="/settings/secrets",
        about=("secret", secret.pk),
    )
