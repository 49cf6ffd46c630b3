"""SQL from the event loop, for paths where a thread and the ORM would cost more than the statement.

One pool an event loop, apart from Django's. Connections are in autocommit: a statement is a round
trip, and whoever needs more than one opens a transaction.
"""

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from django.conf import settings
from django.db import connection
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

Connection = AsyncConnection[tuple[Any, ...]]
POOL_WAIT_S = 30.0  # a crowd of model calls waits for its turn; each would wait longer for a model

_pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncConnectionPool[Connection]] = (
    weakref.WeakKeyDictionary()
)
_Tasks = weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, "asyncio.Task[None]"]
_writes: _Tasks = weakref.WeakKeyDictionary()  # the write that has not begun yet
_writing: _Tasks = weakref.WeakKeyDictionary()  # the one under way, or the last one


@asynccontextmanager
async def sql_connection() -> AsyncIterator[Connection]:
    """Raises psycopg's `PoolTimeout` when none is free in time."""
    pool = await _pool()
    async with pool.connection() as taken:
        yield taken


@asynccontextmanager
async def sql_transaction() -> AsyncIterator[Connection]:
    async with sql_connection() as taken, taken.transaction():
        yield taken


async def sql_on_disk() -> None:
    """Wait until all that this loop has committed so far is on the database's disk.

    For statements that commit with `synchronous_commit` off, so that the locks they take are not
    held while the disk writes. All who wait at the same time share one write. Raises psycopg's
    errors: what was committed may then be gone.
    """
    loop = asyncio.get_running_loop()
    write = _writes.get(loop)
    if write is None:
        write = _writes[loop] = loop.create_task(_write_after(_writing.get(loop)))
    await asyncio.shield(write)


async def _write_after(earlier: "asyncio.Task[None] | None") -> None:
    if earlier is not None:
        await asyncio.wait([earlier])
    loop = asyncio.get_running_loop()
    _writing[loop] = _writes.pop(loop)  # whoever comes now needs the next one
    async with sql_connection() as taken:
        # A commit that must be on the disk takes all before it along.
        await taken.execute("SELECT pg_logical_emit_message(true, 'djinnbot', '')")


async def sql_pool_close() -> None:
    """Give this loop's connections back, as before the loop ends."""
    pool = _pools.pop(asyncio.get_running_loop(), None)
    if pool is not None:
        await pool.close()


async def _pool() -> AsyncConnectionPool[Connection]:
    loop = asyncio.get_running_loop()
    pool = _pools.get(loop)
    if pool is None:
        pool = _pools[loop] = AsyncConnectionPool(
            _conninfo(),
            connection_class=AsyncConnection[tuple[Any, ...]],
            kwargs={"autocommit": True},
            min_size=1,
            max_size=settings.DATABASE_ASYNC_POOL_SIZE,
            timeout=POOL_WAIT_S,
            open=False,
            name="djinnbot-async",
        )
        await pool.open()
    return pool


def _conninfo() -> str:
    """The same database as Django's."""
    given = connection.settings_dict
    parts = {
        "dbname": given["NAME"],
        "user": given["USER"],
        "password": given["PASSWORD"],
        "host": given["HOST"],
        "port": given["PORT"],
        "application_name": "djinnbot-async",
    }
    options = {key: value for key, value in given["OPTIONS"].items() if isinstance(value, str)}
    return make_conninfo(**{key: value for key, value in parts.items() if value}, **options)
