"""One process at a time works on a mirror. The lock is PostgreSQL's and ends with its holder."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from apps.repos.errors import WorkspaceLocked

WAIT_S = 120.0
_LOCK_FILES = "SELECT pg_try_advisory_lock(hashtextextended('djinnbot:files:' || %s, 0))"
_UNLOCK_FILES = "SELECT pg_advisory_unlock(hashtextextended('djinnbot:files:' || %s, 0))"
_POLL_S = (0.01, 0.02, 0.05, 0.1, 0.2)


@contextmanager
def repository_lock(key: str, *, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the lock of `key`: a session lock, so no transaction stays open while git works.

    A killed holder loses its connection and so the lock. Within one connection it nests.
    """
    number = _lock_number(key)
    _acquire(number, key, wait_s)
    try:
        yield
    finally:
        _release(number)


@contextmanager
def run_files_lock(run_id: str) -> Iterator[bool]:
    """Preparing, finalising, deleting and cleaning of one run exclude each other; False: somebody
    is at it."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_FILES, [run_id])
        locked = bool(cursor.fetchone()[0])
    try:
        yield locked
    finally:
        if locked:
            with connection.cursor() as cursor:
                cursor.execute(_UNLOCK_FILES, [run_id])


def _acquire(number: int, key: str, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    attempt = 0
    while not _ask("SELECT pg_try_advisory_lock(%s)", number):
        if time.monotonic() >= deadline:
            raise WorkspaceLocked(
                f"Another process has worked on this repository for more than {wait_s:g} s.",
                key=key,
            )
        time.sleep(_POLL_S[min(attempt, len(_POLL_S) - 1)])
        attempt += 1


def _release(number: int) -> None:
    if connection.connection is not None and not connection.connection.closed:
        _ask("SELECT pg_advisory_unlock(%s)", number)


def _ask(sql: str, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, [number])
        row = cursor.fetchone()
    return bool(row and row[0])


def _lock_number(key: str) -> int:
    digest = hashlib.blake2b(f"djinnbot.repository:{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
