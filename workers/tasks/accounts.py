"""Mails that let somebody in. A server that is busy is asked again, for some minutes."""

from celery import shared_task

from apps.accounts.mails import invite_mail_send, reset_mail_send, waitlist_mail_send
from apps.core.dispatch import TaskName
from apps.core.errors import TransientError

_PAUSE_S = 5  # the first; each is twice the one before, and none outlasts a minute
_LONGEST_S = 60
_TRIES = 6


@shared_task(
    name=TaskName.MAIL_RESET,
    autoretry_for=(TransientError,),
    retry_backoff=_PAUSE_S,
    retry_backoff_max=_LONGEST_S,
    max_retries=_TRIES,
    throws=(TransientError,),
)
def mail_reset(user_id: str, *_: object, **__: object) -> None:
    reset_mail_send(user_id)


@shared_task(
    name=TaskName.MAIL_INVITE,
    autoretry_for=(TransientError,),
    retry_backoff=_PAUSE_S,
    retry_backoff_max=_LONGEST_S,
    max_retries=_TRIES,
    throws=(TransientError,),
)
def mail_invite(entry_id: str, by_id: str, *_: object, **__: object) -> None:
    invite_mail_send(entry_id, by_id)


@shared_task(
    name=TaskName.MAIL_CONFIRM,
    autoretry_for=(TransientError,),
    retry_backoff=_PAUSE_S,
    retry_backoff_max=_LONGEST_S,
    max_retries=_TRIES,
    throws=(TransientError,),
)
def mail_confirm(entry_id: str, *_: object, **__: object) -> None:
    waitlist_mail_send(entry_id)
