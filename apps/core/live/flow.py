"""Back-pressure under daphne, which takes whatever is sent into memory.

Twisted tells a producer when a connection's buffer is full. We register one for each stream and let
`send` wait for it, so that a slow client fills our bounded outbox and not the process. Other
servers (uvicorn) wait by themselves; there this does nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, Final

STOPPING: Final = 1012  # “service restart” in the registry of close codes

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[Any]]


class _Drain:
    """A push producer in Twisted's sense: told to pause when the buffer is full."""

    def __init__(self) -> None:
        self._ready = asyncio.Event()
        self._ready.set()

    def pauseProducing(self) -> None:  # noqa: N802  Twisted's name
        self._ready.clear()

    def resumeProducing(self) -> None:  # noqa: N802  Twisted's name
        self._ready.set()

    def stopProducing(self) -> None:  # noqa: N802  Twisted's name
        self._ready.set()  # the connection is gone, and sending does nothing

    async def wait(self) -> None:
        await self._ready.wait()


class _Flow:
    """One connection's `send`."""

    def __init__(self, protocol: Any, send: Send) -> None:
        self._protocol = protocol
        self._send = send
        self._drain: _Drain | None = None

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.close" and message.get("code") == STOPPING:
            # The way of `websocket.close` refuses the codes that belong to servers.
            self._protocol.sendCloseFrame(code=STOPPING, isReply=False)
            return
        if kind == "websocket.send" or (kind == "http.response.body" and message.get("more_body")):
            await self._wait(is_socket=kind == "websocket.send")
        elif kind == "http.response.body" and self._drain is not None:
            self._protocol.unregisterProducer()
            self._drain = None
        await self._send(message)

    async def _wait(self, *, is_socket: bool) -> None:
        if self._drain is None:
            self._drain = _Drain()
            if is_socket:
                self._protocol.unregisterProducer()  # the HTTP channel's, from before the upgrade
            self._protocol.registerProducer(self._drain, True)
        await self._drain.wait()


def with_back_pressure(application: Application) -> Application:
    """Wrap an ASGI application so that `send` waits for a slow client."""

    async def wrapped(scope: Any, receive: Receive, send: Send) -> Any:
        protocol = send.args[0] if isinstance(send, partial) and send.args else None
        if not hasattr(protocol, "registerProducer"):
            return await application(scope, receive, send)
        return await application(scope, receive, _Flow(protocol, send))

    return wrapped
