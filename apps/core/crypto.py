"""Secrets at rest: AES-256-GCM, a key ring, and text that fits in one place only.

    v1:<key id>:<base64 of nonce (12 bytes), ciphertext, tag (16 bytes)>

The associated data names table, row and column, so a value copied to another row does not open.
The first key of `settings.ENCRYPTION_KEYS` seals, every key opens; `manage.py rotate_keys` seals
all anew with the first, after which the old ones may go.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models

from apps.core.errors import AppError
from apps.core.log_masking import secrets_known

_VERSION = "v1"
_NONCE_BYTES = 12


# What `rotate_keys` calls beside walking all `SealedField`s: for sealed text inside other columns.
# Each seals its rows anew and gives back how many it did.
RESEALERS: list[Callable[[], int]] = []


class Unreadable(AppError):
    """A sealed value does not open: its key is not in the ring, or it was changed or moved."""

    default_code = "secret_unreadable"


def key_id(key: bytes) -> str:
    """Names a key without telling it: the first 8 hex digits of its SHA-256."""
    return hashlib.sha256(key).hexdigest()[:8]


@lru_cache(maxsize=8)
def _ring(keys: tuple[str, ...]) -> dict[str, AESGCM]:
    """By key id, the sealing one first. Raises ValueError for a key that is not 64 hex digits."""
    raw = [bytes.fromhex(key) for key in keys]
    if not raw or any(len(key) != 32 for key in raw):
        raise ValueError("ENCRYPTION_KEYS: each key is 64 hex digits, and there is at least one")
    return {key_id(key): AESGCM(key) for key in raw}


def _keys() -> dict[str, AESGCM]:
    return _ring(tuple(settings.ENCRYPTION_KEYS))


def seal(text: str, *, place: str) -> str:
    """Encrypt a text for one `place`: `<table>/<row>/<column>`."""
    secrets_known(text)
    name, cipher = next(iter(_keys().items()))
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, text.encode(), place.encode())
    return f"{_VERSION}:{name}:{base64.b64encode(sealed).decode()}"


def unseal(sealed: str, *, place: str) -> str:
    """The text. Raises Unreadable, which tells nothing of it."""
    version, name, body = (sealed.split(":", 2) + ["", ""])[:3]
    cipher = _keys().get(name)
    if version != _VERSION or cipher is None:
        raise Unreadable("A stored secret cannot be read: its key is not in ENCRYPTION_KEYS.")
    try:
        raw = base64.b64decode(body, validate=True)
        text = cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
    except (InvalidTag, binascii.Error, ValueError):
        raise Unreadable("A stored secret cannot be read: it was changed or moved.") from None
    secrets_known(text)
    return text


def is_current(sealed: str) -> bool:
    """Whether the sealing key of today sealed it: nothing to rotate."""
    return sealed.startswith(f"{_VERSION}:{next(iter(_keys()))}:")


class SealedField(models.TextField):  # type: ignore[type-arg]  # str in, str out
    """A column of sealed text. The attribute holds what is stored; `sealed_set` and `sealed_get`
    go between that and the plain text. Empty: there is none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"default": "", "blank": True, "editable": False, **kwargs})


def place_of(row: models.Model, column: str) -> str:
    return f"{row._meta.db_table}/{row.pk}/{column}"


def sealed_set(row: models.Model, column: str, text: str) -> None:
    """Seal a text into the row's column. The row has its key already; saving is the caller's."""
    assert row.pk, "a row without its key has no place"
    setattr(row, column, seal(text, place=place_of(row, column)) if text else "")


def sealed_get(row: models.Model, column: str) -> str:
    """The plain text of a sealed column, "" when there is none. Raises Unreadable."""
    stored: str = getattr(row, column)
    return unseal(stored, place=place_of(row, column)) if stored else ""
