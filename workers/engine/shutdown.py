"""The worker was asked to end: running sessions get some time, then they are handed over."""

import threading
import time

from django.conf import settings


class Shutdown:
    def __init__(self) -> None:
        self._asked_at: float | None = None
        self._lock = threading.Lock()

    def ask(self) -> None:
        with self._lock:
            if self._asked_at is None:
                self._asked_at = time.monotonic()

    def is_asked(self) -> bool:
        """No new work from here on."""
        return self._asked_at is not None

    def is_over(self) -> bool:
        """The time that running sessions had is used up."""
        asked_at = self._asked_at
        return asked_at is not None and time.monotonic() - asked_at >= settings.SHUTDOWN_GRACE_S


shutting_down = Shutdown()
