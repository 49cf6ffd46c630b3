"""A small server that answers as a model provider does, well or badly, as each test says."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def key(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass
class Answer:
    status: int = 200
    body: Any = None  # JSON, or bytes as they are
    headers: Mapping[str, str] = field(default_factory=dict)


def said(text: str = "hello", **usage: int) -> Answer:
    counts = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, **usage}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    return Answer(body={"object": "chat.completion", "choices": [choice], "usage": counts})


def refused(status: int, message: str = "no", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"error": {"message": message}}, named)


@dataclass
class Foreign:
    url: str
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[Asked], Answer] = lambda asked: said()


@contextmanager
def foreign_provider(answer: Callable[[Asked], Answer] | Answer | None = None) -> Iterator[Foreign]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    foreign = Foreign(f"http://127.0.0.1:{server.server_port}/v1")
    if isinstance(answer, Answer):
        foreign.answer = lambda asked: answer
    elif answer is not None:
        foreign.answer = answer
    server.foreign = foreign  # type: ignore[attr-defined]  # for the handler
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield foreign
    finally:
        server.shutdown()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def do_GET(self) -> None:
        self._answer(None)

    def _answer(self, body: Any) -> None:
        foreign: Foreign = self.server.foreign  # type: ignore[attr-defined]  # set above
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.path, headers, body)
        foreign.asked.append(asked)
        answer = foreign.answer(asked)
        raw = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        pass
