"""The shared Redis clients. Redis is never the truth: callers survive its absence."""

import threading
import time
from functools import lru_cache

import redis
import redis.asyncio
from django.conf import settings


@lru_cache(maxsize=1)
def redis_client() -> "redis.Redis":
    """One client a process for short commands: a dead Redis costs half a second, not a request."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        protocol=2,
        socket_timeout=1.0,
        socket_connect_timeout=0.5,
        health_check_interval=30,
        retry=None,
        retry_on_timeout=False,
    )


def blocking_client() -> "redis.asyncio.Redis":
    """A client of its own for a blocking read: the read's own time-out is the only one."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL, protocol=2, socket_timeout=None, socket_connect_timeout=2.0
    )


class Circuit:
    """After a failure, says `open` for a few seconds, so that a dead Redis slows nobody down."""

    def __init__(self, *, pause_s: float) -> None:
        self._pause_s = pause_s
        self._open_until = 0.0
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self._open_until

    def trip(self) -> bool:
        """Open the circuit, and say whether it was closed (so that one failure logs once)."""
        with self._lock:
            was_closed = not self.is_open
            self._open_until = time.monotonic() + self._pause_s
            return was_closed
