"""The shared Redis clients. Redis is never the truth: callers survive its absence."""

import os
import threading
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import redis
import redis.asyncio
from django.conf import settings

Command = tuple[str | bytes | int, ...]


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


class OneWay:
    """Sends commands on a connection of its own and hears no answer: nobody waits for Redis.

    For what may be lost: an error that Redis would answer is never known. Any thread may send.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Any = None  # a `ConnectionInterface`, which is untyped
        self._process = 0

    def send(self, commands: Sequence[Command]) -> None:
        """Raises `redis.RedisError` when Redis is away, or takes nothing for a second."""
        with self._lock:
            if self._process != os.getpid():  # a forked child leaves its parent's connection alone
                self._connection, self._process = None, os.getpid()
            try:
                connection = self._open()
                connection.send_packed_command(
                    connection.pack_commands(commands), check_health=False
                )
            except redis.RedisError:
                self._close()
                raise

    def _open(self) -> Any:
        """Nothing is ever answered: what can be read is the end of a connection that is over."""
        if self._connection is not None and _is_over(self._connection):
            self._close()
        if self._connection is None:
            connection: Any = redis_client().connection_pool.make_connection()
            connection.connect()
            connection.send_command("CLIENT", "REPLY", "OFF", check_health=False)
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()
        self._connection = None


def _is_over(connection: Any) -> bool:
    try:
        return bool(connection.can_read(timeout=0))
    except (redis.RedisError, OSError):
        return True


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
