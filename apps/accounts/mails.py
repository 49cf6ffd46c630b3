"""Mails that let somebody in. Their links are made where they are sent, by a worker: no message of
the broker holds one."""

from smtplib import SMTPException

from allauth.account import app_settings
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from apps.accounts.links import invite_link, reset_link, waitlist_link
from apps.accounts.models import User, WaitlistEntry
from apps.accounts.origin import acting_as
from apps.accounts.roles import Role
from apps.accounts.services.invites import invite_create
from apps.accounts.services.waitlist import waitlist_confirm_token
from apps.core.errors import TransientError, UserError


def reset_mail_send(user_id: str) -> None:
    """Its link works once, for an hour. Raises TransientError when no mail server took it."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not user.email:
        return
    token = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    link = reset_link(f"{user_pk_to_url_str(user)}-{token}")
    _send(
        user.email,
        "Choose a new password",
        f"Somebody, hopefully you, asked for a new password of this account.\n\n{link}\n\n"
        "The link works once, for an hour. Otherwise do nothing: the old password stays.",
    )


def invite_mail_send(entry_id: str, by_id: str) -> None:
    """Make the invite of an entry of the waitlist, and mail it. What went wrong stands in the
    entry. Raises TransientError when the mail server did not take it."""
    row = WaitlistEntry.objects.filter(pk=entry_id, registered_at=None).first()
    by = User.objects.filter(pk=by_id, is_active=True).first()
    if row is None or by is None:
        return
    try:
        with transaction.atomic(), acting_as("task", "invite_mail"):
            invite, token = invite_create(email=row.email, role=Role.MEMBER, by=by)
            _send(
                row.email,
                "You are invited",
                f"You may make your account now:\n\n{invite_link(token)}\n\n"
                "The link works once, for seven days.",
            )
    except (UserError, TransientError) as exc:
        WaitlistEntry.objects.filter(pk=row.pk).update(mail_error=exc.message[:200])
        if isinstance(exc, TransientError):
            raise
        return
    WaitlistEntry.objects.filter(pk=row.pk).update(mail_error="", invite=invite)


def waitlist_mail_send(entry_id: str) -> None:
    """Its link puts the address on the waitlist. Raises TransientError when no mail server took
    it."""
    made = waitlist_confirm_token(entry_id)
    if made is None:
        return
    address, token = made
    _send(
        address,
        "Confirm your address",
        f"Somebody, hopefully you, asked to be let in with this address.\n\n{waitlist_link(token)}"
        "\n\nThe link works once, for seven days. Otherwise do nothing, and it is forgotten.",
    )


def _send(address: str, subject: str, body: str) -> None:
    if not settings.EMAIL_HOST:
        return
    message = EmailMessage(subject=f"[DjinnBot] {subject}", body=body, to=[address])
    try:
        message.send()
    except (SMTPException, OSError) as exc:
        raise TransientError(f"The mail server did not take it: {type(exc).__name__}.") from exc
