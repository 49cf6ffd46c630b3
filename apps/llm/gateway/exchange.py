"""One HTTP exchange in ASGI's own terms.

The gateway is a plain ASGI application, not a Django view: an answer may take minutes, and neither
a thread nor a middleware stack should wait with it; and it must hear at once when a client leaves.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from apps.llm.errors import GatewayError

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class Exchange:
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"].rstrip("/")
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        self.started = False

    @property
    def bearer(self) -> str:
        """The session token: OpenAI's clients send a bearer, Anthropic's an `x-api-key`."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
        return self.headers.get("x-api-key", "")

    async def body(self, limit_bytes: int) -> bytes:
        """Raises ClientGone, and GatewayError when it is larger than allowed."""
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part: bytes = message.get("body", b"")
            parts.append(part)
            size += len(part)
            if size > limit_bytes:
                raise GatewayError(
                    f"The request is larger than {limit_bytes >> 20} MB.",
                    code="request_too_large",
                    http_status=413,
                )
            more = bool(message.get("more_body"))
        return b"".join(parts)

    async def gone(self) -> None:
        """Returns when the client has left. Only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        self.started = True
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def write(self, data: bytes, *, last: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def answer(
        self, status: int, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        given = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            **(headers or {}),
        }
        await self.start(status, given)
        await self.write(body, last=True)
