"""The waitlist: asking to be let in, and letting in."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts.audit import audit
from apps.accounts.links import invite_link
from apps.accounts.models import User, WaitlistEntry
from apps.accounts.roles import Role
from apps.accounts.services.invites import invite_create
from apps.accounts.services.users import checked_email
from apps.accounts.signin.notices import account_notice
from apps.accounts.tokens import digest, new_token
from apps.core.dispatch import TaskName, enqueue
from apps.core.errors import Conflict, Forbidden, NotFound

RESEND_AFTER = timedelta(hours=1)


@transaction.atomic
def waitlist_join(*, email: str, note: str = "") -> None:
    """Put an address on the list. One that is there, or has an account, changes nothing: who asks
    cannot tell. Raises Forbidden when there is no list, Invalid for no address."""
    if not settings.WAITLIST_OPEN:
        raise Forbidden("This instance has no waitlist.", code="waitlist_closed")
    address = checked_email(email)
    if User.objects.filter(email__iexact=address).exists():
        return
    by_mail = bool(settings.WAITLIST_CONFIRM and settings.EMAIL_HOST)
    made = WaitlistEntry.objects.bulk_create(
        [WaitlistEntry(email=address, note=note, is_confirmed=not by_mail)], ignore_conflicts=True
    )
    if by_mail:
        waiting = WaitlistEntry.objects.filter(email__iexact=address, is_confirmed=False)
        for entry_id in waiting.values_list("pk", flat=True):
            enqueue(TaskName.MAIL_CONFIRM, entry_id)
    elif WaitlistEntry.objects.filter(pk=made[0].pk).exists():
        _told(address)


def _told(address: str) -> None:
    facts = {"email": address}
    account_notice.send(sender=WaitlistEntry, user=None, kind="waitlist", facts=facts)


def waitlist_confirm_token(entry_id: str) -> tuple[str, str] | None:
    """An entry's address, and a fresh token that confirms it; an older one ends. None: there is no
    such entry that waits for it."""
    waiting = WaitlistEntry.objects.filter(pk=entry_id, is_confirmed=False)
    token = new_token()
    if not waiting.update(confirm_sha256=digest(token)):
        return None
    return waiting.values_list("email", flat=True)[0], token


@transaction.atomic
def waitlist_confirm(token: str) -> bool:
    """Whether the token was good: the entry is on the list from now on."""
    waiting = WaitlistEntry.objects.select_for_update().filter(
        confirm_sha256=digest(token), is_confirmed=False
    )
    row = waiting.first()
    if row is None:
        return False
    WaitlistEntry.objects.filter(pk=row.pk).update(is_confirmed=True, confirm_sha256="")
    _told(row.email)
    return True


def waitlist_entry_get(entry_id: str) -> WaitlistEntry:
    """Raises NotFound."""
    found = WaitlistEntry.objects.filter(pk=entry_id).first()
    if found is None:
        raise NotFound("There is no such entry.")
    return found


@transaction.atomic
def waitlist_invite(entry_id: str, *, by: User) -> tuple[WaitlistEntry, str]:
    """Invite somebody of the list. The link goes by mail; without a mail server it is given back,
    for the administrator to send. Raises Conflict within an hour of the last mail."""
    row = WaitlistEntry.objects.select_for_update().filter(pk=entry_id, is_confirmed=True).first()
    if row is None:
        raise NotFound("There is no such entry.")
    if row.registered_at is not None:
        raise Conflict("They have an account.", code="already_exists")
    lately = row.invited_at is not None and timezone.now() - row.invited_at < RESEND_AFTER
    if lately and settings.EMAIL_HOST and not row.mail_error:
        raise Conflict("They were sent an invite within the last hour.", code="sent_lately")
    link = ""
    if settings.EMAIL_HOST:
        enqueue(TaskName.MAIL_INVITE, row.pk, by.pk)
    else:
        row.invite, token = invite_create(email=row.email, role=Role.MEMBER, by=by)
        link = invite_link(token)
    row.invited_at, row.mail_error = timezone.now(), ""
    row.save(update_fields=["invite", "invited_at", "mail_error"])
    return row, link


@transaction.atomic
def waitlist_delete(entry_id: str) -> None:
    row = waitlist_entry_get(entry_id)
    audit("waitlist.delete", row, {"email": row.email})
    row.delete()
