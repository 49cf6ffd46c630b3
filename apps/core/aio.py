"""Blocking work from the event loop: a few threads, each giving its connection back to the pool."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 4  # below the size of the database pool, so that nobody waits for a connection in it

_executor = ThreadPoolExecutor(THREADS, thread_name_prefix="djinnbot-aio")


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a thread, with this context's variables."""
    context = contextvars.copy_context()
    work = partial(context.run, partial(_with_connections, partial(call, *args, **kwargs)))
    return await asyncio.get_running_loop().run_in_executor(_executor, work)


def _with_connections(call: Callable[[], T]) -> T:
    try:
        return call()
    finally:
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close()
