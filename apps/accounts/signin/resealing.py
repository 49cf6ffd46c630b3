"""Second factors are sealed inside allauth's JSON column: `rotate_keys` asks here for them."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt, encrypt
from django.db import transaction

from apps.core.crypto import RESEALERS, is_current

_SEALED = ("secret", "seed")


def reseal_second_factors() -> int:
    done = 0
    for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().filter(pk=pk).first()
            if row is not None and _reseal(row):
                done += 1
    return done


def _reseal(row: Any) -> bool:
    old = [name for name in _SEALED if name in row.data and not is_current(row.data[name])]
    for name in old:
        row.data[name] = encrypt(decrypt(row.data[name]))
    if old:
        row.save(update_fields=["data"])
    return bool(old)


RESEALERS.append(reseal_second_factors)
