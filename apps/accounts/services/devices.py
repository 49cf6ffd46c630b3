"""Programs that are let in from a browser: the device grant of RFC 8628, with us in both parts.

The person signs in there as they always do, by an identity provider, a passkey or a password, so
whatever holds for that holds for the program too.
"""

import secrets
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.audit import audit
from apps.accounts.models import DeviceSignIn, User
from apps.accounts.models.audit import AuditEvent
from apps.accounts.origin import current_origin
from apps.accounts.tokens import digest, new_token
from apps.core.errors import Malformed, NotFound

DEVICE_TTL: Final = timedelta(minutes=10)
POLL_S: Final = 5
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words; none that looks like a digit
_LENGTH = 8


def device_begin(*, name: str) -> tuple[DeviceSignIn, str]:
    """The row and the program's secret, which is given out this once."""
    secret = new_token()
    row = DeviceSignIn.objects.create(
        device_sha256=digest(secret),
        user_code="".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)),
        name=name,
        ip=current_origin().ip,
        expires_at=timezone.now() + DEVICE_TTL,
    )
    return row, secret


def shown_code(code: str) -> str:
    return f"{code[:4]}-{code[4:]}"


def device_waiting(code: str) -> DeviceSignIn:
    """The program that shows this code, however it was typed. Raises NotFound."""
    typed = "".join(letter for letter in code.upper() if letter in _LETTERS)
    found = DeviceSignIn.objects.filter(
        user_code=typed, user=None, refused_at=None, expires_at__gt=Now()
    ).first()
    if found is None:
        raise NotFound("No program waits with this code, or not any more.", code="device_unknown")
    return found


@transaction.atomic
def device_decide(code: str, *, by: User, allow: bool) -> None:
    """Let the program in as `by`, or send it away. Of two decisions the first counts."""
    row = device_waiting(code)
    waiting = DeviceSignIn.objects.filter(pk=row.pk, user=None, refused_at=None)
    if not waiting.update(**({"user": by} if allow else {"refused_at": Now()})):
        raise NotFound("This program was answered already.", code="device_unknown")
    result = AuditEvent.Result.OK if allow else AuditEvent.Result.REFUSED
    audit("device.decide", by, {"name": row.name, "ip": row.ip or ""}, result=result)


def device_use(secret: str) -> User:
    """Who let the program in, once. Raises Malformed with the codes of RFC 8628."""
    row = DeviceSignIn.objects.filter(device_sha256=digest(secret)).first()
    now = timezone.now()
    if row is None or row.expires_at <= now or row.used_at is not None:
        raise Malformed("This sign-in is over: begin again.", code="expired_token")
    if row.refused_at is not None:
        raise Malformed("You were not let in.", code="access_denied")
    if row.user_id is None:
        too_soon = row.asked_at is not None and (now - row.asked_at).total_seconds() < POLL_S - 1
        DeviceSignIn.objects.filter(pk=row.pk).update(asked_at=Now())
        if too_soon:
            raise Malformed("Ask less often.", code="slow_down", interval=POLL_S)
        raise Malformed("Nobody has answered yet.", code="authorization_pending", interval=POLL_S)
    mine = DeviceSignIn.objects.filter(pk=row.pk, used_at=None, user__is_active=True)
    user = User.objects.filter(pk=row.user_id).first()
    if not mine.update(used_at=Now()) or user is None:
        raise Malformed("This sign-in is over: begin again.", code="expired_token")
    return user
