"""Time-based codes that work once.

allauth remembers a used code in the cache for one period, which is too short when clocks may
differ by a step. Here the counter of the last accepted code stands in the authenticator's row, and
only a later one is good.
"""

import hmac
import time
from typing import Any

import pyotp
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import decrypt
from django.db import transaction

PERIOD_S = 30
STEPS_OFF = 1  # how far a phone's clock may be off, in periods
_LAST = "last_counter"


def install() -> None:
    """Make this the check of every code. allauth has no setting for it."""
    TOTP.validate_code = _validate_code


def counter_used(authenticator: Authenticator) -> None:
    """Count the code that proved the set-up as used."""
    authenticator.data[_LAST] = _counter_now()
    authenticator.save(update_fields=["data"])


def _counter_now() -> int:
    return int(time.time()) // PERIOD_S


def _validate_code(totp: Any, code: str) -> bool:
    """Holds the authenticator's row lock, so that one code cannot be good twice at once."""
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=totp.instance.pk)
        counter = _matching_counter(decrypt(row.data["secret"]), code.replace(" ", ""))
        if counter is None or counter <= row.data.get(_LAST, -1):
            return False
        row.data[_LAST] = counter
        row.save(update_fields=["data"])
    totp.instance = row
    return True


def _matching_counter(secret: str, code: str) -> int | None:
    generator, now = pyotp.HOTP(secret), _counter_now()
    found = None
    for counter in range(now - STEPS_OFF, now + STEPS_OFF + 1):  # all of them: equal time
        if hmac.compare_digest(generator.at(counter).encode(), code.encode()):
            found = counter
    return found
