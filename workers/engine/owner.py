"""How this worker signs its leases."""

import os
import socket
from functools import cache

from celery import current_task


@cache
def _process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def worker_name() -> str:
    """`node@host` of the Celery worker and its process, for people who look for it."""
    node = getattr(getattr(current_task, "request", None), "hostname", None)
    return f"{node or 'direct'}/{_process()}"
