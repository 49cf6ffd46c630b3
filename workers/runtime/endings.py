"""Ends that come for certain, however what is to end behaves."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Iterable
from typing import Any

logger = logging.getLogger(__name__)

_AGAIN_S = 2.0


async def tasks_ended(tasks: Iterable[asyncio.Task[Any] | None], *, within_s: float) -> bool:
    """Cancel tasks and wait for them. False: some still run, and are waited for no longer.

    What a task awaits may swallow a cancellation (before Python 3.12 `asyncio.wait_for` does, of
    which libraries make their timeouts), so it is cancelled again.
    """
    left = {task for task in tasks if task is not None and not task.done()}
    deadline = time.monotonic() + within_s
    while left and (rest_s := deadline - time.monotonic()) > 0:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=min(_AGAIN_S, rest_s))
    for task in left:
        logger.error("a task does not end: %s", task.get_name())
    return not left


def exit_within(seconds: float, code: int) -> None:
    """End this process then, if it has not ended by itself: a thread or a task may hold it."""

    def end() -> None:
        logger.error("the process did not end by itself within %g seconds", seconds)
        os._exit(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
