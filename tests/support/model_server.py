"""A small server that speaks OpenAI's chat completions and plays a list of answers.

Real HTTP over TCP or a Unix socket; each request takes the next answer.
"""

import json
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Answer:
    text: str = ""
    thinking: str = ""
    tools: Sequence[tuple[str, dict[str, Any] | str]] = ()
    status: int = 200
    error: dict[str, Any] = field(default_factory=dict)
    cut: bool = False  # end the stream in the middle of the text
    delay_s: float = 0
    pause_s: float = 0  # between chunks
    finish: str = ""


def says(text: str, **more: Any) -> Answer:
    return Answer(text=text, **more)


def calls(tool: str, **args: Any) -> Answer:
    return Answer(tools=[(tool, args)])


def fails(status: int, code: str = "", message: str = "no") -> Answer:
    return Answer(status=status, error={"message": message, "code": code, "type": code})


class ModelServer:
    """`beside` answers requests that do not stream. `gets`: what GET answers, by path without its
    query, for tests whose session also asks the platform. `window_tokens`: as a provider would,
    refuse what is longer, and tell in each answer how many tokens (4 characters) its request had.
    """

    def __init__(
        self,
        answers: Sequence[Answer],
        unix_socket: Path | None = None,
        *,
        beside: Answer | None = None,
        window_tokens: int = 0,
    ) -> None:
        self._beside = beside
        self._window_tokens = window_tokens
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.gets: dict[str, Any] = {}
        self._answers = list(answers)
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                found = server.gets.get(self.path.partition("?")[0])
                _send_json(self, 404 if found is None else 200, found or {"detail": "none"})

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    raise ConnectionError("The client hung up.")
                server.requests.append({**json.loads(body), "_path": self.path})
                server.headers.append(dict(self.headers))
                server.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def address_string(self) -> str:
                return "client"

        if unix_socket is None:
            self._server = _Server(("127.0.0.1", 0), Handler)
            self.url = f"http://127.0.0.1:{self._server.server_port}"
        else:
            self._server = _UnixServer(str(unix_socket), Handler)  # type: ignore[arg-type]
            self.url = "http://platform"
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "ModelServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        request = self.requests[-1]
        tokens = tokens_of(request) if self._window_tokens else 100
        with self._lock:
            if self._window_tokens and tokens > self._window_tokens:
                answer = fails(400, "context_length_exceeded", "maximum context length exceeded")
            elif self._beside is not None and not request.get("stream"):
                answer = self._beside
            else:
                answer = self._answers.pop(0) if self._answers else fails(400, "", "none is left")
        time.sleep(answer.delay_s)
        if answer.status != 200:
            _send_json(handler, answer.status, {"error": answer.error})
        elif self.requests[-1].get("stream"):
            try:
                _stream(handler, answer, tokens)
            except OSError:
                return  # the client hung up, which is what some tests are about
        else:
            _send_json(handler, 200, _whole(answer, tokens))


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A box that is killed hangs up; anything else is a fault of the test."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _UnixServer(_Server):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        Path(str(self.server_address)).unlink(missing_ok=True)
        self.socket.bind(self.server_address)
        Path(str(self.server_address)).chmod(0o666)

    def get_request(self) -> tuple[socket.socket, Any]:
        request, _ = self.socket.accept()
        return request, ("unix", 0)

    def server_close(self) -> None:
        super().server_close()
        Path(str(self.server_address)).unlink(missing_ok=True)


def _send_json(handler: BaseHTTPRequestHandler, status: int, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def _tool_calls(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "index": index,
            "id": f"call_{time.time_ns()}_{index}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": args if isinstance(args, str) else json.dumps(args),
            },
        }
        for index, (name, args) in enumerate(answer.tools)
    ]


def tokens_of(request: dict[str, Any]) -> int:
    return len(json.dumps([request.get("messages"), request.get("tools")])) // 4


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": tokens, "completion_tokens": 10, "total_tokens": tokens + 10}


def _finish(answer: Answer) -> str:
    return answer.finish or ("tool_calls" if answer.tools else "stop")


def _whole(answer: Answer, tokens: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.tools:
        message["tool_calls"] = _tool_calls(answer)
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "test",
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(answer)}],
        "usage": _usage(tokens),
    }


_CHUNK = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "test"}


def _stream(handler: BaseHTTPRequestHandler, answer: Answer, tokens: int) -> None:
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()

    def send(delta: dict[str, Any], finish: str | None = None) -> None:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        chunk = {**_CHUNK, "choices": choices}
        write(f"data: {json.dumps(chunk)}\n\n")

    def write(text: str) -> None:
        data = text.encode()
        handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        handler.wfile.flush()

    send({"role": "assistant", "content": ""})
    if answer.thinking:
        send({"reasoning_content": answer.thinking})
    words = answer.text.split(" ") if answer.text else []
    for number, word in enumerate(words):
        if answer.cut and number == len(words) // 2:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        send({"content": word if number == 0 else f" {word}"})
        time.sleep(answer.pause_s)
    if answer.tools:
        send({"tool_calls": _tool_calls(answer)})
    send({}, _finish(answer))
    last = {**_CHUNK, "choices": [], "usage": _usage(tokens)}
    write(f"data: {json.dumps(last)}\n\n")
    write("data: [DONE]\n\n")
    handler.wfile.write(b"0\r\n\r\n")
