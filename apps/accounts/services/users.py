"""People and programs: made, changed, sent away. The last owner stays."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import get_random_string

from apps.accounts.audit import audit
from apps.accounts.models import ApiKey, SessionToken, StreamTicket, User, WaitlistEntry
from apps.accounts.models.audit import AuditEvent
from apps.accounts.roles import Role, outranks
from apps.accounts.sessions import browser_sessions_end
from apps.core.errors import Conflict, Forbidden, Invalid
from apps.core.live.access import access_changed

PROFILE_FIELDS = frozenset({"display_name", "locale", "timezone", "preferences"})
PREFERENCES_MOST = 16_000  # bytes of JSON
AWAY_AFTER = timedelta(minutes=30)  # who was not seen for so long has been away


@transaction.atomic
def user_create(
    *,
    email: str,
    role: str,
    by: User | None,
    password: str | None = None,
    display_name: str = "",
    must_change_password: bool = False,
) -> User:
    """A person. Without a password only an identity provider or a reset link lets them in.

    Raises Invalid for an address or a password that will not do, Conflict when the address is
    taken, Forbidden when the role is above that of `by`.
    """
    _may_give(by, role)
    address = checked_email(email)
    user = User(
        username=username_for(address),
        email=address,
        role=role,
        display_name=display_name,
        must_change_password=must_change_password,
    )
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(checked_password(password, user))
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise Conflict("This address has an account already.", code="already_exists") from None
    email_confirmed_set(user)
    waitlist_leave(user)
    audit("user.create", user, {"role": role})
    return user


def waitlist_leave(user: User) -> None:
    """Who waited for this account has it now."""
    waiting = WaitlistEntry.objects.filter(email__iexact=user.email, registered_at=None)
    waiting.update(registered_at=Now())


def checked_email(email: str) -> str:
    address = email.strip()
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid(f"“{address[:100]}” is no e-mail address.") from None
    return address


def checked_password(password: str, user: User) -> str:
    try:
        validate_password(password, user)
    except ValidationError as exc:
        raise Invalid(" ".join(exc.messages), code="weak_password") from None
    return password


def email_confirmed_set(user: User) -> None:
    """The user's address counts as confirmed: whoever made the account vouches for it."""
    EmailAddress.objects.filter(user=user, primary=True).exclude(email=user.email).delete()
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )


def username_for(email: str) -> str:
    """Nobody types it; it only has to be unique and readable in Django's admin."""
    taken = User.objects.filter(username=email).exists()
    return f"{email[:140]}-{get_random_string(8)}" if taken else email[:150]


@transaction.atomic
def profile_change(user: User, changes: Mapping[str, Any]) -> User:
    """What a person may say of themselves."""
    unknown = sorted(set(changes) - PROFILE_FIELDS)
    if unknown:
        raise Invalid(f"Not yours to change: {', '.join(unknown)}.")
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    for name, value in changes.items():
        new = _preferences(locked.preferences, value) if name == "preferences" else value
        setattr(user, name, new)
    user.save(update_fields=list(changes))
    return user


def _preferences(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The old ones with the changed ones in their places; null takes one away."""
    merged = {**before, **changes}
    kept = {name: value for name, value in merged.items() if value is not None}
    if len(orjson.dumps(kept)) > PREFERENCES_MOST:
        raise Invalid("That is more than preferences may hold.", code="too_large")
    return kept


@transaction.atomic
def visit(user: User, *, seen: bool = False) -> datetime | None:
    """The user is here now. Says since when things are new to them: since they were last here
    before they were away. `seen`: they have looked at what was new. None: this is the first time.
    """
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    now = timezone.now()
    if seen:
        locked.seen_until = now
    elif locked.here_at is not None and now - locked.here_at > AWAY_AFTER:
        locked.seen_until = locked.here_at
    locked.here_at = now
    locked.save(update_fields=["here_at", "seen_until"])
    return locked.seen_until


@transaction.atomic
def user_set_role(user: User, role: str, *, by: User | None) -> User:
    """Raises Forbidden above one's own role and for oneself, Conflict for the last owner."""
    _may_give(by, role)
    locked = locked_for_change(user, by)
    if locked.role == role:
        return locked
    if locked.role == Role.OWNER:
        not_the_last_owner(locked)
    before, locked.role = locked.role, role
    locked.save(update_fields=["role"])
    audit("user.role", locked, {"before": before, "after": role})
    access_changed()
    return locked


@transaction.atomic
def user_deactivate(user: User, *, by: User | None) -> User:
    """End all that lets this user in: sessions, keys, tickets, the tokens of their agents."""
    locked = locked_for_change(user, by)
    if locked.role == Role.OWNER:
        not_the_last_owner(locked)
    locked.is_active = False
    locked.save(update_fields=["is_active"])
    User.objects.filter(pk=locked.pk).update(deactivated_at=Now())
    access_end(locked)
    audit("user.deactivate", locked)
    return locked


@transaction.atomic
def user_reactivate(user: User, *, by: User | None) -> User:
    """Let a user in again. Their old keys stay ended."""
    locked = locked_for_change(user, by)
    locked.is_active = True
    locked.deactivated_at = None
    locked.save(update_fields=["is_active", "deactivated_at"])
    audit("user.reactivate", locked)
    return locked


def access_end(user: User) -> None:
    """Everything that stands for a user stops working. Streams notice within five seconds."""
    browser_sessions_end(user)
    ApiKey.objects.filter(user=user, revoked=False).update(revoked=True, revoked_at=Now())
    SessionToken.objects.filter(user=user, revoked_at=None).update(revoked_at=Now())
    StreamTicket.objects.filter(user=user, used_at=None).update(used_at=Now())
    access_changed()


@transaction.atomic
def second_factor_reset(user: User, *, by: User | None) -> None:
    """Take away a user's second factors, for who has lost them. They are told."""
    locked = locked_for_change(user, by)
    Authenticator.objects.filter(user=locked).delete()
    audit("user.second_factor_reset", locked)


def locked_for_change(user: User, by: User | None) -> User:
    """The row, locked together with those of all owners, in one order: two owners who send each
    other away meet here. `by` is None for a command on the server: that may do all."""
    rows = User.objects.filter(Q(pk=user.pk) | Q(role=Role.OWNER)).order_by("pk")
    locked = {row.pk: row for row in rows.select_for_update()}[user.pk]
    if by is not None and by.pk == locked.pk:
        raise Forbidden("Not on your own account: ask another administrator.")
    if by is not None and not outranks(by.role, locked.role):
        audit("user.change", locked, result=AuditEvent.Result.REFUSED)
        raise Forbidden("This account may do more than yours.")
    return locked


def _may_give(by: User | None, role: str) -> None:
    if role not in Role.values:
        raise Invalid(f"“{role}” is no role.", known=Role.values)
    if by is not None and not outranks(by.role, role):
        raise Forbidden(f"You may not give the role “{role}”.")


def not_the_last_owner(user: User) -> None:
    owners = User.objects.filter(role=Role.OWNER, is_active=True, kind=User.Kind.PERSON)
    if not owners.exclude(pk=user.pk).exists():
        raise Conflict("The last owner stays: make another owner first.", code="last_owner")
