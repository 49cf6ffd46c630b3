"""Tells what a box takes up, and, while somebody looks, what it writes."""

import time
from collections.abc import Callable, Sequence

import structlog
from django.db import DatabaseError, connection

from apps.core.errors import DjinnError
from apps.sessions.box_logs import is_watched, lines_publish
from apps.sessions.services import box_stats
from workers.runners.base import Box, BoxStats, Runner

log = structlog.get_logger(__name__)

STATS_S = 10.0
LOGS_S = 2.0


class BoxWatch:
    """`look` is called about once a second by whoever supervises the box."""

    def __init__(self, runner: Runner, masked: Callable[[str], str]) -> None:
        self._runner = runner
        self._masked = masked
        self._stats_at = 0.0
        self._logs_at = 0.0
        self._seen: Sequence[str] = ()

    def look(self, box: Box, container_id: int) -> None:
        now = time.monotonic()
        try:
            if now - self._stats_at >= STATS_S:
                self._stats_at = now
                stats = self._runner.stats(box)
                _store(container_id, stats)
            if now - self._logs_at >= LOGS_S:
                self._logs_at = now
                self._send_on(box, container_id)
        except DjinnError as exc:
            log.info("a box could not be looked at", box=box.name, error=exc.message)

    def _send_on(self, box: Box, container_id: int) -> None:
        if not is_watched():
            self._seen = ()  # who looks again gets the end of the log first
            return
        lines = self._masked(self._runner.logs(box)).splitlines()
        fresh = fresh_lines(self._seen, lines)
        self._seen = lines
        if fresh:
            lines_publish(container_id, fresh)


def _store(container_id: int, stats: BoxStats) -> None:
    """With the database away it is simply not written."""
    try:
        box_stats(
            container_id=container_id,
            memory_bytes=stats.memory_bytes,
            processes=stats.processes,
        )
    except DatabaseError:
        log.info("what a box takes up was not written")
    finally:
        if not connection.in_atomic_block:
            connection.close()


def fresh_lines(before: Sequence[str], now: Sequence[str]) -> Sequence[str]:
    """What came on top: the end of `before` is where `now` goes on. All, where they never met."""
    for length in range(min(len(before), len(now)), 0, -1):
        if list(before[-length:]) == list(now[:length]):
            return now[length:]
    return now
