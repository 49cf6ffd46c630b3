"""Secrets at rest."""

import secrets
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from apps.core.crypto import Unreadable, is_current, key_id, seal, unseal

PLACE = "llm_providerkey/key_1/value"


@given(st.text())
def test_opens_where_it_was_sealed(text: str) -> None:
    sealed = seal(text, place=PLACE)
    assert unseal(sealed, place=PLACE) == text
    assert len(text) < 12 or text not in sealed


def test_equal_texts_look_different() -> None:
    assert seal("same", place=PLACE) != seal("same", place=PLACE)


def test_does_not_open_elsewhere() -> None:
    with pytest.raises(Unreadable, match="changed or moved"):
        unseal(seal("x", place=PLACE), place="llm_providerkey/key_2/value")


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_one_changed_byte_is_noticed(position: int, change: int) -> None:
    sealed = bytearray(seal("a secret", place=PLACE).encode())
    position %= len(sealed)
    sealed[position] ^= change
    with pytest.raises(Unreadable):
        unseal(sealed.decode("latin-1"), place=PLACE)


@pytest.mark.parametrize("stored", ["", "v1", "v1::", "v2:12345678:AAAA", "plain text"])
def test_what_was_never_sealed(stored: str) -> None:
    with pytest.raises(Unreadable):
        unseal(stored, place=PLACE)


def test_old_key_opens_and_new_key_seals(settings: Any) -> None:
    old, new = secrets.token_hex(32), secrets.token_hex(32)
    settings.ENCRYPTION_KEYS = [old]
    sealed = seal("kept", place=PLACE)
    settings.ENCRYPTION_KEYS = [new, old]
    assert unseal(sealed, place=PLACE) == "kept"
    assert not is_current(sealed)
    again = seal("kept", place=PLACE)
    assert is_current(again)
    assert again.split(":")[1] == key_id(bytes.fromhex(new))
    settings.ENCRYPTION_KEYS = [new]
    with pytest.raises(Unreadable, match="ENCRYPTION_KEYS"):
        unseal(sealed, place=PLACE)


@pytest.mark.parametrize("keys", [[], ["ab"], ["zz" * 32]])
def test_bad_ring_is_refused(settings: Any, keys: list[str]) -> None:
    settings.ENCRYPTION_KEYS = keys
    with pytest.raises(ValueError, match="ENCRYPTION_KEYS|hexadecimal"):
        seal("x", place=PLACE)


@pytest.mark.django_db
def test_new_key_goes_to_the_front_of_the_file(settings: Any, tmp_path: Path) -> None:
    settings.DATA_ROOT = tmp_path
    with pytest.raises(CommandError, match="SECRET_ENCRYPTION_KEY"):
        call_command("rotate_keys", "--new-key")
    path = tmp_path / "encryption_keys"
    path.write_text("11" * 32)
    call_command("rotate_keys", "--new-key", stdout=StringIO())
    first, second = path.read_text().split()
    assert (len(first), second) == (64, "11" * 32)
    assert path.stat().st_mode & 0o777 == 0o600
