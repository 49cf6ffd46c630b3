"""Takes secrets out of this process' own log lines, whoever writes them: an error's message may
quote what failed.

Known are the settings' secrets, and every value that was sealed or opened in this process; tokens
that are kept as hashes only are known by their form. What agents say is masked for its session
(`apps.secrets.masking`), not here.
"""

import logging
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

MASK = "***"
_KEPT = 256  # values; the oldest go first
_SHORTEST_SETTING = 8  # a password such as `djinn` would blacken our own name
_TOKENS = re.compile(
    r"(?P<key>\bdjb_(?:svc_|agent_)?\w{8}\.)\w{20,}"
    r"|\bdst_[\w-]{20,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"
    r"|(?P<query>[?&](?:ticket|token|key|code|state)=)[^\s&\"']+"
    r"|(?P<path>/(?:login|waitlist)/(?:reset/)?)[^\s\"'/]{20,}"
    r"|(?P<user>\b[a-z][a-z0-9+.-]*://[^/\s:@]*:)[^/\s@]+(?=@)"
)


class _Masker(Protocol):
    def masked(self, text: str) -> str: ...


class _Known:
    def __init__(self) -> None:
        self._values: dict[str, None] = {}
        self._lock = threading.Lock()
        self._masker: _Masker | None = None
        self._has_settings = False

    def add(self, values: Iterable[str]) -> None:
        fresh = [value for value in values if value and value not in self._values]
        if not fresh:
            return
        with self._lock:
            self._values.update(dict.fromkeys(fresh))
            for oldest in list(self._values)[:-_KEPT]:
                del self._values[oldest]
            self._masker = None

    def masked(self, text: str) -> str:
        if not self._has_settings and settings.configured:
            self._has_settings = True
            self.add(_of_settings())
        masker = self._masker
        if masker is None:
            if not self._values:
                return text
            with self._lock:  # one of several threads makes it
                masker = self._masker or import_string(settings.SECRET_MASKER)(self._values)
                self._masker = masker
        return masker.masked(text)


_known = _Known()


def _of_settings() -> Iterator[str]:
    found = [settings.SECRET_KEY, *settings.ENCRYPTION_KEYS, settings.EMAIL_HOST_PASSWORD]
    found += settings.HEADLESS_JWT_PRIVATE_KEY.splitlines()
    found += [str(place.get("PASSWORD", "")) for place in settings.DATABASES.values()]
    yield from (value for value in found if value and len(value) >= _SHORTEST_SETTING)


def secrets_known(*values: str) -> None:
    """Let these show in no log line of this process any more."""
    _known.add(values)


def line_masked(line: str) -> str:
    return _TOKENS.sub(_form_kept, _known.masked(line))


def _form_kept(found: re.Match[str]) -> str:
    """What comes before the secret part, by which a person knows which one it was."""
    return f"{found[found.lastgroup] if found.lastgroup else ''}{MASK}"


class MaskedFormatter(logging.Formatter):
    """Formats as another formatter does, and masks the line."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return line_masked(self._inner.format(record))


def handlers_masked(logger: logging.Logger) -> None:
    """For handlers that somebody else has made."""
    for handler in logger.handlers:
        if not isinstance(handler.formatter, MaskedFormatter):
            handler.setFormatter(MaskedFormatter(handler.formatter or logging.Formatter()))
