"""A port of the box's own loopback that leads to the platform: its Unix socket, or its address.

The programs of others know no Unix sockets. What passes through tells whether the model is silent:
after a request nothing has come back for so long. And it tells what the gateway refuses, which some
programs would ask again for minutes.
"""

import asyncio
import contextlib
import time
from urllib.parse import urlsplit

from workers.runtime.config import RuntimeConfig

_CHUNK = 64 * 1024


class Relay:
    def __init__(self, config: RuntimeConfig) -> None:
        self._config = config
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked_at: float | None = None
        self.refused = b""  # an answer that refuses a request, from its status line on

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    @property
    def silent_s(self) -> float:
        """For how long a request has been waiting for anything at all."""
        return 0 if self._asked_at is None else time.monotonic() - self._asked_at

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            up_reader, up_writer = await self._connect()
            try:
                await asyncio.gather(
                    self._pump(reader, up_writer, asks=True),
                    self._pump(up_reader, writer, asks=False),
                )
            finally:
                up_writer.close()
        except OSError:
            pass  # the program sees a connection that ends, and says so
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._config.api_socket:
            return await asyncio.open_unix_connection(self._config.api_socket)
        parts = urlsplit(self._config.api_url)
        tls = parts.scheme == "https"
        port = parts.port or (443 if tls else 80)
        return await asyncio.open_connection(parts.hostname or "", port, ssl=tls or None)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asks: bool
    ) -> None:
        while data := await reader.read(_CHUNK):
            self._asked_at = time.monotonic() if asks else None
            if not asks and data.startswith(b"HTTP/1.1 4"):
                self.refused = data
            writer.write(data)
            await writer.drain()
        if not asks:
            self._asked_at = None
        with contextlib.suppress(OSError):
            if writer.can_write_eof():
                writer.write_eof()
