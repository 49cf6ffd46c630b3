"""Invites: a link, for one address, for seven days, once."""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower, Now
from django.utils import timezone

from apps.accounts.audit import audit
from apps.accounts.models import Invite, User
from apps.accounts.roles import Role, outranks
from apps.accounts.services.users import checked_email, user_create
from apps.accounts.tokens import digest, new_token
from apps.core.errors import Conflict, Forbidden, Gone, Invalid, NotFound

INVITE_TTL = timedelta(days=7)


@transaction.atomic
def invite_create(*, email: str, role: str, by: User | None) -> tuple[Invite, str]:
    """An invite and its token. An older open invite of the same address ends.

    Raises Conflict when the address has an account, Forbidden for a role above one's own.
    """
    address = checked_email(email)
    if role not in Role.values:
        raise Invalid(f"“{role}” is no role.", known=Role.values)
    if by is not None and not outranks(by.role, role):
        raise Forbidden(f"You may not give the role “{role}”.")
    if User.objects.filter(email__iexact=address).exists():
        raise Conflict("This address has an account already.", code="already_exists")
    _open_for(address).delete()
    token = new_token()
    invite = Invite.objects.create(
        email=address,
        role=role,
        token_sha256=digest(token),
        created_by=by,
        expires_at=timezone.now() + INVITE_TTL,
    )
    audit("invite.create", invite, {"email": address, "role": role})
    return invite, token


def _open_for(email: str) -> QuerySet[Invite]:
    return Invite.objects.annotate(address=Lower("email")).filter(
        address=email.lower(), accepted_at=None
    )


@transaction.atomic
def invite_accept(*, token: str, password: str, display_name: str = "") -> User:
    """Make the account. Raises Gone when the link is used, too old or unknown, Invalid for a
    password that will not do (the link still works then)."""
    invite = (
        Invite.objects.select_for_update()
        .filter(token_sha256=digest(token), accepted_at=None, expires_at__gt=Now())
        .first()
    )
    if invite is None:
        raise Gone("This invite was used, is too old, or never was.", code="invite_gone")
    user = user_create(
        email=invite.email, role=invite.role, by=None, password=password, display_name=display_name
    )
    Invite.objects.filter(pk=invite.pk).update(accepted_at=Now(), accepted_by=user)
    audit("invite.accept", invite, {"user": user.pk})
    return user


@transaction.atomic
def invite_delete(invite_id: str) -> None:
    """Take an open invite back. Raises NotFound."""
    invite = Invite.objects.filter(pk=invite_id, accepted_at=None).first()
    if invite is None:
        raise NotFound("There is no such open invite.")
    audit("invite.delete", invite, {"email": invite.email})
    invite.delete()
