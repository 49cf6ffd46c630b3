"""The box's way out: a port of its own loopback, carried to the egress proxy's Unix socket.

Tools speak to it as to any HTTP proxy. It adds the session's token to the first request of each
connection, so that no tool needs to know it. It runs in a thread, for the loop of the session has
other things to do.
"""

import asyncio
import contextlib
import logging
import threading

logger = logging.getLogger(__name__)

_HEAD_BYTES = 64 * 1024
_CHUNK = 64 * 1024
_RETRY_FOR_S = 10.0  # the proxy may be starting anew
_RETRY_S = 0.2
_UNREACHABLE = (
    b"HTTP/1.1 502 DjinnBot: the egress proxy does not answer\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


def forward_start(*, socket: str, port: int, token: str) -> None:
    """Listen from now on, for as long as the process lives."""
    ready = threading.Event()
    threading.Thread(
        target=lambda: asyncio.run(_Forwarder(socket, token).serve(port, ready)),
        daemon=True,
        name="forward",
    ).start()
    ready.wait(5)


class _Forwarder:
    def __init__(self, socket: str, token: str) -> None:
        self._socket = socket
        self._credential = f"Proxy-Authorization: Bearer {token}\r\n".encode()

    async def serve(self, port: int, ready: threading.Event) -> None:
        try:
            server = await asyncio.start_server(
                self._carry, "127.0.0.1", port, limit=_HEAD_BYTES, backlog=128
            )
        except OSError as exc:
            logger.error("no way out to the network: port %s: %s", port, exc)
            return
        finally:
            ready.set()
        await server.serve_forever()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readuntil(b"\n")
            up_reader, up_writer = await self._connect()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.close()
            return
        except OSError:
            writer.write(_UNREACHABLE)
            writer.close()
            return
        up_writer.write(line + self._credential)
        try:
            await asyncio.gather(_pump(reader, up_writer), _pump(up_reader, writer))
        finally:
            up_writer.close()
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _RETRY_FOR_S
        while True:
            try:
                return await asyncio.open_unix_connection(self._socket)
            except OSError:
                if loop.time() > deadline:
                    raise
                await asyncio.sleep(_RETRY_S)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes until the end of one side, and pass the end on."""
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        with contextlib.suppress(OSError):
            writer.close()
