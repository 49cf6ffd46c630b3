"""Answers the tool calls of running code, on a port of this box's own loopback."""

import asyncio
import hmac
import json
import secrets
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from pydantic_ai import ToolFailed

MAX_REQUEST_BYTES = 16 * 1024 * 1024


class UnknownTool(Exception):
    """There is no tool of this name for this session."""


# (tool, arguments) → text, or a dictionary or list. Raises UnknownTool and ToolFailed.
Call = Callable[[str, dict[str, Any]], Awaitable[Any]]


class CallServer:
    """One for a session. The calls run in the event loop that made it; each needs the key."""

    def __init__(self, call: Call) -> None:
        self.key = secrets.token_urlsafe(24)
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._running: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="tool-calls", daemon=True
        ).start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def answer(self, tool: str, arguments: dict[str, Any]) -> Any:
        """Make the call in the event loop and wait for it. Runs in a thread of the server."""
        with self._lock:  # `cancel_calls` sees each call that has begun
            future = asyncio.run_coroutine_threadsafe(self._coroutine(tool, arguments), self._loop)
            self._running.add(future)
        try:
            return future.result()
        finally:
            with self._lock:
                self._running.discard(future)

    def cancel_calls(self) -> None:
        """End calls whose code has ended."""
        with self._lock:
            running = list(self._running)
        for future in running:
            future.cancel()

    def close(self) -> None:
        self.cancel_calls()
        threading.Thread(target=self._server.shutdown, daemon=True).start()
        self._server.server_close()

    async def _coroutine(self, tool: str, arguments: dict[str, Any]) -> Any:
        return await self._call(tool, arguments)


def _handler(server: CallServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status, result = _answer(server, self)
            is_text = isinstance(result, str)
            body = (result if is_text else json.dumps(result, default=str)).encode(errors="replace")
            self.send_response(status)
            self.send_header("content-type", "text/plain" if is_text else "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """What is called is told as events, not on the box's log."""

    return Handler


def _answer(server: CallServer, request: BaseHTTPRequestHandler) -> tuple[int, Any]:
    if not hmac.compare_digest(request.headers.get("x-djinnbot-key", ""), server.key):
        request.close_connection = True
        return 403, "this port serves the code of its own session only"
    name = unquote(request.path.removeprefix("/tool/"))
    length = int(request.headers.get("content-length") or 0)
    if length > MAX_REQUEST_BYTES:
        request.close_connection = True
        return 400, "the arguments are longer than 16 MB"
    try:
        arguments = json.loads(request.rfile.read(length))
    except (ValueError, RecursionError) as exc:
        return 400, f"the arguments are not JSON: {exc}"
    if not isinstance(arguments, dict):
        return 400, "the arguments are not an object"
    try:
        return 200, server.answer(name, arguments)
    except UnknownTool:
        return 404, f"there is no tool {name}"
    except ToolFailed as exc:
        return 500, f"Error calling {name}: {exc.message}"
    except CancelledError:
        return 500, f"Error calling {name}: the call was stopped"
    except Exception as exc:  # noqa: BLE001  the edge: the code gets every reason as an error
        return 500, f"Error calling {name}: {type(exc).__name__}: {exc}"
