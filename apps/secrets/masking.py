"""The masker of a session, for processes other than its supervisor.

What masks is `workers.protocol.masking.Masker`, which boxes use too and which apps cannot import:
`settings.SECRET_MASKER` names it.
"""

from collections.abc import Iterable
from typing import Any, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

from apps.secrets.usable import session_values


class SecretMasker(Protocol):
    def masked(self, text: str) -> str: ...

    def masked_value(self, value: Any) -> Any: ...


class _Make(Protocol):
    def __call__(self, values: Iterable[str]) -> SecretMasker: ...


def session_masker(session_id: str) -> SecretMasker:
    """Takes out what the session may know. Without a session: nothing. Asks the database."""
    make = cast(_Make, import_string(settings.SECRET_MASKER))
    return make(session_values(session_id) if session_id else [])
