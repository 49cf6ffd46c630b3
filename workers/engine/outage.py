"""A database that is away for some minutes costs no session its result."""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection

log = structlog.get_logger(__name__)

WAITS_S = (0.1, 0.2, 0.5, 1, 2, 5, 5, 10, 10, 15, 15, 30, *([60] * 8))  # about ten minutes
Value = TypeVar("Value")


def outage_survived(call: Callable[[], Value]) -> Value:
    """Call until the database answers; what it answers, a refusal included, is final."""
    for wait_s in WAITS_S:
        try:
            return call()
        except (OperationalError, InterfaceError) as exc:
            log.warning("the database is away", retry_in_s=wait_s, error=_first_line(exc))
            connection.close()
            time.sleep(wait_s)
    return call()


def _first_line(exc: Exception) -> str:
    return str(exc).partition("\n")[0]
