"""Provider keys, read at the moment of use: a replaced key file needs no restart.

`NAME` holds a key, or `NAME_FILE` the path of a file with it. Keys go from here into the header of
the request to the provider and nowhere else.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from apps.llm.calls import KeySource
from apps.llm.errors import GatewayError
from apps.llm.providers import PROVIDERS, Provider

_LOOKS_SECRET = re.compile(
    r"(?i)\b(?:sk|gsk|xai|csk|hf|dst)[-_][A-Za-z0-9_\-*.]{6,}|AIza[\w-]{20,}"
    r"|(?<=bearer )\S+"
)


@dataclass(frozen=True, slots=True)
class ProviderKey:
    value: str = field(repr=False)
    variable: str
    source: KeySource = "instance"
    id: int | None = None  # its row; None: from the environment
    share_id: int | None = None

    @property
    def masked(self) -> str:
        """Enough to tell two keys apart, too little to use one."""
        return f"…{self.value[-4:]}" if len(self.value) >= 16 else "…"


def provider_key(provider: Provider) -> ProviderKey | None:
    """The key to use. None: the provider needs none. Raises `no_provider_key` otherwise."""
    for variable in provider.key_variables:
        if value := _read(variable):
            return ProviderKey(value, variable)
    if provider.key_optional or not provider.key_variables:
        return None
    name = provider.key_variables[0]
    raise GatewayError(
        f"There is no key for {provider.label}. Set {name} (or {name}_FILE) where the platform"
        " runs, and start it again.",
        code="no_provider_key",
        http_status=503,
        variable=name,
    )


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
    values = []
    for variable in sorted(variables):
        try:
            values.append(_read(variable))
        except GatewayError:
            continue
    return sorted((value for value in values if len(value) >= 4), key=len, reverse=True)
