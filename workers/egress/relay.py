"""Ways to our own servers for boxes without a network: a Unix socket for each that has none.

Bytes go through untouched, so what a session may do there is decided there: by its account at
Redis, by its token at the API.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import structlog

log = structlog.get_logger(__name__)

CONNECT_S = 5.0
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Server:
    """Where a socket leads. `tls`: the box speaks plainly, and we encrypt."""

    host: str
    port: int
    tls: bool = False


def redis_server(url: str) -> Server | None:
    """Redis by its address; None when it has a Unix socket of its own."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return None
    return Server(parts.hostname or "127.0.0.1", parts.port or 6379, tls=parts.scheme == "rediss")


def api_server(url: str) -> Server:
    """The API by its address. Over https the box's client itself speaks TLS, end to end."""
    parts = urlsplit(url)
    default = 443 if parts.scheme == "https" else 80
    return Server(parts.hostname or "127.0.0.1", parts.port or default)


async def relay(socket: Path, server: Server) -> asyncio.Server:
    """Listen on a socket that boxes may connect to; each connection goes on to the server."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                far = await _connect(server)
        except (OSError, TimeoutError) as exc:
            log.warning("a server is away", socket=str(socket), error=str(exc) or "no answer")
            writer.close()
            return
        await _join((reader, writer), far)

    socket.unlink(missing_ok=True)
    made = await asyncio.start_unix_server(carry, socket, backlog=1024)
    socket.chmod(0o666)  # boxes have a user of their own; account or token decides
    return made


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _connect(server: Server) -> _Stream:
    context = ssl.create_default_context() if server.tls else None
    return await asyncio.open_connection(server.host, server.port, ssl=context)


async def _join(near: _Stream, far: _Stream) -> None:
    """Carry both ways until either end closes."""
    ways = [
        asyncio.create_task(_pump(near[0], far[1])),
        asyncio.create_task(_pump(far[0], near[1])),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for _, writer in (near, far):
            writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
