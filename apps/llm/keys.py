"""Provider keys in plain: from the environment at the moment of use, or unsealed from a row.

`NAME` holds a key, or `NAME_FILE` the path of a file with it, and a replaced file needs no restart.
Keys go from here into the header of the request to the provider and nowhere else.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from apps.core.crypto import unseal
from apps.core.log_masking import secrets_known
from apps.llm.calls import KeySource
from apps.llm.errors import GatewayError
from apps.llm.models import ProviderKey
from apps.llm.providers import PROVIDERS, Provider
from apps.llm.registry import StoredKey

_LOOKS_SECRET = re.compile(
    r"(?i)\b(?:sk|gsk|xai|csk|hf|dst)[-_][A-Za-z0-9_\-*.]{6,}|AIza[\w-]{20,}"
    r"|(?<=bearer )\S+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableKey:
    """A key that a call may use, and on what ground. `id`: its row; None: from the environment."""

    value: str = field(repr=False)
    source: KeySource = "instance"
    id: int | None = None
    share_id: int | None = None

    @property
    def masked(self) -> str:
        return masked(self.value)


def masked(value: str) -> str:
    """Enough to tell two keys apart, too little to use one."""
    return f"…{value[-4:]}" if len(value) >= 16 else "…"


def environment_key(provider: Provider) -> str:
    """The key that the platform's environment sets; "" for none. Raises `no_provider_key` when it
    names a file that cannot be read."""
    for variable in provider.key_variables:
        if value := _read(variable):
            secrets_known(value)
            return value
    return ""


def unsealed(key: StoredKey) -> str:
    """A stored key in plain. Kept in memory by its sealed text, which changes with it."""
    value = _plain.get(key.sealed)
    if value is None:
        place = f"{ProviderKey._meta.db_table}/{key.id}/secret"
        value = unseal(key.sealed, place=place)
        while len(_plain) >= _KEPT:
            _plain.pop(next(iter(_plain)), None)
        _plain[key.sealed] = value
    return value


_plain: dict[str, str] = {}
_KEPT = 500


def _read(variable: str) -> str:
    if value := os.environ.get(variable, "").strip():
        return value
    path = os.environ.get(f"{variable}_FILE")
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise GatewayError(
            f"The file that {variable}_FILE names cannot be read.",
            code="no_provider_key",
            http_status=503,
            variable=f"{variable}_FILE",
        ) from exc


def mask_secrets(text: str) -> str:
    """Take out every key this process holds and whatever else looks like one."""
    for value in _all_values():
        text = text.replace(value, "[masked]")
    return _LOOKS_SECRET.sub("[masked]", text)


def _all_values() -> list[str]:
    variables = {name for provider in PROVIDERS.values() for name in provider.key_variables}
    variables |= {n for n in os.environ if n.startswith("CUSTOM_") and n.endswith("_API_KEY")}
    values: list[str] = []
    for variable in sorted(variables):
        try:
            values.append(_read(variable))
        except GatewayError:
            continue
    values += _plain.values()
    return sorted((value for value in values if len(value) >= 4), key=len, reverse=True)
