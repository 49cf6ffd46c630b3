"""What follows from signing in and out, and from changes of how one signs in."""

import hashlib
from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set, user_logged_in
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver
from django.http import HttpRequest

from apps.accounts.audit import audit
from apps.accounts.models import User
from apps.accounts.models.audit import AuditEvent
from apps.accounts.origin import actor_is, current_origin
from apps.accounts.signin import totp
from apps.accounts.signin.notices import account_notice
from apps.core.live.access import access_changed

_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


@receiver(user_logged_in, dispatch_uid="accounts.signed_in")
def signed_in(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    actor_is(user)
    audit("session.start", user)
    origin = current_origin()
    before = UserSession.objects.filter(user=user).exclude(session_key=request.session.session_key)
    known = before.filter(user_agent=origin.user_agent).exists()
    if before.exists() and not known:
        facts = {"ip": origin.ip or "", "user_agent": origin.user_agent}
        account_notice.send(sender=User, user=user, kind="new_device", facts=facts)


@receiver(user_logged_out, dispatch_uid="accounts.signed_out")
def signed_out(sender: Any, user: User | None, **_: Any) -> None:
    if user is not None:
        actor_is(user)
        audit("session.end", user)
        access_changed()


@receiver(user_login_failed, dispatch_uid="accounts.refused")
def refused(sender: Any, credentials: dict[str, Any], **_: Any) -> None:
    """Of the name only a hash: people type passwords into the wrong field."""
    name = str(credentials.get("email") or credentials.get("username") or "").strip().lower()
    short = hashlib.sha256(name.encode()).hexdigest()[:16]
    audit("session.refused", facts={"name_sha256": short}, result=AuditEvent.Result.REFUSED)


@receiver(pre_save, sender=Authenticator, dispatch_uid="accounts.recovery_code")
def recovery_code_used(sender: Any, instance: Authenticator, **_: Any) -> None:
    """A code more is marked as used than a moment ago."""
    if instance.type != Authenticator.Type.RECOVERY_CODES or instance.pk is None:
        return
    before = Authenticator.objects.filter(pk=instance.pk).values_list("data", flat=True).first()
    used = int(instance.data.get("used_mask", 0)).bit_count()
    if before is None or used <= int(before.get("used_mask", 0)).bit_count():
        return
    user = User.objects.get(pk=instance.user_id)
    left = {"codes_left": mfa_settings.RECOVERY_CODE_COUNT - used}
    audit("second_factor.recovery_code", user, left)
    facts = {**left, "ip": current_origin().ip or ""}
    account_notice.send(sender=User, user=user, kind="recovery_code", facts=facts)


@receiver(post_save, sender=Authenticator, dispatch_uid="accounts.factor_added")
def factor_added(sender: Any, instance: Authenticator, created: bool, **_: Any) -> None:
    """In the transaction that adds it: allauth's own signal comes after that, or never."""
    if not created:
        return
    if instance.type == Authenticator.Type.TOTP:
        totp.counter_used(instance)
    _factors_changed("added", instance)


@receiver(post_delete, sender=Authenticator, dispatch_uid="accounts.factor_removed")
def factor_removed(sender: Any, instance: Authenticator, **_: Any) -> None:
    _factors_changed("removed", instance)


def _factors_changed(what: str, authenticator: Authenticator) -> None:
    user = User.objects.filter(pk=authenticator.user_id).first()
    if user is None:  # it goes with its user
        return
    user.has_second_factor = Authenticator.objects.filter(user=user, type__in=_FACTORS).exists()
    user.save(update_fields=["has_second_factor"])
    facts = {"factor": str(authenticator.type), "what": what}
    audit("second_factor.change", user, facts)
    account_notice.send(sender=User, user=user, kind="second_factor", facts=facts)


@receiver([password_changed, password_reset, password_set], dispatch_uid="accounts.password")
def password_is_new(sender: Any, user: User, **_: Any) -> None:
    if user.must_change_password:
        User.objects.filter(pk=user.pk).update(must_change_password=False)
    audit("password.change", user)
    account_notice.send(sender=User, user=user, kind="password", facts={})
