"""Mails that let somebody in, and what people want to have of their own.

A mail server that is busy is asked again, for some minutes.
"""

from typing import Any

from celery import shared_task

from apps.accounts.mails import invite_mail_send, reset_mail_send, waitlist_mail_send
from apps.accounts.services.personal import export_make
from apps.core.dispatch import TaskName
from apps.core.errors import TransientError

# A mail server that is away is tried again: the first pause is five seconds, each is twice the one
# before, and none outlasts a minute.
_AGAIN: dict[str, Any] = {
    "autoretry_for": (TransientError,),
    "retry_backoff": 5,
    "retry_backoff_max": 60,
    "max_retries": 6,
    "throws": (TransientError,),
}


@shared_task(name=TaskName.MAIL_RESET, **_AGAIN)
def mail_reset(user_id: str, *_: object, **__: object) -> None:
    reset_mail_send(user_id)


@shared_task(name=TaskName.MAIL_INVITE, **_AGAIN)
def mail_invite(entry_id: str, by_id: str, *_: object, **__: object) -> None:
    invite_mail_send(entry_id, by_id)


@shared_task(name=TaskName.MAIL_CONFIRM, **_AGAIN)
def mail_confirm(entry_id: str, *_: object, **__: object) -> None:
    waitlist_mail_send(entry_id)


@shared_task(name=TaskName.EXPORT_USER)
def export_user(export_id: str, *_: object, **__: object) -> None:
    export_make(export_id)
