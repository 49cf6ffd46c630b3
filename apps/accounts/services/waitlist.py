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
    made = WaitlistEntry.objects.bulk_create(
        [WaitlistEntry(email=address, note=note)], ignore_conflicts=True
    )
    if WaitlistEntry.objects.filter(pk=made[0].pk).exists():
        facts = {"email": address}
        account_notice.send(sender=WaitlistEntry, user=None, kind="waitlist", facts=facts)


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
    row = WaitlistEntry.objects.select_for_update().filter(pk=entry_id).first()
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
